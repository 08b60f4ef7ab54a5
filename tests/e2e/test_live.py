"""Live mode with a real engine: it is killed while a video plays."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.ui.composition import Composition
from tests.ui.test_live import write_video

pytestmark = pytest.mark.e2e


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    composition = Composition(device="cpu")
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None, timeout=60_000)
    yield composition
    composition.close()
    composition.window.hide()


def test_killed_while_live_the_video_plays_on_and_the_heatmap_returns(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    live = program.live
    with qtbot.waitSignal(live.answered, timeout=60_000):
        live.open(str(write_video(tmp_path / "film.avi", 300)))
    assert live.feed.player is not None
    live.feed.player.set_manner(loop=True)
    shown: list[int] = []
    captured: list[float] = []
    live.framed.connect(lambda ready: shown.append(ready.frame.index))
    live.answered.connect(lambda ready, _answer: captured.append(ready.frame.captured))
    pid = program.engine._engine().pid
    assert pid is not None
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with qtbot.waitSignal(program.engine.state_changed, timeout=10_000):
        pass
    shown.clear()
    captured.clear()
    with qtbot.waitSignal(live.answered, timeout=60_000):
        pass
    assert len(shown) >= 15, "the new engine takes seconds, and pictures are shown meanwhile"
    assert time.monotonic() - captured[0] < 2.0, "the first answer is about a new picture, not about the one it died on"
    qtbot.waitUntil(lambda: program.explore.canvas._heatmap is not None, timeout=5000)
    assert "died" not in program.explore.notices.text
