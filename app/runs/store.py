"""The rows of a run: one SQLite file, written by the trainer, read by anyone at the same time. No torch, no Qt.

The file is in write-ahead mode while the run lives, so that readers never wait and a killed writer loses at most the
rows of its open transaction, half a second of them. When the run ends it becomes one plain file, which opens from a
read-only folder too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from app.core.errors import RunError
from app.runs.records import MEASURES, BlockValues, Evaluation, Event, StepRow

FILE_NAME = "rows.sqlite"
COMMIT_SECONDS = 0.5
MOVE_SECONDS = 5.0
"""Between moves of rows from the write-ahead file to the main one, which is all that another machine sees."""
APPLICATION_ID = 0x52534E58
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE steps(step INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, loss REAL, error REAL, rate REAL, speed REAL,
    seconds REAL);
CREATE TABLE blocks(step INTEGER PRIMARY KEY, parameter_gradient BLOB NOT NULL, output_gradient BLOB NOT NULL,
    update_ratio BLOB NOT NULL);
CREATE TABLE evaluations(step INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, train_loss REAL, train_error REAL,
    test_loss REAL, test_error REAL, seconds REAL);
CREATE TABLE branches(step INTEGER PRIMARY KEY, ratio BLOB NOT NULL);
CREATE TABLE events(id INTEGER PRIMARY KEY, step INTEGER NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL, block TEXT NOT NULL);
CREATE TABLE attempts(id INTEGER PRIMARY KEY, from_step INTEGER NOT NULL, time REAL NOT NULL);
"""
# NaN has no place in SQLite: it is stored as NULL, and read as NaN again.


class RunWriter:
    """Writes a run's rows. One at a time and in one thread; `RunLock` sees to the first.

    Args:
        folder: The run's.
        from_step: The step after which rows are void: those of a run that was killed after its last checkpoint.

    Raises:
        RunError: where the file cannot be written, or is something else.
    """

    def __init__(self, folder: Path, *, from_step: int = 0) -> None:
        self.path = folder / FILE_NAME
        self._begun: float | None = None
        self._moved = time.monotonic()
        try:
            if not self.path.exists():
                _create(self.path)
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            self._prepare(from_step)
        except (sqlite3.Error, OSError) as error:
            raise write_error(self.path, error) from error

    def _prepare(self, from_step: int) -> None:
        run = self._connection.execute
        check_version(self._connection, self.path)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("BEGIN IMMEDIATE")
        for table in ("steps", "blocks", "evaluations", "branches"):
            run(f"DELETE FROM {table} WHERE step > ?", (from_step,))
        run("INSERT INTO attempts(from_step, time) VALUES (?, ?)", (from_step, time.time()))
        run("COMMIT")

    def append(self, row: StepRow) -> None:
        """Add a step. It can be read after at most `COMMIT_SECONDS`, if another follows, or after `flush`.

        Raises:
            RunError: where it cannot be written (a full disk, most often).
        """
        self._insert(
            "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row.step, row.epoch, row.loss, row.error, row.rate, row.speed, row.seconds),
        )
        if row.output_gradient is not None:
            blobs = [_blob(getattr(row, measure)) for measure in MEASURES]
            self._insert("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", (row.step, *blobs))
        if self._begun is not None and time.monotonic() - self._begun > COMMIT_SECONDS:
            self.flush()

    def extend(self, rows: Iterable[StepRow]) -> None:
        """Add steps, and make them readable at once."""
        for row in rows:
            self.append(row)
        self.flush()

    def evaluated(self, row: Evaluation) -> None:
        """Add a look at the test pictures."""
        values = (row.step, row.epoch, row.train_loss, row.train_error, row.test_loss, row.test_error, row.seconds)
        self._insert("INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        self.flush()

    def branches(self, step: int, ratio: BlockValues) -> None:
        """Add a measurement of ‖F(x)‖ / ‖x‖, (B,)."""
        self._insert("INSERT OR REPLACE INTO branches VALUES (?, ?)", (step, _blob(ratio)))
        self.flush()

    def happened(self, step: int, kind: str, text: str, *, block: str = "") -> Event:
        """Add an event, and make it readable at once."""
        now = time.time()
        self._insert(
            "INSERT INTO events(step, time, kind, text, block) VALUES (?, ?, ?, ?, ?)", (step, now, kind, text, block)
        )
        identity = self._connection.execute("SELECT last_insert_rowid()").fetchone()[0]
        self.flush()
        return Event(identity, step, now, kind, text, block)

    def flush(self) -> None:
        """Make everything readable and safe from the death of this process."""
        if self._begun is None:
            return
        self._begun = None
        try:
            self._connection.execute("COMMIT")
            if time.monotonic() - self._moved > MOVE_SECONDS:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                self._moved = time.monotonic()
        except sqlite3.Error as error:
            self._roll_back()
            raise write_error(self.path, error) from error

    def close(self) -> None:
        """Write what is left; make one plain file of it, unless somebody reads it at this moment."""
        try:
            self.flush()
            try:
                self._connection.execute("PRAGMA busy_timeout = 500")
                self._connection.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.OperationalError as error:
                if not _busy(error):
                    raise write_error(self.path, error) from error
        finally:
            self._connection.close()

    def abandon(self) -> None:
        """Close without writing what is left: for a full disk, or a folder that is gone."""
        self._roll_back()
        self._connection.close()

    def _insert(self, statement: str, values: tuple[object, ...]) -> None:
        try:
            if self._begun is None:
                self._connection.execute("BEGIN")
                self._begun = time.monotonic()
            self._connection.execute(statement, values)
        except sqlite3.Error as error:
            self._roll_back()
            raise write_error(self.path, error) from error

    def _roll_back(self) -> None:
        self._begun = None
        if self._connection.in_transaction:
            self._connection.rollback()


def _create(path: Path) -> None:
    """Make an empty file of rows; it gets its name when it is whole, so that no reader meets half of it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary, isolation_level=None)
    try:
        connection.execute("PRAGMA page_size = 8192")
        connection.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
    finally:
        connection.close()
    temporary.replace(path)


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that another program, or a later version of this one, wrote.

    Raises:
        RunError: saying which.
        sqlite3.Error: where it is no database at all.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise RunError(f"{path} was not written by this program.", "Choose the folder of a run.")
    if version != SCHEMA_VERSION:
        raise RunError(f"{path} has rows of version {version}; this program reads version {SCHEMA_VERSION}.", "Update.")


def write_error(path: Path, error: Exception) -> RunError:
    """What to tell of a failed write."""
    text = str(error)
    if "disk is full" in text or "No space left" in text or "disk I/O error" in text or "quota" in text.lower():
        return RunError(
            f"{path} cannot be written: {text}.", "Free some space, then resume the run: nothing before is lost."
        )
    return RunError(f"{path} cannot be written: {text}.", "Check that the folder is there and can be written.")


def _busy(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _blob(values: BlockValues) -> bytes:
    return values.astype("<f4", copy=False).tobytes()
