"""One process at a time classifies into a table: a lock that the system takes back from whoever is killed. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from app.core.errors import DataError


class BatchBusyError(DataError):
    """Another process is at work on the table."""


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Nobody else classifies into this table meanwhile; the system takes the lock back from whoever is killed.

    Raises:
        BatchBusyError: where somebody does.
        DataError: where the folder cannot be written.
    """
    lock = FileLock(lock_path(store))
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BatchBusyError(
            "Another window or command is classifying into this table.", "Its rows appear as they come."
        ) from error
    except OSError as error:
        raise DataError(f"{store.parent} cannot be written ({error.strerror or error}).", "Make room.") from error
    try:
        yield
    finally:
        lock.release()


def lock_path(store: Path) -> Path:
    """The file that says that somebody is at work on a table."""
    return store.with_name(store.name + ".lock")
