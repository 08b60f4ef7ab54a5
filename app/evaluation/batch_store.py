"""The table of a batch: every picture of some folders with what a model says of it, in one SQLite file.

Nothing of it is held in memory, so a folder may have any size. Whoever is killed leaves whole rows behind, and goes on
with the rest. The engine writes while the window reads (write-ahead log). No torch.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from app.core.errors import DataError

TOP = 5
VERSION = 1
CHUNK = 1000
WAITING, DONE, FAILED = 0, 1, 2
Column = Literal["number", "name", "folder", "label", "probability", "p2", "p3", "p4", "p5", "milliseconds", "error"]
COLUMNS: tuple[Column, ...] = get_args(Column)

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
# What a file was when it was listed last; tables of earlier versions of the program do not have these.
_LATER = {"size": "INTEGER", "modified": "INTEGER", "listing": "INTEGER NOT NULL DEFAULT 0"}
_ANSWER = (
    "label",
    "probability",
    *(f"{one}{rank}" for one in "cp" for rank in range(1, TOP + 1)),
    "milliseconds",
    "error",
)


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
                there = {row[1] for row in self._db.execute("PRAGMA table_info(pictures)")}
                for name, kind in _LATER.items():
                    if name not in there:
                        self._db.execute(f"ALTER TABLE pictures ADD COLUMN {name} {kind}")
            self._db.execute("SELECT 1 FROM pictures LIMIT 1")
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error

    def __enter__(self) -> BatchStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def about(self) -> dict[str, str]:
        """What the batch is of: "model", "model_hash", "how", "title", "labels" (one a line), "folders" …"""
        return dict(self._query("SELECT name, value FROM about"))

    def begin(self, about: dict[str, str]) -> bool:
        """Say what the batch is of. False where that changed, and with it every answer so far was dropped."""
        before = self.about
        about = about | {"listing": str(int(before.get("listing", "0")) + 1)}
        same = not before or _is_same(before, about)
        with self._writing() as db:
            if not same:
                db.execute("DELETE FROM pictures")
            db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", about.items())
        return same

    def add(self, paths: Iterable[Path]) -> int:
        """Add pictures that are not there yet, as they are found.

        Returns:
            How many were there, with an answer, but are other files by now: they wait for a new one.
        """
        from app.sources.files import display_name

        listing = int(self.about.get("listing", "0"))
        changed = 0
        for portion in _portions(paths):
            rows = []
            for path in portion:
                size, modified = _stamp(path)
                folder = os.fsencode(path.parent).decode("utf-8", "replace")
                rows.append((os.fsencode(path), display_name(path), folder, size, modified, listing))
            with self._writing() as db:
                db.executemany(_ADD, rows)
                done = db.execute(
                    f"UPDATE pictures SET {', '.join(f'{name} = NULL' for name in _ANSWER)} "
                    "WHERE state = 0 AND c1 IS NOT NULL"
                )
                changed += done.rowcount
        return changed

    def drop_gone(self) -> int:
        """Take out the pictures that the last listing did not find and whose files are gone; how many.

        None where it found nothing at all: most likely a disk is not connected.
        """
        listing = self.about.get("listing", "0")
        if not self._query("SELECT 1 FROM pictures WHERE listing = ? LIMIT 1", (listing,)):
            return 0
        last = gone = 0
        while portion := self._query(
            "SELECT number, path FROM pictures WHERE listing <> ? AND number > ? ORDER BY number LIMIT ?",
            (listing, last, CHUNK),
        ):
            last = portion[-1][0]
            missing = [(number,) for number, path in portion if _is_gone(Path(os.fsdecode(path)))]
            with self._writing() as db:
                db.executemany("DELETE FROM pictures WHERE number = ?", missing)
            gone += len(missing)
        return gone

    def clear(self) -> None:
        """Forget every picture."""
        with self._writing() as db:
            db.execute("DELETE FROM pictures")
            db.execute("DELETE FROM about")

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
        self,
        order: Column = "number",
        *,
        descending: bool = False,
        words: str = "",
        state: int = -1,
        shares: tuple[float, float] | None = None,
    ) -> list[int]:
        """The rows' numbers in an order.

        Args:
            words: Only rows in whose name, folder or label every one of these words occurs.
            state: Only rows of that state; −1 for all.
            shares: Only rows whose best class has at least the first and less than the second probability.
        """
        assert order in COLUMNS
        where: list[str] = []
        values: list[object] = []
        for word in words.split():
            pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            where.append(
                "(name LIKE ? ESCAPE '\\' OR folder LIKE ? ESCAPE '\\' OR IFNULL(label, '') LIKE ? ESCAPE '\\')"
            )
            values += [pattern] * 3
        if state >= 0:
            where.append(f"state = {int(state)}")
        if shares is not None:
            where.append("probability >= ? AND probability < ?")
            values += shares
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


def _is_same(before: dict[str, str], about: dict[str, str]) -> bool:
    """Whether answers that were written under `before` are those that a batch of `about` would give.

    Tables of earlier versions do not say how, and have no hash of a model that is a folder. What they do say decides:
    hours of answers are not thrown away because nobody wrote down what can hardly have changed.
    """
    said = [name for name in ("version", "model_hash", "how") if before.get(name)]
    if not before.get("model_hash"):
        said.append("model")
    return all(before.get(name) == about.get(name) for name in said)


_ADD = """
INSERT INTO pictures (path, name, folder, size, modified, listing) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    state = CASE WHEN size IS NOT NULL AND (size IS NOT excluded.size OR modified IS NOT excluded.modified)
        THEN 0 ELSE state END,
    size = excluded.size, modified = excluded.modified, listing = excluded.listing
"""


def _portions(paths: Iterable[Path]) -> Iterator[list[Path]]:
    rest = (path.absolute() for path in paths)
    while portion := list(itertools.islice(rest, CHUNK)):
        yield portion


def _stamp(path: Path) -> tuple[int | None, int | None]:
    """(bytes, nanoseconds of the last change); unknown where nobody may look: reading it says so."""
    try:
        found = path.stat()
    except OSError:
        return None, None
    return found.st_size, found.st_mtime_ns


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # nobody may look, or a disk does not answer: that is no reason to forget it
        return False
    return False


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
