"""A feature map as a mosaic: one small picture per channel, thousands of them, scrolled smoothly.

The channels are drawn once, enlarged, onto one image (the atlas), in the background; scrolling copies cells from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from app.core.anatomy import Mosaic
from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.drawing import number_text
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CELL = 5 * GRID  # logical pixels of a channel's picture, about: its places are enlarged a whole number of times
GAP = 3
COLUMNS = 32  # of the atlas; how many fit into the widget is another matter


def colours_of(low: float, high: float) -> tuple[str, float, float]:
    """Which colour map shows values of this range, and its ends: with zero in the middle where there are both signs."""
    if low < 0:
        reach = max(-low, high)
        return "diverging", -reach, reach
    return "inferno", min(low, 0.0), high


def enlarged(side: int, cell: float) -> int:
    """How many pixels wide each place of a thumbnail of this side becomes, so that it fills about a cell."""
    return max(1, round(cell / side))


def atlas_pixels(mosaic: Mosaic, scale: int) -> NDArray[np.uint8]:
    """The channels beside and below each other, `COLUMNS` in a row, (rows · h · scale, columns · w · scale, 4) BGRA."""
    import numpy as np

    from app.render.colormaps import LEVELS, lut

    name, bottom, top = colours_of(mosaic.low, mosaic.high)
    values = mosaic.low + np.arange(256) * (mosaic.high - mosaic.low) / 255
    share = (values - bottom) / (top - bottom) if top > bottom else np.full(256, 0.5)
    levels = np.clip(np.rint(share * (LEVELS - 1)), 0, LEVELS - 1).astype(int)
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = lut(name)[levels][:, ::-1]
    count, height, width = mosaic.pixels.shape
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, height, width), np.uint8)
    padded[:count] = mosaic.pixels
    sheet = padded.reshape(rows, columns, height, width).transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    packed = table.view(np.uint32).ravel()[sheet]
    packed = np.ascontiguousarray(packed.repeat(scale, axis=0).repeat(scale, axis=1))
    return packed.view(np.uint8).reshape(*packed.shape, 4)


class MosaicView(QAbstractScrollArea):
    """The channels of one tensor in some order; one of them can be chosen.

    Keys: the arrows, Home, End and the page keys move; Enter chooses.

    Args:
        name: The object's name.
        background: Where the atlas is made.

    Signals:
        channel_chosen(index)
    """

    channel_chosen = Signal(int)

    def __init__(self, name: str, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self._background = background
        self._title = ""
        self._mosaic: Mosaic | None = None
        self._atlas: QImage | None = None
        self._scale = 1  # pixels of the screen per place
        self._order: tuple[int, ...] = ()
        self._cursor = 0
        self._chosen: int | None = None
        self.viewport().setMouseTracking(True)
        self.verticalScrollBar().setObjectName(f"{name}Scroll")
        theme().changed.connect(self.viewport().update)
        self._describe()

    def show_mosaic(self, title: str, mosaic: Mosaic | None, order: Sequence[int] = ()) -> None:
        """Show a tensor's channels; in their own order unless told."""
        self._title = title
        same = mosaic is self._mosaic
        self._mosaic = mosaic
        self._order = tuple(order) if order else tuple(range(len(mosaic.pixels))) if mosaic else ()
        self._cursor = min(self._cursor, max(0, len(self._order) - 1))
        if not same:
            self._draw_atlas()
        self._lay_out()
        self._describe()
        self.viewport().update()

    def choose(self, channel: int | None) -> None:
        """Mark a channel, and bring it into sight; None for none."""
        self._chosen = channel
        if channel is not None and channel in self._order:
            self._cursor = self._order.index(channel)
            self._reveal()
        self._describe()
        self.viewport().update()

    @property
    def order(self) -> tuple[int, ...]:
        """The channels as they stand, first to last."""
        return self._order

    @property
    def drawn(self) -> bool:
        """Whether the channels are there to be painted."""
        return self._atlas is not None

    def cell_rect(self, place: int) -> QRect:
        """Where the picture at a place of the order is, in the viewport."""
        pitch_x, pitch_y = self._pitch()
        row, column = divmod(place, self._columns())
        size = self._cell_size()
        return QRect(column * pitch_x, row * pitch_y - self.verticalScrollBar().value(), size.width(), size.height())

    # The atlas.

    def _draw_atlas(self) -> None:
        mosaic, self._atlas = self._mosaic, None
        if mosaic is None or not mosaic.pixels.size:
            return
        ratio = self.devicePixelRatioF()
        self._scale = enlarged(max(mosaic.pixels.shape[1:]), CELL * ratio)
        scale = self._scale

        def made(pixels: NDArray[np.uint8] | ExplorerError) -> None:
            if self._mosaic is mosaic and not isinstance(pixels, ExplorerError):
                height, width = pixels.shape[:2]
                image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
                self._atlas = image.copy()  # its own memory
                self._atlas.setDevicePixelRatio(ratio)  # cells are copied, never scaled
                self.viewport().update()

        self._background.run("mosaic", lambda: atlas_pixels(mosaic, scale), made)

    def _cell_size(self) -> QSize:
        """Of a channel's picture, in logical pixels."""
        if self._mosaic is None:
            return QSize(CELL, CELL)
        height, width = self._mosaic.pixels.shape[1:]
        ratio = self.devicePixelRatioF()
        return QSize(max(1, round(width * self._scale / ratio)), max(1, round(height * self._scale / ratio)))

    def _pitch(self) -> tuple[int, int]:
        size = self._cell_size()
        return size.width() + GAP, size.height() + GAP

    def _columns(self) -> int:
        return max(1, (self.viewport().width() + GAP) // self._pitch()[0])

    def _lay_out(self) -> None:
        rows = -(-len(self._order) // self._columns())
        height = rows * self._pitch()[1]
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(self._pitch()[1])

    # Events.

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        if self._mosaic is None:
            painter.setPen(colour("quiet"))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self.tr("nothing to show"))
            return
        if self._atlas is None:
            return
        height, width = (side * self._scale for side in self._mosaic.pixels.shape[1:])
        atlas_columns = min(COLUMNS, len(self._mosaic.pixels))
        columns, (_, pitch) = self._columns(), self._pitch()
        offset = self.verticalScrollBar().value()
        first = (offset // pitch) * columns
        last = min(len(self._order), (offset + self.viewport().height() + pitch) // pitch * columns)
        atlas, pitch_x = self._atlas, self._pitch()[0]
        for place in range(first, last):
            row, column = divmod(self._order[place], atlas_columns)
            below, beside = divmod(place, columns)
            painter.drawImage(
                QPoint(beside * pitch_x, below * pitch - offset),
                atlas,
                QRect(column * width, row * height, width, height),
            )
        self._mark(painter)

    def _mark(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._chosen is not None and self._chosen in self._order:
            painter.setPen(QPen(colour("accent"), 2))
            painter.drawRect(self.cell_rect(self._order.index(self._chosen)).adjusted(-1, -1, 1, 1))
        if self.hasFocus() and self._order:
            painter.setPen(QPen(colour("text"), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.cell_rect(self._cursor).adjusted(-1, -1, 0, 0))

    def _place_at(self, point: QPointF) -> int | None:
        pitch_x, pitch_y = self._pitch()
        column = int(point.x()) // pitch_x
        if point.x() < 0 or column >= self._columns():
            return None
        place = (int(point.y()) + self.verticalScrollBar().value()) // pitch_y * self._columns() + column
        return place if 0 <= place < len(self._order) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and place is not None:
            self._cursor = place
            self._take()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        columns = self._columns()
        page = max(1, self.viewport().height() // self._pitch()[1]) * columns
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns,
            Qt.Key.Key_Down: columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -len(self._order),
            Qt.Key.Key_End: len(self._order),
        }
        key = Qt.Key(event.key())
        if key in steps and self._order:
            self._cursor = min(max(0, self._cursor + steps[key]), len(self._order) - 1)
            self._reveal()
            self._describe()
            self.viewport().update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._order:
            self._take()
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._place_at(QPointF(event.pos()))
            if place is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(
                    event.globalPos() + QPoint(0, GRID), self._words(place), self.viewport(), self.cell_rect(place)
                )
            return True
        return super().viewportEvent(event)

    def _take(self) -> None:
        self._chosen = self._order[self._cursor]
        self._describe()
        self.viewport().update()
        self.channel_chosen.emit(self._chosen)

    def _reveal(self) -> None:
        rect, bar = self.cell_rect(self._cursor), self.verticalScrollBar()
        if rect.top() < 0:
            bar.setValue(bar.value() + rect.top())
        elif rect.bottom() > self.viewport().height():
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + GAP)

    def _words(self, place: int) -> str:
        assert self._mosaic is not None
        channel = self._order[place]
        return self.tr("channel {0}, mean |a| {1}").format(channel, number_text(float(self._mosaic.strength[channel])))

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Channels of {0}").format(self._title) if self._title else self.tr("Channels"))
        known = self._mosaic is not None and self._order
        self.setAccessibleDescription(self._words(self._cursor) if known else self.tr("nothing to show"))
