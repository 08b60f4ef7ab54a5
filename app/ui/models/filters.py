"""The row above the tiles: words to search for, which models to show, and the mirror that weights come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.zoo.cards import Card


class FilterRow(QWidget):
    """Says which cards are wanted.

    Signals:
        changed(): other cards are wanted.
        mirror_changed(address): "" for the publisher.
    """

    changed = Signal()
    mirror_changed = Signal(str)

    def __init__(self, mirror: str) -> None:
        super().__init__()
        self.setObjectName("modelFilters")
        self.search = named(QLineEdit(), "searchModels", self.tr("Search models"))
        self.search.setPlaceholderText(self.tr("Search models"))
        self.search.setToolTip(self.tr("Name, architecture, data set, class or source"))
        self.search.setClearButtonEnabled(True)
        self.which = Picker("whichModels", self.tr("Which models"))
        self.which.setFixedWidth(22 * GRID)
        for text, data in (
            (self.tr("All models"), "all"),
            (self.tr("On this machine"), "here"),
            (self.tr("Residual networks"), "residual"),
            (self.tr("Plain networks"), "plain"),
        ):
            self.which.addItem(text, data)
        self.toggle = named(QPushButton(self.tr("Mirror …")), "toggleMirror", self.tr("Mirror for downloads"))
        self.toggle.setToolTip(self.tr("Download from another address, in a closed network"))
        self.toggle.setCheckable(True)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for widget, stretch in ((self.search, 1), (self.which, 0), (self.toggle, 0)):
            row.addWidget(widget, stretch)
        self._mirror_row = QWidget()
        under = QHBoxLayout(self._mirror_row)
        under.setContentsMargins(0, 0, 0, 0)
        under.setSpacing(GRID)
        self._address = named(QLineEdit(mirror), "mirrorAddress", self.tr("Address of the mirror"))
        self._address.setPlaceholderText(self.tr("https://mirror.example/models: empty for the publisher"))
        self._address.setToolTip(self.tr("A web address or file:///… that holds files of the same names"))
        self._address.setClearButtonEnabled(True)
        caption = QLabel(self.tr("Download from"))
        caption.setProperty("role", "quiet")
        under.addWidget(caption)
        under.addWidget(self._address, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID // 2)
        column.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self._mirror_row)
        self.toggle.setChecked(bool(mirror))
        self._mirror_row.setVisible(bool(mirror))
        self.toggle.toggled.connect(self._mirror_row.setVisible)
        self.search.textChanged.connect(lambda: self.changed.emit())
        self.which.activated.connect(lambda: self.changed.emit())
        self._address.editingFinished.connect(lambda: self.mirror_changed.emit(self.mirror))

    @property
    def text(self) -> str:
        """What is searched for."""
        return str(self.search.text()).strip()

    @property
    def mirror(self) -> str:
        """Where to download from; "" for the publisher."""
        return str(self._address.text()).strip()

    def clear(self) -> None:
        """Want every card."""
        self.search.clear()
        self.which.setCurrentIndex(0)
        self.changed.emit()

    def matches(self, card: Card, *, here: bool) -> bool:
        """Whether a card is wanted: it has every word, and is of the kind."""
        which = self.which.currentData()
        if which == "here" and not here:
            return False
        if which in ("residual", "plain") and (which == "residual") != is_residual(card):
            return False
        return has_words(card, self.text)


def has_words(card: Card, text: str) -> bool:
    """Whether every word of a search is in what the card says of its model."""
    words = text.lower().split()
    if not words:
        return True
    accuracy = " ".join(one.data for one in card.accuracy)
    whole = f"{card.id} {card.title} {card.architecture.name} {card.architecture.family} {card.kind} {card.source}"
    whole = f"{whole} {accuracy} {card.training.data} {' '.join(card.labels)}".lower()
    return all(word in whole for word in words)


def is_residual(card: Card) -> bool:
    """Whether its network has shortcuts, by what the card says."""
    architecture = card.architecture
    family, options = architecture.family, architecture.options
    stack = family in ("torchvision-vgg", "torchvision-alexnet", "torchvision-googlenet")
    return not (stack or architecture.name.startswith("plain") or options.get("shortcut") == "none")
