"""The panel “Paths”: how many paths there are of each length, and what they carry (Veit et al. 2016, figure 6)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import ExplorerError
from app.core.paths import PathRecord
from app.ui.anatomy.card_grid import CardGrid
from app.ui.anatomy.number_chart import NumberChart
from app.ui.charts.card import ChartCard
from app.ui.data_row import DataRow
from app.ui.drawing import number_text
from app.ui.job import JOB
from app.ui.naming import named
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

if TYPE_CHECKING:
    from app.ui.anatomy.page import AnatomyPage

CHART_HEIGHT = 30 * GRID
MOST = 0.9  # the share of the gradient whose range of lengths is told


class PathsPanel(QScrollArea):
    """Samples the paths of the network at hand."""

    def __init__(self, page: AnatomyPage) -> None:
        super().__init__()
        named(self, "pathsPanel", self.tr("Paths through the network"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._page, self._shell = page, page.shell
        self.record: PathRecord | None = None
        self.work = WorkRow("paths", self.tr("Sample the paths"), page.shell)
        self.on_data = named(QCheckBox(self.tr("average over labelled pictures")), "pathsOnData")
        self.on_data.setToolTip(
            self.tr("Instead of the picture at hand: 32 labelled pictures, each with its true class")
        )
        self.data = DataRow("paths", page.shell)
        self.words = named(QLabel(), "pathsSummary")
        self.words.setWordWrap(True)
        self.words.setProperty("role", "quiet")
        x_title = self.tr("blocks on the path")
        self.counts = NumberChart(
            "pathCounts", self.tr("How many paths"), x_title=x_title, y_title=self.tr("log₁₀ of the paths")
        )
        self.gradients = NumberChart(
            "pathGradients",
            self.tr("Gradient of one path"),
            x_title=x_title,
            y_title=self.tr("gradient norm at the first block"),
            log=True,
        )
        self.shares = NumberChart(
            "pathShares", self.tr("Share of the gradient"), x_title=x_title, y_title=self.tr("share"), unit="%"
        )
        self.cards = [
            ChartCard(self.counts, self.tr("How many paths there are (log₁₀)"), background=page.shell.background),
            ChartCard(self.gradients, self.tr("What one path carries"), background=page.shell.background),
            ChartCard(self.shares, self.tr("What all of a length carry"), background=page.shell.background),
        ]
        for chart in (self.counts, self.gradients, self.shares):
            chart.add_series("paths", self.tr("paths"), colour="accent")
        self.cards[2].set_note(
            self.tr(
                "Veit et al. 2016, figure 6: in a 110-layer network with 54 blocks most gradient comes from paths of "
                "10 to 34 layers. Norms are added, as there: where gradients cancel, this overstates."
            )
        )
        self._lay_out()
        self._connect()
        self._show(None)
        self._refresh()

    def take_paths(self, dropped: list[Path]) -> bool:
        """A dropped folder is what is averaged over."""
        if not self.on_data.isChecked() or not dropped[0].is_dir():
            return False
        self.data.set_path(dropped[0])
        return True

    def start(self) -> None:
        """Begin to sample."""
        request = self._page.desk.request
        if request is None or self.work.running:
            return
        data = (self.data.path,) if self.on_data.isChecked() else ()
        self.work.run("anatomy.paths", replace(request, id=JOB), *data)

    def _show(self, record: PathRecord | None) -> None:
        import numpy as np

        self.record = record
        lengths = record.lengths if record is not None else ()
        steps = np.array([one.length for one in lengths], np.int64)
        values = (
            (self.counts, [one.log10_count for one in lengths]),
            (self.gradients, [one.gradient for one in lengths]),
            (self.shares, [100 * share for share in record.shares] if record is not None else []),
        )
        for chart, column in values:
            chart.set_data("paths", steps, np.array(column, np.float64))
        self.words.setText(summary(record) if record is not None else self._explanation())

    def _explanation(self) -> str:
        return self.tr(
            "At each block the signal goes through the branch or past it: n blocks make 2ⁿ paths, C(n, k) of them "
            "through k branches. Sampling shows which gradient paths of each length really carry."
        )

    def _on_failed(self, error: ExplorerError) -> None:
        self._page.notices.show_notice(str(error), key="work")

    def _refresh(self) -> None:
        self.data.refresh()
        self.data.setVisible(self.on_data.isChecked())
        outline = self._page.surgery.outline
        if outline is not None and not any(block.shortcut != "none" for block in outline.blocks):
            self.work.set_ready(False, self.tr("A network without shortcuts has a single path."))
        elif self._page.desk.request is None:
            self.work.set_ready(False, self.tr("Choose a picture first."))
        elif self.on_data.isChecked() and not self.data.path:
            self.work.set_ready(False, self.tr("Choose labelled pictures first."))
        else:
            self.work.set_ready(True)

    def _connect(self) -> None:
        self.work.wanted.connect(self.start)
        self.work.done.connect(self._show)
        self.work.failed.connect(self._on_failed)
        self.work.ended.connect(self._refresh)
        self.on_data.toggled.connect(self._refresh)
        self.data.changed.connect(self._refresh)
        self._page.desk.measured.connect(lambda _measurement: self._refresh())
        self._shell.engine.model_loaded.connect(lambda _model: self._show(None))
        for card in self.cards:
            card.said.connect(self._shell.window.set_status)
            card.failed.connect(self._on_failed)

    def _lay_out(self) -> None:
        body = named(QWidget(), "pathsBody")
        controls = QGridLayout()
        controls.setSpacing(GRID)
        controls.addWidget(self.work, 0, 0, 1, 2)
        controls.addWidget(self.on_data, 1, 0)
        controls.addWidget(self.data, 1, 1)
        controls.setColumnStretch(1, 1)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(controls)
        layout.addWidget(self.words)
        layout.addWidget(CardGrid("pathCards", self.cards, height=CHART_HEIGHT), 1)
        self.setWidget(body)


def summary(record: PathRecord) -> str:
    """The effective depth, in a sentence."""
    low, high = record.range_of(MOST)
    return QCoreApplication.translate(
        "PathsPanel",
        "The gradient flows through {depth} of {blocks} blocks on average; {share} % of it through paths of {low} to "
        "{high} blocks.",
    ).format(
        depth=number_text(record.effective_depth), blocks=record.blocks, share=round(100 * MOST), low=low, high=high
    )


def build(page: AnatomyPage) -> QWidget:
    """The panel, for the page."""
    return PathsPanel(page)
