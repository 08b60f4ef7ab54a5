"""Starts trainers, each a process of its own that outlives the window, and notices those that never began."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app import paths
from app.core.errors import ExplorerError, RunError
from app.runs.folder import experiment_folder, list_runs
from app.runs.status import Status, read_status
from app.ui.background import Background

log = logging.getLogger(__name__)

TICK = 500  # milliseconds between looks at the processes
_PYTHONS_MEMORY = 4000  # characters of a log's end that may hold why


class Trainers(QObject):
    """The trainers that this window started. Others are known by their folders alone.

    Signals:
        began(folder): a process was started for this experiment.
        failed(folder, text): it ended without a run that could tell why itself.
        ended(folder): it is over, well or not.
    """

    began = Signal(Path)
    failed = Signal(Path, str)
    ended = Signal(Path)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._timer = QTimer(self, interval=TICK)
        self._timer.timeout.connect(self._look)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of the experiments whose processes run."""
        return tuple(self._processes)

    def start(self, words: Sequence[str], folder: Path) -> None:
        """Start `train` with these words; what it says goes into a log file."""

        def begun(outcome: subprocess.Popen[bytes] | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self.failed.emit(folder, str(outcome))
                return
            self._processes[folder] = outcome
            self._timer.start()
            self.began.emit(folder)

        self._background.run("lab-start", lambda: spawn(words, log_of(folder)), begun)

    def resume(self, run: Path) -> None:
        """Go on with the experiment of a run."""
        folder = experiment_folder(run)
        self.start(["train", "--run", str(folder), "--resume"], folder)

    def _look(self) -> None:
        for folder, process in list(self._processes.items()):
            code = process.poll()
            if code is None:
                continue
            del self._processes[folder]
            if code != 0:
                self._background.run("lab-start", partial(_why, folder), partial(self._tell_why, folder))
            self.ended.emit(folder)
        if not self._processes:
            self._timer.stop()

    def _tell_why(self, folder: Path, why: str | ExplorerError) -> None:
        if why:
            self.failed.emit(folder, str(why))


def spawn(words: Sequence[str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start a process of this program that goes on when the window is closed.

    Raises:
        RunError: where the system does not let it.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as output:
            return subprocess.Popen(
                paths.program_command(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path.home() if Path.home().is_dir() else None,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                creationflags=flags,
            )
    except OSError as error:
        raise RunError(f"The trainer cannot be started ({error.strerror or error}).", "Try it again.") from error


def log_of(folder: Path) -> Path:
    """Where the words of an experiment's trainer go."""
    return paths.ensure_or_temporary(paths.logs()) / "runs" / f"{folder.name}.log"


def statuses(folder: Path) -> tuple[Status, ...]:
    """What the trainers of an experiment say of themselves, also before there is a run to be listed."""
    places = (folder, *sorted(folder.glob("*/")), *sorted(folder.glob("*/*/")))
    return tuple(status for place in places if (status := read_status(place)).beat)


def _why(folder: Path) -> str:
    """Why an experiment never began; "" where a run in it tells by itself."""
    if list_runs(folder):
        return ""
    failed = [f"{one.message} {one.remedy}".strip() for one in statuses(folder) if one.state == "failed"]
    return failed[0] if failed else _last_words(log_of(folder))


def _last_words(path: Path) -> str:
    """The end of a log: the sentence with which a trainer gave up."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[-_PYTHONS_MEMORY:]
    except OSError as error:
        return f"The trainer ended without a word ({error})."
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("resnet-explorer: ") if lines else "The trainer ended without a word."
