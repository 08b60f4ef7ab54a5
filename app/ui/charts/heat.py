"""Every block at every step as colours; two maps can share one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLocale, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.core.records import BlockInfo
from app.render.colormaps import DEFAULT, LEVELS, lut
from app.ui.charts.axes import Axis, log_axis, tick_text
from app.ui.charts.columns import StepColumns
from app.ui.charts.frame import draw_crosshair
from app.ui.charts.plot import Plot, Table
from app.ui.charts.readout import Readout, Row
from app.ui.drawing import image_from, number_text
from app.ui.theme import colour
from app.ui.tokens import GRID

_BAR = 10.0  # width of the colour bar


class SharedScale(QObject):
    """The range of colours of several maps: always around the values of all of them, so that colours compare.

    Signals:
        changed(): the range is another one.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ranges: dict[object, tuple[float, float]] = {}
        self._axis = log_axis(math.nan, math.nan)

    @property
    def axis(self) -> Axis:
        """From the least to the greatest positive value of all maps, logarithmic, with round ends."""
        return self._axis

    def report(self, who: object, low: float, high: float) -> None:
        """A map's own range of positive values; NaN where it has none."""
        if math.isfinite(low) and math.isfinite(high):
            self._ranges[who] = (low, high)
        else:
            self._ranges.pop(who, None)
        lows, highs = zip(*self._ranges.values(), strict=True) if self._ranges else ((math.nan,), (math.nan,))
        axis = log_axis(min(lows), max(highs))
        if axis != self._axis:
            self._axis = axis
            self.changed.emit()


class StepHeatMap(Plot):
    """Block × step: the first block on top, steps to the right, colours on a logarithmic scale.

    A pixel is the mean of the steps that fall on it. Values that no logarithm takes are not dropped: not finite in the
    warning colour, zero in the colour of the ground.

    Args:
        value_title: What is measured ("gradient norm").
        scale: Shared with another map; None for one of its own.
        colour_map: A name of `app.render.colormaps`.
    """

    can_zoom = True
    hairlines = False

    def __init__(
        self,
        name: str,
        accessible_name: str,
        *,
        value_title: str,
        scale: SharedScale | None = None,
        x_title: str = "",
        colour_map: str = DEFAULT,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, accessible_name, x_title=x_title, parent=parent)
        if not x_title:
            self.x_title = self.tr("step")
        self.value_title = value_title
        self._colour_map = colour_map
        self._columns = StepColumns()
        self._labels: tuple[str, ...] = ()
        self._total = 0
        self._hover_row = 0
        self._drawn: tuple[tuple[object, ...], tuple[int, QImage]] | None = None
        self._scale: SharedScale | None = None
        self.set_scale(scale)

    def set_scale(self, scale: SharedScale | None) -> None:
        """Share a scale with other maps, or have one of its own (None)."""
        if self._scale is not None:
            self._scale.changed.disconnect(self.refresh)
            self._scale.report(self, math.nan, math.nan)
        self._scale = scale or SharedScale(self)
        self._scale.changed.connect(self.refresh)
        self.refresh_columns()

    @property
    def scale(self) -> Axis:
        """The range of the colours."""
        return self._scale.axis if self._scale is not None else log_axis(math.nan, math.nan)

    def append(self, steps: NDArray[Any], values: NDArray[Any]) -> None:
        """Add rows (n, B) with their steps (n,), later than all before.

        Raises:
            ValueError: where the number of blocks changed, or lengths differ.
        """
        self._columns.append(np.asarray(steps, np.int64), values)
        self.refresh_columns()

    def cut(self, after: int) -> None:
        """Forget what came after a step: the run was resumed from there."""
        self._columns.cut(after)
        self.refresh_columns()

    def clear(self) -> None:
        """Forget everything."""
        self.show_columns(StepColumns())

    def show_columns(self, columns: StepColumns) -> None:
        """Show a table that somebody else fills (`RunData.columns`): call `refresh_columns` when it has grown."""
        self._columns = columns
        self._hover = None
        self.refresh_columns()

    def refresh_columns(self) -> None:
        """The table given to `show_columns` has changed."""
        if self._scale is not None:
            self._scale.report(self, self._columns.low, self._columns.high)
        self.refresh()

    def set_blocks(self, blocks: Sequence[BlockInfo]) -> None:
        """Name the blocks in the readout."""
        self._labels = tuple(block.label for block in blocks)

    def set_total(self, steps: int) -> None:
        """How many steps there will be: the x-axis reaches there at least. 0 where nobody knows."""
        if steps != self._total:
            self._total = steps
            self.refresh()

    def set_colour_map(self, name: str) -> None:
        """Use another colour map of `app.render.colormaps`."""
        self._colour_map = name
        self.refresh()

    # What the base asks

    def is_empty(self) -> bool:
        return len(self._columns) == 0

    def x_axis(self) -> Axis:
        if self._zoom is not None:
            return Axis(*self._zoom)
        return Axis(0.0, float(max(int(self._columns.lasts[-1]) if len(self._columns) else 1, self._total, 1)))

    def y_axis(self, x: Axis) -> Axis:
        return Axis(self._columns.blocks + 0.5, 0.5)

    def y_ticks(self, y: Axis, most: int) -> list[tuple[float, str]]:
        count = self._columns.blocks
        inner = Axis(1.0, float(max(2, count))).ticks(most)
        gap = max(1.0, 0.9 * count / max(1, most - 1))
        kept = [tick for tick in inner if tick == round(tick) and gap < tick < count - gap]
        return [(tick, tick_text(tick)) for tick in sorted({1.0, float(count), *kept})]

    def right_margin(self, metrics: QFontMetricsF) -> float:
        texts = [tick_text(tick) for tick in (self.scale.low, self.scale.high)]
        return 2.5 * GRID + _BAR + max(metrics.horizontalAdvance(text) for text in texts)

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        ratio = painter.device().devicePixelRatio()
        left, image = self._image(area, ratio, x)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        place = QRectF(area.left() + left / ratio, area.top(), image.width() / ratio, area.height())
        painter.drawImage(place, image)

    def draw_beside(self, painter: QPainter, area: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        bar = QRectF(area.right() + 1.5 * GRID, area.top(), _BAR, area.height())
        painter.save()
        rows = np.linspace(LEVELS - 1, 0, max(2, round(bar.height() * painter.device().devicePixelRatio())))
        painter.drawImage(bar, image_from(np.ascontiguousarray(lut(self._colour_map)[rows.astype(np.intp), None])))
        painter.setPen(QPen(colour("quiet")))
        scale = self.scale
        ends = {scale.low, scale.high}
        inner = set(scale.ticks(max(2, int(area.height() / (2.2 * metrics.height())))))
        gap = 1.3 * metrics.height() / bar.height()
        far = [tick for tick in inner if gap < scale.place_one(tick) < 1 - gap]
        for value in [*ends, *far]:
            height = bar.bottom() - scale.place_one(value) * bar.height()
            height = min(max(height, bar.top() + metrics.height() / 2 - 2), bar.bottom() - metrics.height() / 2 + 2)
            painter.drawText(
                QPointF(bar.right() + GRID / 2, height + metrics.ascent() / 2 - 1), tick_text(float(f"{value:.3g}"))
            )
        painter.restore()

    def draw_hover(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, at: float) -> None:
        column = self._columns.at(at)
        if column is None:
            return
        draw_crosshair(painter, area, area.left() + x.place_one(at) * area.width(), "text")
        if self._hover_is_own:
            row = area.height() / max(1, self._columns.blocks)
            top = area.top() + self._hover_row * row
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(area.left(), top, area.width(), max(row, 2.0)))

    def nearest(self, at: float) -> float | None:
        if self.is_empty():
            return None
        first, last = self._columns.span(0)[0], int(self._columns.lasts[-1])
        return float(min(max(round(at), first), last))

    def readout(self, at: float) -> Readout | None:
        column = self._columns.at(at)
        if column is None or not 0 <= self._hover_row < self._columns.blocks:
            return None
        first, last = self._columns.span(column)
        locale = QLocale()
        title = self.tr("step {0}").format(locale.toString(last))
        if first != last:
            title = self.tr("mean of steps {0} to {1}").format(locale.toString(first), locale.toString(last))
        count = int(self._columns.counts[column, self._hover_row])
        text = number_text(self._columns.sums[column, self._hover_row] / count) if count else self.tr("not finite")
        missing = int(self._columns.rows[column]) - count
        if count and missing:
            text = self.tr("{0} · {1} not finite").format(text, missing)
        name = self.tr("block {0}").format(self._hover_row + 1)
        if self._hover_row < len(self._labels):
            name = f"{self._labels[self._hover_row]} · {name}"
        return Readout(title, (Row("", name, ""), Row("", self.value_title, text)))

    def table(self) -> Table:
        blocks = range(self._columns.blocks)
        names = [self._labels[n] if n < len(self._labels) else str(n + 1) for n in blocks]
        header = ("last step", "steps", *(f"{n + 1} {name}: {self.value_title}" for n, name in enumerate(names)))
        means = self._columns.means
        return Table(
            header, (self._columns.lasts.copy(), self._columns.rows.copy(), *(means[:, block] for block in blocks))
        )

    # Pointer and keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        area, _, _ = self.layout_in(QRectF(self.rect()))
        if self._columns.blocks and area.height() > 0:
            place = (event.position().y() - area.top()) / area.height()
            self._set_row(math.floor(place * self._columns.blocks))
        super().mouseMoveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._hover is not None:
            self._set_row(self._hover_row + (1 if event.key() == Qt.Key.Key_Down else -1))
            self._hover_is_own = False  # so that the readout is told again
            self._hover_at(self._hover)
        else:
            super().keyPressEvent(event)

    def _set_row(self, row: int) -> None:
        row = min(max(0, row), max(0, self._columns.blocks - 1))
        if row != self._hover_row:
            self._hover_row = row
            self.refresh()

    # Inside

    def _image(self, area: QRectF, ratio: float, x: Axis) -> tuple[int, QImage]:
        size = max(1, round(area.width() * ratio)), max(1, round(area.height() * ratio))
        inks = (colour("ground").rgb(), colour("plain").rgb())
        key = (id(self._columns), self._columns.version, x, size, self.scale, self._colour_map, inks)
        if self._drawn is None or self._drawn[0] != key:
            left, pixels = pixels_of(self._columns, x, self.scale, self._colour_map, size, inks)
            image = QImage(pixels.data, pixels.shape[1], pixels.shape[0], QImage.Format.Format_RGB32)
            self._drawn = (key, (left, image.copy()))  # the array goes, the picture stays
        return self._drawn[1]


def pixels_of(
    columns: StepColumns, x: Axis, scale: Axis, colour_map: str, size: tuple[int, int], inks: tuple[int, int]
) -> tuple[int, NDArray[np.uint32]]:
    """A table in colours: from which pixel on anything is known, and (height, known width) 0xffRRGGBB.

    Args:
        columns: Not empty.
        x: Steps from the left edge to the right one.
        scale: Of the colours.
        size: (width, height) in pixels. Every pixel is the mean of what falls on it.
        inks: For zero, and for values that are not finite.
    """
    width, height = size
    edges = np.linspace(x.low, x.high, width + 1)
    known = np.flatnonzero((edges[1:] > columns.span(0)[0] - 1) & (edges[:-1] < columns.lasts[-1]))
    if not len(known):
        return 0, np.empty((height, 0), np.uint32)
    first, last = int(known[0]), int(known[-1]) + 1
    starts = np.searchsorted(columns.lasts, edges[first:last], side="right")
    end = int(np.searchsorted(columns.lasts, edges[last], side="left")) + 1
    sums = np.add.reduceat(columns.sums[:end], starts, axis=0)
    counts = np.add.reduceat(columns.counts[:end], starts, axis=0)
    odd = np.add.reduceat(columns.rows[:end], starts)[:, None] > counts
    if height < columns.blocks:
        bands = np.arange(height) * columns.blocks // height
        sums, counts = np.add.reduceat(sums, bands, axis=1), np.add.reduceat(counts, bands, axis=1)
        odd = np.logical_or.reduceat(odd, bands, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
    levels = (np.fmax(np.fmin(scale.place(means), 1), 0) * (LEVELS - 1) + 0.5).astype(np.uint8)
    red, green, blue = (lut(colour_map)[:, channel].astype(np.uint32) for channel in range(3))
    colours = (red << 16 | green << 8 | blue | 0xFF000000)[levels]
    colours[means <= 0] = inks[0]
    colours[odd] = inks[1]
    rows = np.arange(height) * colours.shape[1] // height
    return first, np.ascontiguousarray(colours.T)[rows]
