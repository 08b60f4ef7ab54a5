"""What happened and what to do, said in the page instead of in a dialog."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui.naming import named
from app.ui.theme import colour, theme
from app.ui.tokens import GRID


class NoticeBar(QFrame):
    """One notice at a time above the page; hidden where there is nothing to say.

    Notices have a key: a later one with the same key replaces it, and `clear(key)` takes back only that one.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("noticeBar")
        self._key = ""
        self._trouble = False
        self.label = named(QLabel(), "noticeText")
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        copy = named(QPushButton(self.tr("Copy")), "copyNotice")
        copy.setToolTip(self.tr("Copy this notice"))
        close = named(QPushButton(self.tr("Dismiss")), "dismissNotice")
        close.setToolTip(self.tr("Dismiss this notice"))
        for button in (copy, close):
            button.setProperty("role", "link")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.label, 1)
        layout.addWidget(copy)
        layout.addWidget(close)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.label.text()))
        close.clicked.connect(lambda: self.clear())
        theme().changed.connect(self.update)
        self.hide()

    def show_notice(self, text: str, *, key: str = "", trouble: bool = True) -> None:
        """Show a sentence, or none any more for this key; trouble has a stripe of its own colour."""
        if not text:
            self.clear(key)
            return
        self._key, self._trouble = key, trouble
        self.label.setText(text)
        self.setAccessibleName(text)
        self.show()
        self.update()

    def clear(self, key: str | None = None) -> None:
        """Hide the notice, if it has this key or none is given."""
        if key is None or key == self._key:
            self.hide()
            self.label.clear()

    @property
    def text(self) -> str:
        """What is said now."""
        return str(self.label.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("raised"))
        painter.fillRect(0, 0, GRID // 2, self.height(), colour("plain" if self._trouble else "accent"))
