"""Figure 7 of He et al. 2015: the standard deviations of layers' responses, measured over many pictures."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QCheckBox, QHBoxLayout

from app import paths
from app.core.errors import ExplorerError
from app.core.responses import ResponseRecord, list_responses
from app.ui.charts import PLAIN, RESIDUAL, BlockChart, ChartCard
from app.ui.data_row import DataRow, count_box
from app.ui.lab.claim_card import ClaimCard
from app.ui.lab.fact_table import Column, FactTable
from app.ui.lab.words import count, tr
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.shell import Shell
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

CHART_HEIGHT = 30 * GRID


class ResponseClaims(ClaimCard):
    """Deviations by layer: of the models that came with the program, and of those that the user measures."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(
            "response",
            tr("Each block changes its input a little"),
            tr(
                "He et al. 2015, figure 7: the responses of 3×3 layers (after batch norm, before ReLU and addition) "
                "scatter less in residual networks than in plain ones, and less again in deeper ones. A single layer "
                "then modifies the signal less."
            ),
        )
        self._shell = shell
        self.records: tuple[ResponseRecord, ...] = ()
        self.chart = BlockChart(
            "responseChart",
            self.tr("Standard deviation of the layers' responses"),
            y_title=self.tr("standard deviation"),
            x_title=self.tr("3×3 layer, first to last"),
        )
        self.card = ChartCard(self.chart, self.tr("Responses by layer"), background=shell.background)
        self.chart.set_empty_text(self.tr("Nothing was measured yet"))
        self.sorted = named(QCheckBox(self.tr("Sorted by size")), "responseSorted")
        self.sorted.setToolTip(self.tr("As in the lower part of figure 7: the layers in order of their deviation"))
        columns = (
            Column(self.tr("Network"), wide=True), Column(self.tr("3×3 layers"), number=True),
            Column(self.tr("Mean"), number=True), Column(self.tr("Least"), number=True),
            Column(self.tr("Greatest"), number=True), Column(self.tr("Pictures"), number=True),
        )  # fmt: skip
        self.table = FactTable("responseTable", self.tr("Standard deviations of responses"), columns)
        self.model = Picker("responseModel", self.tr("The network to measure"))
        self.data = DataRow("response", shell)
        self.pictures = count_box("responsePictures")
        self.work = WorkRow("response", self.tr("Measure"), shell)
        self._lay_out()
        self._connect()
        self._list_models()
        self._refresh()

    def look(self) -> None:
        """Read the records again."""

        def read() -> tuple[tuple[ResponseRecord, ...], tuple[ExplorerError, ...]]:
            return list_responses(paths.bundled_responses(), paths.responses())

        def shown(found: tuple[tuple[ResponseRecord, ...], tuple[ExplorerError, ...]] | ExplorerError) -> None:
            if isinstance(found, ExplorerError):
                self.failed.emit(found)
                return
            records, problems = found
            self._show(records)
            for problem in problems:
                self.failed.emit(problem)

        self._shell.background.run("responses", read, shown)

    def _show(self, records: tuple[ResponseRecord, ...]) -> None:
        self.records = tuple(
            sorted(
                (one for one in records if one.of_figure_7), key=lambda one: (len(one.of_figure_7), not one.residual)
            )
        )
        self.chart.clear()
        for place, (record, colour, dashed) in enumerate(_coloured(self.records)):
            values = np.array([layer.deviation for layer in record.of_figure_7])
            self.chart.add_series(str(place), record.title, colour=colour, dashed=dashed)
            self.chart.set_values(str(place), np.sort(values)[::-1] if self.sorted.isChecked() else values)
        lines = []
        for record in self.records:
            values = np.array([layer.deviation for layer in record.of_figure_7])
            figures = (f"{value:.3f}" for value in (record.mean, values.min(), values.max()))
            lines.append((record.title, str(len(values)), *figures, count(record.pictures)))
        tips = [f"{record.command}\n{record.device}\n{record.date}".strip() for record in self.records]
        self.table.show_lines(lines, tips)
        self.table.setVisible(bool(lines))

    def _measure(self) -> None:
        reference = self.model.currentData()
        if reference and self.data.path and not self.work.running:
            self.work.run("anatomy.responses", reference, self.data.path, self.pictures.value())

    def _on_done(self, record: ResponseRecord) -> None:
        self.said.emit(self.tr("{0}: mean deviation {1}").format(record.title, f"{record.mean:.3f}"))
        self.look()

    def _list_models(self) -> None:
        chosen = self.model.currentData()
        self.model.clear()
        for card in self._shell.library.here:
            self.model.addItem(card.title, card.id)
        self.model.setCurrentIndex(max(0, self.model.findData(chosen)))

    def _refresh(self) -> None:
        self.work.set_ready(bool(self.data.path), self.tr("Choose pictures first."))

    def _connect(self) -> None:
        self.sorted.toggled.connect(lambda: self._show(self.records))
        self.data.changed.connect(self._refresh)
        self.work.wanted.connect(self._measure)
        self.work.done.connect(self._on_done)
        self.work.failed.connect(self.failed)
        self.card.said.connect(self.said)
        self.card.failed.connect(self.failed)
        self._shell.library.changed.connect(self._list_models)

    def _lay_out(self) -> None:
        self.card.setMinimumHeight(CHART_HEIGHT)
        self.model.setMinimumContentsLength(18)
        choices = QHBoxLayout()
        choices.setSpacing(GRID)
        choices.addWidget(self.model, 1)
        choices.addWidget(self.pictures)
        for part in (self.table, self.card, self.sorted, self.data):
            self.column.addWidget(part)
        self.column.addLayout(choices)
        self.column.addWidget(self.work)


def _coloured(records: tuple[ResponseRecord, ...]) -> list[tuple[ResponseRecord, str, bool]]:
    """Residual and plain have their colours; the deepest of each kind is drawn whole, lesser ones dashed."""
    deepest = {one.residual: len(one.of_figure_7) for one in records}  # they are in the order of their depth
    return [(one, RESIDUAL if one.residual else PLAIN, len(one.of_figure_7) < deepest[one.residual]) for one in records]
