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
        self._drawn: tuple[tuple[object, ...], QImage] | None = None
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
        gap = max(1.0, count / max(1, most) / 1.5)
        kept = [tick for tick in inner if tick == round(tick) and gap < tick < count - gap]
        return [(tick, tick_text(tick)) for tick in sorted({1.0, float(count), *kept})]

    def right_margin(self, metrics: QFontMetricsF) -> float:
        texts = [tick_text(tick) for tick in (self.scale.low, self.scale.high)]
        return 2.5 * GRID + _BAR + max(metrics.horizontalAdvance(text) for text in texts)

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(area, self._image(area, painter.device().devicePixelRatio(), x))

    def draw_beside(self, painter: QPainter, area: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        bar = QRectF(area.right() + 1.5 * GRID, area.top(), _BAR, area.height())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(bar, image_from(np.ascontiguousarray(lut(self._colour_map)[::-1, None])))
        painter.setPen(QPen(colour("quiet")))
        scale = self.scale
        ends = {scale.low, scale.high}
        inner = set(scale.ticks(max(2, int(area.height() / (2.2 * metrics.height())))))
        far = [tick for tick in inner if 0.12 < scale.place_one(tick) < 0.88]
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
        ratio = painter.device().devicePixelRatio()
        ink = QPen(colour("text"), 1 / ratio)
        painter.setPen(ink)
        place = area.left() + x.place_one(at) * area.width()
        painter.drawLine(QPointF(place, area.top()), QPointF(place, area.bottom()))
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
            name = f"{name} · {self._labels[self._hover_row]}"
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

    def _image(self, area: QRectF, ratio: float, x: Axis) -> QImage:
        width = max(1, round(area.width() * ratio))
        height = min(self._columns.blocks, max(1, round(area.height() * ratio)))
        inks = (_ink("ground"), _ink("plain"))
        key = (id(self._columns), self._columns.version, x, width, height, self.scale, self._colour_map, inks)
        if self._drawn is None or self._drawn[0] != key:
            pixels = pixels_of(self._columns, x, self.scale, self._colour_map, (width, height), inks)
            self._drawn = (key, image_from(pixels))
        return self._drawn[1]


Ink = tuple[int, int, int, int]


def _ink(token: str) -> Ink:
    found = colour(token)
    return found.red(), found.green(), found.blue(), 255


def pixels_of(
    columns: StepColumns, x: Axis, scale: Axis, colour_map: str, size: tuple[int, int], inks: tuple[Ink, Ink]
) -> NDArray[np.uint8]:
    """A table in colours, (height, width, 4) RGBA: where nothing is known, transparent.

    Args:
        columns: Not empty.
        x: Steps from the left edge to the right one.
        scale: Of the colours.
        size: (width, height) in pixels; height at most the number of blocks. Every pixel is the mean of what falls on
            it.
        inks: RGBA for zero, and for values that are not finite.
    """
    width, height = size
    edges = np.linspace(x.low, x.high, width + 1)
    begin = columns.span(0)[0] - 1
    known = (edges[1:] > begin) & (edges[:-1] < columns.lasts[-1])
    pixels = np.zeros((height, width, 4), np.uint8)
    if not known.any():
        return pixels
    starts = np.searchsorted(columns.lasts, edges[:-1][known], side="right")
    end = int(np.searchsorted(columns.lasts, edges[1:][known][-1], side="left")) + 1
    sums = np.add.reduceat(columns.sums[:end], starts, axis=0)
    counts = np.add.reduceat(columns.counts[:end], starts, axis=0)
    odd = np.add.reduceat(columns.rows[:end], starts)[:, None] > counts
    if height < columns.blocks:
        bands = np.arange(height) * columns.blocks // height
        sums, counts = np.add.reduceat(sums, bands, axis=1), np.add.reduceat(counts, bands, axis=1)
        odd = np.logical_or.reduceat(odd, bands, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
    place = scale.place(means)
    levels = np.nan_to_num(np.clip(place, 0, 1) * (LEVELS - 1)).round().astype(np.intp)
    colours = np.full((*means.shape, 4), 255, np.uint8)
    colours[..., :3] = lut(colour_map)[levels]
    colours[means <= 0] = inks[0]
    colours[odd] = inks[1]
    pixels[:, known] = colours.transpose(1, 0, 2)
    return pixels
