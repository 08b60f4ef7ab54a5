"""The picture, large, with its heatmap over it: zoom, pan, and words where there is nothing to see."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.busy_line import BUSY_HEIGHT, BusyLine
from app.ui.canvas_paint import CORNER, paint_card, paint_drop, paint_picture, paint_shadow, paint_words
from app.ui.canvas_view import CanvasView
from app.ui.drawing import WHEEL_STEP, image_from, pinch, snap, watch_pinches
from app.ui.picture_pyramid import PicturePyramid
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Box = tuple[float, float, float, float]

_ZOOM_STEP = 1.25
_PAN_STEP = 8.0 * GRID
_PIXELS_FROM = 4.0  # device pixels per picture pixel, from which pixels are shown as squares
_SLOW_PAINT = 0.010  # seconds; where painting takes longer, smoothing waits until the view is at rest
_AT_REST = 120  # milliseconds


class Canvas(QWidget):
    """Shows one picture and what lies over it.

    Keys: + and − zoom, 0 fits, 1 shows one picture pixel per device pixel, arrows move. The wheel and two fingers zoom
    at the pointer, dragging moves, a double-click fits.

    Signals:
        zoom_changed(zoom): Device pixels per picture pixel; 1 is 100 %.
        picture_moved(): `picture_rect` has changed.
        painted(): What was set is on screen.
    """

    zoom_changed = Signal(float)
    picture_moved = Signal()
    painted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self._pixels: NDArray[np.uint8] | None = None
        self._pyramid = PicturePyramid(self)
        self._pyramid.ready.connect(self._on_levels)
        self._box: Box | None = None
        self._heatmap: QImage | None = None
        self._opacity = 0.6
        self._crop_visible = False
        self._title = self._text = ""
        self._trouble = False
        self._drop = False
        self._view: CanvasView | None = None
        self._dragged_from: QPointF | None = None
        self._backdrop: QPixmap | None = None
        self._backdrop_view: CanvasView | None = None
        self._painted_view: CanvasView | None = None
        self._rough = False
        self._busy = BusyLine(self)
        self._busy.moved.connect(self._update_busy)
        self._rest = QTimer(self, singleShot=True, interval=_AT_REST)
        self._rest.timeout.connect(self._come_to_rest)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        watch_pinches(self)
        theme().changed.connect(self._repaint_all)
        self._describe()

    # --- what is shown ---

    def set_picture(self, pixels: NDArray[np.uint8] | None, box: Box | None = None, *, keep_view: bool = False) -> None:
        """Show a picture.

        Args:
            pixels: (H, W, 3) uint8 RGB, not to be written to afterwards; None for no picture.
            box: (left, top, right, bottom) in picture pixels over which the heatmap lies (`NetworkView.box`).
            keep_view: Keep zoom and place if the size is the same, as for the frames of a camera. For the same array
                they are kept anyway.
        """
        same = pixels is not None and pixels is self._pixels
        self._box = box
        if not same:
            before = None if self._pixels is None else self._pixels.shape
            self._pixels = pixels
            self._pyramid.set_pixels(pixels)
            if pixels is None:
                self._view = None
            elif not (keep_view and before == pixels.shape and self._view is not None):
                height, width = pixels.shape[:2]
                ratio = self.devicePixelRatioF()
                self._set_view(CanvasView(self.width(), self.height(), width, height, ratio).fit())
        self._describe()
        self._repaint_all()

    def set_heatmap(self, rgba: NDArray[np.uint8] | None) -> None:
        """Lay a coloured map over the box, (h, w, 4) uint8 RGBA (`app.render.overlay.colourise`); None for none."""
        self._heatmap = None if rgba is None else image_from(rgba)
        self.update()

    def set_opacity(self, opacity: float) -> None:
        """How strongly the heatmap covers the picture, 0 to 1."""
        self._opacity = min(max(opacity, 0.0), 1.0)
        self.update()

    def set_crop_visible(self, visible: bool) -> None:
        """Outline the square that the network used and dim what it did not see."""
        self._crop_visible = visible
        self._repaint_all()

    def set_busy(self, busy: bool, progress: float | None = None) -> None:
        """Hint at work under way with a thin line; `progress` from 0 to 1 where it is known."""
        self._busy.set_busy(busy, progress)

    def set_message(self, title: str, text: str = "", *, trouble: bool = False) -> None:
        """Say what to do or what went wrong; over a picture as a small card. Two empty strings for nothing."""
        self._title, self._text, self._trouble = title, text, trouble
        self._describe()
        self.update()

    def set_drop_active(self, active: bool) -> None:
        """Invite to let go of what hovers over the window."""
        self._drop = active
        self.update()

    # --- the view ---

    @property
    def zoom(self) -> float:
        """Device pixels per picture pixel; 1 without a picture."""
        return 1.0 if self._view is None else self._view.zoom

    @property
    def fitted(self) -> bool:
        """Whether the whole picture is seen and follows the widget's size."""
        return self._view is None or self._view.fitted

    @property
    def smooth(self) -> bool:
        """Whether a large picture's smooth levels are ready."""
        return self._pyramid.complete

    def picture_rect(self) -> QRectF:
        """Where the picture is, in the widget; empty without a picture. Its edges lie on device pixels."""
        if self._view is None:
            return QRectF()
        left, top, right, bottom = self._view.to_widget((0, 0, self._view.picture_width, self._view.picture_height))
        return self._snapped(left, top, right, bottom)

    @Slot()
    def fit(self) -> None:
        """Show the whole picture."""
        if self._view is not None:
            self._set_view(self._view.fit())

    @Slot()
    def zoom_in(self) -> None:
        """A step closer to the middle."""
        self.set_zoom(self.zoom * _ZOOM_STEP)

    @Slot()
    def zoom_out(self) -> None:
        """A step back."""
        self.set_zoom(self.zoom / _ZOOM_STEP)

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom to device pixels per picture pixel; what is at a place (the middle, unless told) stays there."""
        if self._view is not None:
            place = QPointF(self.width() / 2, self.height() / 2) if at is None else at
            self._set_view(self._view.zoomed(zoom, place.x(), place.y()))

    def _set_view(self, view: CanvasView) -> None:
        before, self._view = self._view, view
        if before == view:
            return
        if before is None or before.zoom != view.zoom:
            self.zoom_changed.emit(view.zoom)
        self.setCursor(Qt.CursorShape.OpenHandCursor if view.movable else Qt.CursorShape.ArrowCursor)
        self._describe()
        self._rest.start()
        self.update()
        self.picture_moved.emit()

    def _snapped(self, left: float, top: float, right: float, bottom: float) -> QRectF:
        ratio = self.devicePixelRatioF()
        x, y = snap(left, ratio), snap(top, ratio)
        least = 1 / ratio
        return QRectF(x, y, max(least, snap(right, ratio) - x), max(least, snap(bottom, ratio) - y))

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._follow_size()

    def _follow_size(self) -> None:
        if self._view is not None:
            self._set_view(self._view.resized(self.width(), self.height(), self.devicePixelRatioF()))
        self._repaint_all()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._describe()
        super().changeEvent(event)

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Picture"))
        parts = []
        if self._view is not None:
            size = self.tr("{0} × {1} pixels").format(self._view.picture_width, self._view.picture_height)
            parts = [size, self.tr("shown at {0} %").format(round(100 * self._view.zoom))]
        parts += [part for part in (self._title, self._text) if part]
        self.setAccessibleDescription(", ".join(parts))

    # --- painting ---

    @Slot()
    def _repaint_all(self) -> None:
        self._backdrop = self._backdrop_view = self._painted_view = None
        self.update()

    @Slot()
    def _on_levels(self) -> None:
        self._repaint_all()

    @Slot()
    def _come_to_rest(self) -> None:
        if self._rough:
            self._rough = False
            self._repaint_all()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            if self._view is None:
                self._paint_empty(painter)
            else:
                self._paint_backdrop(painter, event.rect(), self._view)
                self._paint_heatmap(painter, self._view)
                if self._title or self._text:
                    seen = self.picture_rect().intersected(QRectF(self.rect()))
                    paint_card(painter, seen, self.font(), self._title, self._text)
            self._busy.paint(painter, self._busy_rect())
            if self._drop:
                paint_drop(painter, QRectF(self.rect()), self.font(), self.tr("Let go to open"))
        self.painted.emit()

    def _paint_empty(self, painter: QPainter) -> None:
        if self._title or self._text:
            out = 5.0 * GRID if min(self.width(), self.height()) > 40 * GRID else 2.0 * GRID
            rect = QRectF(self.rect()).adjusted(out, out, -out, -out - 3.0 * GRID)  # the buttons lie below the outline
            icon = "warning" if self._trouble else "picture"
            paint_words(painter, rect, self.font(), self._title, self._text, icon)

    def _paint_backdrop(self, painter: QPainter, rect: QRect, view: CanvasView) -> None:
        """The picture with its shadow. A view that is painted a second time is kept, so that it costs a copy only."""
        if self._backdrop is not None and self._backdrop_view == view:
            ratio = self.devicePixelRatioF()
            source = QRectF(rect.x() * ratio, rect.y() * ratio, rect.width() * ratio, rect.height() * ratio)
            painter.drawPixmap(QRectF(rect), self._backdrop, source)
            return
        if self._painted_view == view and not self._rough:
            ratio = self.devicePixelRatioF()
            backdrop = QPixmap(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio))
            backdrop.setDevicePixelRatio(ratio)
            backdrop.fill(Qt.GlobalColor.transparent)
            with QPainter(backdrop) as inner:
                self._paint_picture(inner, view)
            self._backdrop, self._backdrop_view = backdrop, view
            self._paint_backdrop(painter, rect, view)
            return
        started = time.perf_counter()
        self._paint_picture(painter, view)
        if time.perf_counter() - started > _SLOW_PAINT and self._rest.isActive():
            self._rough = True
        self._painted_view = view

    def _paint_picture(self, painter: QPainter, view: CanvasView) -> None:
        frame = self.picture_rect()
        paint_shadow(painter, frame)
        smooth = view.zoom < _PIXELS_FROM and not self._rough
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        paint_picture(painter, self._pyramid.image_for(view.zoom), frame, frame, QRectF(self.rect()))
        if self._crop_visible and self._box is not None:
            self._paint_crop(painter, view, frame)

    def _paint_crop(self, painter: QPainter, view: CanvasView, frame: QRectF) -> None:
        assert self._box is not None
        crop = self._snapped(*view.to_widget(self._box))
        outside, inside = QPainterPath(), QPainterPath()
        outside.addRoundedRect(frame, CORNER, CORNER)
        inside.addRect(crop)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outside.subtracted(inside), colour("ground", 0.62))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour("accent"), 2))
        painter.drawRect(crop.adjusted(1, 1, -1, -1))

    def _paint_heatmap(self, painter: QPainter, view: CanvasView) -> None:
        if self._heatmap is None or self._box is None or self._opacity <= 0:
            return
        left, top, right, bottom = view.to_widget(self._box)
        painter.save()
        painter.setOpacity(self._opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        target = QRectF(left, top, right - left, bottom - top)
        paint_picture(painter, self._heatmap, target, self.picture_rect(), QRectF(self.rect()))
        painter.restore()

    # --- work under way ---

    def showEvent(self, event: QShowEvent) -> None:
        self._busy.set_shown(True)

    def hideEvent(self, event: QHideEvent) -> None:
        self._busy.set_shown(False)

    @Slot()
    def _update_busy(self) -> None:
        self.update(self._busy_rect().toAlignedRect().adjusted(-1, -1, 1, 1))

    def _busy_rect(self) -> QRectF:
        """Above the picture, or along the widget's upper edge."""
        frame = self.picture_rect().intersected(QRectF(self.rect()))
        if frame.isEmpty():
            frame = QRectF(self.rect())
        top = max(1.0, frame.top() - 2 * BUSY_HEIGHT)
        return QRectF(frame.left() + CORNER, top, frame.width() - 2 * CORNER, BUSY_HEIGHT)

    # --- pointer and keyboard ---

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._handles(event):
            event.accept()
            return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._follow_size()
        fingers = pinch(event, self)
        if fingers is not None:
            self.set_zoom(self.zoom * fingers[0], fingers[1])
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._view is not None and self._view.movable:
            self._dragged_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragged_from is None or self._view is None:
            return
        moved = event.position() - self._dragged_from
        self._dragged_from = event.position()
        self._set_view(self._view.moved(moved.x(), moved.y()))
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragged_from is not None and event.button() == Qt.MouseButton.LeftButton:
            self._dragged_from = None
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._view is None:
            event.ignore()
            return
        fingers = event.phase() != Qt.ScrollPhase.NoScrollPhase and not event.pixelDelta().isNull()
        if fingers and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._set_view(self._view.moved(event.pixelDelta().x(), event.pixelDelta().y()))
        elif event.angleDelta().y():
            self.set_zoom(self.zoom * _ZOOM_STEP ** (event.angleDelta().y() / WHEEL_STEP), event.position())
        event.accept()

    def _handles(self, event: QKeyEvent) -> bool:
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        key = Qt.Key(event.key())
        if not plain or self._view is None:
            return False
        return key in _KEYS or (key in _ARROWS and self._view.movable)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handles(event) or self._view is None:
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if key in _ARROWS:
            across, down = _ARROWS[key]
            self._set_view(self._view.moved(across * _PAN_STEP, down * _PAN_STEP))
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.set_zoom(1.0)
        elif key == Qt.Key.Key_Minus:
            self.zoom_out()
        else:
            self.zoom_in()
        event.accept()

    def sizeHint(self) -> QSize:
        return QSize(90 * GRID, 60 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(24 * GRID, 16 * GRID)


_KEYS = frozenset((Qt.Key.Key_0, Qt.Key.Key_1, Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus))
_ARROWS = {
    Qt.Key.Key_Left: (1, 0),
    Qt.Key.Key_Right: (-1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
