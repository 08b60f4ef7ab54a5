"""Cards side by side where there is room for two, below each other where there is not."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from app.ui.tokens import GRID

NARROW = 84 * GRID  # below this width there is one column
GAP = GRID + GRID // 2


@dataclass(frozen=True, eq=False)
class _Place:
    """A card and the height that it needs; what is left over is shared out by weight."""

    card: QWidget
    height: int
    weight: int


class FlowGrid(QWidget):
    """Lays cards out in one or two columns; hidden ones take no place.

    It sets places itself: Qt's grid would insist on the width of two columns, and on the preferred height of every
    card that wraps text.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("flowGrid")
        self._places: list[_Place] = []

    def add(self, card: QWidget, height: int, *, weight: int = 1) -> None:
        """Add a card at the end.

        Args:
            height: The least that looks well.
            weight: Its part of the height that is left over; 0 for none.
        """
        card.setParent(self)
        self._places.append(_Place(card, height, weight))
        self.arrange()

    def arrange(self) -> None:
        """Lay the visible cards out anew."""
        columns = 1 if self.width() < NARROW else 2
        shown = [place for place in self._places if not place.card.isHidden()]
        rows = [shown[start : start + columns] for start in range(0, len(shown), columns)]
        heights = [max(max(place.height, place.card.minimumHeight()) for place in row) for row in rows]
        least = sum(heights) + GAP * max(0, len(rows) - 1)
        if self.minimumHeight() != least:
            self.setMinimumHeight(least)
        weights = [max(place.weight for place in row) for row in rows]
        extra = max(0, self.height() - least)
        top = 0
        for row, height, weight in zip(rows, heights, weights, strict=True):
            height += extra * weight // max(1, sum(weights))
            width = (self.width() - GAP * (len(row) - 1)) // len(row)
            for column, place in enumerate(row):
                place.card.setGeometry(column * (width + GAP), top, width, height)
            top += height + GAP

    def minimumSizeHint(self) -> QSize:
        return QSize(36 * GRID, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()
