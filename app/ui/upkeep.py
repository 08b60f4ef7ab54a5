"""What the program says of itself: About, logs, newer versions, and where something of the machine is amiss."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from app import paths
from app.core.errors import ExplorerError, SettingsError
from app.ui.shell import Shell

if TYPE_CHECKING:
    from app.core.records import Answer, EngineInfo
    from app.updates import Release


log = logging.getLogger(__name__)


class Upkeep(QObject):
    """Connects the window with the modules that know about the program itself."""

    def __init__(self, shell: Shell, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shell = shell
        self._engine = ""
        shell.engine.answered.connect(self._note_first_answer)

    def begin(self) -> None:
        """Look whether anything can be kept, and ask for a newer version where the user wants it."""
        self._shell.background.run("upkeep", unwritable, self._show_unwritable)
        settings = self._shell.settings()
        if settings.update_check and settings.update_address:
            from app import updates

            address = settings.update_address
            self._shell.background.run("updates", lambda: updates.newest(address), self._show_release)

    def show_engine(self, info: EngineInfo) -> None:
        """Remember what the engine says of itself, and tell why it is slower than the machine could be."""
        log.info("the engine is ready: %s", info.device_title)
        self._engine = f"torch {info.torch_version}, {info.device_title}"
        for notice in info.notices:
            self._shell.explore.notices.show_notice(notice, key="device")

    def show_about(self) -> None:
        """Open About."""
        from app.ui.about import About

        About(
            self._shell.window,
            engine=self._engine,
            settings=self._shell.settings(),
            change=self._shell.change,
            background=self._shell.background,
        ).open()

    def open_logs(self) -> None:
        """Open the folder with the logs and crash reports in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.ensure_or_temporary(paths.logs()))))

    def _note_first_answer(self, answer: Answer) -> None:
        self._shell.engine.answered.disconnect(self._note_first_answer)
        log.info("the first answer is there, by %s on %s", answer.model, answer.device)

    def _show_unwritable(self, outcome: str | ExplorerError) -> None:
        if outcome:
            self._shell.explore.notices.show_notice(str(outcome), key="unwritable")

    def _show_release(self, outcome: Release | ExplorerError) -> None:
        from app.ui.about import answer_text

        if isinstance(outcome, ExplorerError):
            self._shell.window.set_status(str(outcome))  # a network that is away is no trouble
        elif outcome.is_newer:
            self._shell.explore.notices.show_notice(answer_text(outcome, link=False), key="update", trouble=False)


def unwritable() -> str:
    """What lasts for this session only, because its folder cannot be written; "" where everything can be kept."""
    kept = {"settings": paths.config(), "models and runs": paths.user_data(), "logs": paths.logs()}
    lost, first = [], None
    for what, folder in kept.items():
        try:
            paths.ensure(folder)
        except SettingsError as error:
            lost.append(what)
            first = first or error
    if first is None:
        if paths.is_temporary(paths.config()):
            return (
                "There is no home folder: settings, models, runs and logs last for this session only. "
                f"Set {paths.HOME_VARIABLE} to a folder that you can write."
            )
        return ""
    return f"{first.what} What is not saved: {', '.join(lost)}; everything works for this session. {first.remedy}"
