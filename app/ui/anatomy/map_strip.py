"""A row of small maps with words under each: what is left of a heatmap as the weights are randomised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.drawing import SMALL, elided, image_from, resized
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.trust import Values

SIDE = 10 * GRID
GAP = GRID


@dataclass(frozen=True, eq=False)
class SmallMap:
    """One map of the row.

    Attributes:
        values: (h, w).
        title: Under it.
        score: Under the title.
        tip: Everything that is known of it.
    """

    values: Values
    title: str
    score: str
    tip: str


class MapStrip(QWidget):
    """Maps from left to right, each on its own scale: only where they are strong is compared."""

    def __init__(self, name: str, accessible_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self._maps: tuple[SmallMap, ...] = ()
        self._images: list[QImage] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def show_maps(self, maps: Sequence[SmallMap], *, signed: bool) -> None:
        """Show other maps."""
        self._maps = tuple(maps)
        self._images = [_image(one.values, signed=signed) for one in maps]
        self.setAccessibleDescription("; ".join(f"{one.title} {one.score}" for one in maps))
        self.setFixedSize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        line = QFontMetricsF(resized(self.font(), SMALL)).height()
        return QSize(max(1, len(self._maps)) * (SIDE + GAP), round(SIDE + 2 * line + GRID))

    def _rect(self, place: int) -> QRect:
        return QRect(place * (SIDE + GAP), 0, SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        font = resized(self.font(), SMALL)
        metrics = QFontMetricsF(font)
        with QPainter(self) as painter:
            painter.setFont(font)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            for place, (one, image) in enumerate(zip(self._maps, self._images, strict=True)):
                rect = self._rect(place)
                if not rect.intersects(event.rect().adjusted(0, -SIDE, 0, SIDE)):
                    continue
                painter.drawImage(rect, image)
                painter.setPen(QPen(colour("text", 0.16), 1))
                painter.drawRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5))
                line = QRectF(rect.left(), rect.bottom() + GRID / 2, SIDE, metrics.height())
                painter.setPen(colour("text"))
                painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, elided(one.title, metrics, SIDE))
                painter.setPen(colour("quiet"))
                painter.drawText(line.translated(0, metrics.height()), Qt.AlignmentFlag.AlignHCenter, one.score)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = QPointF(event.pos()).toPoint()
            place = next((one for one in range(len(self._maps)) if self._rect(one).contains(point)), None)
            if place is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos() + QPoint(0, GRID), self._maps[place].tip, self, self._rect(place))
            return True
        return super().event(event)


def _image(values: Values, *, signed: bool) -> QImage:
    import numpy as np

    from app.render.colormaps import DIVERGING, LEVELS, lut

    numbers = np.nan_to_num(np.asarray(values, np.float64))
    if signed:
        reach = float(np.abs(numbers).max()) or 1.0
        share = 0.5 + numbers / (2 * reach)
    else:
        share = np.clip(numbers, 0, None) / (float(numbers.max()) if numbers.max() > 0 else 1.0)
    levels = np.clip(np.rint(share * (LEVELS - 1)), 0, LEVELS - 1).astype(int)
    return image_from(np.ascontiguousarray(lut(DIVERGING if signed else "inferno")[levels]))
