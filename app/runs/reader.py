"""Reading a run's rows, while it is written or long after. No torch, no Qt.

Each call opens the file anew: nothing is held between calls, so a reader never hinders the trainer from tidying up,
nor a user from deleting the folder; and any thread may call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from app.core.errors import RunError
from app.runs.records import (
    MEASURES,
    SCALARS,
    BlockSeries,
    BlockValues,
    Evaluation,
    Event,
    Mark,
    Measure,
    NewRows,
    Scalar,
    Series,
)
from app.runs.store import FILE_NAME, check_version

_ENDLESS = 2**63 - 1


class RunReader:
    """Reads the rows of one run.

    Args:
        folder: The run's.
        far: Whether the run lives on another machine and the folder is shared: the trainer's write-ahead file can
            then not be used, and rows come when the trainer moves them into the main file, every few seconds.
    """

    def __init__(self, folder: Path, *, far: bool = False) -> None:
        self.path = folder / FILE_NAME
        self._far = far

    def scalar(self, name: Scalar, *, max_points: int = 2000) -> Series:
        """One number of each step, in at most `max_points` bins.

        Raises:
            RunError: where the file is missing or broken; also of the other methods.
        """
        with self._open() as connection:
            rows = connection.execute(f"SELECT step, {_known(name, SCALARS)} FROM steps ORDER BY step").fetchall()
        return _binned(_column(rows, 0, np.int64), _column(rows, 1, np.float64), max_points)

    def blocks(self, measure: Measure, *, max_points: int = 2000) -> BlockSeries:
        """One measure of every block at each step, in at most `max_points` bins."""
        with self._open() as connection:
            found = connection.execute(f"SELECT step, {_known(measure, MEASURES)} FROM blocks ORDER BY step").fetchall()
        steps, values = _column(found, 0, np.int64), _matrix([row[1] for row in found])
        if len(steps) <= max_points:
            return BlockSeries(steps, values)
        starts = _starts(len(steps), max_points)
        sums = np.add.reduceat(values, starts, axis=0)
        counts = np.diff(starts, append=len(steps)).astype(np.float32)
        means = (sums / counts[:, None]).astype(np.float32, copy=False)
        return BlockSeries(steps[_lasts(starts, len(steps))], means)

    def blocks_at(self, step: int) -> dict[Measure, BlockValues] | None:
        """Every measure at the last step that is not after `step`; None before the first one."""
        with self._open() as connection:
            row = connection.execute(
                f"SELECT {', '.join(MEASURES)} FROM blocks WHERE step <= ? ORDER BY step DESC LIMIT 1", (step,)
            ).fetchone()
        if row is None:
            return None
        return {measure: np.frombuffer(blob, "<f4") for measure, blob in zip(MEASURES, row, strict=True)}

    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every look at the test pictures, in order."""
        with self._open() as connection:
            return _evaluations(connection, 0)

    def events(self) -> tuple[Event, ...]:
        """Everything that happened, in order."""
        with self._open() as connection:
            return _events(connection, 0)

    def branches(self) -> BlockSeries:
        """‖F(x)‖ / ‖x‖ of every block, wherever it was measured."""
        with self._open() as connection:
            rows = connection.execute("SELECT step, ratio FROM branches ORDER BY step").fetchall()
        return BlockSeries(_column(rows, 0, np.int64), _matrix([row[1] for row in rows]))

    def last_step(self) -> int:
        """The last step that was written; 0 for none."""
        with self._open() as connection:
            return int(connection.execute("SELECT coalesce(max(step), 0) FROM steps").fetchone()[0])

    def after(self, mark: Mark, *, most: int | None = None) -> NewRows:
        """Everything since a mark, as one moment of the file; begin with `Mark()`.

        Args:
            most: Steps at most, for who reads a long run in pieces: the rest follows the mark that comes back. Events
                come with the first piece.
        """
        with self._open() as connection:
            connection.execute("BEGIN")
            first, back_to = mark, None
            attempt, back = connection.execute(
                "SELECT coalesce(max(id), 0), min(from_step) FILTER (WHERE id > ?) FROM attempts", (mark.attempt,)
            ).fetchone()
            if mark.attempt and attempt > mark.attempt and back < mark.step:
                back_to = int(back)
                first = Mark(back_to, min(mark.evaluation, back_to), mark.event, attempt)
            last = None if most is None else _last_of(connection, first.step, most)
            rows = connection.execute(
                f"SELECT step, epoch, {', '.join(SCALARS)} FROM steps WHERE step > ? AND step <= ? ORDER BY step",
                (first.step, _ENDLESS if last is None else last),
            ).fetchall()
            blobs = connection.execute(
                f"SELECT step, {', '.join(MEASURES)} FROM blocks WHERE step > ? AND step <= ? ORDER BY step",
                (first.step, _ENDLESS if last is None else last),
            ).fetchall()
            evaluations = _evaluations(connection, first.evaluation, _ENDLESS if last is None else last)
            events = _events(connection, first.event)
        steps = _column(rows, 0, np.int64)
        return NewRows(
            Mark(
                int(steps[-1]) if len(steps) else first.step,
                evaluations[-1].step if evaluations else first.evaluation,
                events[-1].id if events else first.event,
                int(attempt),
            ),
            back_to,
            steps,
            _column(rows, 1, np.int64),
            {name: _column(rows, 2 + place, np.float64) for place, name in enumerate(SCALARS)},
            _column(blobs, 0, np.int64),
            {measure: _matrix([row[1 + place] for row in blobs]) for place, measure in enumerate(MEASURES)},
            evaluations,
            events,
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connect()
            try:
                check_version(connection, self.path)
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            if not self.path.exists():
                raise RunError(f"{self.path} is not there.", "The run may have been moved or deleted.") from error
            raise RunError(f"{self.path} cannot be read ({error}).", "The file may be damaged.") from error

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        if not self._far:
            connection = sqlite3.connect(uri, uri=True)
            try:
                connection.execute("PRAGMA schema_version")
                return connection
            except sqlite3.OperationalError:
                # A folder without write permission has no room for the shared index of a write-ahead file.
                connection.close()
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)


def _known(name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise RunError(f"A run has no {name}.", f"It has: {', '.join(names)}.")
    return name


def _column(rows: list[tuple[Any, ...]], place: int, kind: type) -> np.ndarray[Any, Any]:
    return np.array([row[place] for row in rows], kind)  # None becomes NaN


def _matrix(blobs: list[bytes]) -> BlockValues:
    if not blobs:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)


def _last_of(connection: sqlite3.Connection, after: int, most: int) -> int | None:
    """The step that ends a piece of `most` steps; None where all that is left is not more."""
    statement = "SELECT step FROM steps WHERE step > ? ORDER BY step LIMIT 2 OFFSET ?"
    found = connection.execute(statement, (after, most - 1)).fetchall()
    return int(found[0][0]) if len(found) == 2 else None


def _evaluations(connection: sqlite3.Connection, after: int, last: int = _ENDLESS) -> tuple[Evaluation, ...]:
    rows = connection.execute("SELECT * FROM evaluations WHERE step > ? AND step <= ? ORDER BY step", (after, last))
    return tuple(
        Evaluation(step, epoch, *(float("nan") if value is None else value for value in values))
        for step, epoch, *values in rows
    )


def _events(connection: sqlite3.Connection, after: int) -> tuple[Event, ...]:
    return tuple(Event(*row) for row in connection.execute("SELECT * FROM events WHERE id > ? ORDER BY id", (after,)))


def _starts(count: int, bins: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.unique(np.linspace(0, count, bins, endpoint=False).astype(np.int64))


def _lasts(starts: np.ndarray[Any, np.dtype[np.int64]], count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.append(starts[1:], count) - 1


def _binned(steps: np.ndarray[Any, Any], values: np.ndarray[Any, Any], max_points: int) -> Series:
    if len(steps) <= max_points:
        return Series(steps, values, values, values)
    starts = _starts(len(steps), max_points)
    counts = np.diff(starts, append=len(steps))
    return Series(
        steps[_lasts(starts, len(steps))],
        np.add.reduceat(values, starts) / counts,
        np.minimum.reduceat(values, starts),
        np.maximum.reduceat(values, starts),
    )
