"""The right side of the Lab: the compared runs on one set of axes, live or as they were."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import ExplorerError
from app.runs.records import Measure, NewRows
from app.ui.background import Background
from app.ui.charts import BlockChart, ChartCard, LineChart, SharedScale, StepHeatMap
from app.ui.lab.flow import FlowGrid
from app.ui.lab.measures import BRANCHES, BlockQuantity, block_quantities, curves
from app.ui.lab.paper import PaperBoard, note
from app.ui.lab.scrub import ScrubBar
from app.ui.lab.spines import SpinesCard
from app.ui.lab.tracks import Track, Tracks
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID

REDRAW = 40  # milliseconds between two updates of what shows one moment: blocks and networks
CHART_HEIGHT, MAP_HEIGHT, NETWORK_HEIGHT = 27 * GRID, 24 * GRID, 23 * GRID  # of cards, at least


class Board(QWidget):
    """Charts of the compared runs.

    Signals:
        said(text): for the status bar.
        failed(ExplorerError): something could not be saved.

    Attributes:
        tracks: The compared runs.
        grid: Where further cards can be added.
        cards: By name: "loss", "errors", "rate", "speed", "blocks", "first map", "second map".
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("board")
        self._background = background
        self.tracks = Tracks(background, self)
        self.cards: dict[str, ChartCard] = {}
        self._curves = {curve.name: curve for curve in curves()}
        self._quantities = {one.name: one for one in block_quantities()}
        self._exact: dict[str, tuple[int, dict[Measure, np.ndarray]]] = {}
        self.title = named(QLabel(), "boardTitle")
        self.title.setProperty("role", "strong")
        self.curve = Picker("curve", self.tr("Curve over the steps"))
        for curve in self._curves.values():
            self.curve.addItem(curve.title, curve.name)
        self.quantity = Picker("quantity", self.tr("What is shown of each block"))
        for one in self._quantities.values():
            self.quantity.addItem(one.title, one.name)
        self.scrub = ScrubBar()
        self.spines = SpinesCard()
        self._stack = named(QStackedWidget(), "curveStack")
        self.lines: dict[str, LineChart] = {}
        for curve in self._curves.values():
            chart = LineChart(f"{curve.name}Chart", curve.title, y_title=curve.y_title, unit=curve.unit, log=curve.log)
            self.lines[curve.name] = chart
            title = self.tr("{0} · dashed: test").format(curve.title) if curve.tested else curve.title
            card = self._card(curve.name, chart, title)
            card.set_note(note(curve.name))
            self._stack.addWidget(card)
        self.blocks = BlockChart("blockChart", self.tr("Every block"), y_title=self._quantity.short)
        self._scale = SharedScale(self)
        self.maps = tuple(
            StepHeatMap(f"{place}Map", self.tr("Block and step"), value_title=self._quantity.short, scale=self._scale)
            for place in ("first", "second")
        )
        self.paper = PaperBoard(background)
        self.grid = FlowGrid()
        self._lay_out()
        self._later = QTimer(self, singleShot=True, interval=REDRAW)
        self._later.timeout.connect(self._show_moment)
        self._connect()
        self._on_changed()

    # --- what is shown ---

    @property
    def _quantity(self) -> BlockQuantity:
        return self._quantities[self.quantity.currentData() or "output_gradient"]

    def show_step(self, step: int | None) -> None:
        """Every plot as it was at a step; None for live."""
        self.scrub.set_step(step)

    def choose_quantity(self, name: str) -> None:
        """Show another quantity of each block."""
        self.quantity.setCurrentIndex(self.quantity.findData(name))
        self._on_quantity()

    def choose_curve(self, name: str) -> None:
        """Show another curve."""
        self.curve.setCurrentIndex(self.curve.findData(name))
        self._stack.setCurrentIndex(self.curve.currentIndex())

    def close_all(self) -> None:
        """Stop following runs."""
        self.tracks.close()

    # --- runs come, grow and go ---

    def _on_added(self, track: Track) -> None:
        track.grown.connect(partial(self._on_rows, track))
        track.known.connect(self._on_outline)
        track.measured.connect(self._on_measured)
        track.follower.status_changed.connect(lambda _status: self._on_length())

    def _on_removed(self, track: Track) -> None:
        self._exact.pop(track.key, None)
        for chart in self.lines.values():
            chart.remove_series(track.key)
            chart.remove_series(f"{track.key}/test")
        self.blocks.remove_series(track.key)

    def _on_changed(self) -> None:
        tracks = self.tracks.all
        for track in tracks:
            label = track.legend
            for name, chart in self.lines.items():
                tested = self._curves[name].tested
                text = self.tr("{0}, train").format(label) if tested else label
                known = {(entry.key, entry.label, entry.colour) for entry in chart.entries()}
                if (track.key, text, track.token) in known:
                    continue
                chart.add_series(track.key, text, colour=track.token, short=label)
                if tested:
                    text, key = self.tr("{0}, test").format(label), f"{track.key}/test"
                    chart.add_series(key, text, colour=track.token, dashed=True, kind="evaluations", beside=track.key)
            self.blocks.add_series(track.key, label, colour=track.token)
        self.title.setText(_names([track.legend for track in tracks]) or self.tr("Nothing is compared"))
        empty = self.tr("The first steps will appear here") if tracks else self.tr("Tick a run in the list below")
        for plot in (*self.lines.values(), self.blocks, *self.maps):
            plot.set_empty_text(empty)
        self.spines.setVisible(bool(tracks))
        self.spines.spines[1].setVisible(len(self.tracks.pair) > 1)
        self._show_paper()
        self._on_quantity()
        self._on_outline()
        self._on_length()

    def _on_rows(self, track: Track, new: NewRows) -> None:
        data = track.follower.data
        for name, chart in self.lines.items():
            curve = self._curves[name]
            if new.back_to is not None:
                chart.cut(track.key, new.back_to)
            scalar = next(one for one in new.scalars if one == curve.scalar)
            chart.append(track.key, new.steps, new.scalars[scalar])
            if curve.tested and (new.evaluations or new.back_to is not None):
                steps = np.array([row.step for row in data.evaluations], np.int64)
                values = np.array([getattr(row, curve.tested) for row in data.evaluations], np.float64)
                chart.set_data(f"{track.key}/test", steps, values)
        if new.evaluations:
            self._show_paper()
        for place, shown in enumerate(self.tracks.pair):
            if shown is track:
                self.maps[place].refresh_columns()
        self._on_length()
        self._soon()

    def _show_paper(self) -> None:
        """Our errors beside the paper's, where they can be: on CIFAR-10."""
        known = [track for track in self.tracks.all if track.follower.data.evaluations]
        self.paper.show_runs([track.path for track in known])

    def _on_measured(self) -> None:
        for heat in self.maps:
            heat.refresh_columns()
        self._soon()

    def _on_length(self) -> None:
        total = max((track.follower.status.steps for track in self.tracks.all), default=0)
        for chart in self.lines.values():
            chart.set_total(total)
        of_pair = max((track.follower.status.steps for track in self.tracks.pair), default=0)
        for heat in self.maps:
            heat.set_total(of_pair)
        self.scrub.set_last(max((track.last_step for track in self.tracks.all), default=0))

    def _on_outline(self) -> None:
        outlines = [track.outline for track in self.tracks.pair]
        longest = max((one for one in outlines if one is not None), key=lambda one: len(one.blocks), default=None)
        if longest is not None:
            self.blocks.set_blocks(longest.blocks)
        for heat, outline in zip(self.maps, outlines, strict=False):
            if outline is not None:
                heat.set_blocks(outline.blocks)
        self._soon()

    def _on_quantity(self) -> None:
        quantity = self._quantity
        self.blocks.y_title = quantity.short
        self.cards["blocks"].set_note(note("blocks", quantity.name))
        self.cards["blocks"].set_title(self.tr("{0}, by block").format(quantity.title))
        self.spines.caption.setText(self.tr("{0}: where it is large").format(quantity.title))
        pair = self.tracks.pair
        for place, heat in enumerate(self.maps):
            card = self.cards["first map" if place == 0 else "second map"]
            card.setVisible(place < max(1, len(pair)))
            card.set_note(note("map", quantity.name))
            heat.value_title = quantity.short
            if place < len(pair):
                heat.show_columns(pair[place].columns(quantity.name))
                card.set_title(f"{pair[place].legend}: {quantity.short}")
            else:
                heat.clear()
                card.set_title(self.tr("Block × step"))
        self.grid.arrange()
        self._soon()

    # --- one moment ---

    def _soon(self) -> None:
        if not self._later.isActive():
            self._later.start()

    def _on_scrub(self, step: int | None) -> None:
        for chart in (*self.lines.values(), *self.maps):
            chart.set_marker(step)
        if step is not None:
            for track in self.tracks.all:
                track.follower.at(step, partial(self._on_exact, track, step))
        self._soon()

    def _on_exact(self, track: Track, step: int, found: dict[Measure, np.ndarray] | ExplorerError | None) -> None:
        if isinstance(found, dict):
            self._exact[track.key] = (step, found)
            self._soon()

    def _show_moment(self) -> None:
        """Blocks and networks, now or as they were."""
        if not self.isVisible():
            return
        step, quantity = self.scrub.step, self._quantity
        axis = self._scale.axis
        limits = (axis.low, axis.high)
        self.blocks.set_limits(limits if step is not None else None)
        pair = self.tracks.pair
        for track in self.tracks.all:
            values = self._values(track, quantity.name, step)
            self.blocks.set_values(track.key, values)
            if track in pair:
                spine = self.spines.spines[pair.index(track)]
                spine.show_network(track.legend, track.outline)
                spine.show_values(values, quantity, limits)

    def _values(self, track: Track, quantity: str, step: int | None) -> np.ndarray:
        exact = self._exact.get(track.key)
        if step is not None and quantity != BRANCHES and exact is not None and exact[0] == step:
            return exact[1][next(measure for measure in exact[1] if measure == quantity)]
        return track.now(quantity, step)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._soon()

    # --- looks ---

    def _card(self, name: str, chart: LineChart | BlockChart | StepHeatMap, title: str) -> ChartCard:
        card = ChartCard(chart, title, background=self._background)
        card.said.connect(self.said)
        card.failed.connect(self.failed)
        self.cards[name] = card
        return card

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.title, 1)
        for picker, width in ((self.curve, 16 * GRID), (self.quantity, 27 * GRID)):
            picker.setMinimumWidth(width)
            head.addWidget(picker)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        blocks = self._card("blocks", self.blocks, "")
        self.grid.add(self._stack, CHART_HEIGHT, weight=2)
        self.grid.add(blocks, CHART_HEIGHT, weight=2)
        for name, heat in zip(("first map", "second map"), self.maps, strict=True):
            card = self._card(name, heat, "")
            self.grid.add(card, MAP_HEIGHT, weight=2)
        self.grid.add(self.spines, NETWORK_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID + GRID // 2)
        layout.addLayout(head)
        layout.addWidget(self.scrub)
        layout.addWidget(self.grid, 1)

    def _connect(self) -> None:
        self.tracks.added.connect(self._on_added)
        self.tracks.removed.connect(self._on_removed)
        self.tracks.changed.connect(self._on_changed)
        self.paper.said.connect(self.said)
        self.paper.failed.connect(self.failed)
        self.curve.activated.connect(self._stack.setCurrentIndex)
        self.quantity.activated.connect(lambda: self._on_quantity())
        self.scrub.moved.connect(self._on_scrub)
        over_steps = (*self.lines.values(), *self.maps)
        for chart in over_steps:
            chart.picked.connect(self.scrub.set_step)
            for other in over_steps:
                if other is not chart:
                    chart.hovered.connect(other.show_hover)


def _names(labels: list[str]) -> str:
    return " · ".join(labels[:4]) + (f" · +{len(labels) - 4}" if len(labels) > 4 else "")
