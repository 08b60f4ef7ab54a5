"""What every chart has in common: axes and grid, crosshair and readout, scrub marker, zoom, keys, empty text.

A chart paints itself with one routine onto whatever it is given: the screen, a picture of any scale, an SVG file.
Lines become paths through pyqtgraph; its plot widgets are not used (docs/decisions/0006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.charts.axes import Axis, tick_text
from app.ui.charts.frame import draw_below, draw_crosshair, draw_marker, draw_rows
from app.ui.charts.readout import Readout, bubble_of
from app.ui.drawing import KEYBOARD_REASONS, SMALL, elided, resized, tabular
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

PACE = 16
"""Milliseconds between two redraws at least: at most 60 a second, however often data come."""
FADED = 0.25  # of what lies after the scrub position
_DRAG = 6  # pixels before a press becomes the choice of a range


@dataclass(frozen=True)
class Entry:
    """A series in the legend.

    Attributes:
        key: By which it is addressed.
        label: What the user reads.
        colour: Its token; see `charts.colours`.
        dashed: Whether its line is.
        visible: Whether it is drawn.
        beside: The key of the series that it is shown and hidden with; it has no switch of its own then.
        short: What its switch says, if not the label.
    """

    key: str
    label: str
    colour: str
    dashed: bool = False
    visible: bool = True
    beside: str = ""
    short: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """A chart's numbers, for CSV.

    Attributes:
        header: Of the columns.
        columns: One array each, of equal length; NaN where there is no value.
    """

    header: tuple[str, ...]
    columns: tuple[NDArray[Any], ...] = field(default=())


class Plot(QWidget):
    """The base of all charts. Not used by itself.

    Left and Right, Home and End move the crosshair, Enter chooses where it is, Escape shows everything again. Dragging
    chooses a range, double-click shows everything.

    Signals:
        hovered(int or None): where the crosshair is, in the chart's x (a step, a block's number from 1).
        picked(int): a click, or Enter: for scrubbing to a step or choosing a block.
        entries_changed(): series came, went, or were toggled.
        zoomed(bool): whether a part of x is shown.
    """

    hovered = Signal(object)
    picked = Signal(int)
    entries_changed = Signal()
    zoomed = Signal(bool)

    can_log = False
    """Whether `set_log` means something."""
    can_zoom = False
    """Whether a part of x can be chosen."""
    ground = "panel"
    """The token of what the chart lies on."""
    hairlines = True
    """Whether the grid is drawn."""

    def __init__(self, name: str, accessible_name: str, *, x_title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible_name)
        self.x_title = x_title
        self.y_unit = ""
        self.log = False
        self.columns = 16  # pixels across, for thinning
        self._empty_text = self.tr("Nothing measured yet")
        self._hover: float | None = None
        self._hover_is_own = False
        self._marker: float | None = None
        self._zoom: tuple[float, float] | None = None
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self._ring = False
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # the card below need not be painted again
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pace = QTimer(self, singleShot=True, interval=PACE)
        self._pace.timeout.connect(self._redraw)
        theme().changed.connect(self.update)

    # What a chart says of itself

    def entries(self) -> Sequence[Entry]:
        """The series, in order."""
        return ()

    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return True

    def x_axis(self) -> Axis:
        """The axis along the width."""
        return Axis(0.0, 1.0)

    def y_axis(self, x: Axis) -> Axis:
        """The axis along the height, around everything that is visible between the ends of x."""
        return Axis(0.0, 1.0)

    def x_ticks(self, x: Axis, most: int) -> list[tuple[float, str]]:
        """Labels below the axis."""
        return [(tick, tick_text(tick)) for tick in x.ticks(most) if tick == round(tick)]

    def y_ticks(self, y: Axis, most: int) -> list[tuple[float, str]]:
        """Labels beside the axis, and hairlines."""
        return [(tick, tick_text(tick, self.y_unit)) for tick in y.ticks(most)]

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        """Paint the series into the area."""

    def draw_hover(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, at: float) -> None:
        """Paint what the crosshair adds."""
        draw_crosshair(painter, area, area.left() + x.place_one(at) * area.width())

    def nearest(self, at: float) -> float | None:
        """The place in x nearest to the pointer at which there are values; None where there are none."""
        return None

    def readout(self, at: float) -> Readout | None:
        """What the crosshair tells at a place given by `nearest`."""
        return None

    def table(self) -> Table:
        """The numbers of the visible series."""
        return Table(())

    # What can be set

    def set_empty_text(self, text: str) -> None:
        """What to say while there is nothing to draw: what to do."""
        self._empty_text = text
        self.refresh()

    def set_log(self, log: bool) -> None:
        """Use a logarithmic axis, or a linear one."""
        if self.can_log and log != self.log:
            self.log = log
            self.refresh()

    def set_visible(self, key: str, visible: bool) -> None:
        """Show or hide a series."""

    def set_marker(self, at: float | None) -> None:
        """The scrub position in x: a line there, and everything after it faded; None for none."""
        if at != self._marker:
            self._marker = at
            self.refresh()

    @property
    def marker(self) -> float | None:
        """The scrub position."""
        return self._marker

    def show_hover(self, at: float | None) -> None:
        """Put the crosshair where another chart's is, without a readout; `hovered` stays silent."""
        at = None if at is None or self.is_empty() else self.nearest(at)
        if at != self._hover:
            self._hover, self._hover_is_own = at, False
            self.refresh()

    @property
    def hover(self) -> float | None:
        """Where the crosshair is."""
        return self._hover

    def set_zoom(self, ends: tuple[float, float] | None) -> None:
        """Show only a part of x, or everything (None)."""
        if self.can_zoom and ends != self._zoom:
            self._zoom = ends
            self.zoomed.emit(ends is not None)
            self.refresh()

    @property
    def zoom(self) -> tuple[float, float] | None:
        """The part of x that is shown, or None for everything."""
        return self._zoom

    def refresh(self) -> None:
        """Paint again soon, at most sixty times a second."""
        if not self._pace.isActive():
            self._pace.start()

    @Slot()
    def _redraw(self) -> None:
        self.update()
        told = None
        if self._hover is not None and self._hover_is_own and self.isVisible():
            told = self.readout(self._hover)
        if told is None or self._hover is None:
            bubble_of(self).leave(self)
            return
        area, x, _ = self.layout_in(QRectF(self.rect()))
        across = area.left() + x.place_one(self._hover) * area.width()
        at = self.mapTo(self.window(), QPointF(across, area.top()).toPoint())
        bubble_of(self).tell(self, told, self.axis_font(), at)

    # Painting

    def sizeHint(self) -> QSize:
        return QSize(52 * GRID, 24 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(22 * GRID, 13 * GRID)

    def axis_font(self) -> QFont:
        """Of ticks and titles."""
        return tabular(resized(self.font(), SMALL))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(self.ground))
            self.draw(painter, QRectF(self.rect()))
            if self._ring:
                painter.setPen(QPen(colour("accent"), 1))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), GRID, GRID)

    def draw(self, painter: QPainter, rect: QRectF, *, live: bool = True) -> None:
        """Paint the chart.

        Args:
            live: Whether with crosshair, readout and the zoom's range: not in a picture.
        """
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.axis_font())
        if self.is_empty():
            painter.setPen(colour("quiet"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(rect.adjusted(GRID, 0, -GRID, 0), flags, self._empty_text)
            return
        area, x, y = self.layout_in(rect)
        self._draw_grid(painter, rect, area, x, y)
        marker = self._marker
        if marker is None or x.place_one(marker) >= 1:
            self._draw_clipped(painter, area, area, x, y)
        else:
            place = area.left() + min(1.0, max(0.0, x.place_one(marker))) * area.width()
            self._draw_clipped(painter, QRectF(area.left(), area.top(), place - area.left(), area.height()), area, x, y)
            painter.setOpacity(FADED)
            self._draw_clipped(painter, QRectF(place, area.top(), area.right() - place, area.height()), area, x, y)
            painter.setOpacity(1.0)
        if marker is not None and 0 <= x.place_one(marker) <= 1:
            draw_marker(painter, area, area.left() + x.place_one(marker) * area.width())
        self.draw_beside(painter, area)
        if live:
            self._draw_live(painter, rect, area, x, y)

    def draw_beside(self, painter: QPainter, area: QRectF) -> None:
        """Paint into the margin on the right; see `right_margin`."""

    def layout_in(self, rect: QRectF) -> tuple[QRectF, Axis, Axis]:
        """The area inside the axes, and the axes, for a chart in a rectangle."""
        metrics = QFontMetricsF(self.axis_font())
        x = self.x_axis()
        self.columns = max(16, round(rect.width()))
        y = self.y_axis(x)
        bottom = metrics.height() + GRID / 2 + (metrics.height() if self._titled(rect, metrics) else 0.0)
        area = rect.adjusted(0, metrics.height() / 2 + 1, -GRID, -bottom)
        labels = self.y_ticks(y, self._most_rows(area, metrics))
        widest = max((metrics.horizontalAdvance(text) for _, text in labels), default=0.0)
        area.setLeft(rect.left() + round(widest + GRID))
        area.setRight(area.right() - self.right_margin(metrics))
        return area, x, y

    def right_margin(self, metrics: QFontMetricsF) -> float:
        """Room beside the area for what a chart puts there."""
        return 0.0

    def _titled(self, rect: QRectF, metrics: QFontMetricsF) -> bool:
        return bool(self.x_title) and rect.height() > 9 * metrics.height()

    @staticmethod
    def _most_rows(area: QRectF, metrics: QFontMetricsF) -> int:
        return max(2, int(area.height() / (1.9 * metrics.height())) + 1)

    def _draw_clipped(self, painter: QPainter, clip: QRectF, area: QRectF, x: Axis, y: Axis) -> None:
        if clip.width() <= 0:
            return
        painter.save()
        painter.setClipRect(clip.adjusted(-1, -3, 1, 3))
        self.draw_data(painter, area, x, y)
        painter.restore()

    def _draw_grid(self, painter: QPainter, rect: QRectF, area: QRectF, x: Axis, y: Axis) -> None:
        metrics = QFontMetricsF(painter.font())
        rows = self.y_ticks(y, self._most_rows(area, metrics))
        draw_rows(painter, rect, area, [(y.place_one(value), text) for value, text in rows], lines=self.hairlines)
        widest = metrics.horizontalAdvance(tick_text(round(x.high))) + 3 * GRID
        below = self.x_ticks(x, max(2, int(area.width() / widest)))
        draw_below(painter, area, [(x.place_one(value), text) for value, text in below])
        if self._titled(rect, metrics):
            row = QRectF(area.left(), rect.bottom() - metrics.height(), area.width(), metrics.height())
            painter.drawText(row, Qt.AlignmentFlag.AlignHCenter, elided(self.x_title, metrics, row.width()))

    def _draw_live(self, painter: QPainter, rect: QRectF, area: QRectF, x: Axis, y: Axis) -> None:
        if self._pressed is not None and self._dragged is not None:
            left, right = sorted((self._pressed.x(), self._dragged.x()))
            chosen = QRectF(left, area.top(), right - left, area.height()).intersected(area)
            painter.fillRect(chosen, QColor(colour("accent", 0.15)))
        if self._hover is not None and 0 <= x.place_one(self._hover) <= 1:
            self.draw_hover(painter, area, x, y, self._hover)

    # Pointer and keys

    def _value_at(self, point: QPointF) -> float | None:
        area, x, _ = self.layout_in(QRectF(self.rect()))
        if self.is_empty() or not area.adjusted(-GRID, -GRID, GRID, GRID).contains(point):
            return None
        return x.value(min(1.0, max(0.0, (point.x() - area.left()) / area.width())))

    def _hover_at(self, at: float | None) -> None:
        if at != self._hover or not self._hover_is_own:
            self._hover, self._hover_is_own = at, True
            told = None if at is None else self.readout(at)
            self.setAccessibleDescription("" if told is None else told.text)
            self.hovered.emit(None if at is None else round(at))
            self.refresh()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        pressed = self._pressed if self.can_zoom else None
        if pressed is not None and (self._dragged is not None or abs(point.x() - pressed.x()) > _DRAG):
            self._dragged = point
            self.refresh()
        value = self._value_at(point)
        self._hover_at(None if value is None else self.nearest(value))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._value_at(event.position()) is not None:
            self._pressed, self._dragged = event.position(), None
        else:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, dragged = self._pressed, self._dragged
        self._pressed = self._dragged = None
        if pressed is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if dragged is not None:
            area, x, _ = self.layout_in(QRectF(self.rect()))
            places = sorted(min(1.0, max(0.0, (p.x() - area.left()) / area.width())) for p in (pressed, dragged))
            self.set_zoom((x.value(places[0]), x.value(places[1])))
        elif self._hover is not None:
            self.picked.emit(round(self._hover))
        self.refresh()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.set_zoom(None)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_at(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The page scrolls away below the pointer: what it told of this place is over."""
        self._hover_at(None)
        event.ignore()

    def hideEvent(self, event: QHideEvent) -> None:
        self._hover_at(None)
        bubble_of(self).leave(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape and (self._hover is not None or self._zoom is not None):
            self.set_zoom(None)
            self._hover_at(None)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End) and not self.is_empty():
            self._hover_at(self._key_target(Qt.Key(key)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._hover is not None:
            self.picked.emit(round(self._hover))
        else:
            super().keyPressEvent(event)

    def _key_target(self, key: Qt.Key) -> float | None:
        area, x, _ = self.layout_in(QRectF(self.rect()))
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End) or self._hover is None:
            return self.nearest(x.high if key in (Qt.Key.Key_End, Qt.Key.Key_Left) else x.low)
        sign = 1 if key == Qt.Key.Key_Right else -1
        for pixels in (1.0, 4.0, 16.0, area.width()):  # the next place with values may be further than a pixel
            step = max(1.0, abs(x.high - x.low) * pixels / area.width())
            found = self.nearest(min(max(self._hover + sign * step, min(x.low, x.high)), max(x.low, x.high)))
            if found is not None and found != self._hover:
                return found
        return self._hover

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        self.update()
