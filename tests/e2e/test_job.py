"""Long work in an engine process of its own, with real processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.core.errors import ExplorerError, ModelError
from app.core.records import EngineInfo
from app.ui.job import Job

pytestmark = pytest.mark.e2e

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return True


def test_a_job_answers_from_a_process_of_its_own_and_ends_it(qtbot: QtBot) -> None:
    job = Job("cpu", "hello", "cpu")
    with qtbot.waitSignal(job.done, timeout=60_000) as caught:
        pass
    (info,) = caught.args or [None]
    assert isinstance(info, EngineInfo) and info.pid != os.getpid()
    assert job.over
    if sys.platform.startswith("linux"):
        deadline = time.monotonic() + 10
        while not gone(info.pid):
            assert time.monotonic() < deadline, "the process of a job outlives it"
            time.sleep(0.05)


def test_a_job_that_fails_says_why(qtbot: QtBot) -> None:
    job = Job("cpu", "load", "no-such-model")
    with qtbot.waitSignal(job.failed, timeout=60_000) as caught:
        pass
    (error,) = caught.args or [None]
    assert isinstance(error, ModelError) and isinstance(error, ExplorerError)
    assert "no-such-model" in str(error)
