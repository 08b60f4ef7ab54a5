"""One window per user, version and home: a second start hands its files to the first, and ends.

The first start listens on a local socket that only its user can open. Its name holds the user, the version and the
folder of the settings, so that two versions, or two homes, live beside each other. A socket whose program died
answers nobody; the next start takes its place. Everything else that can go wrong (no socket, no answer in time) ends
in a window of one's own: better two windows than none.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QLockFile, QObject, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from app import __version__, paths

log = logging.getLogger(__name__)

PATIENCE = 2000  # milliseconds for the first window to answer; it never blocks for longer than a fraction of that
LARGEST_MESSAGE = 1_000_000  # bytes
TAKEN = b"taken\n"


def server_name(version: str = __version__) -> str:
    """The socket's name for this user, version and home."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this number
        user = str(os.getuid()) if hasattr(os, "getuid") else ""
    home = os.environ.get(paths.HOME_VARIABLE) or "~"
    key = hashlib.sha256("\0".join((user, version, home)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = f"{paths.APP_NAME}-{key}"
    if sys.platform == "win32":
        return name
    # An absolute path, short: a socket's path may be 107 bytes long.
    folder = os.environ.get("XDG_RUNTIME_DIR") or ""
    return str(Path(folder if Path(folder).is_dir() and os.access(folder, os.W_OK) else tempfile.gettempdir()) / name)


def hand_over(files: Sequence[Path], name: str = "") -> bool:
    """Give files to the window that is open; with none it only comes to the front. False where no window took them."""
    socket = QLocalSocket()
    socket.connectToServer(name or server_name())
    if not socket.waitForConnected(PATIENCE):
        return False
    message = json.dumps({"files": [str(path.absolute()) for path in files]}) + "\n"
    socket.write(message.encode("utf-8", "surrogateescape"))
    socket.flush()
    answer = b""
    while not answer.endswith(b"\n") and socket.waitForReadyRead(PATIENCE):
        answer += bytes(socket.readAll().data())
    socket.abort()
    if answer != TAKEN:
        log.warning("the window that is open did not take the files; another one opens")
    return answer == TAKEN


class Instance(QObject):
    """What other starts of the program, and on macOS the system, ask the window to open.

    Signals:
        opened(list of Path): files and folders; an empty list only asks for the window.
    """

    opened = Signal(list)

    def __init__(self, name: str = "", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name or server_name()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        self._heard: dict[QLocalSocket, bytes] = {}
        self._early: list[Path] | None = []

    def others_took(self, files: Sequence[Path]) -> bool:
        """Whether a window that is open already took the files."""
        return hand_over(files, self._name)

    def listen(self) -> bool:
        """Become the one that others hand their files to; False where somebody is already, or it cannot be."""
        lock = QLockFile(str(Path(tempfile.gettempdir(), f"{Path(self._name).name}.lock")))
        if not lock.tryLock(PATIENCE):
            return False
        try:
            # Asked first: with UserAccessOption, Qt would put its socket in the place of a living one.
            if _answers(self._name):
                return False
            QLocalServer.removeServer(self._name)  # of a program that died
            if not self._server.listen(self._name):
                log.warning("no socket for later starts: %s", self._server.errorString())
                return False
            return True
        finally:
            lock.unlock()

    def take_early(self) -> list[Path]:
        """The files that the system opened before there was a window to show them; later ones are told by `opened`."""
        early, self._early = self._early or [], None
        return early

    def close(self) -> None:
        """Stop listening, and take the socket away."""
        self._server.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """macOS opens files by events to the application, also while it runs."""
        if isinstance(event, QFileOpenEvent) and event.file():
            if self._early is None:
                self.opened.emit([Path(event.file())])
            else:
                self._early.append(Path(event.file()))
            return True
        return super().eventFilter(watched, event)

    def _on_connection(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            self._heard[socket] = b""
            socket.readyRead.connect(self._on_words)
            socket.disconnected.connect(self._on_gone)
            self._hear(socket)

    def _on_words(self) -> None:
        if isinstance(socket := self.sender(), QLocalSocket):
            self._hear(socket)

    def _on_gone(self) -> None:
        if isinstance(socket := self.sender(), QLocalSocket):
            self._heard.pop(socket, None)
            socket.deleteLater()

    def _hear(self, socket: QLocalSocket) -> None:
        self._heard[socket] = words = self._heard.get(socket, b"") + bytes(socket.readAll().data())
        if len(words) > LARGEST_MESSAGE:
            socket.abort()
        elif words.endswith(b"\n"):
            files = _files(words)
            if files is None:
                log.warning("another start said something that is not a list of files")
                socket.abort()
                return
            socket.write(TAKEN)
            socket.flush()
            self._heard[socket] = b""
            self.opened.emit(files)


def _files(words: bytes) -> list[Path] | None:
    """The files of a message; None where it is not one."""
    try:
        files = json.loads(words.decode("utf-8", "surrogateescape"))["files"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(files, list) or not all(isinstance(one, str) and Path(one).is_absolute() for one in files):
        return None
    return [Path(one) for one in files]


def _answers(name: str) -> bool:
    socket = QLocalSocket()
    socket.connectToServer(name)
    connected = bool(socket.waitForConnected(PATIENCE))
    socket.abort()
    return connected
