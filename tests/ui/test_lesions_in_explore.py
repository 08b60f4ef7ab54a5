"""A double-click on the spine changes the network; what was done is listed, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import Answer, Prediction, Request
from app.ui.composition import Composition
from tests.ui.prompt_engine import PromptEngine


class LesionedEngine(PromptEngine):
    """Gives another answer where the network is changed."""

    def _answer(self, request: Request) -> Answer:
        answer = super()._answer(request)
        if not request.lesions:
            return answer
        shares = np.full(10, 0.1, np.float32)
        return replace(answer, prediction=Prediction(np.zeros(10, np.float32), shares))


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    path = tmp_path / "a.png"
    Image.new("RGB", (60, 40), (7, 7, 7)).save(path)
    composition = Composition([path], client=LesionedEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    with qtbot.waitSignal(composition.engine.answered):
        composition.show()
    yield composition
    composition.close()
    composition.window.hide()


def _last() -> Request:
    return PromptEngine.instances[-1].requests[-1]


def test_a_double_click_bypasses_and_undo_brings_back(program: Composition, qtbot: QtBot) -> None:
    explore, inspector = program.explore, program.explore.inspector
    whole = explore.shown.answer.prediction.probabilities.max() if explore.shown and explore.shown.answer else 0
    assert inspector.changed_card.isHidden()
    with qtbot.waitSignal(program.engine.answered):
        explore.spine.block_double_clicked.emit("layer2.1")
    assert _last().lesions == (Lesion("bypass", "layer2.1"),)
    assert explore.spine.bypassed == {"layer2.1"}
    assert not inspector.changed_card.isHidden()
    assert "stage 2, block 2 bypassed" in inspector.changed_card.lines.text()
    qtbot.waitUntil(lambda: f"class 7 {100 * whole:.1f} → 10.0 %; now class 0" == inspector.changed_card.effect.text())

    with qtbot.waitSignal(program.engine.answered):
        explore.spine.block_double_clicked.emit("layer3.0")
    assert explore.spine.bypassed == {"layer2.1", "layer3.0"}
    actions = program.window.actions_table
    with qtbot.waitSignal(program.engine.answered):
        actions["undo-lesion"].trigger()
    assert explore.spine.bypassed == {"layer2.1"}
    with qtbot.waitSignal(program.engine.answered):
        actions["redo-lesion"].trigger()
    assert explore.spine.bypassed == {"layer2.1", "layer3.0"}
    with qtbot.waitSignal(program.engine.answered):
        actions["restore-network"].trigger()
    assert _last().lesions == ()
    assert explore.spine.bypassed == frozenset()
    assert inspector.changed_card.isHidden()
    with qtbot.waitSignal(program.engine.answered):
        actions["undo-lesion"].trigger()
    assert len(_last().lesions) == 2, "putting the network back can be undone, too"


def test_a_bypass_that_cannot_be_is_said_and_not_left_standing(program: Composition, qtbot: QtBot) -> None:
    engine = PromptEngine.instances[-1]
    engine.error = AnatomyError("It cannot be bypassed.", "Choose another one.")
    with qtbot.waitSignal(program.engine.failed):
        engine.hold = False
        program.explore.surgery.toggle_bypass("layer2.0")
        qtbot.waitUntil(lambda: program.explore.surgery.lesions == ())
        engine.error = None
    assert program.explore.spine.bypassed == frozenset()


def test_another_network_starts_whole(program: Composition, qtbot: QtBot) -> None:
    program.explore.surgery.toggle_bypass("layer2.0")
    model = program.explore.model
    assert model is not None
    program.explore.set_model(replace(model, outline=replace(model.outline, title="Another")))
    assert program.explore.surgery.lesions == ()
    assert program.explore.inspector.changed_card.isHidden()
