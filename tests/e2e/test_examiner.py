"""The process that looks at files of strangers: killed, it comes back, and the question is answered all the same."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import paths
from app.ui.engine_bridge import EngineBridge
from app.ui.models.examiner import Examiner
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
