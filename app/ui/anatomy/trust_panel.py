"""The panel “Trust”: how far the heatmap at hand can be trusted, by tests, with what they mean and what they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import ExplorerError
from app.core.trust import Curve, TrustRecord, meaning
from app.ui.anatomy.card_grid import CardGrid
from app.ui.anatomy.map_strip import MapStrip, SmallMap
from app.ui.anatomy.number_chart import NumberChart
from app.ui.anatomy.sweep_charts import CountChart
from app.ui.anatomy.words import sentence_words
from app.ui.charts.card import ChartCard
from app.ui.drawing import number_text
from app.ui.job import JOB
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

if TYPE_CHECKING:
    from app.ui.anatomy.page import AnatomyPage

CHART_HEIGHT = 28 * GRID


class TrustPanel(QScrollArea):
    """Tests Explore's map, or another method's for comparison."""

    def __init__(self, page: AnatomyPage) -> None:
        super().__init__()
        named(self, "trustPanel", self.tr("Tests of the heatmap"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._page, self._shell = page, page.shell
        self.record: TrustRecord | None = None
        self.methods = Picker("trustMethods", self.tr("The method whose map is tested"))
        self.methods.setMinimumContentsLength(20)
        self.work = WorkRow("trust", self.tr("Test the map"), page.shell)
        self.subject = named(QLabel(), "trustSubject")
        self.subject.setProperty("role", "strong")
        self.sentences = named(QLabel(), "trustSentences")
        self.sentences.setWordWrap(True)
        self.sentences.setTextFormat(Qt.TextFormat.PlainText)
        self.sentences.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.strip = MapStrip("cascadeMaps", self.tr("The map as the weights are randomised from the head down"))
        self.cascade = CountChart(
            "cascade",
            self.tr("Rank correlation with the trained network's map"),
            y_title=self.tr("rank correlation"),
            x_title=self.tr("parts randomised, from the head down"),
            log=False,
        )
        self.deletion = self._curve_chart("deletion", self.tr("Deletion"), self.tr("pixels covered"))
        self.insertion = self._curve_chart("insertion", self.tr("Insertion"), self.tr("pixels shown"))
        background = page.shell.background
        self.cards = [
            ChartCard(self.cascade, self.tr("Randomised weights"), background=background),
            ChartCard(self.deletion, self.tr("Deletion: lower is better"), background=background),
            ChartCard(self.insertion, self.tr("Insertion: higher is better"), background=background),
        ]
        self.cards[0].set_note(
            self.tr(
                "Adebayo et al. 2018: Gradient and Grad-CAM change when the weights are randomised, Guided Backprop "
                "and Guided Grad-CAM do not. The test is itself debated: these are scores, not verdicts."
            )
        )
        self._lay_out()
        self._connect()
        self._offer_methods()
        self._show(None)
        self._refresh()

    def start(self) -> None:
        """Test the chosen method's map of the picture at hand."""
        request, explore = self._page.desk.request, self._shell.explore
        if request is None or self.work.running:
            return
        method = self.methods.currentData() or (explore.method.name if explore.method else "grad-cam")
        self.work.run("anatomy.trust", replace(request, id=JOB, method=method, block=explore.block))

    def _show(self, record: TrustRecord | None) -> None:
        self.record = record
        self.results.setVisible(record is not None)
        if record is None:
            self.subject.setText("")
            self.sentences.setText(
                self.tr(
                    "A heatmap always looks convincing. Three tests tell whether it depends on what the network has "
                    "learned, whether the places that it shows matter, and whether it depends on the class. Try Guided "
                    "Backprop too: it is the known bad example."
                )
            )
            return
        model = self._shell.explore.model
        labels = model.labels if model is not None and model.reference == record.model else ()
        title = self.methods.itemText(self.methods.findData(record.method)) or record.method
        target = labels[record.target] if record.target < len(labels) else str(record.target)
        self.subject.setText(self.tr("{0} for {1}").format(title, target))
        self.sentences.setText("\n\n".join(map(sentence_words, meaning(record))))
        self._show_cascade(record, self._is_signed(record))
        for chart, curve in ((self.deletion, record.deletion), (self.insertion, record.insertion)):
            self._show_curve(chart, curve)

    def _show_cascade(self, record: TrustRecord, signed: bool) -> None:
        import numpy as np

        maps = [SmallMap(record.map, self.tr("trained"), "", self.tr("The map of the trained network"))]
        for step in record.cascade:
            tip = self.tr("Everything from {0} to the head randomised\nrank correlation {1}, of absolute values {2}")
            tip = tip.format(step.label, number_text(step.rank), number_text(step.rank_absolute))
            tip += "\n" + self.tr("probability of the class {0} %").format(number_text(100 * step.probability))
            maps.append(SmallMap(step.map, step.label, f"{step.rank_absolute:.2f}", tip))
        self.strip.show_maps(maps, signed=signed)
        self.cascade.clear()
        self.cascade.add_series("absolute", self.tr("of |map|"), colour="accent")
        self.cascade.add_series("signed", self.tr("of the signed map"), colour="quiet", dashed=True)
        self.cascade.set_values("absolute", np.array([1.0, *(step.rank_absolute for step in record.cascade)]))
        self.cascade.set_values("signed", np.array([1.0, *(step.rank for step in record.cascade)]))
        self.cascade.set_reference(0.0, self.tr("unrelated"))

    def _show_curve(self, chart: NumberChart, curve: Curve) -> None:
        import numpy as np

        chart.clear()
        mean = sum(curve.random_areas) / max(1, len(curve.random_areas))
        steps = np.rint(100 * np.asarray(curve.shares)).astype(np.int64)
        keep = np.append(True, np.diff(steps) > 0)
        for key, text, colour, values in (
            ("map", self.tr("map, area {0}").format(number_text(curve.area)), "accent", curve.probabilities),
            ("random", self.tr("random, area {0}").format(number_text(mean)), "quiet", curve.random),
        ):
            chart.add_series(key, text, colour=colour)
            chart.set_data(key, steps[keep], 100 * np.asarray(values, np.float64)[keep])

    def _is_signed(self, record: TrustRecord) -> bool:
        return bool((record.map < 0).any()) and record.method != "grad-cam"

    def _curve_chart(self, name: str, text: str, x_title: str) -> NumberChart:
        x_title = self.tr("{0}, %").format(x_title)
        return NumberChart(name, text, x_title=x_title, y_title=self.tr("probability"), unit="%")

    def _offer_methods(self) -> None:
        """The engine's methods, Explore's first choice."""
        offered = self._shell.explore.inspector.methods
        self.methods.clear()
        for place in range(offered.count()):
            self.methods.addItem(offered.itemText(place), offered.itemData(place))
        self.methods.setCurrentIndex(max(0, offered.currentIndex()))

    def _on_failed(self, error: ExplorerError) -> None:
        self._page.notices.show_notice(str(error), key="work")

    def _refresh(self) -> None:
        if self.methods.count() == 0:
            self._offer_methods()
        ready = self._page.desk.request is not None
        self.work.set_ready(ready, self.tr("Choose a picture first."))

    def _connect(self) -> None:
        self.work.wanted.connect(self.start)
        self.work.done.connect(self._show)
        self.work.failed.connect(self._on_failed)
        self.work.ended.connect(self._refresh)
        self._page.desk.measured.connect(lambda _measurement: self._refresh())
        self._shell.engine.model_loaded.connect(lambda _model: self._show(None))
        for card in self.cards:
            card.said.connect(self._shell.window.set_status)
            card.failed.connect(self._on_failed)

    def _lay_out(self) -> None:
        controls = QHBoxLayout()
        controls.setSpacing(GRID)
        controls.addWidget(self.methods)
        controls.addWidget(self.work, 1)
        maps = named(QScrollArea(), "cascadeArea", self.strip.accessibleName())
        maps.setFrameShape(QFrame.Shape.NoFrame)
        maps.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        maps.setWidget(self.strip)
        maps.setFixedHeight(self.strip.sizeHint().height() + GRID + GRID // 2)
        self.results = named(QWidget(), "trustResults")
        inside = QVBoxLayout(self.results)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(GRID)
        inside.addWidget(maps)
        inside.addWidget(CardGrid("trustCards", self.cards, height=CHART_HEIGHT), 1)
        body = named(QWidget(), "trustBody")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(controls)
        layout.addWidget(self.subject)
        layout.addWidget(self.results)
        layout.addWidget(self.sentences)
        layout.addStretch(1)
        self.setWidget(body)


def build(page: AnatomyPage) -> QWidget:
    """The panel, for the page."""
    return TrustPanel(page)
