"""The left side of the Lab: the experiment, and the buttons that start, pause and stop it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import DataError, ExplorerError
from app.training.config import Experiment
from app.training.data import DataRequest, data_sources
from app.training.presets import PRESETS
from app.ui.background import Background
from app.ui.lab import estimate
from app.ui.lab.command import Wanted
from app.ui.lab.form import ExperimentForm
from app.ui.lab.group import Group
from app.ui.lab.paper_card import PaperCard
from app.ui.lab.run_index import Listed
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID

WIDTH = 39 * GRID
LOOK_DELAY = 250  # milliseconds after the last stroke before the data folder is looked at


class ExperimentPanel(QFrame):
    """What is to be trained, and how what is being trained gets on.

    Signals:
        start_wanted(Wanted), pause_wanted(), resume_wanted(), stop_wanted()

    Attributes:
        form: The experiment's settings.
        paper: What the paper reports of the form's network.
    """

    start_wanted = Signal(object)
    pause_wanted = Signal()
    resume_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self._background = background
        self._runs: tuple[Listed, ...] = ()
        self._data_problem: ExplorerError | None = None
        self._looked_at: DataRequest | None = None
        self._group: Group | None = None
        self.presets = Picker("presets", self.tr("Preset"))
        for preset in PRESETS.values():
            self.presets.addItem(self.tr("Preset: {0}").format(preset.title), preset.name)
            self.presets.setItemData(self.presets.count() - 1, preset.summary, Qt.ItemDataRole.ToolTipRole)
        self._summary = self._words("presetSummary")
        self.form = ExperimentForm()
        self._data_words = self._words("dataWords")
        self._estimate = self._words("estimate")
        self.problem = self._words("formProblem", role="problem")
        self.start = self._button("start", self.tr("Start"), role="primary")
        self.pause = self._button("pause", self.tr("Pause"))
        self.stop = self._button("stop", self.tr("Stop"))
        self.progress = named(QProgressBar(), "runProgress", self.tr("Progress of the experiment"))
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(GRID // 2)
        self.progress_words = self._words("progressWords")
        self.measuring_words = self._words("measuringWords")
        self.paper = PaperCard()
        self._lay_out()
        self._look_timer = QTimer(self, singleShot=True, interval=LOOK_DELAY)
        self._look_timer.timeout.connect(self._look_at_data)
        self.presets.activated.connect(lambda: self.choose_preset(self.presets.currentData()))
        self.form.changed.connect(self._on_form)
        self.start.clicked.connect(self._start)
        self.pause.clicked.connect(self._pause_or_resume)
        self.stop.clicked.connect(self.stop_wanted)
        self.choose_preset("first-look")
        self.show_group(None)

    def choose_preset(self, name: str) -> None:
        """Fill the form from a preset."""
        self.presets.setCurrentIndex(self.presets.findData(name))
        preset = PRESETS[name]
        self._summary.setText(QCoreApplication.translate("Presets", preset.summary))
        self.form.set_preset(name)

    def show_experiment(self, experiment: Experiment) -> None:
        """Fill the form from a run's experiment."""
        self.presets.setCurrentIndex(-1)
        self._summary.setText(self.tr("The settings of a run. Start it anew, or change them first."))
        self.form.set_experiment(experiment)

    def show_runs(self, runs: tuple[Listed, ...]) -> None:
        """What was trained so far: estimates come from it."""
        self._runs = runs
        self._tell_estimate()

    def show_group(self, group: Group | None, *, starting: bool = False) -> None:
        """How the experiment gets on that the buttons mean; None for none."""
        self._group = group
        living = bool(group and group.living)
        paused = bool(group and group.paused)
        resumable = bool(group and group.resumable) and not starting
        self.pause.setText(self.tr("Resume") if paused or resumable else self.tr("Pause"))
        self.pause.setEnabled(living or resumable)
        self.stop.setEnabled(living)
        why = "" if group else self.tr("Nothing is chosen in the list of runs.")
        ended = self.tr("It is not running.") if group and not living else why
        self.pause.setToolTip(self._pause_tip(group, living=living, resumable=resumable) or ended)
        self.stop.setToolTip(
            self.tr("End it after this step. It is kept, and can be resumed later.") if living else ended
        )
        shown = bool(group) and (living or resumable or starting)
        for widget in (self.progress, self.progress_words):
            widget.setVisible(shown)
        self.measuring_words.setVisible(living and bool(group and group.measuring_words))
        if group is None or not shown:
            return
        share = group.share
        self.progress.setRange(0, 0 if share < 0 else 1000)
        if share >= 0:
            self.progress.setValue(round(1000 * share))
        self.progress_words.setText(f"{group.folder.name}\n{group.progress_words}")
        self.measuring_words.setText(group.measuring_words)

    def _pause_tip(self, group: Group | None, *, living: bool, resumable: bool) -> str:
        if group is not None and group.paused:
            return self.tr("Go on with it")
        if living:
            return self.tr("Let it wait, ready to go on at once; it keeps its memory")
        if resumable and group is not None:
            if group.far:
                return self.tr("Go on from its last checkpoint, on this machine")
            return self.tr("Go on from its last checkpoint, to the same losses as if it had never stopped")
        return ""

    def _start(self) -> None:
        wanted = self.form.wanted
        if wanted is not None:
            self.start_wanted.emit(wanted)

    def _pause_or_resume(self) -> None:
        if self._group is not None and self._group.living and not self._group.paused:
            self.pause_wanted.emit()
        else:
            self.resume_wanted.emit()

    # --- checking ---

    def _on_form(self) -> None:
        experiment = self.form.experiment
        if experiment is None:
            self._data_words.setText("")
        elif self._request(experiment) != self._looked_at:
            self._look_timer.start()
        self.paper.show_experiment(experiment)
        self._tell_problem()
        self._tell_estimate()

    def _request(self, experiment: Experiment) -> DataRequest:
        path = Path(experiment.data_path).expanduser() if experiment.data_path else None
        return DataRequest(path, side=experiment.side, download=experiment.download)

    def _look_at_data(self) -> None:
        experiment = self.form.experiment
        if experiment is None:
            return
        request, source = self._request(experiment), data_sources.get(experiment.data)

        def told(outcome: str | ExplorerError) -> None:
            if self.form.experiment is None or self.form.experiment.data != experiment.data:
                return
            self._looked_at = None  # the folder may change: look again at the next stroke
            self._data_problem = outcome if isinstance(outcome, ExplorerError) else None
            self._data_words.setText("" if isinstance(outcome, ExplorerError) else outcome)
            self._tell_problem()

        self._background.run("lab-data", lambda: source.look(request), told)

    def _tell_problem(self) -> None:
        problem = self.form.problem or self._data_problem
        text = _in_words(problem) if problem is not None else ""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self._data_words.setVisible(problem is None and bool(self._data_words.text()))
        self.start.setEnabled(problem is None)
        self.start.setToolTip(text or self.tr("Start this experiment in a process of its own"))

    def _tell_estimate(self) -> None:
        wanted = self.form.wanted
        if wanted is None:
            self._estimate.setText("")
            return
        self._estimate.setText(_estimate_words(wanted, self._runs))

    # --- looks ---

    def _lay_out(self) -> None:
        body = named(QFrame(), "panel")
        inside = QVBoxLayout(body)
        inside.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        inside.setSpacing(GRID)
        caption = QLabel(self.tr("EXPERIMENT"))
        caption.setProperty("role", "caption")
        for widget in (caption, self.presets, self._summary, self.form, self._data_words):
            inside.addWidget(widget)
        inside.addWidget(self.paper)
        inside.addStretch(1)
        scroll = named(QScrollArea(), "experimentScroll")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self.start, self.pause, self.stop):
            buttons.addWidget(button, 1)
        below = QVBoxLayout()
        below.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        below.setSpacing(GRID)
        below.addWidget(self.problem)
        below.addWidget(self._estimate)
        below.addLayout(buttons)
        below.addWidget(self.progress)
        below.addWidget(self.progress_words)
        below.addWidget(self.measuring_words)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addLayout(below)

    def _words(self, name: str, *, role: str = "quiet") -> QLabel:
        label = named(QLabel(), name)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        return label

    def _button(self, name: str, text: str, *, role: str = "") -> QPushButton:
        button = named(QPushButton(text), f"lab-{name}", text)
        if role:
            button.setProperty("role", role)
        return button


def _estimate_words(wanted: Wanted, runs: tuple[Listed, ...]) -> str:
    return estimate.sentence(wanted.experiments.values(), [run.info for run in runs])


def _in_words(problem: ExplorerError) -> str:
    """As the form calls things: its fields have labels, the command line has names."""
    text = str(problem)
    if isinstance(problem, DataError):
        text = text.replace("Give data_path (", "Fill in “Where” (").replace("Give data_path:", "Fill in “Where”:")
        text = text.replace("or set download=yes", "or switch “Download” on")
    return text
