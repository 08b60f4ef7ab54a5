"""The process that looks at files of strangers: killed, it comes back, and the question is answered all the same."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app import paths
from app.core.errors import ModelError
from app.networks.registry import build
from app.ui.engine_bridge import EngineBridge
from app.ui.models.examiner import Examiner
from app.zoo.cards import Card, find_card
from app.zoo.report import Inspection

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
MODEL = paths.root() / "models" / "cifar10-resnet20" / "weights.safetensors"


@pytest.fixture
def examiner(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examiner]:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    one = Examiner(EngineBridge("cpu"))
    yield one
    one.close()


def test_a_killed_process_is_replaced(examiner: Examiner, qtbot: QtBot) -> None:
    restarts: list[bool] = []
    examiner.restarted.connect(lambda: restarts.append(True))
    with qtbot.waitSignal(examiner.inspected, timeout=60_000) as first:
        examiner.inspect(MODEL, {})
    assert isinstance(first.args[0], Inspection) and first.args[0].report.accepted
    pid = examiner.pid
    assert pid is not None and pid != os.getpid()
    os.kill(pid, signal.SIGKILL)
    with qtbot.waitSignal(examiner.inspected, timeout=60_000) as second:
        examiner.inspect(MODEL, {})
    assert isinstance(second.args[0], Inspection) and second.args[0].report.accepted
    assert restarts == [True]
    assert examiner.pid not in (None, pid)


def test_a_file_that_kills_its_process_is_looked_at_twice_at_most_and_soon_told(
    examiner: Examiner, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(examiner.inspected, timeout=60_000):
        examiner.inspect(MODEL, {})
    killed: list[int] = []
    restarts: list[bool] = []
    examiner.restarted.connect(lambda: restarts.append(True))

    def kill() -> None:
        """What such a file would do, as soon as there is a process that could read it."""
        if (pid := examiner.pid) is not None and pid not in killed and examiner.busy:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    killer = QTimer(interval=5)
    killer.timeout.connect(kill)
    begun = time.monotonic()
    with qtbot.waitSignal(examiner.inspected, timeout=60_000) as told:
        killer.start()
        examiner.inspect(MODEL, {"normalisation": "0 to 1"})
    killer.stop()
    assert isinstance(told.args[0], ModelError) and "twice" in told.args[0].what
    assert len(killed) == 2 and restarts == [True] and not examiner.busy
    assert time.monotonic() - begun < 60
    with qtbot.waitSignal(examiner.inspected, timeout=60_000) as after:
        examiner.inspect(MODEL, {})
    assert isinstance(after.args[0], Inspection), "the next file is looked at as ever"


def _library() -> list[str]:
    """Everything in the user's library, hidden things included, but for the lock."""
    return sorted(one.name for one in paths.user_models().iterdir() if one.name != ".taking-in.lock")


@pytest.mark.parametrize("moment", ["writing", "written"])
def test_a_process_that_is_killed_while_taking_in_leaves_one_model_and_nothing_half(
    examiner: Examiner, qtbot: QtBot, tmp_path: Path, moment: str
) -> None:
    file = tmp_path / "large.pth"
    torch.save(build("torchvision-resnet", "resnet50", classes=10).state_dict(), file)  # takes a moment to write
    with qtbot.waitSignal(examiner.inspected, timeout=120_000):
        examiner.inspect(file, {})
    killed: list[int] = []

    def kill() -> None:
        folder = paths.user_models()
        under_way = list(folder.glob(".taking-in-*/")) if folder.is_dir() else []
        now = bool(under_way) if moment == "writing" else (folder / "large" / "card.toml").is_file()
        if now and not killed and examiner.pid is not None:
            killed.append(examiner.pid)
            os.kill(examiner.pid, signal.SIGKILL)

    killer = QTimer(interval=0)
    killer.timeout.connect(kill)
    with qtbot.waitSignal(examiner.taken_in, timeout=120_000) as done:
        killer.start()
        examiner.take_in(file, "", None, {})
    killer.stop()
    assert isinstance(done.args[0], Card), done.args[0]
    assert done.args[0].id == "large" and _library() == ["large"]
    assert killed or moment == "written", "it was quicker than the look: then its answer came first"
    assert find_card("large").available
    qtbot.wait(300)  # the kill may have come after the answer; then the next question finds the process dead
    with qtbot.waitSignal(examiner.taken_in, timeout=120_000) as second:
        examiner.take_in(file, "", None, {})
    assert isinstance(second.args[0], Card) and second.args[0].id == "large-2", "who asks again means it"
