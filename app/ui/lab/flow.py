"""Cards side by side where there is room for two, below each other where there is not."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from app.ui.tokens import GRID

NARROW = 88 * GRID  # below this width there is one column


class FlowGrid(QWidget):
    """Lays cards out in one or two columns; hidden ones take no place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("flowGrid")
        self._cards: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GRID + GRID // 2)

    def add(self, card: QWidget) -> None:
        """Add a card at the end."""
        self._cards.append(card)
        card.setParent(self)
        self.arrange()

    def arrange(self) -> None:
        """Lay the visible cards out anew."""
        columns = 1 if self.width() < NARROW else 2
        for card in self._cards:
            self._grid.removeWidget(card)
        shown = [card for card in self._cards if not card.isHidden()]
        for place, card in enumerate(shown):
            row, column = divmod(place, columns)
            alone = place == len(shown) - 1 and column == 0
            self._grid.addWidget(card, row, column, 1, columns if alone else 1)
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._columns = columns

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns != (1 if self.width() < NARROW else 2):
            self.arrange()
