"""The confusion matrix as a picture: zoom, hover, and a click on a cell to see its pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.charts.plot import Table
from app.ui.drawing import KEYBOARD_REASONS, SMALL, WHEEL_STEP, elided, image_from, luminance, resized, tabular
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

_LEAST = 4.0  # cells across at the closest
_TEXT_FROM = 26.0  # pixels of a cell from which its number is written into it
_NAME_FROM = 11.0  # pixels of a row from which classes are named
_LONGEST = 13 * GRID
_STEP = 1.2
_ARROWS = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0)}


class ConfusionMatrix(QWidget):
    """Rows are the true classes, columns what the model said; the colour is the share of its row.

    The wheel zooms, dragging moves, a double-click shows everything. Arrows move the chosen cell, + and − zoom, Enter
    shows its pictures.

    Signals:
        cell_chosen(true, called): a click on a cell that is not empty.
    """

    cell_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confusionMatrix")
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._labels: tuple[str, ...] = ()
        self._indices: tuple[int, ...] = ()
        self._shares: NDArray[np.float64] = np.zeros((0, 0))
        self._image: QImage | None = None
        self._left = self._top = 0.0  # of the view, in cells
        self._across = 1.0  # how many cells fit
        self._cell: tuple[int, int] | None = None
        self._pressed: QPointF | None = None
        self._dragged = False
        self._ring = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self._recolour)
        self._describe()

    def set_matrix(self, counts: NDArray[Any] | None, labels: tuple[str, ...]) -> None:
        """Show (C, C) counts; classes without a picture and without an answer are left out."""
        counts = np.zeros((0, 0), np.int64) if counts is None else counts
        there = np.flatnonzero(counts.sum(0) + counts.sum(1))
        self._indices = tuple(int(index) for index in there)
        self._counts = counts[np.ix_(there, there)]
        self._labels = tuple(labels[index] for index in self._indices)
        self._shares = self._counts / np.maximum(self._counts.sum(1, keepdims=True), 1)
        self._cell = None
        self._recolour()
        self.show_all()

    @property
    def size_in_classes(self) -> int:
        """How many classes are shown."""
        return len(self._labels)

    def show_all(self) -> None:
        """Zoom out to the whole matrix."""
        self._left = self._top = 0.0
        self._across = float(max(1, len(self._labels)))
        self._describe()
        self.update()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Zoom in (factor above 1) or out, keeping what is under a point of the widget in its place."""
        area = self.area()
        at = at or area.center()
        share_x = min(1.0, max(0.0, (at.x() - area.left()) / area.width()))
        share_y = min(1.0, max(0.0, (at.y() - area.top()) / area.height()))
        cell_x, cell_y = self._left + share_x * self._across, self._top + share_y * self._across
        count = float(max(1, len(self._labels)))
        self._across = min(count, max(min(_LEAST, count), self._across / factor))
        self._move_to(cell_x - share_x * self._across, cell_y - share_y * self._across)

    @property
    def across(self) -> float:
        """How many cells fit into the width."""
        return self._across

    def table(self) -> Table:
        """The counts, one row per true class."""
        columns = [np.array(self._labels), *self._counts.T]
        return Table(("class \\ called", *self._labels), tuple(columns))

    def sizeHint(self) -> QSize:
        return QSize(52 * GRID, 52 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(30 * GRID, 34 * GRID)

    def area(self) -> QRectF:
        """Where the cells are: a square."""
        metrics = QFontMetricsF(self._font())
        names = max((metrics.horizontalAdvance(label) for label in self._labels), default=0.0)
        left = min(names, _LONGEST) + GRID + metrics.height() + GRID / 2 if self._labels else 0.0
        top = metrics.height() + GRID / 2
        bottom = min(names, _LONGEST) * 0.75 + GRID
        side = max(40.0, min(self.width() - left - 1, self.height() - top - bottom))
        spare = max(0.0, (self.width() - left - side - min(names, _LONGEST) / 2) / 2)
        return QRectF(left + spare, top, side, side)

    def cell_at(self, place: QPointF) -> tuple[int, int] | None:
        """(true, called) as places among the shown classes; None outside."""
        area = self.area()
        if not self._labels or not area.contains(place):
            return None
        size = area.width() / self._across
        row = int(self._top + (place.y() - area.top()) / size)
        column = int(self._left + (place.x() - area.left()) / size)
        count = len(self._labels)
        return (row, column) if 0 <= row < count and 0 <= column < count else None

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is."""
        area = self.area()
        size = area.width() / self._across
        return QRectF(area.left() + (column - self._left) * size, area.top() + (row - self._top) * size, size, size)

    def words(self, cell: tuple[int, int]) -> str:
        """What a cell says."""
        row, column = cell
        count, total = int(self._counts[row, column]), int(self._counts[row].sum())
        share = 100 * count / total if total else 0.0
        if row == column:
            return self.tr("{0}: {1:,} of {2:,} right ({3:.1f} %)").format(self._labels[row], count, total, share)
        text = self.tr("{0} called {1}: {2:,} of {3:,} ({4:.1f} %)")
        return text.format(self._labels[row], self._labels[column], count, total, share)

    # --- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self.draw(painter, QRectF(self.rect()))

    def draw(self, painter: QPainter, rect: QRectF) -> None:
        """Paint it, on the screen or into a picture of the widget's own size."""
        painter.setFont(self._font())
        if self._image is None:
            painter.setPen(colour("quiet"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.tr("Nothing is evaluated yet"))
            return
        area = self.area()
        painter.save()
        painter.setClipRect(area)
        size = area.width() / self._across
        whole = QRectF(
            area.left() - self._left * size,
            area.top() - self._top * size,
            size * len(self._labels),
            size * len(self._labels),
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, size < 1)
        painter.drawImage(whole, self._image)
        if size > 6:
            painter.setPen(QPen(colour("panel"), 1))
            for place in range(len(self._labels) + 1):
                x, y = whole.left() + place * size, whole.top() + place * size
                painter.drawLine(QLineF(x, area.top(), x, area.bottom()))
                painter.drawLine(QLineF(area.left(), y, area.right(), y))
        if size >= _TEXT_FROM:
            self._draw_numbers(painter, size)
        if self._cell is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(colour("text"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.cell_rect(*self._cell).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.restore()
        self._draw_names(painter, area, size)
        if self._ring:
            painter.setPen(QPen(colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(-1.5, -1.5, 1.5, 1.5))

    def _draw_numbers(self, painter: QPainter, size: float) -> None:
        metrics = QFontMetricsF(painter.font())
        first_row, first_column = int(self._top), int(self._left)
        shown = int(self._across) + 2
        for row in range(first_row, min(len(self._labels), first_row + shown)):
            for column in range(first_column, min(len(self._labels), first_column + shown)):
                count = int(self._counts[row, column])
                text = f"{count:,}"
                if count and metrics.horizontalAdvance(text) < size - 2:
                    rgb = self._image.pixelColor(column, row) if self._image else colour("panel")
                    light = luminance(rgb) > 0.3
                    dark = luminance(colour("text")) < luminance(colour("panel"))
                    painter.setPen(colour("text" if light == dark else "panel"))
                    painter.drawText(self.cell_rect(row, column), Qt.AlignmentFlag.AlignCenter, text)

    def _draw_names(self, painter: QPainter, area: QRectF, size: float) -> None:
        metrics = QFontMetricsF(painter.font())
        painter.setPen(colour("quiet"))
        names = max((metrics.horizontalAdvance(label) for label in self._labels), default=0.0)
        room = min(names, _LONGEST)
        head = QRectF(area.left(), 0, area.width(), metrics.height())
        painter.drawText(head, Qt.AlignmentFlag.AlignCenter, self.tr("what the model said"))
        painter.save()
        painter.translate(area.left() - room - metrics.height() - GRID, area.bottom())
        painter.rotate(-90)
        side = QRectF(0, 0, area.height(), metrics.height())
        painter.drawText(side, Qt.AlignmentFlag.AlignCenter, self.tr("true class"))
        painter.restore()
        every, every_column = name_step(size, metrics.height()), name_step(size, metrics.height(), slanted=True)
        for place in range(len(self._labels)):
            middle = area.top() + (place + 0.5 - self._top) * size
            chosen = self._cell is not None and self._cell[0] == place
            if place % every == 0 and area.top() - 1 <= middle <= area.bottom() + 1:
                painter.setPen(colour("text" if chosen else "quiet"))
                row = QRectF(area.left() - room - GRID / 2, middle - metrics.height() / 2, room, metrics.height())
                painter.drawText(
                    row,
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    elided(self._labels[place], metrics, room),
                )
            middle = area.left() + (place + 0.5 - self._left) * size
            if place % every_column == 0 and area.left() - 1 <= middle <= area.right() + 1:
                chosen = self._cell is not None and self._cell[1] == place
                painter.setPen(colour("text" if chosen else "quiet"))
                painter.save()
                painter.translate(middle, area.bottom() + GRID / 2)
                painter.rotate(45)
                depth = (self.height() - area.bottom()) * 1.3
                painter.drawText(QPointF(0, metrics.ascent() / 2), elided(self._labels[place], metrics, depth))
                painter.restore()

    def _recolour(self) -> None:
        """A sequential colour from the panel to the accent, by the square root of the share: rare cells show."""
        if not len(self._labels):
            self._image = None
            self.update()
            return
        low, high = colour("raised"), colour("accent")
        ends = np.array([[low.red(), low.green(), low.blue()], [high.red(), high.green(), high.blue()]], np.float64)
        weight = np.sqrt(self._shares)[..., None]
        pixels = np.round(ends[0] + weight * (ends[1] - ends[0])).astype(np.uint8)
        wrong = colour("plain")
        hot = np.array([wrong.red(), wrong.green(), wrong.blue()], np.float64)
        errors = np.round(ends[0] + weight * (hot - ends[0])).astype(np.uint8)
        off = ~np.eye(len(self._labels), dtype=bool)
        pixels[off] = errors[off]
        self._image = image_from(np.ascontiguousarray(pixels))
        self.update()

    def _font(self) -> Any:
        return tabular(resized(self.font(), SMALL))

    # --- the user

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(QPointF(event.pos()))
            if cell is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.words(cell), self)
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._handles(event):
            event.accept()
            return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._labels or not (self.hasFocus() or event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            event.ignore()  # the page scrolls; a click makes the wheel the matrix's
            return
        self.zoom(_STEP ** (event.angleDelta().y() / WHEEL_STEP), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed, self._dragged, self._ring = event.position(), False, False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            moved = event.position() - self._pressed
            if self._dragged or moved.manhattanLength() > 6:
                self._dragged = True
                size = self.area().width() / self._across
                self._move_to(self._left - moved.x() / size, self._top - moved.y() / size)
                self._pressed = event.position()
            return
        self._set_cell(self.cell_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and not self._dragged and event.button() == Qt.MouseButton.LeftButton:
            self._set_cell(self.cell_at(event.position()))
            self._choose()
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.show_all()

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._set_cell(None)

    def _handles(self, event: QKeyEvent) -> bool:
        keys = (*_ARROWS, Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier)
        return plain and bool(self._labels) and Qt.Key(event.key()) in keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handles(event):
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        if key in _ARROWS:
            row, column = self._cell or (0, 0)
            down, right = _ARROWS[key] if self._cell is not None else (0, 0)
            last = len(self._labels) - 1
            self._set_cell((min(last, max(0, row + down)), min(last, max(0, column + right))))
            self._bring_into_sight()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            at = self.cell_rect(*self._cell).center() if self._cell is not None else None
            self.zoom(_STEP if key == Qt.Key.Key_Plus else 1 / _STEP, at)
        else:
            self._choose()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        self.update()

    def _choose(self) -> None:
        if self._cell is not None and self._counts[self._cell] > 0:
            row, column = self._cell
            self.cell_chosen.emit(self._indices[row], self._indices[column])

    def _set_cell(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cell:
            self._cell = cell
            self._describe()
            self.update()

    def _bring_into_sight(self) -> None:
        assert self._cell is not None
        row, column = self._cell
        left = min(max(self._left, column + 1 - self._across), column)
        self._move_to(left, min(max(self._top, row + 1 - self._across), row))

    def _move_to(self, left: float, top: float) -> None:
        most = max(0.0, len(self._labels) - self._across)
        self._left, self._top = min(most, max(0.0, left)), min(most, max(0.0, top))
        self.update()

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Confusion matrix"))
        if self._cell is not None:
            self.setAccessibleDescription(self.words(self._cell))
        elif self._labels:
            self.setAccessibleDescription(self.tr("{0} classes").format(len(self._labels)))
        else:
            self.setAccessibleDescription(self.tr("Nothing is evaluated yet"))


def name_step(size: float, height: float, *, slanted: bool = False) -> int:
    """Every how many cells of `size` pixels a name of that height has room; below the columns they lean by 45°."""
    room = height * 2**0.5 if slanted else max(_NAME_FROM, height * 0.9)
    return max(1, int(np.ceil(room / size)))
