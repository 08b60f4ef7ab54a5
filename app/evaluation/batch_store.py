"""The table of a batch: every picture of some folders with what a model says of it, in one SQLite file.

Nothing of it is held in memory, so a folder may have any size. Whoever is killed leaves whole rows behind, and goes on
with the rest. The engine writes while the window reads (write-ahead log). No torch.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.errors import DataError

TOP = 5
VERSION = 1
CHUNK = 1000
WAITING, DONE, FAILED = 0, 1, 2
Column = Literal["number", "name", "folder", "label", "probability", "milliseconds", "error"]
COLUMNS: tuple[Column, ...] = ("number", "name", "folder", "label", "probability", "milliseconds", "error")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pictures (
    number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, name TEXT NOT NULL, folder TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, label TEXT, probability REAL,
    c1 INTEGER, c2 INTEGER, c3 INTEGER, c4 INTEGER, c5 INTEGER, p1 REAL, p2 REAL, p3 REAL, p4 REAL, p5 REAL,
    milliseconds REAL, error TEXT
);
CREATE INDEX IF NOT EXISTS waiting ON pictures (number) WHERE state = 0;
"""


@dataclass(frozen=True)
class BatchRow:
    """One picture.

    Attributes:
        number: Its place, from 1, in the order in which it was found.
        path: Its file.
        name: Its name, as it can be shown.
        folder: The folder's path, as it can be shown.
        state: `WAITING`, `DONE` or `FAILED`.
        classes: The most probable classes' indices, best first, up to five.
        probabilities: Theirs.
        milliseconds: Of the network, its share of the batch; None before.
        error: Why it could not be read, or "".
    """

    number: int
    path: Path
    name: str
    folder: str
    state: int
    classes: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    milliseconds: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Counts:
    """How far a batch is."""

    total: int
    done: int
    failed: int

    @property
    def waiting(self) -> int:
        """How many pictures have no answer yet."""
        return self.total - self.done - self.failed


@dataclass(frozen=True)
class BatchDone:
    """How it ended.

    Attributes:
        counts: Of all pictures of the table.
        notices: What the user should know.
    """

    counts: Counts
    notices: tuple[str, ...]


class BatchStore:
    """One batch's file, open in one thread; use it as a context manager.

    Args:
        path: The file; made where it is not there, unless `reading`.
        reading: Look only.

    Raises:
        DataError: where it cannot be opened, or is something else.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        self.path = path
        try:
            if reading:
                self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = sqlite3.connect(path)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_SCHEMA)
            self._db.execute("SELECT 1 FROM pictures LIMIT 1")
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error

    def __enter__(self) -> BatchStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def about(self) -> dict[str, str]:
        """What the batch is of: "model", "model_hash", "title", "labels" (one a line), "folders" …"""
        return dict(self._query("SELECT name, value FROM about"))

    def begin(self, about: dict[str, str]) -> bool:
        """Say what the batch is of. False where that changed, and with it every answer so far was dropped."""
        before = self.about
        same = not before or all(before.get(name) == about[name] for name in ("version", "model_hash"))
        with self._writing() as db:
            if not same:
                db.execute("DELETE FROM pictures")
            db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())
        return same

    def add(self, paths: Iterable[Path]) -> None:
        """Add pictures that are not there yet, as they are found."""
        from app.sources.files import display_name

        portion: list[tuple[bytes, str, str]] = []

        def write() -> None:
            with self._writing() as db:
                db.executemany("INSERT OR IGNORE INTO pictures (path, name, folder) VALUES (?, ?, ?)", portion)

        for path in paths:
            path = path.absolute()
            folder = os.fsencode(path.parent).decode("utf-8", "replace")
            portion.append((os.fsencode(path), display_name(path), folder))
            if len(portion) == CHUNK:
                write()
                portion = []
        write()

    def again(self) -> None:
        """Let those that could not be read wait once more: they may be whole by now."""
        with self._writing() as db:
            db.execute("UPDATE pictures SET state = 0, error = NULL WHERE state = 2")

    def waiting(self) -> Iterator[Path]:
        """The pictures without an answer, in order, read in portions."""
        last = 0
        while portion := self._query(
            f"SELECT number, path FROM pictures WHERE state = 0 AND number > ? ORDER BY number LIMIT {CHUNK}", (last,)
        ):
            for number, path in portion:
                last = number
                yield Path(os.fsdecode(path))

    def write(
        self, rows: Iterable[tuple[Path, Sequence[int], Sequence[float], float, str]], labels: Sequence[str]
    ) -> None:
        """Write answers as (path, classes, probabilities, milliseconds, error), all or none of them."""
        with self._writing() as db:
            for path, classes, probabilities, milliseconds, error in rows:
                key = os.fsencode(path.absolute())
                if error:
                    db.execute("UPDATE pictures SET state = 2, error = ? WHERE path = ?", (error, key))
                    continue
                gaps = [None] * (TOP - len(classes))
                db.execute(
                    "UPDATE pictures SET state = 1, label = ?, probability = ?, c1 = ?, c2 = ?, c3 = ?, c4 = ?, c5 = ?,"
                    " p1 = ?, p2 = ?, p3 = ?, p4 = ?, p5 = ?, milliseconds = ? WHERE path = ?",
                    (
                        *(labels[classes[0]], float(probabilities[0])),
                        *(*map(int, classes), *gaps, *map(float, probabilities), *gaps, milliseconds, key),
                    ),
                )

    def counts(self) -> Counts:
        """How far it is."""
        states = dict(self._query("SELECT state, COUNT(*) FROM pictures GROUP BY state"))
        return Counts(sum(states.values()), states.get(DONE, 0), states.get(FAILED, 0))

    def numbers(
        self, order: Column = "number", *, descending: bool = False, words: str = "", state: int = -1
    ) -> list[int]:
        """The rows' numbers in an order.

        Args:
            words: Only rows in whose name, folder or label every one of these words occurs.
            state: Only rows of that state; −1 for all.
        """
        assert order in COLUMNS
        where, values = [], []
        for word in words.split():
            pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            where.append(
                "(name LIKE ? ESCAPE '\\' OR folder LIKE ? ESCAPE '\\' OR IFNULL(label, '') LIKE ? ESCAPE '\\')"
            )
            values += [pattern] * 3
        if state >= 0:
            where.append(f"state = {int(state)}")
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        collation = " COLLATE NOCASE" if order in ("name", "folder", "label", "error") else ""
        ends = f"{order} IS NULL, {order}{collation} {'DESC' if descending else 'ASC'}, number"
        return [number for (number,) in self._query(f"SELECT number FROM pictures {condition} ORDER BY {ends}", values)]

    def rows(self, numbers: Sequence[int]) -> dict[int, BatchRow]:
        """The rows of these numbers."""
        marks = ",".join("?" * len(numbers))
        found = self._query(f"{_SELECT} WHERE number IN ({marks})", list(numbers))
        return {row[0]: _row(row) for row in found}

    def every_row(self) -> Iterator[BatchRow]:
        """All rows in order, read in portions."""
        last = 0
        while portion := self._query(f"{_SELECT} WHERE number > ? ORDER BY number LIMIT {CHUNK}", (last,)):
            for one in portion:
                last = one[0]
                yield _row(one)

    def _query(self, text: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            return self._db.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _writing(self) -> _Writing:
        return _Writing(self)

    def _trouble(self, error: Exception) -> DataError:
        return DataError(f"{self.path} cannot be used as the table of a batch ({error}).", "Make room, or remove it.")


class _Writing:
    """A transaction whose errors are told as DataErrors."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store

    def __enter__(self) -> sqlite3.Connection:
        return self._store._db

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            if kind is None:
                self._store._db.commit()
            else:
                self._store._db.rollback()
        except sqlite3.Error as failure:
            raise self._store._trouble(failure) from failure
        if isinstance(error, sqlite3.Error):
            raise self._store._trouble(error) from error


_FIELDS = "number, path, name, folder, state, c1, c2, c3, c4, c5, p1, p2, p3, p4, p5, milliseconds, error"
_SELECT = f"SELECT {_FIELDS} FROM pictures"


def _row(values: Sequence[object]) -> BatchRow:
    number, path, name, folder, state, *rest = values
    assert isinstance(number, int) and isinstance(path, bytes) and isinstance(state, int)
    classes = tuple(one for one in rest[:TOP] if isinstance(one, int))
    probabilities = tuple(one for one in rest[TOP : 2 * TOP] if isinstance(one, float))
    milliseconds = rest[2 * TOP]
    return BatchRow(
        number,
        Path(os.fsdecode(path)),
        str(name),
        str(folder),
        state,
        classes,
        probabilities,
        milliseconds if isinstance(milliseconds, float) else None,
        str(rest[2 * TOP + 1] or ""),
    )
