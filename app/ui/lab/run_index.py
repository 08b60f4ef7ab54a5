"""Which runs there are, looked at again and again off the window's thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app import paths
from app.core.errors import ExplorerError, RunError
from app.runs.folder import RunInfo, experiment_folder, list_runs, planned_runs
from app.runs.status import Status
from app.training.claims import is_plain
from app.ui.background import Background
from app.ui.lab.trainers import statuses
from app.ui.lab.words import living

QUICK, SLOW = 1000, 5000  # milliseconds between looks while something lives, and while nothing does


@dataclass(frozen=True)
class Listed:
    """A run in the list.

    Attributes:
        info: As its folder says.
        folder: Of its experiment: what is resumed, renamed and deleted together.
        shared: Whether it lies in a folder that the user added, or came with the program.
        living: Whether a trainer works on it, as it was when somebody looked.
        planned: How many runs its experiment will have.
    """

    info: RunInfo
    folder: Path
    shared: bool
    living: bool
    planned: int = 1

    @property
    def path(self) -> Path:
        """Of the run."""
        return self.info.path


_Found = tuple[tuple[Listed, ...], dict[Path, tuple[Status, ...]]]


class RunIndex(QObject):
    """Keeps the list of runs.

    Args:
        background: Where folders are read.
        root: Where this window's own runs go; the user's data by default.
        bundled: Where the runs lie that came with the program, if any did.

    Attributes:
        runs: What was found last, newest first.
        preparing: Of experiments that were just started and are no runs yet (see `await_run`), what their trainers say.

    Signals:
        changed(tuple of Listed): the newest experiment first, its residual network before the plain one; after every
            look, for “5 min ago” changes by itself.
    """

    changed = Signal(tuple)

    def __init__(
        self,
        background: Background,
        root: Path | None = None,
        parent: QObject | None = None,
        *,
        bundled: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self.root = root or paths.user_runs()
        self.bundled = bundled
        self.runs: tuple[Listed, ...] = ()
        self.preparing: dict[Path, tuple[Status, ...]] = {}
        self._shared: tuple[Path, ...] = ()
        self._background = background
        self._busy = False
        self._again = False
        self._timer = QTimer(self, interval=SLOW)
        self._timer.timeout.connect(self.look)

    @property
    def shared(self) -> tuple[Path, ...]:
        """The folders that the user added."""
        return self._shared

    def came_with_the_program(self, run: Listed) -> bool:
        """Whether it is one of the bundled runs."""
        return self.bundled is not None and run.path.is_relative_to(self.bundled)

    def set_shared(self, folders: tuple[Path, ...]) -> None:
        """List the runs of these folders too."""
        self._shared = folders
        self.look()

    def await_run(self, folder: Path, wanted: bool) -> None:
        """Look also into the folder of an experiment that prepares itself, or no more."""
        if wanted:
            self.preparing.setdefault(folder, ())
        else:
            self.preparing.pop(folder, None)

    def begin(self) -> None:
        """Look, and go on looking."""
        self._timer.start()
        self.look()

    def rest(self) -> None:
        """Stop looking: nobody sees it."""
        self._timer.stop()

    def look(self) -> None:
        """Look now; a look under way is followed by another."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        root, shared, awaited = self.root, self._shared, tuple(self.preparing)
        if self.bundled is not None:
            shared = (*shared, self.bundled)
        self._background.run("lab-list", lambda: _look(root, shared, awaited), self._take)

    def _take(self, found: _Found | ExplorerError) -> None:
        self._busy = False
        if not isinstance(found, ExplorerError):
            self.runs, preparing = found
            self.preparing.update({folder: told for folder, told in preparing.items() if folder in self.preparing})
            self.changed.emit(self.runs)
        quick = bool(self.preparing) or any(run.living for run in self.runs)
        self._timer.setInterval(QUICK if quick else SLOW)
        if self._again:
            self._again = False
            self.look()


def _look(root: Path, shared: tuple[Path, ...], awaited: tuple[Path, ...]) -> _Found:
    return _all(root, shared), {folder: statuses(folder) for folder in awaited}


def _all(root: Path, shared: tuple[Path, ...]) -> tuple[Listed, ...]:
    found: dict[Path, Listed] = {}
    planned: dict[Path, int] = {}
    for place in (root, *shared):
        for info in list_runs(place):
            folder = experiment_folder(info.path)
            if folder not in planned:
                planned[folder] = _planned(folder)
            run = Listed(info, folder, place != root, living(info), planned[folder])
            found.setdefault(info.path.resolve(), run)
    newest: dict[Path, float] = {}
    for run in found.values():
        newest[run.folder] = max(run.info.status.started, newest.get(run.folder, 0.0))
    return tuple(
        sorted(
            found.values(),
            key=lambda run: (-newest[run.folder], run.path.parent.as_posix(), is_plain(run.info), run.info.name),
        )
    )


def _planned(folder: Path) -> int:
    try:
        return planned_runs(folder)
    except RunError:  # damaged; its runs say so themselves
        return 1
