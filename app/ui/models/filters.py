"""The row above the tiles: words to search for, which models to show, and the mirror that weights come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget

from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID
from app.zoo.download import MIRROR_VARIABLE

if TYPE_CHECKING:
    from app.zoo.cards import Card


class FilterRow(QWidget):
    """Says which cards are wanted.

    Signals:
        changed(): other cards are wanted.
        mirror_changed(address): "" for the publisher.
        file_wanted(), folder_wanted(): a file or folder of weights is to be chosen.
        hub_wanted(name): look at this model of the Hugging Face Hub.
    """

    changed = Signal()
    mirror_changed = Signal(str)
    file_wanted = Signal()
    folder_wanted = Signal()
    hub_wanted = Signal(str)

    def __init__(self, mirror: str, *, fixed: bool = False) -> None:
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
        self.add = named(QPushButton(self.tr("Add …")), "addWeights", self.tr("Add a model"))
        self.add.setToolTip(self.tr("Take in weights of your own, or of the Hugging Face Hub"))
        self.add.setProperty("role", "menu")
        self.add.setMenu(self._add_menu())
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for widget, stretch in ((self.search, 1), (self.which, 0), (self.toggle, 0), (self.add, 0)):
            row.addWidget(widget, stretch)
        self._address = named(QLineEdit(mirror), "mirrorAddress", self.tr("Address of the mirror"))
        self._address.setPlaceholderText(self.tr("https://mirror.example/models: empty for the publisher"))
        self._address.setToolTip(self.tr("A web address or file:///… that holds files of the same names"))
        self._address.setClearButtonEnabled(not fixed)
        if fixed:
            self._address.setReadOnly(True)
            text = self.tr("Set for this machine, by the environment variable {0}")
            self._address.setToolTip(text.format(MIRROR_VARIABLE))
        self._mirror_row = _row(self.tr("Download from"), self._address)
        self.hub = named(QLineEdit(), "hubName", self.tr("Name on the Hugging Face Hub"))
        self.hub.setPlaceholderText(self.tr("OWNER/NAME, for example microsoft/resnet-18"))
        self.hub.setToolTip(self.tr("A model's name or address there; only its weights and JSON files are fetched"))
        self.hub.setClearButtonEnabled(True)
        self.look = named(QPushButton(self.tr("Fetch")), "fetchFromHub", self.tr("Fetch from the Hugging Face Hub"))
        self.look.setToolTip(self.tr("Fetch it and look at it; nothing in it is run"))
        self.hide_hub = named(QPushButton(self.tr("Close")), "closeHub", self.tr("Close this line"))
        self.hide_hub.setToolTip(self.tr("Close this line  (Escape)"))
        self._hub_row = _row(self.tr("Hugging Face Hub"), self.hub, self.look, self.hide_hub)
        self._hub_row.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID // 2)
        column.setSpacing(GRID)
        column.addLayout(row)
        column.addWidget(self._mirror_row)
        column.addWidget(self._hub_row)
        self.toggle.setChecked(bool(mirror))
        self._mirror_row.setVisible(bool(mirror))
        self.toggle.toggled.connect(self._mirror_row.setVisible)
        self.search.textChanged.connect(lambda: self.changed.emit())
        self.which.activated.connect(lambda: self.changed.emit())
        self.search.returnPressed.connect(self._on_search_entered)
        self.hub.returnPressed.connect(self._on_hub_entered)
        self.look.clicked.connect(self._on_hub_entered)
        self.hide_hub.clicked.connect(self._hub_row.hide)
        self.hub.installEventFilter(self)
        if not fixed:
            self._address.editingFinished.connect(lambda: self.mirror_changed.emit(self.mirror))

    @property
    def text(self) -> str:
        """What is searched for."""
        return str(self.search.text()).strip()

    @property
    def mirror(self) -> str:
        """Where to download from; "" for the publisher."""
        return str(self._address.text()).strip()

    @property
    def names_hub(self) -> bool:
        """Whether what is searched for is a model of the Hugging Face Hub: “hf:owner/name”."""
        return self.text.startswith("hf:")

    def ask_hub(self) -> None:
        """Have the name of a model of the hub typed."""
        self._hub_row.show()
        self.hub.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hub.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        escapes = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if watched is self.hub and escapes and event.type() == QEvent.Type.KeyPress:
            self._hub_row.hide()
            return True
        return super().eventFilter(watched, event)

    def _on_search_entered(self) -> None:
        if self.names_hub:
            self.hub_wanted.emit(self.text)

    def _on_hub_entered(self) -> None:
        if name := self.hub.text().strip():
            self.hub_wanted.emit(name)

    def _add_menu(self) -> QMenu:
        menu = QMenu(self)
        for name, text, slot in (
            ("addFile", self.tr("A file of weights …  (Ctrl+M)"), self.file_wanted.emit),
            ("addFolder", self.tr("A folder of weights …"), self.folder_wanted.emit),
            ("addFromHub", self.tr("A model of the Hugging Face Hub …"), self.ask_hub),
        ):
            action = QAction(text, menu)
            action.setObjectName(name)
            action.triggered.connect(lambda _checked=False, slot=slot: slot())
            menu.addAction(action)
        return menu

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


def _row(text: str, *widgets: QWidget) -> QWidget:
    """A line below the search: what it is, and what is filled in."""
    row = QWidget()
    across = QHBoxLayout(row)
    across.setContentsMargins(0, 0, 0, 0)
    across.setSpacing(GRID)
    caption = QLabel(text)
    caption.setProperty("role", "quiet")
    across.addWidget(caption)
    for place, widget in enumerate(widgets):
        across.addWidget(widget, 0 if place else 1)
    return row


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
