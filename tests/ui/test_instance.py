"""One window per user, version and home."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import paths
from app.ui import instance
from app.ui.instance import Instance, server_name

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "hö me"))
    return tmp_path


@pytest.fixture
def first(qtbot: QtBot, home: Path) -> Iterator[Instance]:
    one = Instance()
    assert one.listen()
    yield one
    one.close()


def _second_start(*files: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication\n"
        "application = QCoreApplication([])\n"
        "from app.ui.instance import hand_over\n"
        "sys.exit(0 if hand_over([Path(one) for one in sys.argv[1:]]) else 9)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code, *map(str, files)], cwd=ROOT)


def test_a_second_start_hands_its_files_to_the_first(qtbot: QtBot, first: Instance, tmp_path: Path) -> None:
    files = [tmp_path / "a cat.png", tmp_path / "Kätzchen 猫.png"]
    with qtbot.waitSignal(first.opened, timeout=20_000) as heard:
        second = _second_start(*files)
    assert heard.args == [files]
    assert second.wait(20) == 0


def test_a_second_start_without_files_only_asks_for_the_window(qtbot: QtBot, first: Instance) -> None:
    with qtbot.waitSignal(first.opened, timeout=20_000) as heard:
        second = _second_start()
    assert heard.args == [[]]
    assert second.wait(20) == 0


def test_without_a_first_window_nobody_takes_the_files(qtbot: QtBot, home: Path) -> None:
    assert not instance.hand_over([home])


def test_the_socket_of_a_program_that_died_is_replaced(qtbot: QtBot, home: Path) -> None:
    code = (
        "import os; from PySide6.QtCore import QCoreApplication; application = QCoreApplication([])\n"
        "from app.ui.instance import Instance\n"
        "one = Instance(); assert one.listen(); os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert Path(server_name()).exists() or sys.platform == "win32", "it died without tidying up"
    assert not instance.hand_over([home])
    second = Instance()
    assert second.listen()
    second.close()


def test_only_one_listens(qtbot: QtBot, first: Instance) -> None:
    assert not Instance().listen()


def test_versions_and_homes_have_sockets_of_their_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = server_name("1.0")
    assert here == server_name("1.0")
    assert here != server_name("1.1")
    monkeypatch.setenv(paths.HOME_VARIABLE, str(home / "another"))
    assert here != server_name("1.0")
    monkeypatch.delenv(paths.HOME_VARIABLE)
    assert here != server_name("1.0")
    assert len(here.encode()) < 107, "the longest path of a socket"


def test_a_window_that_does_not_answer_does_not_keep_the_second_waiting(
    qtbot: QtBot, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "PATIENCE", 100)
    mute = QLocalServer()
    assert mute.listen(server_name())
    assert not instance.hand_over([home])
    mute.close()


@pytest.mark.parametrize("words", [b"nonsense\n", b"[1]\n", b'{"files": 3}\n', b'{"files": ["relative.png"]}\n'])
def test_nonsense_is_not_taken(qtbot: QtBot, first: Instance, words: bytes) -> None:
    heard: list[object] = []
    first.opened.connect(heard.append)
    socket = QLocalSocket()
    socket.connectToServer(server_name())
    socket.write(words)
    qtbot.waitUntil(lambda: socket.state() == QLocalSocket.LocalSocketState.UnconnectedState)
    assert heard == []


def test_files_that_the_system_opens_by_event(
    qtbot: QtBot, qapp: QApplication, first: Instance, tmp_path: Path
) -> None:
    qapp.installEventFilter(first)
    try:
        # macOS tells them as soon as the loop runs, which may be before the window is made.
        qapp.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "early.png"))))
        assert first.take_early() == [tmp_path / "early.png"]
        with qtbot.waitSignal(first.opened) as heard:
            qapp.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "cat.png"))))
        assert heard.args == [[tmp_path / "cat.png"]]
    finally:
        qapp.removeEventFilter(first)
