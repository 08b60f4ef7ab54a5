"""The panel “Sweep”: delete each block in turn, and random ones, on labelled pictures; plot the error."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app import paths
from app.core.errors import ExplorerError
from app.core.sweeps import SweepRecord, SweepRequest, list_sweeps, new_sweep_path, read_sweep
from app.ui.anatomy.sweep_charts import SweepCharts, summary
from app.ui.data_row import DataRow, count_box
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

if TYPE_CHECKING:
    from app.ui.anatomy.page import AnatomyPage

LOOK = 0.7  # seconds at least between two looks at the growing record
REPEATS = 5


class SweepPanel(QScrollArea):
    """Choose, begin, watch, look at earlier ones."""

    def __init__(self, page: AnatomyPage) -> None:
        super().__init__()
        named(self, "sweepPanel", self.tr("Error with blocks deleted"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._page, self._shell = page, page.shell
        self._path: Path | None = None  # of the record that grows
        self._looked = 0.0
        self.record: SweepRecord | None = None
        self.data = DataRow("sweep", page.shell)
        self.pictures = count_box("sweepPictures")
        self.beside = Picker("sweepBeside", self.tr("A second network, on the same pictures"))
        self.beside.setMinimumContentsLength(14)
        self.random = named(QCheckBox(self.tr("k random blocks, too")), "sweepRandomToo")
        self.random.setToolTip(self.tr("Also delete 1, 2, 4, 8 … blocks at random, {0} times each").format(REPEATS))
        self.earlier = Picker("sweepEarlier", self.tr("Earlier sweeps"))
        self.earlier.setMinimumContentsLength(14)
        self.work = WorkRow("sweep", self.tr("Sweep"), page.shell)
        self.charts = SweepCharts(page.shell.background)
        self.words = named(QLabel(), "sweepSummary")
        self.words.setWordWrap(True)
        self.words.setProperty("role", "quiet")
        self._lay_out()
        self._connect()
        self._list_models()
        self._list_earlier()
        self._refresh()

    def take_paths(self, dropped: list[Path]) -> bool:
        """A dropped folder or file of arrays is what the sweep counts on."""
        data = next((path for path in dropped if path.is_dir() or path.suffix in (".npz", ".tar", ".gz")), None)
        if data is not None:
            self.data.set_path(data)
        return data is not None

    def start(self) -> None:
        """Begin a sweep of the network at hand."""
        model = self._shell.explore.model
        if model is None or not self.data.path or self.work.running:
            return
        self._path = new_sweep_path(paths.sweeps(), model.reference)
        beside = self.beside.currentData()
        middle = sum(1 for block in model.outline.blocks if block.stage > 0)
        counts = tuple(1 << power for power in range(12) if 1 << power < middle)
        request = SweepRequest(
            models=(model.reference, beside) if beside else (model.reference,),
            data=self.data.path,
            path=str(self._path),
            pictures=self.pictures.value(),
            random=counts if self.random.isChecked() else (),
            repeats=REPEATS,
        )
        self._show(None)
        self.words.setText("")
        self.work.run("anatomy.sweep", request)

    def _on_tick(self, _share: float) -> None:
        if time.monotonic() - self._looked >= LOOK:
            self._look()

    def _look(self) -> None:
        """Read the record as far as it has grown."""
        path = self._path
        if path is None:
            return
        self._looked = time.monotonic()

        def read(outcome: SweepRecord | ExplorerError | None) -> None:
            if path == self._path and isinstance(outcome, SweepRecord):
                self._show(outcome)

        self._shell.background.run("sweeps", lambda: read_sweep(path) if path.is_file() else None, read)

    def _on_failed(self, error: ExplorerError) -> None:
        self.words.setText("")
        self._page.notices.show_notice(str(error), key="work")

    def _on_ended(self) -> None:
        self._look()
        self._list_earlier()
        self._refresh()

    def _show(self, record: SweepRecord | None) -> None:
        self.record = record
        outline = self._page.surgery.outline
        blocks = tuple(block for block in outline.blocks if block.stage > 0) if outline else ()
        self.charts.show_record(record, blocks)
        if record is not None:
            self.words.setText("\n".join((summary(record, growing=self.work.running), *record.notices)).strip())
        elif not self.work.running:
            self.words.setText(
                self.tr(
                    "What is each block for? A sweep deletes one after the other (only its shortcut acts) and counts "
                    "the errors on your labelled pictures. Choose them above; a plain network beside shows the "
                    "difference."
                )
            )

    def _on_earlier(self) -> None:
        path = self.earlier.currentData()
        if path:
            self._path = Path(path)
            self._look()

    def _list_earlier(self) -> None:
        def listed(found: tuple[Path, ...] | ExplorerError) -> None:
            if isinstance(found, ExplorerError):
                return
            self.earlier.clear()
            self.earlier.addItem(self.tr("Earlier sweeps …"), "")
            for path in found[:50]:
                self.earlier.addItem(path.name.partition(".")[0], str(path))
            self.earlier.setEnabled(bool(found))

        self._shell.background.run("sweeps", lambda: list_sweeps(paths.sweeps()), listed)

    def _list_models(self) -> None:
        model = self._shell.explore.model
        chosen = self.beside.currentData()
        self.beside.clear()
        self.beside.addItem(self.tr("no network beside"), "")
        for card in self._shell.library.here:
            if model is None or card.id != model.reference:
                self.beside.addItem(card.title, card.id)
        self.beside.setCurrentIndex(max(0, self.beside.findData(chosen)))

    def _refresh(self) -> None:
        self.data.refresh()
        if self._shell.explore.model is None:
            self.work.set_ready(False, self.tr("Choose a model first."))
        else:
            self.work.set_ready(bool(self.data.path), self.tr("Choose labelled pictures first."))
        if self.record is None:
            self._show(None)

    def _connect(self) -> None:
        self.data.changed.connect(self._refresh)
        self.work.wanted.connect(self.start)
        self.work.ticked.connect(self._on_tick)
        self.work.done.connect(self._show)
        self.work.failed.connect(self._on_failed)
        self.work.ended.connect(self._on_ended)
        self.earlier.activated.connect(self._on_earlier)
        self.charts.block_chosen.connect(self._page.choose_block)
        self.charts.said.connect(self._shell.window.set_status)
        self.charts.failed.connect(self._on_failed)
        self._shell.library.changed.connect(self._list_models)
        self._shell.engine.model_loaded.connect(lambda _model: self._list_models())
        self._shell.engine.model_loaded.connect(lambda _model: self._refresh())

    def _lay_out(self) -> None:
        choices, doing = QHBoxLayout(), QHBoxLayout()
        for row, widgets in ((choices, (self.pictures, self.beside, self.random)), (doing, (self.work, self.earlier))):
            row.setSpacing(GRID)
            for widget in widgets:
                row.addWidget(widget)
        choices.addStretch(1)
        body = named(QWidget(), "sweepBody")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.data)
        layout.addLayout(choices)
        layout.addLayout(doing)
        layout.addWidget(self.words)
        layout.addWidget(self.charts, 1)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setWidget(body)


def build(page: AnatomyPage) -> QWidget:
    """The panel, for the page."""
    return SweepPanel(page)
