"""The Compare tab: lanes, one scale, agreement, following Explore."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.errors import ModelError
from app.core.preprocessing import Preprocessing
from app.core.records import Answer, ForwardCost, Frame, Heatmap, ModelInfo, Prediction, Request
from app.ui.compare.lane import coloured
from app.ui.compare.stopwatch import LEAST, MOST, Stopwatch
from app.ui.composition import Composition
from app.ui.models.compare_panel import ComparePanel
from app.ui.models.model_picker import file_names, titles
from tests.ui.judging_help import show_panel
from tests.ui.prompt_engine import LABELS, PromptEngine, outline

STRENGTH = {"cifar10-resnet20": 1.0, "strong.pt": 4.0, "other.pt": 2.0}
CALL = ForwardCost(7.25, 40_551_040)


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
def panel(program: Composition, monkeypatch: pytest.MonkeyPatch) -> ComparePanel:
    before = PromptEngine.__init__

    def begin(self: PromptEngine, *arguments: object, **options: object) -> None:
        before(self, *arguments, **options)  # type: ignore[arg-type]
        self.verbs = {
            "compare.load": load,
            "compare.answer": answer,
            "compare.call": CALL,
            "compare.forget": None,
        }

    monkeypatch.setattr(PromptEngine, "__init__", begin)
    found = show_panel(program, "compare")
    assert isinstance(found, ComparePanel)
    return found


def open_picture(program: Composition, path: Path, level: int, qtbot: QtBot) -> None:
    Image.fromarray(np.full((40, 60, 3), level, np.uint8)).save(path)
    program.session.add_paths([path])
    qtbot.waitUntil(
        lambda: program.explore.shown is not None and program.explore.shown.frame.name == path.name, timeout=5000
    )


@pytest.fixture
def opened(program: Composition, panel: ComparePanel, tmp_path: Path, qtbot: QtBot) -> ComparePanel:
    """The panel with a picture that the first model calls “class 3”."""
    open_picture(program, tmp_path / "a.png", 13, qtbot)
    qtbot.waitUntil(lambda: panel.lanes[0].answer is not None)
    return panel


def test_without_a_picture_it_says_what_to_do(panel: ComparePanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: "Open a picture" in panel.lanes[0].map.accessibleDescription())
    assert panel.lanes[0].reference == "cifar10-resnet20"
    assert "Choose a model" in panel.lanes[1].map.accessibleDescription()
    assert not panel.table.isVisibleTo(panel)


def test_models_answer_on_one_scale_and_their_agreement_is_told(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "strong.pt")
    opened.choose(2, "other.pt")
    qtbot.waitUntil(lambda: opened.table.rowCount() == 3)
    cells = [[opened.table.item(row, column).text() for column in range(4)] for row in range(3)]
    assert cells[0][1:] == ["yes: class 3", "+1.00", "0.000 bit"]
    assert cells[1][1:] == ["cannot be said: class 3, dog", "+1.00", "no class shared"]
    qtbot.waitUntil(lambda: opened.scale._high == 4.0), "the strongest map sets the scale of all"
    qtbot.waitUntil(lambda: all(lane.map.shown for lane in opened.lanes[:3]))
    assert "3 classes" in opened.lanes[2].facts.text()
    opened.choose(1, "")
    assert opened.table.rowCount() == 1
    qtbot.waitUntil(lambda: opened.scale._high == 2.0)


def test_it_follows_explore_and_drops_old_answers(
    program: Composition,
    opened: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    panel = opened
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
    program: Composition,
    panel: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    Image.fromarray(np.full((40, 60, 3), 13, np.uint8)).save(tmp_path / "a.png")
    program.window.paths_dropped.emit([tmp_path / "a.png"])
    qtbot.waitUntil(lambda: panel.lanes[0].answer is not None)
    assert program.window.page == "models"


def test_a_model_that_cannot_be_loaded_says_so_in_its_lane(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "broken.pt")
    qtbot.waitUntil(lambda: opened.lanes[1].map.accessibleDescription() == "It is broken.")
    assert "Choose another." in opened.notices.text
    qtbot.waitUntil(lambda: opened.lanes[0].answer is not None)


def test_without_a_map_there_is_no_scale(opened: ComparePanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: opened.scale.isVisibleTo(opened))
    opened.methods.setCurrentIndex(0)
    opened.methods.activated.emit(0)
    qtbot.waitUntil(lambda: not opened.scale.isVisibleTo(opened))


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


def test_maps_can_explain_one_class_for_all(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "other.pt")
    qtbot.waitUntil(lambda: _explained(opened) == ["class 3", "dog"])
    _choose_class(opened, "The first model's class")
    qtbot.waitUntil(lambda: _explained(opened) == ["class 3", "class 3"])
    opened.choose(2, "strong.pt")
    qtbot.waitUntil(lambda: _explained(opened) == ["class 3"] * 3)
    _choose_class(opened, "cat")
    qtbot.waitUntil(lambda: _explained(opened) == ["", "cat", ""])
    assert "no class “cat”" in opened.lanes[0].facts.text()
    _choose_class(opened, "class 7")
    qtbot.waitUntil(lambda: _explained(opened) == ["class 7", "", "class 7"])
    _choose_class(opened, "Each model's own class")
    qtbot.waitUntil(lambda: _explained(opened) == ["class 3", "dog", "class 3"])
    assert "no class" not in opened.lanes[1].facts.text()


def test_a_first_model_that_cannot_be_had_does_not_keep_the_others_waiting(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "other.pt")
    _choose_class(opened, "The first model's class")
    opened.choose(0, "broken.pt")
    qtbot.waitUntil(lambda: opened.lanes[0].map.accessibleDescription() == "It is broken.")
    qtbot.waitUntil(lambda: _explained(opened) == ["dog"])


def test_the_classes_that_are_offered_are_those_of_the_models(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "other.pt")
    qtbot.waitUntil(lambda: opened.classes.findText("cat") >= 0)
    _choose_class(opened, "cat")
    opened.choose(1, "")
    assert opened.classes.findText("cat") < 0
    assert opened.classes.currentText() == "Each model's own class"


def test_its_engine_ends_with_the_window(program: Composition, panel: ComparePanel) -> None:
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


# --- what each model takes


def test_the_time_is_that_of_warm_calls_taken_in_turns(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "strong.pt")
    qtbot.waitUntil(lambda: all((opened.stopwatch.timing(lane.reference) or NOTHING).over for lane in opened.lanes[:2]))
    text, tip = opened.lanes[0].facts.text(), opened.lanes[0].facts.toolTip()
    assert "7.2 ms" in text and "40.6 M multiply-adds" in text
    assert f"Median of {MOST} calls" in tip and "took 2.5 ms" in tip and "More calls" not in tip
    calls = [arguments[0] for verb, arguments in PromptEngine.instances[-1].ran if verb == "compare.call"]
    last = calls[-2 * MOST :]
    assert set(last[::2]) == {"cifar10-resnet20"} and set(last[1::2]) == {"strong.pt"}
    before = len(calls)
    opened.methods.setCurrentIndex(0)
    opened.methods.activated.emit(0)
    qtbot.waitUntil(lambda: all(lane.answer.heatmap is None for lane in opened.lanes[:2]))
    assert "7.2 ms" in opened.lanes[1].facts.text(), "another question does not make them slower"
    assert sum(verb == "compare.call" for verb, _ in PromptEngine.instances[-1].ran) == before


class Asked:
    """An engine whose calls the test answers."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, object]] = []

    def __call__(self, reference: str, then: object) -> None:
        self.waiting.append((reference, then))

    def answer(self, cost: object) -> str:
        reference, then = self.waiting.pop(0)
        then(cost)  # type: ignore[operator]
        return reference


class _Nothing:
    over = False


NOTHING = _Nothing()


def test_the_first_call_warms_up_and_slow_models_get_few() -> None:
    engine = Asked()
    watch = Stopwatch(engine)
    watch.measure(["a"])
    engine.answer(ForwardCost(90_000, 5))
    assert watch.timing("a") is None
    for milliseconds in (3000, 1000, 2000):
        assert watch.timing("a") is None, "one call alone may have met another program's work"
        engine.answer(ForwardCost(milliseconds, 5))
    found = watch.timing("a")
    assert found is not None and found.over and not engine.waiting
    assert (found.median, found.least, found.most, found.calls) == (2000, 1000, 3000, LEAST)


def test_a_slow_model_does_not_cost_a_quick_one_its_calls() -> None:
    engine = Asked()
    watch = Stopwatch(engine)
    watch.measure(["quick", "slow"])
    while engine.waiting:
        engine.answer(ForwardCost(5000 if engine.waiting[0][0] == "slow" else 2, 5))
    assert watch.timing("slow").calls == LEAST and watch.timing("quick").calls == MOST


def test_the_second_model_is_one_of_the_same_classes_where_there_is_one(
    program: Composition,
    panel: ComparePanel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (card,) = program.library.here
    others = [replace(card, id="a", labels=("x", "y")), replace(card, id="b", labels=LABELS)]
    monkeypatch.setattr(type(program.library), "here", property(lambda _self: (card, *others)))
    program.library.changed.emit()
    assert [lane.reference for lane in panel.lanes[:2]] == ["cifar10-resnet20", "b"]


def test_one_model_twice_is_told_apart_by_its_lane(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.choose(1, "strong.pt")
    opened.choose(3, "strong.pt")
    qtbot.waitUntil(lambda: opened.table.rowCount() == 3)
    assert opened.table.item(2, 0).text() == "2: strong.pt  ·  4: strong.pt"


def test_lanes_are_equally_wide_whatever_they_say(opened: ComparePanel, qtbot: QtBot) -> None:
    opened.window().resize(1024, 640)
    opened.lanes[0].facts.setText("an-extraordinarily-long-word-that-cannot-be-broken-anywhere")
    QApplication.processEvents()
    widths = [lane.width() for lane in opened.lanes]
    assert max(widths) - min(widths) <= 1


def test_nothing_is_timed_while_somebody_waits_and_one_gone_does_not_stop_the_rest() -> None:
    engine = Asked()
    watch = Stopwatch(engine)
    watch.measure(["a", "b"])
    watch.pause()
    engine.answer(CALL)
    assert not engine.waiting, "one call at most is under way, and no other follows"
    watch.measure(["a", "b"])
    assert engine.answer(None) == "b", "it is not in memory any more"
    while engine.waiting:
        assert engine.answer(CALL) == "a"
    assert watch.timing("b") is None and watch.timing("a").over
    watch.measure(["a"])
    assert watch.timing("a") is None, "other models, other minute"


# --- which model is which


def test_files_of_one_name_are_told_apart_by_their_folders(opened: ComparePanel, qtbot: QtBot) -> None:
    assert file_names(["/x/one/m.pt", "/x/two/m.pt", "/y/two/m.pt", "/z/n.pt"]) == [
        "one/m.pt", "x/two/m.pt", "y/two/m.pt", "n.pt",
    ]  # fmt: skip
    assert titles([("A", "a"), ("B", "b"), ("A", "c")]) == ["A · a", "B", "A · c"]
    STRENGTH.update({"/x/one/m.pt": 1.0, "/x/two/m.pt": 1.0})
    opened.choose(1, "/x/one/m.pt")
    opened.choose(2, "/x/two/m.pt")
    qtbot.waitUntil(lambda: opened.table.rowCount() == 3)
    assert [lane.name for lane in opened.lanes[1:3]] == ["one/m.pt", "two/m.pt"]
    assert opened.table.item(2, 0).text() == "one/m.pt  ·  two/m.pt"


def test_of_models_chosen_in_a_hurry_only_the_last_is_loaded(
    opened: ComparePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PromptEngine.instances[-1]
    held: list[object] = []
    run = opened._engine.run

    def slow(verb: str, *arguments: object, then: object) -> None:
        if verb == "compare.load":
            held.append((arguments, then))
        else:
            run(verb, *arguments, then=then)

    monkeypatch.setattr(opened._engine, "run", slow)
    for name in ("strong.pt", "broken.pt", "other.pt"):
        opened.choose(1, name)
    assert [arguments for arguments, _ in held] == [("strong.pt",)]
    held.pop()[1](load("strong.pt"))
    assert [arguments for arguments, _ in held] == [("other.pt",)], "nobody wants the second any more"
    held.pop()[1](load("other.pt"))
    qtbot.waitUntil(lambda: opened.lanes[1].answer is not None)
    assert opened.lanes[1].answer.model == "other.pt"
    assert not any(verb == "compare.answer" and request.model == "strong.pt" for verb, (request, *_) in engine.ran)


def test_a_model_that_is_removed_leaves_its_lane_and_the_others_go_on(
    program: Composition,
    opened: ComparePanel,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened.choose(1, "strong.pt")
    qtbot.waitUntil(lambda: opened.table.rowCount() == 1)
    monkeypatch.setattr(type(program.library), "here", property(lambda _self: ()))
    program.library.changed.emit()
    lane = opened.lanes[0]
    assert lane.reference == "" and not lane.map.shown and lane.map.accessibleDescription() == "This model was removed"
    assert not opened.table.isVisibleTo(opened), "its answer is no answer any more"
    assert opened.lanes[1].answer is not None
    assert ("compare.forget", ("cifar10-resnet20",)) in PromptEngine.instances[-1].ran
    assert "cifar10-resnet20" not in opened._models, "another one may come by that name"


def test_an_old_picture_is_withdrawn(
    program: Composition,
    opened: ComparePanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    before = opened._round
    open_picture(program, tmp_path / "b.png", 25, qtbot)
    assert PromptEngine.instances[-1]._cancelled >= before, "the engine need not finish it"
