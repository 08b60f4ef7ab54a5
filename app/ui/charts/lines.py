"""Values against the step: losses, errors, rates, of any number of runs, live."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLocale, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.ui.charts.axes import Axis, linear_axis, log_axis, round_step
from app.ui.charts.colours import series_colour
from app.ui.charts.frame import draw_band, draw_line, draw_odd, points_in
from app.ui.charts.plot import Entry, Plot, Table
from app.ui.charts.readout import Readout, Row
from app.ui.charts.trace import Thinned, Trace
from app.ui.drawing import mix, number_text
from app.ui.theme import colour

Kind = Literal["steps", "evaluations"]
_RAW = 0.3  # opacity of the raw line below its running mean
_SMOOTHED_SHARE = 60  # the running mean takes about a sixtieth of what is visible
_FEW = 120  # rows below which a mean would hide more than it shows


@dataclass(eq=False)
class _Series:
    entry: Entry
    kind: Kind
    trace: Trace = field(default_factory=Trace)
    drawn: tuple[tuple[object, ...], Thinned] | None = None


class LineChart(Plot):
    """Series over steps.

    A series of kind "steps" has a value for each step: a faint raw line (its least and greatest value in every column
    of pixels, so that nothing is lost) below its running mean. One of kind "evaluations" holds between a few steps: a
    line of stairs with dots.

    The y-axis always holds every finite value that is visible; values that it cannot show (not finite; zero or less on
    a logarithmic axis) are marked on its lower edge.

    Args:
        y_title: What is measured ("training loss"): in tables and for screen readers.
        x_title, x_word: What x is, where it is not the step: “path length”, and “{0} blocks long” for the readout.
        unit: Behind values and ticks; "%" makes an axis from 0 that ends at 100 at the latest.
        log: Whether to begin with a logarithmic axis.
    """

    can_log = True
    can_zoom = True

    def __init__(
        self,
        name: str,
        accessible_name: str,
        *,
        y_title: str,
        x_title: str = "",
        x_word: str = "",
        unit: str = "",
        log: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(name, accessible_name, x_title=x_title, parent=parent)
        if not x_title:
            self.x_title = self.tr("step")
        self._x_word = x_word or self.tr("step {0}")
        self.y_title, self.y_unit, self.log = y_title, unit, log
        self.smoothing: int | None = None
        self._series: dict[str, _Series] = {}
        self._total = 0

    # Series

    def add_series(
        self,
        key: str,
        label: str,
        *,
        colour: str,
        dashed: bool = False,
        kind: Kind = "steps",
        beside: str = "",
        short: str = "",
    ) -> None:
        """Add a series, or give an existing one another label and colour.

        Args:
            colour: A token: "accent" for a residual network, "plain" for a plain one, then `colours.series_tokens()`.
            beside, short: See `Entry`.
        """
        old = self._series.get(key)
        visible = old.entry.visible if old else True
        entry = Entry(key, label, colour, dashed, visible, beside, short)
        self._series[key] = _Series(entry, kind, old.trace) if old else _Series(entry, kind)
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
        self.set_zoom(None)
        self.entries_changed.emit()
        self.refresh()

    def append(self, key: str, steps: NDArray[Any], values: NDArray[Any]) -> None:
        """Add values (n,) with their steps (n,), later than all before.

        Raises:
            KeyError: where there is no such series.
            ValueError: where lengths differ, or steps do not ascend.
        """
        self._series[key].trace.append(steps, values)
        self.refresh()

    def cut(self, key: str, after: int) -> None:
        """Forget what a series has after a step: its run was resumed from there."""
        self._series[key].trace.cut(after)
        self.refresh()

    def set_data(self, key: str, steps: NDArray[Any], values: NDArray[Any]) -> None:
        """Replace all values of a series."""
        trace = self._series[key].trace
        trace.clear()
        trace.append(steps, values)
        self.refresh()

    def set_visible(self, key: str, visible: bool) -> None:
        changed = [one for one in self._series.values() if key in (one.entry.key, one.entry.beside)]
        for series in changed:
            series.entry = replace(series.entry, visible=visible)
        if changed:
            self.entries_changed.emit()
            self.refresh()

    def set_total(self, steps: int) -> None:
        """How many steps there will be: the x-axis reaches there at least. 0 where nobody knows."""
        if steps != self._total:
            self._total = steps
            self.refresh()

    def set_smoothing(self, rows: int | None) -> None:
        """Over how many rows the running mean goes: 0 for none, None for what suits the visible range."""
        self.smoothing = rows
        self.refresh()

    # What the base asks

    def entries(self) -> list[Entry]:
        return [series.entry for series in self._series.values()]

    def is_empty(self) -> bool:
        return not any(len(series.trace) for series in self._series.values())

    def x_axis(self) -> Axis:
        if self._zoom is not None:
            return Axis(*self._zoom)
        last = max((int(one.trace.steps[-1]) for one in self._series.values() if len(one.trace)), default=1)
        return Axis(0.0, float(max(last, self._total, 1)))

    def y_axis(self, x: Axis) -> Axis:
        drawn = [self._thinned(series, x) for series in self._shown()]
        lows = [one.low for one in drawn if math.isfinite(one.low)]
        highs = [one.high for one in drawn if math.isfinite(one.high)]
        low, high = min(lows, default=math.nan), max(highs, default=math.nan)
        if self.log:
            return log_axis(low, high)
        percent = self.y_unit == "%"
        return linear_axis(low, high, zero=low >= 0 and (percent or low < high / 2), ceiling=100.0 if percent else None)

    def mean_rows(self, x: Axis) -> int:
        """Over how many rows the running mean goes between the ends of x; 0 for none."""
        if self.smoothing is not None:
            return self.smoothing
        rows = max(
            (-int(np.subtract(*one.trace.between(x.low, x.high))) for one in self._shown() if one.kind == "steps"),
            default=0,
        )
        return 0 if rows < _FEW else int(round_step(rows / _SMOOTHED_SHARE, 2))

    def draw_data(self, painter: QPainter, area: QRectF, x: Axis, y: Axis) -> None:
        drawn = [(series, self._thinned(series, x)) for series in self._shown()]
        for series, thinned in drawn:
            if len(thinned.smooth):
                self._draw_band(painter, area, x, y, series.entry, thinned)
        for series, thinned in drawn:
            if series.kind == "steps":
                self._draw_steps(painter, area, x, y, series.entry, thinned)
            else:
                self._draw_stairs(painter, area, x, y, series.entry, thinned)
            self._draw_odd(painter, area, x, series.entry, thinned)

    def draw_hover(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, at: float) -> None:
        super().draw_hover(painter, area, x, y, at)
        painter.setPen(QPen(colour("panel"), 1.5))
        window = self.mean_rows(x)
        for series in self._shown():
            smooth = window > 1 and series.kind == "steps"
            value = series.trace.mean_at(at, window) if smooth else series.trace.at(at)
            if value is None or not math.isfinite(value) or (self.log and value <= 0):
                continue
            px, py = points_in(area, x, y, np.array([at]), np.array([value]))
            painter.setBrush(series_colour(series.entry.colour))
            painter.drawEllipse(QPointF(px[0], py[0]), 4.0, 4.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def nearest(self, at: float) -> float | None:
        found = [step for one in self._shown() if (step := one.trace.nearest(at)) is not None]
        return float(min(found, key=lambda step: abs(step - at))) if found else None

    def readout(self, at: float) -> Readout | None:
        window = self.mean_rows(self.x_axis())
        rows = []
        for series in self._shown():
            value = series.trace.at(at)
            text = "–" if value is None else self._text(value)
            if window > 1 and series.kind == "steps" and value is not None:
                mean = series.trace.mean_at(at, window)
                text = self.tr("{0} · mean {1}").format(text, self._text(mean if mean is not None else math.nan))
            rows.append(Row(series.entry.colour, series.entry.label, text))
        return Readout(self._x_word.format(QLocale().toString(round(at))), tuple(rows)) if rows else None

    def table(self) -> Table:
        shown = [series for series in self._shown() if len(series.trace)]
        if not shown:
            return Table((self.x_title,), (np.empty(0, np.int64),))
        steps = np.unique(np.concatenate([one.trace.steps for one in shown]))
        columns = []
        for series in shown:
            column = np.full(len(steps), np.nan)
            column[np.searchsorted(steps, series.trace.steps)] = series.trace.values
            columns.append(column)
        unit = f" ({self.y_unit})" if self.y_unit else ""
        return Table((self.x_title, *(f"{one.entry.label}: {self.y_title}{unit}" for one in shown)), (steps, *columns))

    # Inside

    def _shown(self) -> list[_Series]:
        return [series for series in self._series.values() if series.entry.visible]

    def _text(self, value: float) -> str:
        return f"{number_text(value)} {self.y_unit}".strip()

    def _thinned(self, series: _Series, x: Axis) -> Thinned:
        window = self.mean_rows(x) if series.kind == "steps" else 0
        key = (series.trace.version, x, self.columns, window, self.log)
        if series.drawn is None or series.drawn[0] != key:
            columns = self.columns if series.kind == "steps" else 1_000_000
            made = series.trace.thinned(x.low, x.high, columns, window=window, positive=self.log)
            series.drawn = (key, made)
        return series.drawn[1]

    def _draw_band(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, entry: Entry, drawn: Thinned) -> None:
        """The raw values below their mean: a band from the least to the greatest of each column, or a faint line."""
        px, py = points_in(area, x, y, drawn.steps, drawn.values)
        if drawn.paired and np.isfinite(py).all():
            draw_band(painter, area, (px[0::2], py[1::2], py[0::2]), series_colour(entry.colour, _RAW))
        else:  # opaque: Qt paints a transparent zigzag ten times slower
            ink = mix(colour("panel"), series_colour(entry.colour), _RAW)
            draw_line(painter, px, py, ink)

    def _draw_steps(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, entry: Entry, drawn: Thinned) -> None:
        smooth = len(drawn.smooth) > 0
        bold = smooth or len(drawn.values) < area.width() / 3
        points = (drawn.smooth_steps, drawn.smooth) if smooth else (drawn.steps, drawn.values)
        self._draw_line(painter, area, x, y, entry, points, bold=bold)

    def _draw_line(
        self,
        painter: QPainter,
        area: QRectF,
        x: Axis,
        y: Axis,
        entry: Entry,
        points: tuple[NDArray[Any], NDArray[Any]],
        *,
        bold: bool,
    ) -> None:
        px, py = points_in(area, x, y, *points)
        ink = series_colour(entry.colour)
        if len(px) == 1:
            painter.setPen(QPen(ink, 3, c=Qt.PenCapStyle.RoundCap))
            painter.drawPoint(QPointF(px[0], py[0]))
            return
        draw_line(painter, px, py, ink, bold=bold, dashed=entry.dashed)

    def _draw_stairs(self, painter: QPainter, area: QRectF, x: Axis, y: Axis, entry: Entry, drawn: Thinned) -> None:
        if not len(drawn.steps):
            return
        steps, values = np.repeat(drawn.steps, 2)[1:], np.repeat(drawn.values, 2)[:-1]
        self._draw_line(painter, area, x, y, entry, (steps, values), bold=True)
        px, py = points_in(area, x, y, drawn.steps, drawn.values)
        if len(px) > 1 and area.width() / len(px) < 5:
            return  # dots would only make a thick line
        painter.setPen(QPen(colour("panel"), 1))
        painter.setBrush(series_colour(entry.colour))
        for place, height in zip(px.tolist(), py.tolist(), strict=True):
            if math.isfinite(height):
                painter.drawEllipse(QPointF(place, height), 3.0, 3.0)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _draw_odd(self, painter: QPainter, area: QRectF, x: Axis, entry: Entry, drawn: Thinned) -> None:
        """A small triangle on the lower edge where a value cannot be drawn."""
        if not len(drawn.odd):
            return
        places = np.unique(np.round(area.left() + x.place(drawn.odd) * area.width()))
        draw_odd(painter, area, places, np.zeros(len(places), bool), series_colour(entry.colour))
