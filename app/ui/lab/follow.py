"""Follows run folders while they are written, or long after: reads off the window's thread, tells on it.

A run that lives, one that ended, one that crashed and one on another machine are all the same here: a folder.

    follower = RunFollower(folder, background, parent=page)
    follower.appended.connect(page.show_rows)
    follower.start()

    def show_rows(new: NewRows) -> None:
        if new.back_to is not None:                 # resumed from an earlier checkpoint: what came later is void
            chart.cut(key, new.back_to)
        chart.append(key, new.steps, new.scalars["loss"])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import ExplorerError, RunError
from app.core.records import NetworkOutline
from app.runs.folder import NETWORK, SUMMARY, RunInfo, describe, read_outline
from app.runs.reader import RunReader
from app.runs.records import (
    MEASURES,
    BlockSeries,
    BlockValues,
    Evaluation,
    Event,
    Mark,
    Measure,
    NewRows,
    Scalar,
    Values,
)
from app.runs.records import SCALARS as SCALARS
from app.runs.status import Life, Status, read_status
from app.runs.store import FILE_NAME
from app.ui.background import Background
from app.ui.charts.columns import Growing, StepColumns

LANE = "runs"
TICK = 500  # milliseconds between two looks at a living run
REST = 3000  # between two looks at one that is not written any more: somebody may resume it
PIECE_BYTES = 500_000
"""How much is read at a time: a long run arrives in pieces, so that the window draws and listens in between."""
PATIENCE = 3
"""Failed looks in a row before trouble is told: on a shared folder a look can meet a file that is half replaced."""


class RunData:
    """All that was read of a run, always as far as the last `RunFollower.appended` said.

    Attributes:
        columns: By measure, every block at every step, joined where the run is long.
        newest: By measure, (B,) at the last step that has any; empty before.
        newest_step: That step.
        evaluations: In order.
        events: In order.
        branches: ‖F(x)‖ / ‖x‖ wherever it was measured; None before.
    """

    def __init__(self) -> None:
        self._steps = Growing(np.int64)
        self._scalars: dict[Scalar, Growing] = {name: Growing(np.float64) for name in SCALARS}
        self.columns: dict[Measure, StepColumns] = {measure: StepColumns() for measure in MEASURES}
        self.newest: dict[Measure, BlockValues] = {}
        self.newest_step = 0
        self.evaluations: tuple[Evaluation, ...] = ()
        self.events: tuple[Event, ...] = ()
        self.branches: BlockSeries | None = None

    @property
    def steps(self) -> NDArray[np.int64]:
        """(n,) a view, valid until more is read."""
        return self._steps.values

    def scalar(self, name: Scalar) -> Values:
        """(n,) a view, valid until more is read."""
        return self._scalars[name].values

    def take(self, new: NewRows) -> None:
        """Add what was read; first drop what it makes void."""
        if new.back_to is not None:
            self._cut(new.back_to)
        self._steps.append(new.steps)
        for name, values in new.scalars.items():
            self._scalars[name].append(values)
        if len(new.block_steps):
            for measure, table in new.blocks.items():
                self.columns[measure].append(new.block_steps, table)
                self.newest[measure] = table[-1]
            self.newest_step = int(new.block_steps[-1])
        self.evaluations += new.evaluations
        self.events += new.events

    def _cut(self, after: int) -> None:
        keep = int(np.searchsorted(self.steps, after, side="right"))
        self._steps.cut(keep)
        for values in self._scalars.values():
            values.cut(keep)
        for table in self.columns.values():
            table.cut(after)
        self.evaluations = tuple(row for row in self.evaluations if row.step <= after)


@dataclass(frozen=True, eq=False)
class _Look:
    """What one look found."""

    there: bool
    status: Status = field(default_factory=Status)
    new: NewRows | None = None
    more: bool = False
    info: RunInfo | None = None
    outline: NetworkOutline | None = None
    branches: BlockSeries | None = None
    problem: ExplorerError | None = None


@dataclass(frozen=True)
class _Question:
    """What the next look must know."""

    folder: Path
    mark: Mark
    summarised: bool
    outlined: bool
    described: bool
    most: int


class RunFollower(QObject):
    """One run's folder, followed.

    Nothing is told before `start`. Signals come on the window's thread, in this order within a look.

    Args:
        folder: The run's, the one with config.json.
        background: Where files are read.
        tick: Milliseconds between looks.

    Signals:
        described(RunInfo): the experiment, at first; again when there are figures at the end.
        outlined(NetworkOutline): the network's blocks, once they are known.
        status_changed(Status): at every change, also of `Status.beat`; `life` says whether its trainer lives.
        appended(NewRows): rows, evaluations, events. `data` has them already. Where `back_to` is a number, everything
            after that step is void.
        branches_measured(BlockSeries): ‖F(x)‖ / ‖x‖, all measurements so far, when there is a new one.
        caught_up(): all that was in the file has been told; first after the last piece of the first reading.
        gone(): the folder was deleted or moved; nothing more will come.
        trouble(ExplorerError or None): the run cannot be read; None when it can again. It is tried further.
    """

    described = Signal(object)
    outlined = Signal(object)
    status_changed = Signal(object)
    appended = Signal(object)
    branches_measured = Signal(object)
    caught_up = Signal()
    gone = Signal()
    trouble = Signal(object)

    def __init__(
        self, folder: Path, background: Background, *, tick: int = TICK, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.folder = folder
        self.data = RunData()
        self.info: RunInfo | None = None
        self.outline: NetworkOutline | None = None
        self.status = Status()
        self.life: Life = "unknown"
        self._background = background
        self._mark = Mark()
        self._tick = tick
        self._following = self._looking = self._caught_up = self._troubled = self._gone = False
        self._failures = 0
        self._attempts = 0  # looks that belong to an earlier start are not told
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._look)

    @property
    def following(self) -> bool:
        """Whether it looks."""
        return self._following

    @property
    def far(self) -> bool:
        """Whether the run belongs to another machine: rows come every few seconds, and it cannot be resumed here."""
        return self.status.far

    @property
    def complete(self) -> bool:
        """Whether everything that was in the file has been told."""
        return self._caught_up

    def start(self) -> None:
        """Look at once, then regularly. Goes on where it stopped."""
        if not self._following and not self._gone:
            self._following = True
            self._look()

    def stop(self) -> None:
        """Look no more; nothing is told after this."""
        self._following = False
        self._attempts += 1
        self._looking = False
        self._timer.stop()

    def look_now(self) -> None:
        """Look at once: for who knows that something just happened."""
        if self._following and not self._looking:
            self._timer.stop()
            self._look()

    def at(self, step: int, then: Callable[[dict[Measure, BlockValues] | ExplorerError | None], None]) -> None:
        """Read every measure at a step from the file itself, for scrubbing; `then` gets it on the window's thread."""
        folder, far = self.folder, self.status.far
        self._background.run(f"{LANE}-scrub", lambda: RunReader(folder, far=far).blocks_at(step), then)

    @Slot()
    def _look(self) -> None:
        if not self._following or self._looking:
            return
        self._looking = True
        blocks = max(1, len(self.outline.blocks) if self.outline else 64)
        question = _Question(
            self.folder,
            self._mark,
            self.info is not None and bool(self.info.summary),
            self.outline is not None,
            self.info is not None,
            max(64, PIECE_BYTES // (blocks * 4 * len(MEASURES) + 64)),
        )
        attempt = self._attempts
        self._background.run(LANE, lambda: _look_at(question), lambda look: self._tell(look, attempt))

    def _tell(self, look: _Look | ExplorerError, attempt: int) -> None:
        if attempt != self._attempts or not self._following:
            return
        self._looking = False
        if isinstance(look, ExplorerError):
            look = _Look(True, self.status, problem=look)
        if not look.there:
            self.stop()
            self._gone = True
            self.gone.emit()
            return
        self._told(look)
        if self._following:  # whoever heard it may have stopped us
            quick = self.status.active or self.life == "unknown" or look.problem is not None
            self._timer.start(0 if look.more else self._tick if quick else max(self._tick, REST))

    def _told(self, look: _Look) -> None:
        if look.info is not None:
            self.info = look.info
            self.described.emit(look.info)
        if look.outline is not None:
            self.outline = look.outline
            self.outlined.emit(look.outline)
        life = look.status.life()
        if (look.status, life) != (self.status, self.life):
            self.status, self.life = look.status, life
            self.status_changed.emit(look.status)
        self._tell_problem(look.problem)
        if look.new is not None:
            self._mark = look.new.mark
            if look.new:
                self.data.take(look.new)
                self.appended.emit(look.new)
        seen = 0 if self.data.branches is None else len(self.data.branches.steps)
        if look.branches is not None and len(look.branches.steps) != seen:
            self.data.branches = look.branches
            self.branches_measured.emit(look.branches)
        if look.new is not None and not look.more and not self._caught_up:
            self._caught_up = True
            self.caught_up.emit()

    def _tell_problem(self, problem: ExplorerError | None) -> None:
        self._failures = 0 if problem is None else self._failures + 1
        if problem is None and self._troubled:
            self._troubled = False
            self.trouble.emit(None)
        elif problem is not None and self._failures >= PATIENCE and not self._troubled:
            self._troubled = True
            self.trouble.emit(problem)


def _look_at(question: _Question) -> _Look:
    """Runs on a thread: everything that touches the disk."""
    folder = question.folder
    if not folder.is_dir():
        return _Look(False)
    status = read_status(folder)
    info = outline = new = branches = problem = None
    if not question.described or (not question.summarised and (folder / SUMMARY).exists()):
        info = describe(folder)
    try:
        if not question.outlined and (folder / NETWORK).exists():
            outline = read_outline(folder)
        if (folder / FILE_NAME).exists():
            reader = RunReader(folder, far=status.far)
            new = reader.after(question.mark, most=question.most)
            if new:
                branches = reader.branches()
    except RunError as error:
        if not folder.is_dir():
            return _Look(False)
        problem = error
    more = new is not None and len(new.steps) >= question.most
    return _Look(True, status, new, more, info, outline, branches, problem)
