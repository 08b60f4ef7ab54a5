"""The window with a real engine: what was done to the network outlives the engine, and all of it can be put back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from app.core.lesions import Lesion
from app.ui.anatomy.page import AnatomyPage
from app.ui.composition import Composition

pytestmark = pytest.mark.e2e

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SAMPLE = Path(__file__).resolve().parents[2] / "assets" / "samples" / "cat.jpg"
PATIENCE = 120_000


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    monkeypatch.setattr("app.zoo.cards.DEFAULT_MODEL", "cifar10-resnet20")  # three blocks in a stage, to be swapped
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    composition = Composition([SAMPLE], device="cpu")
    qtbot.addWidget(composition.window)
    with qtbot.waitSignal(composition.engine.answered, timeout=PATIENCE):
        composition.show()
    yield composition
    composition.close()
    composition.window.hide()


def _logits(program: Composition) -> NDArray[np.float32]:
    shown = program.explore.shown
    assert shown is not None and shown.answer is not None
    return shown.answer.prediction.logits.copy()


def test_lesions_outlive_the_engine_and_can_be_put_back_bit_for_bit(program: Composition, qtbot: QtBot) -> None:
    program.window.show_page("anatomy")
    page = program.window.pages.currentWidget()
    assert isinstance(page, AnatomyPage)
    qtbot.waitUntil(lambda: page.desk.measurement is not None and page.desk.block_opened is not None, timeout=PATIENCE)
    whole = _logits(program)

    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        page.spine.block_double_clicked.emit("layer2.1")
    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        page.surgery.set_gate("layer3.1", 0.5)
    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        page.surgery.swap("layer1.1", "layer1.2")
    changed = _logits(program)
    assert not np.array_equal(changed, whole)
    assert page.surgery.effect is not None
    done = page.surgery.lesions
    assert [lesion.kind for lesion in done] == ["bypass", "gate", "swap"]

    states: list[str] = []
    program.engine.state_changed.connect(lambda state, _info: states.append(state))
    pid = program.engine._engine().pid
    assert pid is not None
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        program.explore.explain_class(None)
    assert "died" in states and states[-1] == "ready"
    assert page.surgery.lesions == done and page.spine.bypassed == {"layer2.1"}
    np.testing.assert_array_equal(_logits(program), changed)
    qtbot.waitUntil(lambda: page.desk.measurement is not None, timeout=PATIENCE)

    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        program.window.actions_table["restore-network"].trigger()
    np.testing.assert_array_equal(_logits(program), whole)
    assert page.surgery.lesions == () and page.spine.bypassed == frozenset()


def test_a_swap_of_unequal_blocks_is_refused_with_its_reason(program: Composition, qtbot: QtBot) -> None:
    program.window.show_page("anatomy")
    page = program.window.pages.currentWidget()
    assert isinstance(page, AnatomyPage)
    with qtbot.waitSignal(page.surgery.refused, timeout=PATIENCE) as told:
        page.surgery.swap("layer1.1", "layer3.1")
    assert "shapes differ" in str(told.args[0])
    assert page.surgery.lesions == ()
    assert "shapes differ" in page.notices.text
    with qtbot.waitSignal(program.engine.answered, timeout=PATIENCE):
        page.surgery.toggle_bypass("layer2.0")
    assert page.surgery.lesions == (Lesion("bypass", "layer2.0"),)
