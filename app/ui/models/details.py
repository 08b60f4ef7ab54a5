"""The right side of the library: the whole card of the chosen model, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.core.records import NetworkOutline
from app.ui.models.words import count, mebibytes, tr
from app.ui.naming import named
from app.ui.spine import Spine
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.zoo.cards import Accuracy, Card

WIDTH = 40 * GRID


class Details(QScrollArea):
    """Shows one card.

    Signals:
        use_wanted(id): take it to Explore.
    """

    use_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")  # the same looks as Explore's
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(WIDTH)
        self.card: Card | None = None
        body = named(QFrame(), "panel")
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._column.setSpacing(GRID)
        self.setWidget(body)
        self.title = named(QLabel(), "detailsTitle")
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.spine = Spine()
        self.spine.setObjectName("detailsSpine")
        self.spine.set_compact(True)
        self.spine.setFixedHeight(7 * GRID)
        self.use = named(QPushButton(self.tr("Use in Explore")), "useModel")
        self.use.setProperty("role", "primary")
        self.use.setToolTip(self.tr("Classify and explain with this model  (Enter)"))
        self.use.clicked.connect(lambda: self.use_wanted.emit(self.card.id if self.card else ""))
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GRID)
        self._buttons.addWidget(self.use)
        self._buttons.addStretch(1)
        self._facts = QVBoxLayout()
        self._facts.setSpacing(GRID)
        self._column.addWidget(self.title)
        self._column.addWidget(self.spine)
        self._column.addLayout(self._buttons)
        self._column.addLayout(self._facts)
        self._column.addStretch(1)
        self.show_card(None, here=False)

    def set_outline(self, outline: NetworkOutline | None) -> None:
        """Draw this network as the portrait."""
        self.spine.setVisible(outline is not None)
        self.spine.set_outline(outline)

    def show_card(self, card: Card | None, *, here: bool) -> None:
        """Show a card, and offer what can be done with it."""
        self.card = card
        while (item := self._facts.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.use.setVisible(card is not None and here)
        if card is None:
            self.title.setText(self.tr("No model is chosen"))
            self.set_outline(None)
            self._fact("", self.tr("Choose one on the left; its card is shown here."))
            return
        self.title.setText(card.title)
        for name, text in facts_of(card, here=here):
            self._fact(name, text)

    def _fact(self, name: str, text: str) -> None:
        if name:
            caption = QLabel(name.upper())
            caption.setProperty("role", "caption")
            self._facts.addWidget(caption)
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setProperty("role", "" if name else "quiet")
        self._facts.addWidget(label)


def facts_of(card: Card, *, here: bool) -> list[tuple[str, str]]:
    """A card as (heading, text), in the order in which people ask."""
    architecture = card.architecture
    options = ", ".join(f"{name} {value}" for name, value in architecture.options.items())
    preprocessing = card.preprocessing
    mean = ", ".join(f"{one:g}" for one in preprocessing.mean)
    deviation = ", ".join(f"{one:g}" for one in preprocessing.deviation)
    size = [tr("{0} parameters").format(f"{card.parameters:,}")] if card.parameters else []
    size += [tr("{0} G multiply-adds").format(f"{card.gflops:.2f}")] if card.gflops else []
    size += [mebibytes(card.weights.mebibytes)] if card.weights.mebibytes else []
    lines = [
        (tr("Accuracy"), "\n".join(map(_accuracy, card.accuracy)) or tr("nobody measured it")),
        (tr("Size"), "\n".join(size)),
        (tr("Architecture"), f"{architecture.name} ({architecture.family})" + (f"\n{options}" if options else "")),
        (tr("Classes"), _classes(card)),
        (
            tr("Preprocessing"),
            tr("{0}\nmean {1}\ndeviation {2}").format(preprocessing.summary, mean, deviation),
        ),
        (tr("Trained"), _training(card)),
        (tr("Limits"), card.limits),
        (tr("Source"), card.source),
        (tr("Licence"), card.licence),
        (tr("File"), str(card.weights_path) if here else card.weights.url),
        (tr("SHA-256"), card.weights.sha256),
    ]
    return [(name, text) for name, text in lines if text]


def _accuracy(one: Accuracy) -> str:
    text = tr("{0} % top-1").format(f"{one.top1:.3f}".rstrip("0").rstrip("."))
    if one.interval is not None:
        text += tr(" (95 % interval {0} to {1})").format(f"{one.interval[0]:.2f}", f"{one.interval[1]:.2f}")
    if one.top5 is not None:
        text += tr(", {0} % top-5").format(f"{one.top5:.3f}".rstrip("0").rstrip("."))
    pictures = tr(", {0} pictures").format(f"{one.pictures:,}") if one.pictures else ""
    by = tr("measured by: {0}").format(one.command) if one.command else one.source
    return f"{text}\n{one.data}{pictures}\n{by}"


def _classes(card: Card) -> str:
    first = ", ".join(card.labels[:8])
    return f"{count(len(card.labels))}: {first}" + (" …" if len(card.labels) > 8 else "")


def _training(card: Card) -> str:
    training = card.training
    rows = [training.data, training.command, training.device, training.date]
    return "\n".join(row for row in rows if row)


def reveal(card: Card) -> None:
    """Show the model's file in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(card.weights_path.parent)))
