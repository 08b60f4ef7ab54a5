"""From a command to a window on screen, or one sentence on why there cannot be one."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app import bootstrap

if TYPE_CHECKING:
    from app.ui.composition import Composition
    from app.ui.instance import Instance
    from app.ui.main_window import MainWindow

log = logging.getLogger(__name__)

CANNOT_START = 2
MOST_PATIENCE = 400  # milliseconds to wait for the first paint before going on without it


def start(
    pictures: Sequence[str] = (),
    *,
    model: str = "",
    device: str = "",
    alone: bool = False,
    close_after_start: bool = False,
) -> int:
    """Show the window and stay until it is closed; the process's exit code.

    Where this user's window is open already, it gets the files and comes to the front, and this start ends.

    Args:
        pictures: Paths of files and folders to open.
        model: A model to use instead of the remembered one.
        device: "auto", "cpu", "cuda" or "mps" instead of the remembered one.
        alone: Open a window of its own in any case. So does a start that names a model or a device.
        close_after_start: Close the window once it is on screen.
    """
    missing = [one for one in pictures if not Path(one).exists()]
    if missing:
        print(f"There is no file or command “{missing[0]}”. “--help” lists the commands.", file=sys.stderr)
        return CANNOT_START
    if problem := display_problem():
        print(problem, file=sys.stderr)
        return CANNOT_START
    bootstrap.prepare_process("window")
    try:
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        print(f"The window cannot open: {error}. {_libraries_remedy()}", file=sys.stderr)
        return CANNOT_START
    application = QApplication([sys.argv[0]])
    application.setApplicationName("ResNet Explorer")
    application.setDesktopFileName("resnet-explorer")
    files = [Path(one).absolute() for one in pictures]
    instance = None
    if not (alone or model or device or close_after_start):
        instance = _instance()
        if instance is not None:
            if instance.others_took(files):
                return 0
            application.installEventFilter(instance)

    from app import paths
    from app.ui.icons import program_icon
    from app.ui.main_window import MainWindow
    from app.ui.settings import SettingsFile
    from app.ui.theme import theme

    application.setWindowIcon(program_icon())
    settings = SettingsFile(paths.config() / "settings.json").read(keep=True)
    theme().follow(application, settings.scheme)
    window = MainWindow()
    window.restore_geometry_text(settings.geometry)
    compositions: list[Composition] = []

    def compose() -> None:
        """Everything else, once the window is on screen: its import alone takes as long as Qt's."""
        if compositions or not window.isVisible():
            return
        from app.ui.composition import Composition

        early = instance.take_early() if instance is not None else []
        composition = Composition([*files, *early], model, device, window=window)
        compositions.append(composition)
        if instance is not None:
            instance.opened.connect(composition.open_paths)
            application.aboutToQuit.connect(instance.close)
            instance.listen()
        application.aboutToQuit.connect(composition.close)
        composition.begin()
        if close_after_start:
            QTimer.singleShot(0, window.close)

    window.first_painted.connect(lambda: log.info("the window is painted"))  # what starts are measured by
    window.first_painted.connect(compose)
    window.show()
    QTimer.singleShot(MOST_PATIENCE, compose)  # a window that starts minimised is never painted
    _end_on_signals(window)
    return application.exec()


def _instance() -> Instance | None:
    """What knows of other starts; None where Qt's network library lacks something of the system's."""
    try:
        from app.ui.instance import Instance
    except ImportError as error:
        log.warning("later starts open windows of their own: %s", error)
        return None
    return Instance()


def _end_on_signals(window: MainWindow) -> None:
    """Close the window on Ctrl+C and when the system asks.

    Qt's loop sleeps in C++ and lets Python's handlers run only when an event comes. A signal writes a byte into a
    socket that the loop watches: that is such an event.
    """
    if sys.platform == "win32":
        return  # a windowed program gets no such signals there
    import signal

    from PySide6.QtCore import QSocketNotifier

    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    signal.set_wakeup_fd(far.fileno())
    notifier = QSocketNotifier(near.fileno(), QSocketNotifier.Type.Read, window)
    notifier.activated.connect(lambda: near.recv(64))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: (far, window.close()))


def display_problem() -> str:
    """Why no window can open here, in one sentence with the remedy; "" where one can.

    Asked before Qt is started, which would end the process without a word that helps.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "xcb").split(":")[0] not in (
        "xcb",
        "wayland",
    ):
        return ""
    remedy = "Use a command such as “classify” (see --help), or a virtual display: xvfb-run -a python main.py"
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    display = os.environ.get("DISPLAY", "")
    if not display:
        return f"There is no display for the window. {remedy}"
    if not _x_server_answers(display):
        return f"The display {display} does not answer. {remedy}"
    return ""


def _x_server_answers(display: str) -> bool:
    """Whether something listens where an X server of this name would."""
    host, _, number = display.rpartition(":")
    screen = number.split(".")[0]
    if not screen.isdigit():
        return True  # a notation that only X's own library knows
    if host in ("", "unix"):
        for address in (f"\0/tmp/.X11-unix/X{screen}", f"/tmp/.X11-unix/X{screen}"):
            with socket.socket(socket.AF_UNIX) as unix:
                try:
                    unix.connect(address)
                except OSError:
                    continue
                return True
        return False
    try:
        with socket.create_connection((host.strip("[]"), 6000 + int(screen)), timeout=3):
            return True
    except OSError:
        return False


def _libraries_remedy() -> str:
    if sys.platform.startswith("linux") and not getattr(sys, "frozen", False):
        return "“python3 packaging/dev.py start” says which system libraries are missing."
    return "Install the program again, with the packages that it depends on."
