"""The calibration of an evaluation: the charts' reliability diagram, with the gap to the mean probability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.charts.axes import Axis
from app.ui.charts.bars import ReliabilityChart
from app.ui.charts.colours import series_colour
from app.ui.charts.plot import Entry
from app.ui.theme import colour

if TYPE_CHECKING:
    from app.evaluation.measures import Calibration


class ReliabilityDiagram(ReliabilityChart):
    """Bars: the share of right answers in each bin of the winning probability; the diagonal is perfect calibration.

    The gap to the bin's mean probability is drawn in the warning colour. The fewer pictures a bin holds, the paler it
    is: one mistake among three says little.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("reliability", "", parent=parent)
        self.setAccessibleName(self.tr("Calibration"))

    def set_calibration(self, calibration: Calibration) -> None:
        """Show it."""
        there = np.array(calibration.counts) > 0
        bins = len(calibration.counts)
        self.set_bins(
            np.arange(bins + 1) / bins,
            np.where(there, calibration.confidence, np.nan),
            np.where(there, calibration.accuracy, np.nan),
            np.array(calibration.counts),
        )
        self.setAccessibleDescription(self.tr("expected calibration error {0:.2f} %").format(100 * calibration.ece))
        self.entries_changed.emit()

    def entries(self) -> list[Entry]:
        if self.is_empty():
            return []
        return [Entry("right", self.tr("right"), "accent"), Entry("gap", self.tr("gap"), "plain")]

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        most = max(1, int(self._counts.max(initial=1)))
        painter.setPen(Qt.PenStyle.NoPen)
        for place in np.flatnonzero(self._counts).tolist():
            left = area.left() + float(self._edges[place]) * area.width() + 1
            width = float(self._edges[place + 1] - self._edges[place]) * area.width() - 2
            right, sure = float(self._accuracy[place]), float(self._confidence[place])
            alpha = 0.35 + 0.65 * float(self._counts[place] / most) ** 0.25
            low, high = min(right, sure), max(right, sure)
            for bottom, top, token, share in ((0.0, right, "accent", 1.0), (low, high, "plain", 0.55)):
                ends = area.bottom() - top * area.height(), area.bottom() - bottom * area.height()
                painter.fillRect(QRectF(left, ends[0], width, ends[1] - ends[0]), series_colour(token, share * alpha))
        painter.setPen(QPen(colour("quiet"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QLineF(area.bottomLeft(), area.topRight()))
