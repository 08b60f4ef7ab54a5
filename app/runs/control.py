"""Pausing and stopping a run from any process: a file in its folder is the request. No torch, no Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from app.core.errors import RunError

Wish = Literal["pause", "stop", "measure"]
WISHES: tuple[Wish, ...] = ("pause", "stop", "measure")


def _file(folder: Path, wish: Wish) -> Path:
    return folder / f"{wish}.request"


def ask(folder: Path, wish: Wish) -> None:
    """Ask a run's trainer to pause, to stop (it can be resumed later), or to measure its branches now.

    Raises:
        RunError: where the folder cannot be written.
    """
    try:
        _file(folder, wish).touch()
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}).", "Check its permissions.") from error


def take_back(folder: Path, wish: Wish) -> None:
    """Withdraw a wish: a paused run goes on.

    Raises:
        RunError: where the folder cannot be written.
    """
    try:
        _file(folder, wish).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}).", "Check its permissions.") from error


def is_asked(folder: Path, wish: Wish) -> bool:
    """Whether a wish is open."""
    return _file(folder, wish).exists()


def clear(folder: Path) -> None:
    """Forget every wish: those of an earlier attempt."""
    for wish in WISHES:
        take_back(folder, wish)
