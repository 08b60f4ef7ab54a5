"""The runs that are compared: each followed, with the colour and the label that it has in every chart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.core.errors import ExplorerError
from app.core.records import NetworkOutline
from app.runs.records import MEASURES, BlockSeries, Measure, NewRows
from app.training.claims import is_plain, network_title
from app.ui.background import Background
from app.ui.charts import PLAIN, RESIDUAL, StepColumns
from app.ui.lab.follow import RunFollower
from app.ui.lab.measures import BRANCHES
from app.ui.lab.run_index import Listed


class Track(QObject):
    """One compared run.

    Signals:
        grown(NewRows): rows came; `follower.data` has them.
        known(): its network's outline is there.
        measured(): branches against shortcuts were measured once more.
        gone(text): it was deleted, or cannot be read, and why.

    Attributes:
        path: Of the run.
        label: Of its network.
        legend: What tells it from the other compared runs.
        token: Of its colour.
        plain: Whether its network is the plain one.
        branches: ‖F(x)‖ / ‖x‖ wherever it was measured, as the heat map takes it.
    """

    grown = Signal(object)
    known = Signal()
    measured = Signal()
    gone = Signal(str)

    def __init__(self, run: Listed, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = run.path
        self.folder = run.folder
        self.plain = is_plain(run.info)
        self.label = network_title(run.info)
        self.legend = self.label
        self.token = RESIDUAL
        self.branches = StepColumns()
        self.follower = RunFollower(run.path, background, parent=self)
        self.follower.outlined.connect(lambda _outline: self.known.emit())
        self.follower.appended.connect(self._on_rows)
        self.follower.branches_measured.connect(self._on_branches)
        self.follower.gone.connect(
            lambda: self.gone.emit(self.tr("The folder {0} is gone: it was deleted or moved.").format(self.path))
        )
        self.follower.trouble.connect(self._on_trouble)

    @property
    def key(self) -> str:
        """In charts."""
        return str(self.path)

    @property
    def outline(self) -> NetworkOutline | None:
        """The network's blocks, once they are known."""
        return self.follower.outline

    @property
    def last_step(self) -> int:
        """The last one that was read; 0 before."""
        steps = self.follower.data.steps
        return int(steps[-1]) if len(steps) else 0

    def columns(self, quantity: str) -> StepColumns:
        """A quantity of every block at every step."""
        return self.branches if quantity == BRANCHES else self.follower.data.columns[_measure(quantity)]

    def now(self, quantity: str, step: int | None = None) -> NDArray[np.float32]:
        """(B,) a quantity at the last step, or as it was at an earlier one; empty where there is nothing yet.

        An earlier step of a long run is the mean of the steps of its column, until the exact one is read.
        """
        data = self.follower.data
        if quantity == BRANCHES:
            return _last_before(data.branches, step)
        measure = _measure(quantity)
        if step is None or step >= data.newest_step:
            return data.newest.get(measure, np.empty(0, np.float32))
        table = data.columns[measure]
        column = table.at(step)
        return np.empty(0, np.float32) if column is None else table.means[column].astype(np.float32)

    def _on_rows(self, new: NewRows) -> None:
        self.grown.emit(new)

    def _on_branches(self, series: BlockSeries) -> None:
        self.branches.clear()
        self.branches.append(series.steps, series.values)
        self.measured.emit()

    def _on_trouble(self, problem: ExplorerError | None) -> None:
        if problem is not None:
            self.gone.emit(str(problem))


class Tracks(QObject):
    """All compared runs.

    Signals:
        changed(): other runs are compared, or have other labels or colours.
        added(Track), removed(Track)
    """

    changed = Signal()
    added = Signal(object)
    removed = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._tracks: dict[Path, Track] = {}

    @property
    def all(self) -> tuple[Track, ...]:
        """In the order in which they were ticked."""
        return tuple(self._tracks.values())

    @property
    def pair(self) -> tuple[Track, ...]:
        """The two whose maps and networks are drawn: the first residual one and its twin, or whatever there is."""
        tracks = self.all
        first = next((track for track in tracks if not track.plain), tracks[0] if tracks else None)
        if first is None:
            return ()
        others = [track for track in tracks if track is not first]
        others.sort(key=lambda track: (track.folder != first.folder, not track.plain))
        return (first, *others[:1])

    def compare(self, runs: Sequence[Listed]) -> None:
        """Follow exactly these runs."""
        wanted = {run.path: run for run in runs}
        for path in [path for path in self._tracks if path not in wanted]:
            track = self._tracks.pop(path)
            track.follower.stop()
            self.removed.emit(track)
            track.deleteLater()
        new = [Track(run, self._background, self) for path, run in wanted.items() if path not in self._tracks]
        for track in new:
            self._tracks[track.path] = track
        self._tracks = {path: self._tracks[path] for path in wanted}
        self._dress()
        for track in new:
            self.added.emit(track)
        self.changed.emit()
        for track in new:
            track.follower.start()

    def close(self) -> None:
        """Stop following."""
        for track in self._tracks.values():
            track.follower.stop()

    def _dress(self) -> None:
        """The first residual run and the first plain one have the colours of their kind; the others are told apart."""
        free = {False: RESIDUAL, True: PLAIN}
        further = 0
        labels = [track.label for track in self._tracks.values()]
        for track in self._tracks.values():
            token = free.pop(track.plain, None)
            if token is None:
                token, further = f"further-{further}", further + 1
            track.token = token
            place = track.folder.name if track.folder != track.path else track.path.name
            track.legend = f"{track.label} · {place}" if labels.count(track.label) > 1 else track.label


def _measure(name: str) -> Measure:
    return next(measure for measure in MEASURES if measure == name)


def _last_before(series: BlockSeries | None, step: int | None) -> NDArray[np.float32]:
    if series is None or not len(series.steps):
        return np.empty(0, np.float32)
    place = len(series.steps) - 1 if step is None else int(np.searchsorted(series.steps, step, side="right")) - 1
    values: NDArray[np.float32] = series.values[place] if place >= 0 else np.empty(0, np.float32)
    return values
