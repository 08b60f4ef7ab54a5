"""Axes hold everything, end at round numbers, and write them shortly; traces are thinned without losing their range."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.ui.charts.axes import Axis, linear_axis, log_axis, tick_text
from app.ui.charts.trace import Trace

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("decades", [0.01, 0.3, 1, 2, 5, 12])
def test_log_axes_hold_their_values_and_have_ticks(decades: float) -> None:
    for low in 10 ** RANDOM.uniform(-9, 6, 30):
        axis = log_axis(low, low * 10**decades)
        assert axis.low <= low * (1 + 1e-9)
        assert axis.high >= low * 10**decades * (1 - 1e-9)
        assert low / axis.low <= 10, "no more than a decade of nothing"
        for most in (2, 3, 5, 8):
            ticks = axis.ticks(most)
            assert 1 <= len(ticks) <= most + 1
            assert all(axis.low * (1 - 1e-9) <= tick <= axis.high * (1 + 1e-9) for tick in ticks)


@pytest.mark.parametrize("span", [1e-6, 0.3, 7, 99, 64_000])
def test_linear_axes_hold_their_values_and_have_ticks(span: float) -> None:
    for low in RANDOM.uniform(-100, 100, 30):
        axis = linear_axis(low, low + span)
        assert axis.low <= low + 1e-9 * abs(low)
        assert axis.high >= (low + span) * (1 - 1e-12) - 1e-9
        assert 2 <= len(axis.ticks(6)) <= 7


def test_per_cent_axes_begin_at_zero_and_end_at_a_hundred_at_most() -> None:
    assert linear_axis(3.0, 91.0, zero=True, ceiling=100) == Axis(0.0, 100.0)
    assert linear_axis(3.0, 12.0, zero=True, ceiling=100).high < 20
    assert linear_axis(3.0, 130.0, zero=True, ceiling=100).high >= 130, "never crops"


@pytest.mark.parametrize("low", [0.0, -3.0, math.nan, math.inf])
def test_a_log_axis_of_nothing_positive_is_still_an_axis(low: float) -> None:
    axis = log_axis(low, math.nan)
    assert axis.log and 0 < axis.low < axis.high


def test_places_and_values_are_inverse() -> None:
    for axis in (Axis(-3, 9), Axis(1e-4, 10, log=True), Axis(10.5, 0.5)):
        for place in (0.0, 0.25, 1.0):
            assert axis.place_one(axis.value(place)) == pytest.approx(place)
    assert math.isnan(Axis(0.1, 1, log=True).place_one(0.0))
    assert math.isnan(Axis(0.1, 1, log=True).place_one(-1.0))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (-2, "−2"),
        (1e-3, "0.001"),
        (1e-4, "10⁻⁴"),
        (2e-7, "2×10⁻⁷"),
        (1e6, "10⁶"),
        (0.02, "0.02"),
    ],
)
def test_ticks_are_written_shortly(value: float, text: str) -> None:
    assert tick_text(value) == text
    assert tick_text(12, "%") == "12 %"


def trace_of(values: np.ndarray) -> Trace:
    trace = Trace()
    for start in range(0, len(values), 997):
        part = values[start : start + 997]
        trace.append(np.arange(start + 1, start + 1 + len(part)), part)
    return trace


def test_thinning_keeps_the_range_of_every_column() -> None:
    values = RANDOM.normal(size=64_000)
    values[12_345], values[54_321] = 50.0, -50.0
    drawn = trace_of(values).thinned(0, 64_000, 400)
    assert drawn.paired
    assert len(drawn.values) <= 2 * 401
    assert (drawn.values.min(), drawn.values.max()) == (-50.0, 50.0) == (drawn.low, drawn.high)
    peak = drawn.steps[np.argmax(drawn.values)]
    assert abs(peak - 12_346) <= 64_000 / 400


def test_few_values_are_drawn_as_they_are() -> None:
    drawn = trace_of(np.arange(300.0)).thinned(0, 300, 400)
    assert drawn.values.tolist() == list(range(300))
    assert not drawn.paired


def test_a_part_reaches_its_neighbours_and_no_further() -> None:
    drawn = trace_of(np.arange(1000.0)).thinned(200, 300, 400)
    assert (drawn.steps[0], drawn.steps[-1]) == (199, 301)


def test_the_running_mean_is_the_mean_of_the_rows_before() -> None:
    values = RANDOM.normal(size=5000)
    trace = trace_of(values)
    assert trace.mean_at(3000, 100) == pytest.approx(values[2900:3000].mean())
    assert trace.mean_at(10, 100) == pytest.approx(values[:10].mean())
    drawn = trace.thinned(0, 5000, 100, window=100)
    assert drawn.smooth[-1] == pytest.approx(values[-100:].mean())


def test_what_cannot_be_drawn_is_kept_apart() -> None:
    values = np.ones(2000)
    values[[500, 600, 700]] = math.nan, 0.0, math.inf
    trace = trace_of(values)
    assert trace.thinned(0, 2000, 2000).odd.tolist() == [501, 701]
    assert trace.thinned(0, 2000, 2000, positive=True).odd.tolist() == [501, 601, 701]
    assert trace.mean_at(800, 400) == pytest.approx(397 / 398), "of the finite ones"
    trace.cut(550)
    assert trace.thinned(0, 2000, 2000).odd.tolist() == [501]


def test_steps_must_ascend_and_a_cut_makes_room() -> None:
    trace = trace_of(np.arange(100.0))
    with pytest.raises(ValueError, match="ascend"):
        trace.append(np.array([100]), np.array([1.0]))
    trace.cut(50)
    trace.append(np.array([51]), np.array([1.0]))
    assert trace.at(51) == 1.0
    assert trace.at(52) is None
    assert trace.at(0) is None
    assert trace.nearest(1e9) == 51
