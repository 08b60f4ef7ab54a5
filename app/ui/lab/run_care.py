"""What can be done with the run of the current line: a menu, with the reason where something cannot be done now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.core.errors import ExplorerError
from app.runs import control
from app.runs.control import Wish
from app.ui.background import Background
from app.ui.lab import run_files
from app.ui.lab.group import Group, group_of
from app.ui.lab.run_index import Listed, RunIndex
from app.ui.lab.trainers import Trainers
from app.ui.notice_bar import NoticeBar
from app.ui.question import QuestionBar


class RunCare(QObject):
    """Everything that is done to runs beside looking at them.

    Attributes:
        taken_away: Runs that the user deleted or renamed here: nobody need be told that they are gone.

    Signals:
        use_settings(Listed): fill the form with its experiment.
        moved(old folder, new folder): an experiment was renamed.
        into_library(Listed): make a model of it.
    """

    use_settings = Signal(object)
    moved = Signal(Path, Path)
    into_library = Signal(object)

    def __init__(
        self,
        index: RunIndex,
        trainers: Trainers,
        *,
        background: Background,
        question: QuestionBar,
        notices: NoticeBar,
        home: QWidget,
        change_shared: Callable[[tuple[Path, ...]], None],
    ) -> None:
        super().__init__(home)
        self._index = index
        self._trainers = trainers
        self._background = background
        self._question = question
        self._notices = notices
        self._home = home
        self._change_shared = change_shared
        self.taken_away: set[Path] = set()

    # --- the experiment as a whole ---

    def pause(self, group: Group) -> None:
        """Let every living run of it wait."""
        self._ask([run.path for run in group.living], "pause")

    def stop(self, group: Group) -> None:
        """End every living run of it; they can be resumed."""
        self._ask([run.path for run in group.living], "stop")

    def measure(self, group: Group) -> None:
        """Measure ‖F(x)‖ / ‖x‖ of its living runs now."""
        self._ask([run.path for run in group.living], "measure")

    def resume(self, group: Group) -> None:
        """Let it go on: where it is paused at once, else from its last checkpoint."""
        if group.living:
            paths = [run.path for run in group.living]

            def take_back() -> None:
                for path in paths:
                    control.take_back(path, "pause")

            self._background.run("lab-control", take_back, self._told)
        elif group.runs:
            self._trainers.resume(group.runs[0].path)

    def _ask(self, paths: list[Path], wish: Wish) -> None:
        def ask() -> None:
            for path in paths:
                control.ask(path, wish)

        self._background.run("lab-control", ask, self._told)

    def _told(self, outcome: object) -> None:
        if isinstance(outcome, ExplorerError):
            self._notices.show_notice(str(outcome), key="care")
        self._index.look()

    # --- menus ---

    def menu(self, run: Listed | None, compared: tuple[Path, ...]) -> QMenu:
        """What can be done now.

        Args:
            run: Of the current line.
            compared: The ticked runs: what is exported.
        """
        menu = QMenu(self._home)
        menu.setObjectName("runMenu")
        menu.setToolTipsVisible(True)
        nothing = "" if run is not None else self.tr("No run is chosen in the list")
        group = group_of(run.folder, self._index) if run is not None else None
        lives = self.tr("It is being trained: stop it first") if group is not None and group.living else ""

        def add(text: str, does: Callable[[], None], why_not: str = "") -> None:
            action = menu.addAction(text)
            action.setEnabled(not why_not)
            action.setToolTip(why_not or text)
            action.triggered.connect(lambda: does())

        if run is not None and group is not None:
            kept = "" if group.living or group.resumable else self.tr("It is finished")
            if group.living and not group.paused:
                add(self.tr("Pause"), lambda: self.pause(group))
            else:
                add(self.tr("Resume"), lambda: self.resume(group), kept)
            add(self.tr("Stop"), lambda: self.stop(group), "" if group.living else self.tr("It is not running"))
            add(
                self.tr("Measure branches against shortcuts now"),
                lambda: self.measure(group),
                "" if group.living else self.tr("It is not running; a finished run was measured at its end"),
            )
            menu.addSeparator()
            add(self.tr("Use its settings"), lambda: self.use_settings.emit(run))
            finished = run.info.status.state == "finished"
            bundled = self._index.bundled
            ours = self.tr("It came with the program") if bundled in run.path.parents else ""
            add(
                self.tr("Add its network to the models"),
                lambda: self.into_library.emit(run),
                ours or ("" if finished else self.tr("It is not finished")),
            )
            add(self.tr("Copy the command that resumes it"), lambda: self._copy_command(group))
            add(self.tr("Open its folder"), lambda: _open(run.path))
            add(self.tr("Rename …"), lambda: self.ask_name(group), ours or lives)
            add(self.tr("Delete …"), lambda: self.ask_delete(group), ours or lives)
            menu.addSeparator()
        chosen = compared or ((run.path,) if run is not None else ())
        add(self.tr("Export as tables (CSV) …"), lambda: self._export(chosen, "csv"), "" if chosen else nothing)
        add(self.tr("Export for TensorBoard …"), lambda: self._export(chosen, "events"), "" if chosen else nothing)
        menu.addSeparator()
        add(self.tr("Import a run …"), self._import)
        add(self.tr("List the runs of another folder …"), self._add_shared)
        for folder in self._index.shared:
            add(self.tr("Forget {0}").format(folder), partial(self._forget, folder))
        return menu

    def ask_delete(self, group: Group) -> None:
        """Ask first; then to the trash."""
        count = len(group.runs)
        text = self.tr("Move “{0}” with its {1} runs to the trash?").format(group.folder.name, count)
        if count == 1:
            text = self.tr("Move “{0}” to the trash?").format(group.folder.name)
        self._question.ask(
            text,
            [(self.tr("Move to the trash"), lambda: self._delete(group)), (self.tr("Keep it"), lambda: None)],
            key="delete",
        )

    def ask_name(self, group: Group) -> None:
        """Ask for another name."""
        self._question.ask(
            self.tr("Another name for “{0}”").format(group.folder.name),
            [(self.tr("Rename"), lambda: self._rename(group)), (self.tr("Leave it"), lambda: None)],
            key="rename",
            line=group.folder.name,
        )

    def _delete(self, group: Group) -> None:
        self.taken_away.update(run.path for run in group.runs)
        inside = (self._index.root, *self._index.shared)

        def told(outcome: bool | ExplorerError) -> None:
            self._told(outcome)
            if not isinstance(outcome, ExplorerError):
                words = self.tr("“{0}” is in the trash.") if outcome else self.tr("“{0}” is deleted.")
                self._notices.show_notice(words.format(group.folder.name), key="care", trouble=False)

        self._background.run("lab-files", lambda: run_files.delete(group.folder, inside=inside), told)

    def _rename(self, group: Group) -> None:
        name = self._question.line.text()
        self.taken_away.update(run.path for run in group.runs)

        def told(outcome: Path | ExplorerError) -> None:
            self._told(outcome)
            if not isinstance(outcome, ExplorerError):
                self.moved.emit(group.folder, outcome)

        self._background.run("lab-files", lambda: run_files.rename(group.folder, name), told)

    def _export(self, runs: tuple[Path, ...], kind: str) -> None:
        chosen = QFileDialog.getExistingDirectory(self._home.window(), self.tr("A folder for what is exported"))
        if chosen:
            self.export_to(runs, Path(chosen), kind)

    def export_to(self, runs: tuple[Path, ...], target: Path, kind: str) -> None:
        """Write CSV tables ("csv") or TensorBoard's event files ("events")."""

        def told(outcome: str | ExplorerError) -> None:
            trouble = isinstance(outcome, ExplorerError)
            self._notices.show_notice(str(outcome), key="care", trouble=trouble)

        self._background.run("lab-files", lambda: run_files.export(runs, target, kind), told)

    def _import(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._home.window(), self.tr("The folder of a run"))
        if chosen:
            self.bring_in(Path(chosen))

    def bring_in(self, folder: Path) -> None:
        """Copy a run from elsewhere into the list."""
        root = self._index.root
        self._background.run("lab-files", lambda: run_files.bring_in(folder, root), self._told)

    def _add_shared(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._home.window(), self.tr("A folder with runs"))
        if chosen and Path(chosen) not in (*self._index.shared, self._index.root):
            self._change_shared((*self._index.shared, Path(chosen)))

    def _forget(self, folder: Path) -> None:
        self._change_shared(tuple(one for one in self._index.shared if one != folder))

    def _copy_command(self, group: Group) -> None:
        command = f'python main.py train --run "{group.folder}" --resume'
        QGuiApplication.clipboard().setText(command)
        self._notices.show_notice(self.tr("Copied: {0}").format(command), key="care", trouble=False)


def _open(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
