"""A smaller copy of a finished run, with what the plots need: to bundle it, or to send it to somebody."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from app.core.errors import RunError
from app.runs.folder import CONFIG, DATA, ENVIRONMENT, NETWORK, SUMMARY
from app.runs.reader import RunReader
from app.runs.status import FILE_NAME as STATUS
from app.runs.store import FILE_NAME, check_version, write_error


def thin(run: Path, copy: Path, *, most_steps: int = 2000, most_block_steps: int = 400) -> Path:
    """Copy a run without its checkpoint and weights, keeping every nth step, every evaluation and every event.

    Args:
        most_steps: Rows of losses and errors at most.
        most_block_steps: Rows of block measurements at most.

    Raises:
        RunError: where the run cannot be read, or the copy exists or cannot be written.
    """
    if copy.exists() and any(copy.iterdir()):
        raise RunError(f"{copy} is not empty.", "Choose a new folder.")
    last = RunReader(run).last_step()
    try:
        copy.mkdir(parents=True, exist_ok=True)
        for name in (CONFIG, NETWORK, DATA, ENVIRONMENT, SUMMARY, STATUS):
            if (run / name).exists():
                shutil.copyfile(run / name, copy / name)
        _copy_rows(run / FILE_NAME, copy / FILE_NAME)
        connection = sqlite3.connect(copy / FILE_NAME, isolation_level=None)
        try:
            check_version(connection, copy / FILE_NAME)
            connection.execute("PRAGMA journal_mode = DELETE")
            for table, most in (("steps", most_steps), ("blocks", most_block_steps)):
                every = -(-last // most) or 1
                connection.execute(f"DELETE FROM {table} WHERE step % ? AND step NOT IN (1, ?)", (every, last))
            connection.execute("VACUUM")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise write_error(copy, error) from error
    return copy


def _copy_rows(source: Path, target: Path) -> None:
    """Also of a run that is being written."""
    reader = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    try:
        writer = sqlite3.connect(target)
        try:
            reader.backup(writer)
        finally:
            writer.close()
    finally:
        reader.close()
