"""Table 6 and figure 6 of He et al. 2015: every network that they trained on CIFAR-10, and what was trained here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QPushButton

from app.core import paper
from app.core.errors import ExplorerError
from app.training.claims import Claim, PaperRow, claims, equally_long, read_row
from app.training.config import Experiment
from app.training.presets import PRESETS
from app.ui.background import Background
from app.ui.charts import PLAIN, RESIDUAL, ChartCard
from app.ui.charts.depths import DepthChart
from app.ui.lab.claim_card import ClaimCard, quiet
from app.ui.lab.fact_table import Column, FactTable
from app.ui.lab.paper import by_depth
from app.ui.lab.run_index import Listed
from app.ui.lab.words import count, percent, tr
from app.ui.naming import named
from app.ui.tokens import GRID

CHART_HEIGHT = 30 * GRID
COMMAND = 6  # the column
NARROW = 88 * GRID  # below this width of the card there is no room for commands
PAPERS, TESTED, TRAINED, PLAIN_TRAINED = "paper", "tested", "trained", "plain trained"


class DepthClaims(ClaimCard):
    """Errors by depth, with additions and without.

    Args:
        background: Where the folders are read.

    Signals:
        runs_wanted(tuple of Path): look at these runs in the charts.
        experiment_wanted(Experiment): nobody trained this one yet: put it into the form.
    """

    runs_wanted = Signal(tuple)
    experiment_wanted = Signal(object)

    def __init__(self, background: Background) -> None:
        super().__init__(
            "depth",
            tr("Deeper, with additions and without: CIFAR-10"),
            tr(
                "He et al. 2015, table 6 and figure 6: residual networks get better with depth, plain ones get worse, "
                "on the pictures that they are trained on too. All were trained for {0} steps. What was trained here "
                "comes from the folders of its runs."
            ).format(count(paper.STEPS)),
        )
        self._background = background
        self._read: dict[Path, tuple[tuple[int, str], PaperRow]] = {}
        self._asked = 0
        self.claims: tuple[Claim, ...] = claims(())
        columns = (
            Column(self.tr("Network")), Column(self.tr("Paper, test"), number=True),
            Column(self.tr("Here, test"), number=True), Column(self.tr("Here, training"), number=True),
            Column(self.tr("Steps"), number=True),
            Column(self.tr("Seed"), number=True), Column(self.tr("Command"), wide=True),
        )  # fmt: skip
        self.table = FactTable("depthTable", self.tr("Networks of table 6 and figure 6, and runs here"), columns)
        self.chart = DepthChart(
            "depthChart",
            self.tr("Error by depth"),
            depths=tuple(paper.CIFAR_RESIDUAL),
            y_title=self.tr("error"),
            unit="%",
        )
        self.words = quiet("depthWords")
        self.go = named(QPushButton(), "depthGo")
        self.copy_command = named(QPushButton(self.tr("Copy command")), "depthCommand", self.tr("Copy the command"))
        self.copy_command.setToolTip(self.tr("Copy the command line that made the run of the chosen line"))
        self.copy_table = named(QPushButton(self.tr("Copy table")), "depthCopy", self.tr("Copy the table"))
        self.copy_table.setToolTip(self.tr("Copy the table, with tabs between its columns"))
        self._lay_out()
        self._connect()
        self._show()

    def show_runs(self, runs: Sequence[Listed]) -> None:
        """Lay every run of the list that tries a network of the paper beside it; reads what has grown since."""
        wanted = {
            run.path: (run.info.status.step, run.info.status.state)
            for run in runs
            if not run.info.problem and paper.comparable(run.info.config)
        }
        known = {path: row for path, row in self._read.items() if wanted.get(path) == row[0]}
        self._asked += 1
        asked, missing = self._asked, [path for path in wanted if path not in known]
        if not missing and known.keys() == self._read.keys():
            return

        def read() -> list[tuple[Path, PaperRow | ExplorerError]]:
            return [(path, _row(path)) for path in missing]

        def shown(found: list[tuple[Path, PaperRow | ExplorerError]] | ExplorerError) -> None:
            if asked != self._asked:
                return
            for path, row in [] if isinstance(found, ExplorerError) else found:
                if isinstance(row, PaperRow):
                    known[path] = (wanted[path], row)
                else:
                    self.failed.emit(row)
            self._read = known
            self.claims = claims([row for _state, row in known.values()])
            self._show()

        self._background.run("paper-claims", read, shown)

    @property
    def chosen(self) -> Claim | None:
        """Of the current line."""
        row = self.table.currentRow()
        return self.claims[row] if 0 <= row < len(self.claims) else None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(COMMAND, self.width() < NARROW)  # the button copies it, the tooltip tells it

    def _act(self) -> None:
        """See the run; or, where there is none, prepare it."""
        claim = self.chosen
        if claim is None:
            return
        if claim.row is None:
            self.experiment_wanted.emit(experiment(claim.depth))
            return
        other = next((one for one in self.claims if one.depth == claim.depth and one.plain is not claim.plain), None)
        rows = [row for one in (claim, other) if one is not None and (row := one.row) is not None]
        self.runs_wanted.emit(tuple(row.path for row in sorted(rows, key=lambda row: row.plain)))

    def _copy_command(self) -> None:
        claim = self.chosen
        if claim is not None and claim.row is not None:
            QGuiApplication.clipboard().setText(claim.row.command)
            self.said.emit(self.tr("command copied"))

    def _copy_table(self) -> None:
        self.table.copy()
        self.said.emit(self.tr("table copied"))

    def _show(self) -> None:
        self.table.show_lines([_line(claim) for claim in self.claims], [_tip(claim) for claim in self.claims])
        residual = {claim.depth: claim for claim in self.claims if not claim.plain}
        plain = {claim.depth: claim for claim in self.claims if claim.plain}
        depths = tuple(paper.CIFAR_RESIDUAL)
        nothing, steps = math.nan, equally_long(self.claims)
        self.chart.set_values(PAPERS, np.array([paper.CIFAR_RESIDUAL[depth].test_error for depth in depths]))
        for key, found, which in (
            (TESTED, residual, "test_error"),
            (TRAINED, residual, "train_error"),
            (PLAIN_TRAINED, plain, "train_error"),
        ):
            rows = [claim.row if (claim := found.get(depth)) else None for depth in depths]
            values = [getattr(row, which) if row and row.finished and row.steps == steps else nothing for row in rows]
            self.chart.set_values(key, np.array(values))
        alike = [claim.row for claim in self.claims if claim.row is not None and claim.row.steps == steps]
        self.words.setText("\n".join(by_depth(alike)))
        title = self.tr("Error by depth, after {0} steps").format(count(steps)) if steps else self.tr("Error by depth")
        self._card.set_title(title)
        self._on_line()

    def _on_line(self) -> None:
        claim = self.chosen
        missing = claim is not None and claim.row is None
        self.go.setEnabled(claim is not None)
        self.go.setText(self.tr("Prepare it") if missing else self.tr("Show in charts"))
        tip = self.tr("Show the run and its twin in the charts, step by step")
        if claim is None:
            tip = self.tr("Choose a line first")
        elif missing:
            tip = self.tr("Put this network and its twin into the form, with the paper's settings")
        self.go.setToolTip(tip)
        self.copy_command.setEnabled(claim is not None and not missing)

    def _connect(self) -> None:
        self.table.currentCellChanged.connect(lambda *_: self._on_line())
        self.table.itemActivated.connect(lambda _item: self._act())
        self.go.clicked.connect(self._act)
        self.copy_command.clicked.connect(self._copy_command)
        self.copy_table.clicked.connect(self._copy_table)
        self._card.said.connect(self.said)
        self._card.failed.connect(self.failed)

    def _lay_out(self) -> None:
        labels = (
            (PAPERS, self.tr("paper: ResNet, test"), "quiet", True),
            (TESTED, self.tr("here: ResNet, test"), RESIDUAL, True),
            (TRAINED, self.tr("here: ResNet, training"), RESIDUAL, False),
            (PLAIN_TRAINED, self.tr("here: plain, training"), PLAIN, False),
        )
        for key, label, colour, dashed in labels:
            self.chart.add_series(key, label, colour=colour, dashed=dashed)
        self._card = ChartCard(self.chart, self.tr("Error by depth"), background=self._background)
        self._card.setMinimumHeight(CHART_HEIGHT)
        self.column.addWidget(self.table)
        self.add_buttons(self.go, self.copy_command, self.copy_table)
        self.column.addWidget(self._card)
        self.column.addWidget(self.words)


def experiment(depth: int) -> Experiment:
    """What the paper trained at a depth, and its plain twin: the settings of section 4.2."""
    base = next(iter(PRESETS["paper"].experiments.values()))
    return dataclasses.replace(base, depth=depth, warm_up=depth == paper.WARM_UP_DEPTH, twin=True)


def _row(path: Path) -> PaperRow | ExplorerError:
    try:
        return read_row(path)
    except ExplorerError as error:
        return error


def _line(claim: Claim) -> tuple[str, ...]:
    theirs = tr("a curve")
    if claim.reported is not None:
        theirs = percent(claim.reported.test_error)
    elif claim.depth == paper.CIFAR_PLAIN_110:
        theirs = tr("above {0}").format(percent(paper.CIFAR_PLAIN_110_ABOVE))
    row = claim.row
    if row is None:
        return claim.title, theirs, "–", "–", "–", "–", tr("nobody trained it here")
    tested, trained = ("–" if math.isnan(value) else percent(value) for value in (row.test_error, row.train_error))
    steps = count(row.steps) if row.finished else tr("{0} so far").format(count(row.steps))
    return claim.title, theirs, tested, trained, steps, str(row.seed), row.command


def _tip(claim: Claim) -> str:
    row = claim.row
    if row is None:
        return ""
    facts = tr("{0}\n{1}\n{2}, {3}, torch {4}, commit {5}").format(
        row.command, row.path, row.device, row.precision, row.torch, row.commit
    )
    if len(claim.rows) > 1:
        facts += "\n" + tr("the one of {0} runs that is nearest to the paper's").format(len(claim.rows))
    return facts
