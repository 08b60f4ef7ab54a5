"""Errors over the depth of networks: what He et al. 2015 show in figure 6 and table 6. Depths stand evenly spaced."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.ui.charts.axes import Axis
from app.ui.charts.blocks import BlockChart, BlockSeries
from app.ui.charts.colours import series_colour
from app.ui.charts.frame import draw_line, points_in
from app.ui.charts.plot import Table
from app.ui.charts.readout import Readout, Row
from app.ui.drawing import number_text


class DepthChart(BlockChart):
    """Series over a few depths; a depth that a series lacks is NaN, and the line goes on to the next.

    Args:
        depths: Layers, in order.
    """

    def __init__(self, name: str, accessible_name: str, *, depths: tuple[int, ...], y_title: str, unit: str) -> None:
        super().__init__(name, accessible_name, y_title=y_title, unit=unit, log=False)
        self.x_title = self.tr("layers")
        self._depths = depths

    def count(self) -> int:
        return len(self._depths)

    def is_empty(self) -> bool:
        return not any(np.isfinite(series.values).any() for series in self._series.values())

    def x_axis(self) -> Axis:
        return Axis(0.75, self.count() + 0.25)

    def x_ticks(self, x: Axis, most: int) -> list[tuple[float, str]]:
        return [(float(place), str(depth)) for place, depth in enumerate(self._depths, 1)]

    def readout(self, at: float) -> Readout | None:
        place = min(max(round(at), 1), self.count()) - 1
        rows = []
        for series in self.shown():
            value = series.values[place] if len(series.values) else np.nan
            text = f"{number_text(value)} {self.y_unit}".strip() if np.isfinite(value) else "–"
            rows.append(Row(series.entry.colour, series.entry.label, text))
        return Readout(self.tr("{0} layers").format(self._depths[place]), tuple(rows)) if rows else None

    def table(self) -> Table:
        found = super().table()
        columns: list[NDArray[Any]] = [np.array(self._depths), *found.columns[1:]]
        return Table(("layers", *found.header[1:]), tuple(columns))

    def draw_series(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, series: BlockSeries) -> None:
        known = np.flatnonzero(np.isfinite(series.values))
        if not known.size:
            return
        px, py = points_in(area, x, y, known + 1.0, series.values[known])
        ink = series_colour(series.entry.colour)
        if known.size > 1:
            draw_line(painter, px, py, ink, bold=True, dashed=series.entry.dashed)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        for place, height in zip(px.tolist(), py.tolist(), strict=True):
            painter.drawEllipse(QPointF(place, height), 3.5, 3.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
