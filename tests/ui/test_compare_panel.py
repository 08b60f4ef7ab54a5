"""The Compare tab: lanes, one scale, agreement, following Explore."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.core.errors import ModelError
from app.core.preprocessing import Preprocessing
from app.core.records import Answer, Frame, Heatmap, ModelInfo, Prediction, Request
from app.ui.compare.lane import coloured
from app.ui.composition import Composition
from app.ui.models.compare_panel import ComparePanel
from tests.ui.judging_help import program, show_panel  # noqa: F401
from tests.ui.prompt_engine import LABELS, PromptEngine, outline

STRENGTH = {"cifar10-resnet20": 1.0, "strong.pt": 4.0, "other.pt": 2.0}


def load(reference: str) -> ModelInfo | Exception:
    if reference == "broken.pt":
        return ModelError("It is broken.", "Choose another.")
    labels = LABELS if reference != "other.pt" else ("cat", "dog", "class 3")
    side = 32 if reference != "other.pt" else 48
    return ModelInfo(reference, reference, outline(), labels, Preprocessing(side, side), "cpu", "CPU", True)


def answer(request: Request) -> Answer:
    """The brighter the picture the later the class; maps as strong as the model is."""
    info = load(request.model)
    assert isinstance(info, ModelInfo)
    assert request.pixels.shape[0] == info.preprocessing.crop, "each model gets its own crop"
    best = int(request.pixels.mean()) % len(info.labels)
    explained = best if request.target is None else request.target
    probabilities = np.full(len(info.labels), 0.01, np.float32)
    probabilities[best] = 1 - 0.01 * (len(info.labels) - 1)
    ramp = STRENGTH[request.model] * np.tile(np.linspace(0, 1, 8, dtype=np.float32), (8, 1))
    heatmap = Heatmap(ramp, request.method, "layer3.2", explained, False) if request.method else None
    return Answer(request.id, request.model, "cpu", Prediction(probabilities, probabilities), heatmap, 2.5)


@pytest.fixture
def panel(program: Composition, monkeypatch: pytest.MonkeyPatch) -> ComparePanel:  # noqa: F811
    before = PromptEngine.__init__

    def begin(self: PromptEngine, *arguments: object, **options: object) -> None:
        before(self, *arguments, **options)  # type: ignore[arg-type]
        self.verbs = {"compare.load": load, "compare.answer": answer}

    monkeypatch.setattr(PromptEngine, "__init__", begin)
    found = show_panel(program, "compare")
    assert isinstance(found, ComparePanel)
    return found


def open_picture(program: Composition, path: Path, level: int, qtbot: QtBot) -> None:  # noqa: F811
    Image.fromarray(np.full((40, 60, 3), level, np.uint8)).save(path)
    program.session.add_paths([path])
    qtbot.waitUntil(
        lambda: program.explore.shown is not None and program.explore.shown.frame.name == path.name, timeout=5000
    )


def test_without_a_picture_it_says_what_to_do(panel: ComparePanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Open a picture" in panel.lanes[0].map.accessibleDescription())
    assert panel.lanes[0].reference == "cifar10-resnet20"
    assert "Choose a model" in panel.lanes[1].map.accessibleDescription()
    assert not panel.table.isVisibleTo(panel)


def test_models_answer_on_one_scale_and_their_agreement_is_told(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    panel.choose(1, "strong.pt")
    panel.choose(2, "other.pt")
    qtbot.waitUntil(lambda: panel.table.rowCount() == 3)
    cells = [[panel.table.item(row, column).text() for column in range(4)] for row in range(3)]
    assert cells[0][1:] == ["yes: class 3", "+1.00", "0.000 bit"]
    assert cells[1][1:] == ["no: class 3, dog", "+1.00", "other classes"]
    qtbot.waitUntil(lambda: panel.scale._high == 4.0), "the strongest map sets the scale of all"
    qtbot.waitUntil(lambda: all(lane.map.shown for lane in panel.lanes[:3]))
    assert "2.5 ms" in panel.lanes[0].facts.text() and "3 classes" in panel.lanes[2].facts.text()
    panel.choose(1, "")
    assert panel.table.rowCount() == 1
    qtbot.waitUntil(lambda: panel.scale._high == 2.0)


def test_it_follows_explore_and_drops_old_answers(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    qtbot.waitUntil(lambda: panel.lanes[0].answer is not None)
    open_picture(program, tmp_path / "b.png", 25, qtbot)
    qtbot.waitUntil(lambda: panel.lanes[0].bars.rows and panel.lanes[0].bars.rows[0].label == "class 5")
    assert panel.picture.text() == "b.png"
    engine = PromptEngine.instances[-1]
    assert [verb for verb, _ in engine.ran].count("compare.load") == 1, "loads are kept between pictures"
    program.window.show_page("explore")
    before = len(engine.ran)
    open_picture(program, tmp_path / "c.png", 37, qtbot)
    qtbot.wait(50)
    assert len(engine.ran) == before, "out of sight nothing is computed"
    program.window.show_page("models")
    qtbot.waitUntil(lambda: panel.lanes[0].bars.rows and panel.lanes[0].bars.rows[0].label == "class 7")


def test_dropped_pictures_stay_on_this_page(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    Image.fromarray(np.full((40, 60, 3), 13, np.uint8)).save(tmp_path / "a.png")
    program.window.paths_dropped.emit([tmp_path / "a.png"])
    qtbot.waitUntil(lambda: panel.lanes[0].answer is not None)
    assert program.window.page == "models"


def test_a_model_that_cannot_be_loaded_says_so_in_its_lane(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    panel.choose(1, "broken.pt")
    qtbot.waitUntil(lambda: panel.lanes[1].map.accessibleDescription() == "It is broken.")
    assert "Choose another." in panel.notices.text
    qtbot.waitUntil(lambda: panel.lanes[0].answer is not None)


def test_without_a_map_there_is_no_scale(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    qtbot.waitUntil(lambda: panel.scale.isVisibleTo(panel))
    panel.methods.setCurrentIndex(0)
    panel.methods.activated.emit(0)
    qtbot.waitUntil(lambda: not panel.scale.isVisibleTo(panel))


def _explained(panel: ComparePanel) -> list[str]:
    """What each lane's map explains, by name; "" where there is no map."""
    found = []
    for lane in panel.lanes:
        if lane.answer is not None and lane.model is not None and lane.reference:
            found.append(lane.model.labels[lane.answer.heatmap.target] if lane.answer.heatmap else "")
    return found


def _choose_class(panel: ComparePanel, text: str) -> None:
    place = panel.classes.findText(text)
    assert place >= 0
    panel.classes.setCurrentIndex(place)
    panel.classes.activated.emit(place)


def test_maps_can_explain_one_class_for_all(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    panel.choose(1, "other.pt")
    qtbot.waitUntil(lambda: _explained(panel) == ["class 3", "dog"])
    _choose_class(panel, "The first model's class")
    qtbot.waitUntil(lambda: _explained(panel) == ["class 3", "class 3"])
    panel.choose(2, "strong.pt")
    qtbot.waitUntil(lambda: _explained(panel) == ["class 3"] * 3)
    _choose_class(panel, "cat")
    qtbot.waitUntil(lambda: _explained(panel) == ["", "cat", ""])
    assert "no class “cat”" in panel.lanes[0].facts.text()
    _choose_class(panel, "class 7")
    qtbot.waitUntil(lambda: _explained(panel) == ["class 7", "", "class 7"])
    _choose_class(panel, "Each model's own class")
    qtbot.waitUntil(lambda: _explained(panel) == ["class 3", "dog", "class 3"])
    assert "no class" not in panel.lanes[1].facts.text()


def test_a_first_model_that_cannot_be_had_does_not_keep_the_others_waiting(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    panel.choose(1, "other.pt")
    _choose_class(panel, "The first model's class")
    panel.choose(0, "broken.pt")
    qtbot.waitUntil(lambda: panel.lanes[0].map.accessibleDescription() == "It is broken.")
    qtbot.waitUntil(lambda: _explained(panel) == ["dog"])


def test_the_classes_that_are_offered_are_those_of_the_models(
    program: Composition,  # noqa: F811
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    panel.choose(1, "other.pt")
    qtbot.waitUntil(lambda: panel.classes.findText("cat") >= 0)
    _choose_class(panel, "cat")
    panel.choose(1, "")
    assert panel.classes.findText("cat") < 0
    assert panel.classes.currentText() == "Each model's own class"


def test_its_engine_ends_with_the_window(program: Composition, panel: ComparePanel) -> None:  # noqa: F811
    engine = PromptEngine.instances[-1]
    program.window.closing.emit()
    assert engine.closed


def test_maps_are_coloured_by_one_scale() -> None:
    frame = Frame(np.full((20, 20, 3), 128, np.uint8), "grey")
    weak, strong = (Heatmap(np.full((2, 2), level, np.float32), "m", "b", 0, False) for level in (0.1, 1.0))
    box = (0.0, 0.0, 20.0, 20.0)
    (low, high), signed, pictures = coloured(
        frame, [(0, weak, box), (1, strong, box), (2, None, box)], opacity=1.0, name="inferno", side=40
    )
    assert (low, high, signed) == (0.0, 1.0, False)
    shown = dict(pictures)
    assert shown[0].shape == (40, 40, 3)
    changed = [int(np.abs(shown[lane].astype(int) - 128).max()) for lane in range(3)]
    assert changed[2] == 0 and 0 < changed[0] < changed[1]
