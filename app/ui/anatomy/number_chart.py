"""Lines against a number that is not a step: a path's length, a share of the pixels."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QWidget

from app.ui.charts.lines import LineChart
from app.ui.charts.plot import Table
from app.ui.charts.readout import Readout
from app.ui.drawing import number_text


class NumberChart(LineChart):
    """A line chart whose x is told as it is. Nothing is smoothed."""

    can_zoom = False

    def __init__(
        self,
        name: str,
        accessible_name: str,
        *,
        x_title: str,
        y_title: str,
        unit: str = "",
        log: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, accessible_name, x_title=x_title, y_title=y_title, unit=unit, log=log, parent=parent)
        self.set_smoothing(0)

    def readout(self, at: float) -> Readout | None:
        found = super().readout(at)
        return replace(found, title=f"{self.x_title}: {number_text(at)}") if found is not None else None

    def table(self) -> Table:
        found = super().table()
        return replace(found, header=(self.x_title, *found.header[1:]))
