"""The Lab: train a residual network and its plain twin, and watch the gradient in every block."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QT_TRANSLATE_NOOP, QPoint, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app import paths
from app.core.errors import ExplorerError, RunError
from app.runs.folder import LIBRARY, read_json
from app.training.config import from_mapping
from app.ui.charts import series_colour
from app.ui.lab.board import NETWORK_HEIGHT, Board
from app.ui.lab.claims import ClaimsView
from app.ui.lab.command import Wanted, folder_name, train_words
from app.ui.lab.group import Group, group_of
from app.ui.lab.panel import ExperimentPanel
from app.ui.lab.run_care import RunCare
from app.ui.lab.run_index import Listed, RunIndex
from app.ui.lab.run_table import RunTable
from app.ui.lab.tracks import Track
from app.ui.lab.trainers import Trainers, log_of
from app.ui.lab.welcome import Welcome
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.parts import PartSpec, TabbedPanels
from app.ui.question import QuestionBar
from app.ui.shell import Shell
from app.ui.theme import theme
from app.ui.tokens import GRID

MOST_AT_FIRST = 4  # runs of one experiment that are put into the charts unasked
# The page makes both itself: they share the list of runs.
PANELS: tuple[PartSpec, ...] = (
    PartSpec(
        "runs",
        str(QT_TRANSLATE_NOOP("PartSpec", "Runs")),
        "",
        str(QT_TRANSLATE_NOOP("PartSpec", "The runs of the list, charted step by step")),
    ),
    PartSpec(
        "paper",
        str(QT_TRANSLATE_NOOP("PartSpec", "The paper")),
        "",
        str(QT_TRANSLATE_NOOP("PartSpec", "Every claim of the paper that can be tried, beside what was measured here")),
    ),
)


def build(shell: Shell) -> LabPage:
    """Make the page."""
    return LabPage(shell)


class LabPage(QWidget):
    """Wires the form, the trainers, the list of runs and the charts together.

    Args:
        shell: The window's parts.
    """

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("labPage")
        self._shell = shell
        self._following: Path | None = None  # the experiment that the buttons mean
        self._starting: set[Path] = set()
        self._renamed: tuple[Path, ...] = ()  # to be ticked when they are found under their new name
        self._models: set[Path] = set()  # runs of which models are made just now
        self.notices = NoticeBar(self)
        self.question = QuestionBar(self)
        self.panel = ExperimentPanel(shell.background)
        self.index = RunIndex(shell.background, parent=self, bundled=paths.bundled_runs())
        self.trainers = Trainers(shell.background, self)
        self.table = RunTable()
        self.board = Board(shell.background)
        self.welcome = Welcome()
        self.care = RunCare(
            self.index,
            self.trainers,
            background=shell.background,
            question=self.question,
            notices=self.notices,
            home=self,
            change_shared=self._set_shared,
        )
        self._more = named(QPushButton(self.tr("Actions")), "runActions", self.tr("What can be done with the run"))
        self._more.setToolTip(self.tr("Pause, resume, rename, export, delete, import …"))
        self.panels = TabbedPanels("lab", self.tr("Parts of the Lab"), PANELS, self._make_panel, self)
        self._lay_out()
        self._connect()
        self.panels.show_panel("runs")
        self.index.set_shared(tuple(Path(one) for one in shell.settings().run_folders))
        self.index.begin()
        self._go_on()

    # --- starting and following ---

    def start(self, wanted: Wanted) -> None:
        """Start an experiment in a new folder, and follow it."""
        folder = folder_name(wanted.title, self.index.root)
        self._starting.add(folder)
        self.index.await_run(folder, True)
        self._follow(folder)
        self._show_side()
        self.trainers.start(train_words(wanted, folder), folder)

    def _go_on(self) -> None:
        """Resume what was stopped when the window was closed."""
        waiting = [Path(one) for one in self._shell.settings().resume_runs]
        self._shell.change(resume_runs=())
        for folder in waiting:
            if folder.is_dir():
                self.trainers.start(["train", "--run", str(folder), "--resume"], folder)
                self._follow(folder)

    def _follow(self, folder: Path | None) -> None:
        self._following = folder
        self._show_group()

    def _forget_start(self, folder: Path) -> None:
        self._starting.discard(folder)
        self.index.await_run(folder, False)

    def _on_failed(self, folder: Path, text: str) -> None:
        self._forget_start(folder)
        self.notices.show_notice(self.tr("“{0}” did not start. {1}").format(folder.name, text), key="start")
        self._show_group()

    def _on_runs(self, runs: tuple[Listed, ...]) -> None:
        known = {run.folder for run in runs}
        fresh = [run for run in runs if run.folder in self._starting]
        for folder in {run.folder for run in fresh}:
            group = group_of(folder, self.index)
            if len(group.runs) >= min(2, group.runs[0].planned):
                self._forget_start(folder)
                self.table.show_runs(runs)
                self.table.tick([run.path for run in group.runs])
                self.table.choose(group.runs[0].path)
        if self._following is not None and self._following not in known and self._following not in self._starting:
            self._following = None  # deleted
        there = {run.path for run in runs}
        for path in self.table.ticked:
            if path not in there and path not in self.care.taken_away:
                text = self.tr("The folder {0} is gone: it was deleted or moved.").format(path)
                self.notices.show_notice(text, key="gone")
        self.table.show_runs(runs)
        if self._renamed and {*self._renamed} <= there:
            self.table.tick(self._renamed)
            self._renamed = ()
        self.panel.show_runs(runs)
        self._show_side()
        if self._following is None and runs:
            begin = self._first_shown(runs)
            self._following = begin.folder
            if not self.table.ticked:
                self.table.tick([run.path for run in runs if run.folder == begin.folder][:MOST_AT_FIRST])
                self.table.choose(begin.path)
        self._show_group()

    def _first_shown(self, runs: tuple[Listed, ...]) -> Listed:
        """What the user sees first: a run of his own that lives, else the newest; else, of those that came with the
        program, the deepest pair, which shows degradation best."""
        own = [run for run in runs if not self.index.came_with_the_program(run)]
        if own:
            return next((run for run in own if run.living and not run.shared), own[0])
        return max(runs, key=lambda run: (run.info.pair is not None, run.info.config.get("depth", 0)))

    def _show_side(self) -> None:
        """The charts, or, before anything was trained, an invitation."""
        anything = bool(self.index.runs or self._starting or self.trainers.folders)
        self.board.setVisible(anything)
        self.welcome.setVisible(not anything)

    def _compare(self, paths: tuple[Path, ...]) -> None:
        self.board.tracks.compare([run for path in paths if (run := self._listed(path)) is not None])
        self._recolour()

    def _recolour(self) -> None:
        self.table.set_colours({track.path: series_colour(track.token) for track in self.board.tracks.all})

    def _begin(self, preset: str) -> None:
        self.panel.choose_preset(preset)
        wanted = self.panel.form.wanted
        if wanted is not None:
            self.start(wanted)

    def _show_group(self) -> None:
        group = self._group
        starting = self._following in self._starting or self._following in self.trainers.folders
        self.panel.show_group(group, starting=starting)
        if group is not None and group.trouble:
            self.notices.show_notice(group.trouble, key=str(group.folder))
        elif group is not None:
            self.notices.clear(str(group.folder))

    @property
    def _group(self) -> Group | None:
        return None if self._following is None else group_of(self._following, self.index)

    def _on_chosen(self, path: Path | None) -> None:
        run = self._listed(path)
        if run is not None:
            self._follow(run.folder)

    def _on_moved(self, old: Path, new: Path) -> None:
        """Keep what was ticked, and what the buttons mean, under the new name."""
        ticked = [new / path.relative_to(old) if path.is_relative_to(old) else path for path in self.table.ticked]
        if self._following == old:
            self._following = new
        self._renamed = tuple(ticked)

    def _listed(self, path: Path | None) -> Listed | None:
        return next((run for run in self.index.runs if run.path == path), None)

    def _use_settings(self, run: Listed) -> None:
        try:
            experiment = from_mapping(run.info.config)
        except ExplorerError as error:
            self.notices.show_notice(str(error), key="settings")
            return
        if run.info.pair is not None and experiment.shortcut != "none":
            experiment = experiment.changed({"twin": True})
        self.panel.show_experiment(experiment)

    def _make_model(self, run: Listed) -> None:
        """Make a model of a finished network, in a process of its own: it needs torch."""
        words = ["train", "--run", str(run.path), "--resume", "--to-library"]
        self.notices.show_notice(
            self.tr("Making a model of {0} …").format(run.info.name), key=f"model {run.path}", trouble=False
        )
        self._models.add(run.path)
        self.trainers.start(words, run.path)

    def _on_ended(self, folder: Path) -> None:
        asked = folder in self._models
        self._models.discard(folder)
        self._shell.background.run("lab-control", lambda: _model_words(folder, asked=asked), self._tell_model)
        self.index.look()

    def _tell_model(self, words: str | ExplorerError) -> None:
        if str(words):
            self.notices.show_notice(str(words), key="model", trouble=isinstance(words, ExplorerError))

    def _set_shared(self, folders: tuple[Path, ...]) -> None:
        self._shell.change(run_folders=tuple(str(one) for one in folders))
        self.index.set_shared(folders)

    # --- closing ---

    def may_close(self) -> bool:
        """Whether the window may close now; where runs of this machine live, the user is asked once."""
        mine = [run for run in self.index.runs if run.living and not run.info.status.far]
        if not mine or self.question.key == "closing":
            return True  # whoever closes the window twice lets them go on
        self._shell.window.show_page("lab")
        names = ", ".join(dict.fromkeys(f"“{run.folder.name}”" for run in mine))
        self.question.ask(
            self.tr("{0} is being trained. It can go on without the window.").format(names),
            [
                (self.tr("Let it go on"), self._close),
                (self.tr("Stop it until the next start"), lambda: self._stop_and_close(mine)),
                (self.tr("Stay here"), lambda: None),
            ],
            key="closing",
        )
        return False

    def _stop_and_close(self, mine: list[Listed]) -> None:
        folders = tuple(dict.fromkeys(run.folder for run in mine))
        for folder in folders:
            self.care.stop(group_of(folder, self.index))
        self._shell.change(resume_runs=tuple(str(one) for one in folders))
        self._close()

    def _close(self) -> None:
        self._shell.window.go_on_closing(self.may_close)

    # --- looks ---

    def _make_panel(self, spec: PartSpec) -> QWidget:
        if spec.name == "runs":
            return self._make_runs()
        claims = ClaimsView(self._shell, self.index)
        claims.failed.connect(lambda error: self.notices.show_notice(str(error), key="paper"))
        claims.depths.runs_wanted.connect(self._chart)
        claims.depths.experiment_wanted.connect(self.panel.show_experiment)
        claims.imagenet.evaluation_wanted.connect(self._evaluate)
        return claims

    def _chart(self, paths: tuple[Path, ...]) -> None:
        """Show these runs, and nothing else, in the charts."""
        self.table.tick(paths)
        self.table.choose(paths[0])
        self.panels.show_panel("runs")

    def _evaluate(self) -> None:
        self._shell.window.show_page("models")
        page = self._shell.window.pages.currentWidget()
        show = getattr(page, "show_panel", None)
        if show is not None:
            show("evaluate")

    def _make_runs(self) -> QScrollArea:
        """The charts of the compared runs, and the list to choose them from."""
        card = named(QFrame(), "runsCard")
        card.setProperty("role", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        inside.setSpacing(GRID // 2)
        head = QHBoxLayout()
        caption = QLabel(self.tr("Runs"))
        caption.setProperty("role", "strong")
        head.addWidget(caption)
        head.addStretch(1)
        head.addWidget(self._more)
        inside.addLayout(head)
        inside.addWidget(self.table)
        self.board.grid.add(card, NETWORK_HEIGHT)
        self.board.grid.add(self.board.paper, NETWORK_HEIGHT, weight=0)
        body = named(QWidget(), "labBody")
        right = QVBoxLayout(body)
        right.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, 2 * GRID)
        right.addWidget(self.board)
        right.addWidget(self.welcome)
        self.board.hide()
        self.welcome.hide()
        scroll = named(QScrollArea(), "labScroll")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        return scroll

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notices)
        column.addWidget(self.question)
        column.addWidget(self.panels, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.panel)
        layout.addLayout(column, 1)

    def _connect(self) -> None:
        panel = self.panel
        panel.start_wanted.connect(self.start)
        panel.pause_wanted.connect(lambda: self._with_group(self.care.pause))
        panel.stop_wanted.connect(lambda: self._with_group(self.care.stop))
        panel.resume_wanted.connect(lambda: self._with_group(self.care.resume))
        self.index.changed.connect(self._on_runs)
        self.table.compared.connect(self._compare)
        self.board.said.connect(self._shell.window.set_status)
        self.board.failed.connect(lambda error: self.notices.show_notice(str(error), key="save"))
        self.board.tracks.added.connect(self._watch)
        self.welcome.start_wanted.connect(self._begin)
        self.welcome.preset_wanted.connect(panel.choose_preset)
        theme().changed.connect(self._recolour)
        self.trainers.began.connect(lambda _folder: self.index.look())
        self.trainers.ended.connect(self._on_ended)
        self.trainers.failed.connect(self._on_failed)
        self.table.chosen.connect(self._on_chosen)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self._more.clicked.connect(lambda: self._show_menu(None))
        self.care.use_settings.connect(self._use_settings)
        self.care.moved.connect(self._on_moved)
        self.care.into_library.connect(self._make_model)
        self._shell.window.close_guards.append(self.may_close)

    def _watch(self, track: Track) -> None:
        track.gone.connect(lambda text: self.notices.show_notice(text, key=track.key))

    def _with_group(self, does: object) -> None:
        group = self._group
        if group is not None and callable(does):
            does(group)

    def _show_menu(self, place: QPoint | None) -> None:
        menu = self.care.menu(self._listed(self.table.current), self.table.ticked)
        corner = self._more.mapToGlobal(QPoint(0, self._more.height()))
        menu.popup(corner if place is None else self.table.viewport().mapToGlobal(place))


def _model_words(run: Path, *, asked: bool) -> str:
    """Which model was made of a run; "" where nobody asked for one. A fine-tuned network becomes one by itself.

    Raises:
        RunError: where none was made.
    """
    if not (run / LIBRARY).exists():
        if not asked:
            return ""
        raise RunError(f"No model could be made of {run}.", f"The log says why: {log_of(run)}")
    return f"The network is among the models now, as “{read_json(run / LIBRARY)['id']}”."
