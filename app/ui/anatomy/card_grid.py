"""Cards beside each other where there is room, below each other where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.ui.tokens import GRID

LEAST = 38 * GRID  # a card narrower than this is moved below


class CardGrid(QWidget):
    """Lays cards out in as many equal columns as fit.

    Args:
        name: The object's name.
        cards: In order.
        height: Of a card at least.
    """

    def __init__(self, name: str, cards: Sequence[QWidget], *, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._cards = list(cards)
        self._columns = 0
        self._shown: list[QWidget] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2 * GRID)
        for card in self._cards:
            card.setMinimumHeight(height)
            card.setMinimumWidth(24 * GRID)
        self._place(1, self._cards)

    @property
    def columns(self) -> int:
        """How many there are now."""
        return self._columns

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.refresh()
        super().resizeEvent(event)

    def refresh(self) -> None:
        """A card was shown or hidden: the others take its room."""
        shown = [card for card in self._cards if not card.isHidden()]
        columns = max(1, min(len(shown), (self.width() + 2 * GRID) // (LEAST + 2 * GRID)))
        if columns != self._columns or shown != self._shown:
            self._place(columns, shown)

    def _place(self, columns: int, shown: list[QWidget]) -> None:
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns, self._shown = columns, shown
        for place, card in enumerate(shown):
            self._grid.addWidget(card, place // columns, place % columns)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
