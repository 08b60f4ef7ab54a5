"""What other processes ask of a run, and whether its folder still takes anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from app.core.errors import RunError
from app.runs import control
from app.runs.control import WISHES, Wish
from app.runs.status import Pulse
from app.runs.store import write_error
from app.training.distributed import Ranks


class Wishes:
    """Looks for requests; the first process's findings hold for everybody.

    Args:
        folder: The run's.
        pulse: Its heartbeat; None but in the first process.
        ranks: This process among the others.
        stop: Whether this process was asked to end (a signal).
    """

    def __init__(self, folder: Path, *, pulse: Pulse | None, ranks: Ranks, stop: Callable[[], bool]) -> None:
        self._folder = folder
        self._pulse = pulse
        self._ranks = ranks
        self._stop = stop

    def look(self, device: torch.device) -> set[Wish]:
        """What is asked for now. Every process must call it at the same step.

        Raises:
            RunError: where the folder is gone, or the disk is full.
        """
        bits = self._own() if self._ranks.first else 0
        bits = int(self._ranks.agree(bits, device))
        if bits < 0:
            raise self._folder_error()
        return {wish for place, wish in enumerate(WISHES) if bits >> place & 1}

    def grant(self, *wishes: Wish) -> None:
        """Take away requests that were met."""
        if self._ranks.first:
            for wish in wishes:
                control.take_back(self._folder, wish)

    def _own(self) -> int:
        if self._pulse is not None and self._pulse.problem is not None:
            return -1
        bits = sum(1 << place for place, wish in enumerate(WISHES) if control.is_asked(self._folder, wish))
        return bits | (1 << WISHES.index("stop") if self._stop() else 0)

    def _folder_error(self) -> RunError:
        if not self._folder.is_dir():
            return RunError(f"The folder {self._folder} is gone.", "It was moved or deleted; start the run anew.")
        problem = self._pulse.problem if self._pulse is not None else None
        return write_error(self._folder, problem or OSError("the first process cannot write"))
