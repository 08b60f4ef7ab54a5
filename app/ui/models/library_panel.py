"""The library: every model as a tile, found by words, kinds and sizes; the chosen one's card beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.ui.model_library import ModelLibrary
from app.ui.models.details import Details
from app.ui.models.shelf import Heading, Shelf
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.shell import Shell
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.records import ModelInfo
    from app.zoo.cards import Card


class LibraryPanel(QWidget):
    """Tiles on the left, the chosen model's card on the right."""

    def __init__(self, shell: Shell, library: ModelLibrary) -> None:
        super().__init__()
        self.setObjectName("libraryPanel")
        self._shell, self._library = shell, library
        self.notices = NoticeBar()
        self.search = named(QLineEdit(), "searchModels", self.tr("Search models"))
        self.search.setPlaceholderText(self.tr("Search models"))
        self.search.setToolTip(self.tr("Name, architecture, data set, class or source"))
        self.search.setClearButtonEnabled(True)
        self.shelf = Shelf(
            (
                Heading("bundled", self.tr("Bundled")),
                Heading(
                    "mine",
                    self.tr("Mine"),
                    self.tr("Drop a file of weights anywhere on the window, or open one with Ctrl+M."),
                ),
                Heading("downloaded", self.tr("Downloaded")),
                Heading("published", self.tr("To download")),
            )
        )
        self.details = Details()
        left = QVBoxLayout()
        left.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID // 2)
        row.addWidget(self.search, 1)
        left.addLayout(row)
        left.addWidget(self.shelf, 1)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addLayout(left, 1)
        body.addWidget(self.details)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        layout.addLayout(body, 1)
        self.search.textChanged.connect(self._show)
        self.shelf.chosen.connect(self._on_chosen)
        self.shelf.wanted.connect(self._use)
        self.details.use_wanted.connect(self._use)
        library.changed.connect(self._show)
        shell.engine.model_loaded.connect(self._on_model)
        self._show()
        self._choose_used()
        library.refresh()

    def inspect(self, path: Path) -> None:
        """Take a file of weights to Explore."""
        self._library.choose(str(path))
        self._shell.window.show_page("explore")

    def _show(self) -> None:
        """Sort the cards under their headings, those that match the search."""
        here = {card.id for card in self._library.here}
        groups: dict[str, list[Card]] = {"bundled": [], "mine": [], "downloaded": [], "published": []}
        for card in self._library.cards:
            if matches(self.search.text(), card):
                group = card.kind if card.kind != "published" or card.id not in here else "downloaded"
                groups[group].append(card)
        self.shelf.set_cards(groups)
        self._mark()
        for problem in self._library.problems[:1]:
            self.notices.show_notice(str(problem), key="cards")
        if not self._library.problems:
            self.notices.clear("cards")
        self._on_chosen(self.shelf.current)

    def _mark(self) -> None:
        used = self._shell.explore.model.reference if self._shell.explore.model else ""
        here = {card.id for card in self._library.here}
        for id_, tile in self.shelf.tiles.items():
            tile.set_state(here=id_ in here, used=id_ == used)

    def _on_chosen(self, id_: str) -> None:
        card = self._library.card(id_)
        self.details.show_card(card, here=card in self._library.here)

    def _on_model(self, _model: ModelInfo) -> None:
        self._mark()
        if not self.shelf.current:
            self._choose_used()

    def _choose_used(self) -> None:
        if self._shell.explore.model is not None:
            self.shelf.choose(self._shell.explore.model.reference)

    def _use(self, id_: str) -> None:
        if any(card.id == id_ for card in self._library.here):
            self._library.choose(id_)
            self._shell.window.show_page("explore")


def matches(text: str, card: Card) -> bool:
    """Whether every word of a search is in what the card says of its model."""
    accuracy = " ".join(one.data for one in card.accuracy)
    whole = f"{card.id} {card.title} {card.architecture.name} {card.architecture.family} {card.kind} {card.source}"
    whole = f"{whole} {accuracy} {card.training.data} {' '.join(card.labels)}".lower()
    return all(word in whole for word in text.lower().split())


def build(shell: Shell, library: ModelLibrary) -> QWidget:
    """The panel, for the page."""
    return LibraryPanel(shell, library)
