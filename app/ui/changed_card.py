"""What was changed in the network, in a few lines, with a way back; and what was changed last time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.naming import named

MOST_LINES = 6


class ChangedCard(QFrame):
    """Hidden where there is nothing to tell.

    Signals:
        undo_wanted(): take the last change back.
        offer_taken(), offer_declined(): do what was done last time, or forget it.
    """

    undo_wanted = Signal()
    offer_taken = Signal()
    offer_declined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "changedCard", self.tr("What was changed in the network"))
        self._caption = QLabel()
        self._caption.setProperty("role", "caption")
        self.lines = named(QLabel(), "changes")
        self.lines.setWordWrap(True)
        self.lines.setTextFormat(Qt.TextFormat.PlainText)
        self.effect = named(QLabel(), "changeEffect")
        self.effect.setProperty("role", "quiet")
        self.effect.setWordWrap(True)
        self.effect.setTextFormat(Qt.TextFormat.PlainText)
        self._undo = self._link(
            self.tr("Undo"), "undoChange", self.tr("Take the last change of the network back  (Ctrl+Z)")
        )
        self._again = self._link(
            self.tr("Bring back"), "takeOffer", self.tr("Do to the network again what was done to it last time")
        )
        self._forget = self._link(self.tr("Forget"), "declineOffer", self.tr("Forget what was done last time"))
        self._undo.clicked.connect(self.undo_wanted)
        self._again.clicked.connect(self.offer_taken)
        self._forget.clicked.connect(self.offer_declined)
        links = QHBoxLayout()
        links.addWidget(self._again)
        links.addWidget(self._forget)
        links.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.lines, 1)
        row.addWidget(self._undo, 0, Qt.AlignmentFlag.AlignTop)
        rows = QVBoxLayout(self)
        rows.addWidget(self._caption)
        rows.addLayout(row)
        rows.addWidget(self.effect)
        rows.addLayout(links)
        self.show_changes([], "")

    def show_changes(self, lines: Sequence[str], effect: str) -> None:
        """List what was done to the network and what came of it."""
        self._show(self.tr("Changed"), lines, effect, offered=False)

    def show_offer(self, lines: Sequence[str]) -> None:
        """List what was done last time, and ask whether it shall be done again."""
        self._show(self.tr("Changed last time"), lines, "", offered=True)

    def _show(self, caption: str, lines: Sequence[str], effect: str, *, offered: bool) -> None:
        more = len(lines) - MOST_LINES
        shown = [*lines[:MOST_LINES], self.tr("and {0} more").format(more)] if more > 0 else list(lines)
        self._caption.setText(caption.upper())
        self.lines.setText("\n".join(shown))
        self.effect.setText(effect)
        self.effect.setVisible(bool(effect))
        self._undo.setVisible(not offered)
        self._again.setVisible(offered)
        self._forget.setVisible(offered)
        self.setVisible(bool(lines))

    def _link(self, text: str, name: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, tip)
        button.setProperty("role", "link")
        button.setToolTip(tip)
        return button
