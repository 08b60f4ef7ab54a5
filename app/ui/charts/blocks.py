"""A value for each block, first to last: gradient norms now, error per deleted block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.core.records import BlockInfo
from app.ui.charts.axes import Axis, linear_axis, log_axis, tick_text
from app.ui.charts.colours import series_colour
from app.ui.charts.frame import draw_line, draw_odd, points_in
from app.ui.charts.plot import Entry, Plot, Table
from app.ui.charts.readout import Readout, Row
from app.ui.drawing import number_text
from app.ui.theme import colour


@dataclass(eq=False)
class BlockSeries:
    """One series: what the legend shows of it, and its values."""

    entry: Entry
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


class BlockChart(Plot):
    """Series over blocks, numbered from 1.

    The y-axis holds every value that it can show. What it cannot (NaN, infinite; zero or less on a logarithmic axis) is
    marked by a triangle: on the lower edge, or on the upper one for +∞. The readout tells the value itself.

    Args:
        y_title: What is measured: in tables and for screen readers.
        unit: Behind values and ticks.
        log: Whether to begin with a logarithmic axis.
        reference: A value across all blocks, as a dashed line ("unchanged network"), or None: `set_reference`.
    """

    can_log = True

    def __init__(
        self,
        name: str,
        accessible_name: str,
        *,
        y_title: str,
        x_title: str = "",
        unit: str = "",
        log: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, accessible_name, x_title=x_title, parent=parent)
        if not x_title:
            self.x_title = self.tr("block, first to last")
        self.y_title, self.y_unit, self.log = y_title, unit, log
        self._series: dict[str, BlockSeries] = {}
        self._labels: tuple[str, ...] = ()
        self._borders: tuple[float, ...] = ()
        self._reference: tuple[float, str] | None = None
        self._limits: tuple[float, float] | None = None

    def add_series(self, key: str, label: str, *, colour: str, dashed: bool = False) -> None:
        """Add a series, or give an existing one another label and colour."""
        old = self._series.get(key)
        entry = Entry(key, label, colour, dashed, old.entry.visible if old else True)
        self._series[key] = BlockSeries(entry, old.values) if old else BlockSeries(entry)
        self.entries_changed.emit()
        self.refresh()

    def remove_series(self, key: str) -> None:
        """Take a series away; one that is not there is no error."""
        if self._series.pop(key, None) is not None:
            self.entries_changed.emit()
            self.refresh()

    def clear(self) -> None:
        """Take everything away."""
        self._series.clear()
        self._hover = None
        self.entries_changed.emit()
        self.refresh()

    def set_values(self, key: str, values: NDArray[Any]) -> None:
        """Show values (B,), one per block; an empty array takes them away."""
        self._series[key].values = np.asarray(values, np.float64)
        self.refresh()

    def set_blocks(self, blocks: Sequence[BlockInfo]) -> None:
        """Name the blocks in the readout, and draw a hairline where a stage begins."""
        self._labels = tuple(block.label for block in blocks)
        self._borders = tuple(
            place + 1.5 for place, (one, two) in enumerate(pairwise(blocks)) if one.stage != two.stage
        )
        self.refresh()

    def set_reference(self, value: float | None, label: str = "") -> None:
        """Draw a dashed line across all blocks; None for none."""
        self._reference = None if value is None else (value, label)
        self.refresh()

    def set_limits(self, limits: tuple[float, float] | None) -> None:
        """Let the y-axis hold at least this range, so that scrubbing through time does not make it jump."""
        self._limits = limits
        self.refresh()

    def set_visible(self, key: str, visible: bool) -> None:
        series = self._series[key]
        if series.entry.visible != visible:
            series.entry = replace(series.entry, visible=visible)
            self.entries_changed.emit()
            self.refresh()

    # What the base asks

    def entries(self) -> list[Entry]:
        return [series.entry for series in self._series.values()]

    def is_empty(self) -> bool:
        return self.count() == 0

    def x_axis(self) -> Axis:
        count = self.count()
        return Axis(1.0, float(count)) if count > 1 else Axis(0.5, 1.5)

    def y_axis(self, x: Axis) -> Axis:
        values = [one.values for one in self.shown()]
        extra = [self._reference[0]] if self._reference else []
        extra += self._limits or ()
        every = np.concatenate([*values, np.array(extra)]) if values or extra else np.empty(0)
        every = every[self._drawable(every)]
        low, high = (float(every.min()), float(every.max())) if every.size else (math.nan, math.nan)
        if self.log:
            return log_axis(low, high)
        return linear_axis(low, high, zero=low >= 0, ceiling=100.0 if self.y_unit == "%" else None)

    def x_ticks(self, x: Axis, most: int) -> list[tuple[float, str]]:
        ticks = [tick for tick in x.ticks(most) if tick == round(tick) and tick >= 1]
        near = (x.high - x.low) * 0.04
        ends = [1.0, float(self.count())]
        kept = [tick for tick in ticks if all(abs(tick - end) > near for end in ends)]
        return [(tick, tick_text(tick)) for tick in sorted({*kept, *ends})]

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        ratio = painter.device().devicePixelRatio()
        painter.setPen(QPen(colour("line"), 1 / ratio, Qt.PenStyle.DashLine))
        for border in self._borders:
            place = area.left() + x.place_one(border) * area.width()
            painter.drawLine(QLineF(place, area.top(), place, area.bottom()))
        if self._reference is not None:
            painter.setPen(QPen(colour("quiet"), 1, Qt.PenStyle.DashLine))
            height = area.bottom() - y.place_one(self._reference[0]) * area.height()
            painter.drawLine(QLineF(area.left(), height, area.right(), height))
        for series in self.shown():
            self.draw_series(painter, area, x, y, series)

    def draw_hover(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, at: float) -> None:
        super().draw_hover(painter, area, x, y, at)
        painter.setPen(QPen(colour("panel"), 1.5))
        for series in self.shown():
            values = series.values[round(at) - 1 : round(at)]
            if len(values) and self._drawable(values)[0]:
                px, py = points_in(area, x, y, np.array([at]), values)
                painter.setBrush(series_colour(series.entry.colour))
                painter.drawEllipse(QPointF(px[0], py[0]), 4.0, 4.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def nearest(self, at: float) -> float | None:
        return None if self.is_empty() else float(min(max(1, round(at)), self.count()))

    def readout(self, at: float) -> Readout | None:
        place = round(at) - 1
        rows = []
        for series in self.shown():
            text = "–"
            if 0 <= place < len(series.values):
                text = f"{number_text(series.values[place])} {self.y_unit}".strip()
            rows.append(Row(series.entry.colour, series.entry.label, text))
        if self._reference is not None and self._reference[1]:
            rows.append(Row("quiet", self._reference[1], f"{number_text(self._reference[0])} {self.y_unit}".strip()))
        title = self.tr("block {0} of {1}").format(place + 1, self.count())
        if 0 <= place < len(self._labels):
            title = f"{self._labels[place]} · {title}"
        return Readout(title, tuple(rows)) if rows else None

    def table(self) -> Table:
        count = self.count()
        shown = [one for one in self.shown() if len(one.values)]
        columns: list[NDArray[Any]] = [np.arange(1, count + 1)]
        header = ["block"]
        if len(self._labels) >= count:
            header.append("name")
            columns.append(np.array(self._labels[:count]))
        for series in shown:
            column = np.full(count, np.nan)
            column[: len(series.values)] = series.values
            columns.append(column)
            header.append(f"{series.entry.label}: {self.y_title}" + (f" ({self.y_unit})" if self.y_unit else ""))
        return Table(tuple(header), tuple(columns))

    # Inside

    def shown(self) -> list[BlockSeries]:
        """The visible series."""
        return [series for series in self._series.values() if series.entry.visible]

    def count(self) -> int:
        """How many blocks there are."""
        return max((len(series.values) for series in self._series.values()), default=0)

    def _drawable(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        finite: NDArray[np.bool_] = np.isfinite(values)
        return finite & (values > 0) if self.log else finite

    def draw_series(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, series: BlockSeries) -> None:
        """Paint one series, with a mark for each value that the axis cannot show."""
        values = series.values
        if not len(values):
            return
        drawable = self._drawable(values)
        blocks = np.arange(1, len(values) + 1, dtype=np.float64)
        px, py = points_in(area, x, y, blocks, np.where(drawable, values, np.nan))
        if len(px) > 1:
            draw_line(painter, px, py, series_colour(series.entry.colour), bold=True, dashed=series.entry.dashed)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(series_colour(series.entry.colour))
        alone = drawable & ~np.append(False, drawable[:-1]) & ~np.append(drawable[1:], False)
        dots = drawable if len(px) * 9 <= area.width() else alone
        for place, height in zip(px[dots].tolist(), py[dots].tolist(), strict=True):
            painter.drawEllipse(QPointF(place, height), 2.5, 2.5)
        draw_odd(painter, area, px[~drawable], values[~drawable] == math.inf, series_colour(series.entry.colour))
        painter.setBrush(Qt.BrushStyle.NoBrush)
