"""One value against the step, as it grows: thinned to the columns of a screen without losing its range. Only numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ui.charts.columns import Growing

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Thinned:
    """What is drawn of a trace between two steps.

    Attributes:
        steps: (m,) where each point lies.
        values: (m,) the least and the greatest value of each column, one after the other, or simply the values where
            they are few. NaN breaks the line.
        smooth_steps, smooth: (k,) the running mean, one point per column; empty where none was asked for.
        low, high: Of the finite values (only the positive ones, where asked); NaN where there are none.
        odd: (j,) steps whose value cannot be drawn: not finite, or not positive where that was asked.
        paired: Whether `values` are pairs, the least and the greatest.
    """

    steps: Floats
    values: Floats
    smooth_steps: Floats
    smooth: Floats
    low: float
    high: float
    odd: Floats
    paired: bool


class Trace:
    """Values with their steps, ascending."""

    def __init__(self) -> None:
        self.version = 0
        self._steps, self._values = Growing(np.int64), Growing(np.float64)
        self._sums, self._counts = Growing(np.float64), Growing(np.int64)  # of finite values, from the first on
        self._all_finite = True

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def steps(self) -> NDArray[np.int64]:
        """(n,) a view, valid until the next change."""
        return self._steps.values

    @property
    def values(self) -> Floats:
        """(n,) a view, valid until the next change."""
        return self._values.values

    def append(self, steps: NDArray[Any], values: NDArray[Any]) -> None:
        """Add values, later than all before.

        Raises:
            ValueError: where lengths differ, or steps do not ascend.
        """
        steps, values = np.asarray(steps, np.int64), np.asarray(values, np.float64)
        if steps.shape != values.shape or steps.ndim != 1:
            raise ValueError(f"{steps.shape} steps with {values.shape} values")
        if len(steps) == 0:
            return
        if (len(self) and steps[0] <= self.steps[-1]) or not np.all(steps[1:] > steps[:-1]):
            raise ValueError("steps must ascend; cut what is void first")
        finite = np.isfinite(values)
        self._all_finite = self._all_finite and bool(finite.all())
        before, count = (self._sums.values[-1], self._counts.values[-1]) if len(self) else (0.0, 0)
        self._steps.append(steps)
        self._values.append(values)
        self._sums.append(before + np.cumsum(np.where(finite, values, 0.0)))
        self._counts.append(count + np.cumsum(finite))
        self.version += 1

    def cut(self, after: int) -> None:
        """Forget everything after a step."""
        keep = int(np.searchsorted(self.steps, after, side="right"))
        if keep < len(self):
            for part in (self._steps, self._values, self._sums, self._counts):
                part.cut(keep)
            self._all_finite = bool(np.isfinite(self.values).all())
            self.version += 1

    def clear(self) -> None:
        """Forget everything."""
        self.cut(-1)

    def between(self, first: float, last: float) -> tuple[int, int]:
        """The slice of the rows from one step to another, both included."""
        # Whole numbers: numpy would turn all steps into fractions to compare them with one.
        begin, end = math.ceil(first), math.floor(last) + 1
        found = np.searchsorted(self.steps, np.array([begin, end], np.int64))
        return int(found[0]), int(found[1])

    def _place(self, step: float) -> int:
        """Of the last step that is not after `step`."""
        return self.between(0, step)[1] - 1

    def at(self, step: float) -> float | None:
        """The value at the last step that is not after `step`; None before the first and after the last."""
        if not len(self) or step < self.steps[0] or step > self.steps[-1]:
            return None
        return float(self.values[self._place(step)])

    def nearest(self, step: float) -> int | None:
        """The step that lies nearest; None where there is none."""
        if not len(self):
            return None
        before = self._place(step)
        around = self.steps[max(0, before) : before + 2]
        return int(around[np.argmin(np.abs(around - step))])

    def mean_at(self, step: float, window: int) -> float | None:
        """The running mean of `window` rows at a step."""
        if self.at(step) is None:
            return None
        mean = self._means(np.array([self._place(step)]), window)[0]
        return float(mean)

    def thinned(self, first: float, last: float, columns: int, *, window: int = 0, positive: bool = False) -> Thinned:
        """Points for a line from step `first` to `last` on a screen of `columns` columns.

        Args:
            window: Rows of the running mean; 0 or 1 for none.
            positive: Whether only values above 0 can be drawn.
        """
        begin, end = self.between(first, last)
        begin, end = max(0, begin - 1), min(len(self), end + 1)  # lines that leave the picture
        steps, values = self.steps[begin:end], self.values[begin:end]
        usable = None
        if positive or not self._all_finite:
            usable = np.isfinite(values) & (values > 0) if positive else np.isfinite(values)
            if usable.all():
                usable = None
        odd = steps[~usable].astype(np.float64) if usable is not None else np.empty(0)
        drawn = values if usable is None else np.where(usable, values, np.nan)
        paired = end - begin > 2 * columns
        if not paired:
            ends = np.arange(begin, end)
            xs, ys = steps.astype(np.float64), drawn.astype(np.float64)
        else:
            edges = np.searchsorted(steps, np.ceil(np.linspace(first, last, columns + 1)[1:-1]).astype(np.int64))
            starts = np.unique(np.concatenate(([0], edges)))
            starts = starts[starts < len(steps)]
            reduce_low, reduce_high = (np.minimum, np.maximum) if usable is None else (np.fmin, np.fmax)
            lows, highs = reduce_low.reduceat(drawn, starts), reduce_high.reduceat(drawn, starts)
            ends = begin + np.append(starts[1:], len(steps)) - 1
            xs = np.repeat(steps[starts].astype(np.float64), 2)
            ys = np.empty(2 * len(starts))
            ys[0::2], ys[1::2] = lows, highs
            odd = odd[:: max(1, len(odd) // columns)]
        finite = ys[np.isfinite(ys)] if usable is not None else ys
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)
        smooth_steps = smooth = np.empty(0)
        if window > 1 and len(ends):
            smooth_steps, smooth = self.steps[ends].astype(np.float64), self._means(ends, window)
            if positive:
                smooth[smooth <= 0] = np.nan
        return Thinned(xs, ys, smooth_steps, smooth, low, high, odd, paired)

    def _means(self, ends: NDArray[np.int64], window: int) -> Floats:
        """Means of the `window` rows up to each; of fewer at the beginning. NaN where none is finite."""
        sums, counts = self._sums.values, self._counts.values
        before = ends - window
        none = before < 0
        before = np.maximum(before, 0)
        total = sums[ends] - np.where(none, 0.0, sums[before])
        count = counts[ends] - np.where(none, 0, counts[before])
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Floats = np.where(count > 0, total / count, np.nan)
        return means
