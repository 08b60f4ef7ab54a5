"""The first layer's filters as pictures: grey is a weight of zero."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.core.anatomy import Filters
from app.ui.drawing import image_from, number_text
from app.ui.theme import colour
from app.ui.tokens import GRID

CELL = 6 * GRID
GAP = GRID // 2


class FilterView(QWidget):
    """All filters of a convolution that takes the picture, each on a scale of its own."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filters")
        self._filters: Filters | None = None
        self._images: list[QImage] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Filters of the first layer"))

    def set_filters(self, filters: Filters | None) -> None:
        """Show other filters, or none."""
        if filters is self._filters:
            return
        self._filters = filters
        self._images = [image_from(one) for one in filters.pixels] if filters else []
        self.setAccessibleDescription(self.tr("{0} filters").format(len(self._images)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(40 * GRID, self.heightForWidth(40 * GRID))

    def heightForWidth(self, width: int) -> int:
        rows = -(-len(self._images) // self._columns(width))
        return max(1, rows) * (CELL + GAP)

    def hasHeightForWidth(self) -> bool:
        return True

    def _columns(self, width: int) -> int:
        return max(1, (width + GAP) // (CELL + GAP))

    def _rect(self, place: int) -> QRect:
        row, column = divmod(place, self._columns(self.width()))
        return QRect(column * (CELL + GAP), row * (CELL + GAP), CELL, CELL)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
            for place, image in enumerate(self._images):
                painter.drawImage(self._rect(place), image)
            if not self._images:
                painter.setPen(colour("quiet"))
                text = self.tr("This block does not take the picture itself.")
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._filters is not None:
            point = QPointF(event.pos()).toPoint()
            place = next((one for one in range(len(self._images)) if self._rect(one).contains(point)), None)
            if place is None:
                QToolTip.hideText()
            else:
                reach = number_text(float(self._filters.reach[place]))
                words = self.tr("filter {0}, weights from −{1} to {1}").format(place, reach)
                QToolTip.showText(event.globalPos() + QPoint(0, GRID), words, self, self._rect(place))
            return True
        return super().event(event)
