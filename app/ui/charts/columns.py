"""Arrays that grow by appending, and a block × step table that stays small however long the run is. Only numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_COLUMNS = 2048
"""Columns that a table keeps at most: more than a screen is wide."""


class Growing:
    """An array to which rows are appended, without copying everything each time.

    Args:
        kind: Of its numbers.
        width: Of a row; None for an array of one dimension.
    """

    def __init__(self, kind: type[np.generic], width: int | None = None) -> None:
        self._room: NDArray[Any] = np.empty((256,) if width is None else (256, width), kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> NDArray[Any]:
        """What was appended, as a view: valid until the next change."""
        return self._room[: self._count]

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        count = self._count + len(rows)
        if count > len(self._room):
            room = np.empty((max(count, 2 * len(self._room)), *self._room.shape[1:]), self._room.dtype)
            room[: self._count] = self._room[: self._count]
            self._room = room
        self._room[self._count : count] = rows
        self._count = count

    def cut(self, count: int) -> None:
        """Keep the first `count` rows."""
        self._count = min(count, self._count)


class StepColumns:
    """One measure of every block against the step, as columns of one or more steps each.

    A column holds the mean of its steps. When there are more than `most`, neighbours are joined, so that memory and
    the work of drawing stay bounded, and every step still counts. Values that are not finite are left out of the
    mean and counted.
    """

    def __init__(self, *, most: int = MOST_COLUMNS) -> None:
        self._most = most
        self.version = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.blocks = 0
        self.version += 1  # counts on: who drew the old table must see that this is another
        self._stride = 1  # rows that a full column has
        self._lasts = Growing(np.int64)
        self._rows = Growing(np.int64)
        self._sums = Growing(np.float64, 0)
        self._counts = Growing(np.int32, 0)
        self.low = self.high = float("nan")

    def __len__(self) -> int:
        return len(self._lasts)

    @property
    def stride(self) -> int:
        """How many rows a full column has."""
        return self._stride

    @property
    def lasts(self) -> NDArray[np.int64]:
        """(n,) The last step of each column; a column begins after the one before."""
        return self._lasts.values

    @property
    def means(self) -> NDArray[np.float64]:
        """(n, B) means of the finite values; NaN where there were none."""
        counts = self._counts.values
        with np.errstate(invalid="ignore", divide="ignore"):
            means: NDArray[np.float64] = np.where(counts > 0, self._sums.values / counts, np.nan)
        return means

    @property
    def sums(self) -> NDArray[np.float64]:
        """(n, B) sums of the finite values."""
        return self._sums.values

    @property
    def counts(self) -> NDArray[np.int32]:
        """(n, B) how many values were finite."""
        return self._counts.values

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n,) how many steps a column has."""
        return self._rows.values

    @property
    def broken(self) -> NDArray[np.bool_]:
        """(n, B) whether any value of the column was not finite."""
        broken: NDArray[np.bool_] = self._counts.values < self._rows.values[:, None]
        return broken

    def append(self, steps: NDArray[np.int64], values: NDArray[np.floating[Any]]) -> None:
        """Add rows (n, B) with their steps (n,), later than all before.

        Raises:
            ValueError: where the number of blocks changed, or lengths differ.
        """
        if len(steps) == 0:
            return
        if values.ndim != 2 or len(values) != len(steps) or (self.blocks and values.shape[1] != self.blocks):
            raise ValueError(f"{len(steps)} steps with values of shape {values.shape}, for {self.blocks} blocks")
        if not self.blocks:
            self.blocks = values.shape[1]
            self._sums, self._counts = Growing(np.float64, self.blocks), Growing(np.int32, self.blocks)
        self.version += 1
        finite = np.isfinite(values)
        counts = None
        if not finite.all():
            values, counts = np.where(finite, values, 0), finite.astype(np.int32)
        self._widen(values)
        self._fill(np.asarray(steps, np.int64), values, counts)

    def cut(self, after: int) -> None:
        """Forget everything after a step; a column that reaches beyond goes with it, if it was joined."""
        keep = int(np.searchsorted(self.lasts, after, side="right"))
        if keep == len(self):
            return
        self.version += 1
        for part in (self._lasts, self._rows, self._sums, self._counts):
            part.cut(keep)
        self.low = self.high = float("nan")
        self._widen(self.means)

    def at(self, step: float) -> int | None:
        """The column that holds a step, or None where there is none."""
        if len(self) == 0 or step > self.lasts[-1] or step < 0:
            return None
        return int(np.searchsorted(self.lasts, step, side="left"))

    def span(self, column: int) -> tuple[int, int]:
        """The first and last step of a column. Before the first row nobody knows: it is taken as one step."""
        last = int(self.lasts[column])
        if column:
            return int(self.lasts[column - 1]) + 1, last
        return max(1, last - int(self._rows.values[0]) + 1), last

    def _widen(self, values: NDArray[np.floating[Any]]) -> None:
        positive = values if values.size and values.min() > 0 else values[values > 0]
        if positive.size:
            self.low = float(np.fmin(self.low, positive.min()))
            self.high = float(np.fmax(self.high, positive.max()))

    def _fill(
        self, steps: NDArray[np.int64], values: NDArray[np.floating[Any]], counts: NDArray[np.int32] | None
    ) -> None:
        """Add rows; `counts` is 1 where a value is finite, or None where all are."""
        begin = min(len(steps), self._stride - int(self._rows.values[-1])) if len(self) else 0
        if begin:
            self._lasts.values[-1] = steps[begin - 1]
            self._rows.values[-1] += begin
            self._sums.values[-1] += values[:begin].sum(axis=0, dtype=np.float64)
            self._counts.values[-1] += begin if counts is None else counts[:begin].sum(axis=0, dtype=np.int32)
        if begin < len(steps):
            starts = np.arange(begin, len(steps), self._stride)
            ends = np.append(starts[1:], len(steps))
            rows = ends - starts
            self._lasts.append(steps[ends - 1])
            self._rows.append(rows)
            self._sums.append(np.add.reduceat(values, starts, axis=0, dtype=np.float64))
            self._counts.append(
                np.repeat(rows[:, None], self.blocks, axis=1)
                if counts is None
                else np.add.reduceat(counts, starts, axis=0)
            )
        while len(self) > self._most:
            self._join()

    def _join(self) -> None:
        """Join neighbours in pairs."""
        self._stride *= 2
        starts = np.arange(0, len(self), 2)
        lasts = self.lasts[np.append(starts[1:], len(self)) - 1].copy()
        rows = np.add.reduceat(self._rows.values, starts)
        sums = np.add.reduceat(self._sums.values, starts, axis=0)
        counts = np.add.reduceat(self._counts.values, starts, axis=0)
        for part, values in zip(
            (self._lasts, self._rows, self._sums, self._counts), (lasts, rows, sums, counts), strict=True
        ):
            part.cut(0)
            part.append(values)
