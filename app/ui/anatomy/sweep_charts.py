"""A sweep's figures: the error with each block deleted, and with k random ones (Veit et al. 2016, figures 3 and 5)."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.sweeps import SweepRecord, SweepSeries
from app.ui.anatomy.card_grid import CardGrid
from app.ui.background import Background
from app.ui.charts.axes import Axis
from app.ui.charts.blocks import BlockChart
from app.ui.charts.card import ChartCard
from app.ui.charts.colours import PLAIN, RESIDUAL, series_tokens
from app.ui.charts.lines import LineChart
from app.ui.charts.plot import Table
from app.ui.charts.readout import Readout
from app.ui.drawing import number_text
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.records import BlockInfo


CHARTS_HEIGHT = 34 * GRID


class SweepCharts(QWidget):
    """Two charts beside each other.

    Signals:
        block_chosen(name): a block was picked in the first chart.
        said(text), failed(ExplorerError): of the cards.
    """

    block_chosen = Signal(str)
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sweepCharts")
        self._names: tuple[str, ...] = ()
        self.single = BlockChart(
            "sweepSingle", self.tr("Error with one block deleted"), y_title=self.tr("error"), unit="%", log=False
        )
        self.random = LineChart(
            "sweepRandom",
            self.tr("Error with several blocks deleted"),
            y_title=self.tr("error"),
            x_title=self.tr("blocks deleted at random"),
            x_word=self.tr("{0} blocks deleted"),
            unit="%",
        )
        self.single_card = ChartCard(self.single, self.tr("One block deleted"), background=background)
        self.random_card = ChartCard(self.random, self.tr("Random blocks deleted"), background=background)
        self.single_card.set_note(
            self.tr(
                "Veit et al. 2016, figure 3: deleting any one block of a 110-layer residual network changes the error "
                "little, except where it down-samples; deleting one layer of VGG leads to chance."
            )
        )
        self.random_card.set_note(
            self.tr(
                "Veit et al. 2016, figure 5: with 10 of 54 blocks deleted the error is about 20 %; with 20, severe."
            )
        )
        self._grid = CardGrid("sweepCards", [self.single_card, self.random_card], height=CHARTS_HEIGHT)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._grid)
        for card in (self.single_card, self.random_card):
            card.said.connect(self.said)
            card.failed.connect(self.failed)
        self.single.picked.connect(self._on_picked)
        self.show_record(None)

    def show_record(self, record: SweepRecord | None, blocks: tuple[BlockInfo, ...] = ()) -> None:
        """Draw a record, finished or growing.

        Args:
            blocks: The middle blocks of the first network, where they are known: their stages are marked.
        """
        for chart in (self.single, self.random):
            chart.clear()
        series = record.series if record else ()
        self._names = series[0].blocks if series else ()
        self.single.set_blocks(blocks if tuple(block.name for block in blocks) == self._names else ())
        tokens = _tokens(series)
        anything_random, deepest = False, 0
        for token, one in zip(tokens, series, strict=True):
            self.single.add_series(one.model, one.title, colour=token)
            self.single.set_values(one.model, _errors(one))
            counts = one.randoms()
            anything_random = anything_random or bool(counts)
            self.random.add_series(one.model, one.title, colour=token)
            self.random.set_data(one.model, *_by_count(one))
            deepest = max(deepest, *counts, 0)
        whole = series[0].whole if series else None
        self.single.set_reference(
            whole.error if whole else None, self.tr("{0} as it is").format(series[0].title) if series else ""
        )
        chance = 100 * (1 - 1 / record.classes) if record and record.classes else None
        if chance is not None and deepest:
            self.random.add_series("chance", self.tr("chance"), colour="quiet", dashed=True)
            self.random.set_data("chance", np.array([0, deepest]), np.array([chance, chance]))
        self.random_card.setVisible(anything_random)
        self._grid.refresh()

    def _on_picked(self, place: int) -> None:
        if 1 <= place <= len(self._names):
            self.block_chosen.emit(self._names[place - 1])


class CountChart(BlockChart):
    """Values by a number from 0: how many blocks were deleted, how many a path goes through."""

    def x_ticks(self, x: Axis, most: int) -> list[tuple[float, str]]:
        ticks = super().x_ticks(x, most)
        return [(tick, number_text(tick - 1)) for tick, _ in ticks]

    def readout(self, at: float) -> Readout | None:
        found = super().readout(at)
        return replace(found, title=f"{self.x_title}: {round(at) - 1}") if found is not None else None

    def table(self) -> Table:
        found = super().table()
        if not found.columns:
            return found
        header, columns = (self.x_title, *found.header[1:]), (found.columns[0] - 1, *found.columns[1:])
        return replace(found, header=header, columns=columns)


def _tokens(series: tuple[SweepSeries, ...]) -> list[str]:
    """Residual and plain have their own colours; who comes second of a kind gets a further one."""
    free = list(series_tokens())
    found = []
    for one in series:
        wanted = RESIDUAL if one.kind == "residual" else PLAIN
        token = wanted if wanted in free else free[-1] if len(free) < 3 else free[2]
        free = [other for other in free if other != token]
        found.append(token)
    return found


def _errors(series: SweepSeries) -> NDArray[np.float64]:
    points = [series.single(block) for block in series.blocks]
    errors = [point.error if point is not None else None for point in points]
    return np.array([np.nan if error is None else error for error in errors])


def _by_count(series: SweepSeries) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many were deleted, from 0, and the mean error: only what was measured."""
    known: dict[int, float] = {}
    whole = series.whole
    if whole is not None and whole.error is not None:
        known[0] = whole.error
    for count, points in series.randoms().items():
        errors = [point.error for point in points if point.error is not None]
        if errors:
            known[count] = statistics.fmean(errors)
    counts = sorted(known) if len(known) > 1 else []
    return np.array(counts, np.int64), np.array([known[count] for count in counts])


def summary(record: SweepRecord, *, growing: bool = False) -> str:
    """What came of it, in a sentence per network; `growing` where somebody is at work on it."""
    tr = QCoreApplication.translate
    lines = []
    for series in record.series:
        whole = series.whole
        if whole is None or whole.error is None:
            continue
        singles = {block: series.single(block) for block in series.blocks}
        errors = {block: one.error for block, one in singles.items() if one is not None and one.error is not None}
        refused = sum(1 for one in singles.values() if one is not None and one.refused)
        if not errors:
            continue
        worst = max(errors, key=lambda block: errors[block])
        label = series.labels[series.blocks.index(worst)]
        text = tr("Sweep", "{0}: {1} % error as it is; with one block deleted {2} % in the median, {3} % without {4}.")
        text = text.format(
            series.title,
            number_text(whole.error),
            number_text(statistics.median(errors.values())),
            number_text(errors[worst]),
            label,
        )
        if refused:
            text += " " + tr("Sweep", "{0} blocks cannot be deleted.").format(refused)
        lines.append(text)
    if record.classes and lines:
        chance = number_text(100 * (1 - 1 / record.classes))
        counted = tr("Sweep", "{0} pictures; chance is {1} %.").format(record.pictures, chance)
        end = ""
        if record.state == "stopped":
            end = " " + tr("Sweep", "Stopped before the end.")
        elif record.state == "running" and not growing:  # whoever counted was killed
            end = " " + tr("Sweep", "It broke off before the end.")
        lines.append(counted + end)
    return "\n".join(lines)
