"""The tiles of all models under headings, as many beside each other as there is room for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.ui.models.tile import WIDTH, ModelTile
from app.ui.naming import named
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.zoo.cards import Card


@dataclass(frozen=True)
class Heading:
    """A group of models: its name, and what to say where it is empty ("" hides an empty group)."""

    name: str
    text: str
    empty: str = ""


class Shelf(QScrollArea):
    """Models in groups; one of them is chosen.

    Arrow keys go from tile to tile; Enter uses or downloads.

    Signals:
        chosen(id): another tile was chosen.
        wanted(id): a double-click or Enter: use it, or download it.
    """

    chosen = Signal(str)
    wanted = Signal(str)

    def __init__(self, headings: Sequence[Heading], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelShelf")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tiles: dict[str, ModelTile] = {}
        self._current = ""
        self._columns = 0
        self._searching = False
        self._shown: dict[str, tuple[str, ...]] = {}
        body = named(QWidget(), "shelfBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        self._groups: dict[str, tuple[QLabel, QGridLayout, QLabel]] = {}
        self._headings = tuple(headings)
        for heading in headings:
            caption = named(QLabel(), f"heading-{heading.name}")
            caption.setProperty("role", "caption")
            empty = QLabel(heading.empty)
            empty.setProperty("role", "quiet")
            empty.setWordWrap(True)
            grid = QGridLayout()
            grid.setSpacing(GRID + GRID // 2)
            column.addWidget(caption)
            column.addWidget(empty)
            column.addLayout(grid)
            column.addSpacing(GRID)
            self._groups[heading.name] = caption, grid, empty
        self._nothing = named(QLabel(self.tr("No model has all of these words.")), "nothingFound")
        self._nothing.setProperty("role", "quiet")
        column.addWidget(self._nothing)
        column.addStretch(1)
        self.setWidget(body)

    @property
    def current(self) -> str:
        """The chosen model's id; "" for none."""
        return self._current

    def set_cards(self, groups: Mapping[str, Sequence[Card]], *, nothing_matches: bool = False) -> None:
        """Show these models, by heading's name; tiles of models that stay are kept.

        Args:
            groups: In each, the cards in order.
            nothing_matches: Whether an empty group is empty because of a search, so that it has nothing to say.
        """
        self._searching = nothing_matches
        wanted = {card.id: card for cards in groups.values() for card in cards}
        for id_ in [id_ for id_, tile in self.tiles.items() if wanted.get(id_) != tile.card]:
            tile = self.tiles.pop(id_)
            tile.hide()
            tile.deleteLater()
        for id_, card in wanted.items():
            if id_ not in self.tiles:
                self.tiles[id_] = self._tile(card)
        self._shown = {name: tuple(card.id for card in cards) for name, cards in groups.items()}
        self._arrange()
        if self._current and self._current not in self.tiles:
            self._current = ""

    def set_nothing_text(self, text: str) -> None:
        """What is said where no model matches the search."""
        self._nothing.setText(text)

    def choose(self, id_: str) -> None:
        """Choose a model and bring it into view; nothing happens where it is not shown."""
        if id_ not in self.tiles:
            return
        changed = id_ != self._current
        self._current = id_
        for one, tile in self.tiles.items():
            tile.setChecked(one == id_)
        self.ensureWidgetVisible(self.tiles[id_])
        if changed:
            self.chosen.emit(id_)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns != self._fitting():
            self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and isinstance(watched, ModelTile):
            return self._on_key(watched, Qt.Key(event.key()))
        return super().eventFilter(watched, event)

    def _on_key(self, tile: ModelTile, key: Qt.Key) -> bool:
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose(tile.card.id)
            self.wanted.emit(tile.card.id)
            return True
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self._columns,
            Qt.Key.Key_Down: self._columns,
        }
        if key not in steps:
            return False
        order = [id_ for ids in self._shown.values() for id_ in ids]
        place = max(0, min(len(order) - 1, order.index(tile.card.id) + steps[key]))
        self.tiles[order[place]].setFocus(Qt.FocusReason.TabFocusReason)
        self.choose(order[place])
        return True

    def _tile(self, card: Card) -> ModelTile:
        tile = ModelTile(card, self.widget())
        tile.installEventFilter(self)
        tile.clicked.connect(lambda: self.choose(card.id))
        tile.double_clicked.connect(lambda: self.wanted.emit(card.id))
        return tile

    def _fitting(self) -> int:
        room = self.viewport().width() - 4 * GRID
        return max(1, (room + GRID) // (WIDTH + GRID))

    def _arrange(self) -> None:
        self._columns = self._fitting()
        shown = {id_ for ids in self._shown.values() for id_ in ids}
        for id_, tile in self.tiles.items():
            tile.setVisible(id_ in shown)
        for heading in self._headings:
            caption, grid, empty = self._groups[heading.name]
            ids = self._shown.get(heading.name, ())
            caption.setText(f"{heading.text.upper()}  {len(ids)}" if ids else heading.text.upper())
            invites = bool(heading.empty) and not self._searching
            caption.setVisible(bool(ids) or invites)
            empty.setVisible(invites and not ids)
            while grid.count():
                grid.takeAt(0)
            for place, id_ in enumerate(ids):
                grid.addWidget(self.tiles[id_], place // self._columns, place % self._columns)
            for number in range(max(grid.columnCount(), self._columns)):
                grid.setColumnStretch(number, 1 if number < self._columns else 0)
        order = [self.tiles[id_] for ids in self._shown.values() for id_ in ids]
        self._nothing.setVisible(not order and self._searching)
        for one, other in itertools.pairwise(order):
            QWidget.setTabOrder(one, other)
