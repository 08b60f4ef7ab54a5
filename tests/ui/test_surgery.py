"""What the user did to the network: a model of its own that every page shows, and that outlives the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.preprocessing import Preprocessing
from app.core.records import Answer, ModelInfo, Prediction
from app.ui.background import Background
from app.ui.composition import Composition
from app.ui.lesion_memory import LesionMemory
from app.ui.surgery import Surgery
from tests.ui.outlines import vgg
from tests.ui.prompt_engine import LABELS, PromptEngine, outline

MODEL = ModelInfo("r20", "R20", outline(), LABELS, Preprocessing(resize=32, crop=32), "cpu", "a quick CPU", True)


def _answer(best: int, share: float) -> Answer:
    shares = np.full(10, (1 - share) / 9, np.float32)
    shares[best] = share
    return Answer(1, "r20", "cpu", Prediction(np.log(shares), shares), None, 1.0)


@pytest.fixture
def surgery(qapp: object) -> Surgery:
    made = Surgery()
    made.set_model(MODEL)
    return made


def test_dragging_a_gate_is_one_change(surgery: Surgery) -> None:
    told: list[object] = []
    surgery.changed.connect(lambda: told.append(surgery.lesions))
    for alpha in (0.9, 0.5, 0.2):
        surgery.set_gate("layer2.1", alpha, dragging=True)
    surgery.end_gate()
    assert surgery.lesions == (Lesion("gate", "layer2.1", alpha=0.2),)
    assert len(told) == 3, "the answer follows while it is dragged"
    surgery.set_gate("layer2.1", 0.7, dragging=True)
    surgery.undo()
    assert surgery.lesions[0].alpha == 0.2
    surgery.undo()
    assert surgery.lesions == () and not surgery.can_undo


def test_a_gate_that_is_open_again_is_no_lesion(surgery: Surgery) -> None:
    surgery.set_gate("layer2.1", 0.5)
    surgery.set_gate("layer2.1", 1.0)
    assert surgery.lesions == ()


def test_one_change_goes_and_the_others_stay(surgery: Surgery) -> None:
    surgery.toggle_bypass("layer1.1")
    surgery.swap("layer2.1", "layer2.2")
    surgery.set_gate("layer3.1", 0.25)
    first, middle, last = surgery.lesions
    surgery.remove(middle)
    assert surgery.lesions == (first, last)
    surgery.undo()
    assert surgery.lesions == (first, middle, last)


def test_stem_head_and_strangers_cannot_be_changed(surgery: Surgery) -> None:
    surgery.toggle_bypass("relu")
    surgery.set_gate("fc", 0.5)
    surgery.swap("layer1.0", "fc")
    surgery.swap("layer1.0", "layer1.0")
    surgery.toggle_bypass("layer9.9")
    assert surgery.lesions == ()


def test_a_change_has_a_name_of_the_users_or_of_its_own(surgery: Surgery) -> None:
    surgery.set_gate("layer2.1", 0.5)
    (gate,) = surgery.lesions
    assert surgery.name_of(gate) == "stage 2, block 2 counts 50 %"
    surgery.rename(gate, "  half of the edge detector ")
    assert surgery.name_of(gate) == "half of the edge detector"
    surgery.set_gate("layer2.1", 0.3)
    assert surgery.name_of(surgery.lesions[0]) == "half of the edge detector", "it is still the same gate"
    surgery.rename(surgery.lesions[0], "")
    assert surgery.name_of(surgery.lesions[0]) == "stage 2, block 2 counts 30 %"
    surgery.swap("layer1.1", "layer1.2")
    assert surgery.name_of(surgery.lesions[1]) == "stage 1, block 2 and stage 1, block 3 swapped"


def test_networks_without_blocks_speak_of_layers(surgery: Surgery) -> None:
    surgery.set_model(replace(MODEL, outline=vgg()))
    surgery.toggle_bypass("features.3")
    assert surgery.name_of(surgery.lesions[0]) == "stage 2, layer 2 bypassed"


def test_the_effect_is_told_once_both_answers_are_there(surgery: Surgery) -> None:
    surgery.toggle_bypass("layer1.1")
    assert surgery.lacks_comparison
    surgery.show_answer(_answer(3, 0.5), surgery.lesions)
    assert surgery.effect is None
    surgery.show_answer(_answer(3, 0.9), ())
    assert surgery.effect is not None and surgery.effect.text == "class 3 90.0 → 50.0 %"
    surgery.toggle_bypass("layer1.2")
    assert surgery.effect is None, "the answer of one bypass is not that of two"
    surgery.show_answer(_answer(4, 0.7), surgery.lesions)
    assert surgery.effect is not None and surgery.effect.text == "class 3 90.0 → 3.3 %; now class 4"
    surgery.forget_picture()
    assert surgery.effect is None and surgery.lacks_comparison


def test_what_cannot_be_done_is_taken_back_and_its_reason_told(surgery: Surgery, qtbot: QtBot) -> None:
    surgery.toggle_bypass("layer1.1")
    surgery.swap("layer2.0", "layer3.0")
    with qtbot.waitSignal(surgery.refused) as told:
        surgery.refuse(AnatomyError("Their shapes differ.", "Choose two of one stage."))
    assert "shapes differ" in str(told.args[0])
    assert surgery.lesions == (Lesion("bypass", "layer1.1"),)
    surgery.redo()
    assert len(surgery.lesions) == 1


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


def test_it_is_offered_again_at_the_next_start(tmp_path: Path, background: Background, qapp: object) -> None:
    path = tmp_path / "lesions.json"
    memory, first = LesionMemory(path, background), Surgery()
    first.set_memory(memory)
    first.set_model(MODEL)
    first.toggle_bypass("layer1.1")
    first.swap("layer2.1", "layer2.2")
    first.set_gate("layer3.0", 0.125)
    first.rename(first.lesions[0], "the lazy one")
    memory.close()

    second = Surgery()
    second.set_memory(LesionMemory(path, background))
    second.set_model(replace(MODEL, reference="another"))
    assert second.offer.lesions == ()
    second.set_model(MODEL)
    assert second.lesions == (), "nothing is done unasked"
    assert second.offer.lesions == first.lesions
    second.take_offer()
    assert second.lesions == first.lesions and second.offer.lesions == ()
    assert second.name_of(second.lesions[0]) == "the lazy one"
    second.undo()
    assert second.lesions == ()


def test_what_was_put_back_or_declined_is_not_offered(tmp_path: Path, background: Background, qapp: object) -> None:
    path = tmp_path / "lesions.json"
    memory, surgery = LesionMemory(path, background), Surgery()
    surgery.set_memory(memory)
    surgery.set_model(MODEL)
    surgery.toggle_bypass("layer1.1")
    surgery.set_model(replace(MODEL, reference="another"))
    surgery.set_model(MODEL)
    assert len(surgery.offer.lesions) == 1
    surgery.decline_offer()
    memory.close()
    assert json.loads(path.read_text(encoding="utf-8")) == {}


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"r20": 7}',
        '{"r20": {"network": "ResNet-20", "lesions": [{"kind": "burn", "block": "layer1.0"}]}}',
        '{"r20": {"network": "ResNet-20", "lesions": [{"kind": "gate", "block": "layer1.0", "alpha": 7}]}}',
        '{"r20": {"network": "ResNet-20", "lesions": [{"kind": "bypass", "block": "layer9.9"}]}}',
        '{"r20": {"network": "ResNet-20", "lesions": [{"kind": "bypass", "block": "fc"}]}}',
        '{"r20": {"network": "Another", "lesions": [{"kind": "bypass", "block": "layer1.0"}]}}',
    ],
)
def test_a_damaged_memory_offers_nothing(text: str, tmp_path: Path, background: Background, qapp: object) -> None:
    path = tmp_path / "lesions.json"
    path.write_text(text, encoding="utf-8")
    surgery = Surgery()
    surgery.set_memory(LesionMemory(path, background))
    surgery.set_model(MODEL)
    assert surgery.offer.lesions == ()


def test_explore_offers_what_was_done_last_time(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    path = tmp_path / "a.png"
    Image.new("RGB", (60, 40), (7, 7, 7)).save(path)

    def start() -> Composition:
        composition = Composition([path], client=PromptEngine)  # type: ignore[arg-type]
        qtbot.addWidget(composition.window)
        with qtbot.waitSignal(composition.engine.answered):
            composition.show()
        return composition

    first = start()
    with qtbot.waitSignal(first.engine.answered):
        first.explore.spine.block_double_clicked.emit("layer2.1")
    first.close()
    first.window.hide()

    second = start()
    card = second.explore.inspector.changed_card
    assert not card.isHidden() and "LAST TIME" in card._caption.text()
    assert "stage 2, block 2 bypassed" in card.lines.text()
    with qtbot.waitSignal(second.engine.answered):
        second.window.actions_table["lesions-again"].trigger()
    assert PromptEngine.instances[-1].requests[-1].lesions == (Lesion("bypass", "layer2.1"),)
    assert "LAST TIME" not in card._caption.text() and card.effect.text()
    second.close()
    second.window.hide()


def test_another_picture_is_compared_with_the_whole_network(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for number, path in enumerate(paths):
        Image.new("RGB", (60, 40), (7 + number,) * 3).save(path)
    composition = Composition(paths, client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    with qtbot.waitSignal(composition.engine.answered):
        composition.show()
    composition.explore.surgery.toggle_bypass("layer2.1")
    composition.session.step(1)
    card = composition.explore.inspector.changed_card
    qtbot.waitUntil(lambda: card.effect.text().startswith("class 8"))
    (verb, (request,)) = PromptEngine.instances[-1].ran[-1]
    assert verb == "answer" and request.lesions == () and request.method is None  # type: ignore[attr-defined]
    composition.close()
    composition.window.hide()
