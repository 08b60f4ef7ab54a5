"""The table behind the block × step map: bounded, and every step counts."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui.charts.columns import Growing, StepColumns


def table(count: int, blocks: int = 3) -> tuple[np.ndarray, np.ndarray]:
    steps = np.arange(1, count + 1)
    return steps, np.random.default_rng(0).random((count, blocks)).astype(np.float32)


def test_a_growing_array_holds_what_was_appended() -> None:
    grown = Growing(np.int64)
    for start in range(0, 1000, 37):
        grown.append(np.arange(start, min(1000, start + 37)))
    assert grown.values.tolist() == list(range(1000))
    grown.cut(10)
    grown.append(np.array([7]))
    assert grown.values.tolist() == [*range(10), 7]


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
def test_columns_are_means_of_their_steps_however_they_came(piece: int) -> None:
    steps, values = table(1000)
    columns = StepColumns(most=64)
    for start in range(0, 1000, piece):
        columns.append(steps[start : start + piece], values[start : start + piece])
    assert len(columns) <= 64
    assert columns.stride == 16
    for column in range(len(columns)):
        first, last = columns.span(column)
        assert np.allclose(columns.means[column], values[first - 1 : last].mean(axis=0))
    assert columns.span(len(columns) - 1)[1] == 1000
    assert (columns.low, columns.high) == (pytest.approx(values.min()), pytest.approx(values.max()))


def test_a_step_is_found_in_its_column() -> None:
    steps, values = table(100)
    columns = StepColumns(most=10)
    columns.append(steps, values)
    for step in (1, 16, 17, 99, 100):
        column = columns.at(step)
        assert column is not None
        first, last = columns.span(column)
        assert first <= step <= last
    assert columns.at(101) is None


def test_what_is_not_finite_is_counted_and_left_out_of_the_mean() -> None:
    columns = StepColumns(most=2)
    values = np.array([[1.0, np.nan], [3.0, np.inf], [5.0, 2.0], [7.0, 4.0]])
    columns.append(np.arange(1, 5), values)
    assert columns.broken.tolist() == [[False, True], [False, False]]
    assert columns.means[0, 0] == 2.0
    assert np.isnan(columns.means[0, 1])
    assert columns.means[1].tolist() == [6.0, 3.0]
    assert (columns.low, columns.high) == (1.0, 7.0)


def test_a_cut_forgets_what_came_after_and_goes_on() -> None:
    steps, values = table(50)
    columns = StepColumns()
    columns.append(steps, values)
    columns.cut(20)
    assert len(columns) == 20
    columns.append(steps[20:30], 10 + values[20:30])
    assert columns.lasts.tolist() == list(range(1, 31))
    assert np.allclose(columns.means[20:], 10 + values[20:30])


def test_another_number_of_blocks_is_refused() -> None:
    columns = StepColumns()
    columns.append(*table(5))
    with pytest.raises(ValueError, match="3 blocks"):
        columns.append(*table(5, blocks=4))


def test_thinned_rows_leave_no_holes() -> None:
    columns = StepColumns()
    steps = np.arange(5, 105, 5)
    columns.append(steps, np.ones((20, 3)))
    assert columns.at(12) == 2
    assert columns.span(2) == (11, 15)
