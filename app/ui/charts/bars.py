"""Bars for each block against a line for the unchanged network; and the reliability diagram of a calibration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.charts.axes import Axis
from app.ui.charts.blocks import BlockChart, BlockSeries
from app.ui.charts.colours import RESIDUAL, series_colour
from app.ui.charts.frame import draw_odd
from app.ui.charts.plot import Plot, Table
from app.ui.charts.readout import Readout, Row
from app.ui.drawing import number_text
from app.ui.theme import colour

_FILLED = 0.8  # share of a bar's place that it fills


class BarChart(BlockChart):
    """Like `BlockChart`, with bars that stand on zero: error per deleted block, with `set_reference` for the error of
    the whole network. Values that are not finite are marked.
    """

    can_log = False

    def __init__(
        self,
        name: str,
        accessible_name: str,
        *,
        y_title: str,
        x_title: str = "",
        unit: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, accessible_name, y_title=y_title, x_title=x_title, unit=unit, log=False, parent=parent)

    def x_axis(self) -> Axis:
        return Axis(0.5, max(1, self.count()) + 0.5)

    def y_axis(self, x: Axis) -> Axis:
        axis = super().y_axis(x)
        return Axis(min(0.0, axis.low), max(0.0, axis.high))

    def draw_series(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, series: BlockSeries) -> None:
        shown = self.shown()
        width = _FILLED * area.width() / max(1, self.count()) / len(shown)
        offset = (shown.index(series) - len(shown) / 2) * width
        zero = area.bottom() - y.place_one(0.0) * area.height()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(series_colour(series.entry.colour, 0.85))
        finite = np.isfinite(series.values)
        places = area.left() + x.place(np.arange(1, len(series.values) + 1)) * area.width() + offset
        heights = area.bottom() - y.place(np.where(finite, series.values, 0)) * area.height()
        gap = 1.0 if width > 4 else 0.0
        for place, height in zip(places[finite].tolist(), heights[finite].tolist(), strict=True):
            painter.drawRect(QRectF(place, min(zero, height), max(1.0, width - gap), abs(zero - height)))
        infinite = series.values == math.inf
        draw_odd(painter, area, places[~finite] + width / 2, infinite[~finite], series_colour(series.entry.colour))


class ReliabilityChart(Plot):
    """How often answers of a probability are right: bars of the accuracy in bins of the top probability, against the
    diagonal on which both would be equal.

    Args:
        name, accessible_name: As of every chart.
    """

    def __init__(self, name: str, accessible_name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible_name, x_title="", parent=parent)
        self.x_title = self.tr("probability of the first answer")
        self.y_unit = "%"
        self._edges = np.linspace(0, 1, 1)
        self._confidence = self._accuracy = np.empty(0)
        self._counts = np.empty(0, np.int64)
        self.token = RESIDUAL

    def set_bins(
        self, edges: NDArray[Any], confidence: NDArray[Any], accuracy: NDArray[Any], counts: NDArray[Any]
    ) -> None:
        """Show k bins.

        Args:
            edges: (k + 1,) from 0 to 1.
            confidence: (k,) mean probability of the answers in each; NaN for an empty one.
            accuracy: (k,) share of right answers, 0 to 1; NaN for an empty one.
            counts: (k,) how many answers.

        Raises:
            ValueError: where lengths do not fit.
        """
        count = len(edges) - 1
        if not count == len(confidence) == len(accuracy) == len(counts):
            raise ValueError(f"{len(edges)} edges with {len(confidence)}, {len(accuracy)} and {len(counts)} values")
        self._edges = np.asarray(edges, np.float64)
        self._confidence, self._accuracy = np.asarray(confidence, np.float64), np.asarray(accuracy, np.float64)
        self._counts = np.asarray(counts, np.int64)
        self.refresh()

    def is_empty(self) -> bool:
        return not self._counts.sum()

    def x_axis(self) -> Axis:
        return Axis(0.0, 100.0)

    def y_axis(self, x: Axis) -> Axis:
        return Axis(0.0, 100.0)

    def x_ticks(self, x: Axis, most: int) -> list[tuple[float, str]]:
        return self.y_ticks(x, min(most, 6))

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        ink = series_colour(self.token)
        for place in np.flatnonzero(self._counts).tolist():
            left = area.left() + self._edges[place] * area.width()
            right = area.left() + self._edges[place + 1] * area.width()
            height = self._accuracy[place] * area.height()
            bar = QRectF(left + 0.5, area.bottom() - height, max(1.0, right - left - 1), height)
            painter.fillRect(bar, series_colour(self.token, 0.35))
            painter.setPen(QPen(ink, 1.75))
            painter.drawLine(QLineF(bar.topLeft(), bar.topRight()))
        painter.setPen(QPen(colour("quiet"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(area.bottomLeft(), area.topRight()))

    def nearest(self, at: float) -> float | None:
        filled = np.flatnonzero(self._counts)
        if not len(filled):
            return None
        middles = 50 * (self._edges[filled] + self._edges[filled + 1])
        return float(middles[np.argmin(np.abs(middles - at))])

    def readout(self, at: float) -> Readout | None:
        if self.is_empty():
            return None
        place = min(max(0, int(np.searchsorted(self._edges, at / 100, side="right")) - 1), len(self._counts) - 1)
        ends = (f"{number_text(100 * self._edges[place + side])} %" for side in (0, 1))
        rows = (
            Row(self.token, self.tr("right"), f"{number_text(100 * self._accuracy[place])} %"),
            Row("", self.tr("mean probability"), f"{number_text(100 * self._confidence[place])} %"),
            Row("", self.tr("answers"), number_text(self._counts[place])),
        )
        return Readout(" – ".join(ends), rows)

    def table(self) -> Table:
        return Table(
            ("from", "to", "mean probability", "accuracy", "answers"),
            (self._edges[:-1], self._edges[1:], self._confidence, self._accuracy, self._counts),
        )
