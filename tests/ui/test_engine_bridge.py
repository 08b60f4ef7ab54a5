"""The bridge: one request in flight, the newest wins, stale answers are dropped."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.errors import ExplanationError
from app.core.records import Answer, Request
from app.ui.engine_bridge import EngineBridge
from tests.ui.prompt_engine import PromptEngine


@pytest.fixture
def bridge(qtbot: QtBot) -> EngineBridge:
    made = EngineBridge("cpu", client=PromptEngine)
    made.start()
    return made


def _request(value: int = 0) -> Request:
    return Request(0, "m", np.full((32, 32, 3), value, np.uint8), "grad-cam")


def _engine() -> PromptEngine:
    return PromptEngine.instances[-1]


def test_an_answer_comes_back_with_its_id(bridge: EngineBridge, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bridge.answered) as blocker:
        number = bridge.ask(_request())
    answer = blocker.args[0]
    assert isinstance(answer, Answer)
    assert answer.id == number
    assert not bridge.busy


def test_only_the_newest_of_many_questions_is_answered_and_nothing_queues(bridge: EngineBridge, qtbot: QtBot) -> None:
    engine = _engine()
    engine.hold = True
    answers: list[int] = []
    bridge.answered.connect(lambda answer: answers.append(answer.id))
    numbers = [bridge.ask(_request(value)) for value in range(10)]
    assert len(engine.requests) == 1, "the others wait in one place, not in a queue"
    engine.hold = False
    engine.release()
    qtbot.waitUntil(lambda: answers == [numbers[-1]])
    assert [int(request.pixels[0, 0, 0]) for request in engine.requests] == [0, 9]


def test_after_cancel_no_answer_comes(bridge: EngineBridge, qtbot: QtBot) -> None:
    engine = _engine()
    engine.hold = True
    came: list[object] = []
    bridge.answered.connect(came.append)
    bridge.failed.connect(lambda _id, error: came.append(error))
    bridge.ask(_request())
    bridge.cancel()
    engine.release()
    qtbot.waitUntil(lambda: not bridge.busy)
    assert came == []


def test_errors_reach_the_page_with_the_id(bridge: EngineBridge, qtbot: QtBot) -> None:
    _engine().error = ExplanationError("There is no such block.", "Choose another.")
    with qtbot.waitSignal(bridge.failed) as blocker:
        number = bridge.ask(_request())
    assert blocker.args == [number, _engine().error]


def test_the_newest_wish_for_a_model_wins(bridge: EngineBridge, qtbot: QtBot) -> None:
    loaded: list[str] = []
    bridge.model_loaded.connect(lambda info: loaded.append(info.reference))
    _engine().hold = True
    bridge.load("a")
    bridge.load("b")
    _engine().hold = False
    _engine().release()
    qtbot.waitUntil(lambda: "b" in loaded)
    assert loaded == ["b"]
    with qtbot.waitSignal(bridge.model_failed) as blocker:
        bridge.load("missing")
    assert blocker.args[0] == "missing"


def test_progress_is_told_while_a_request_is_under_way(bridge: EngineBridge, qtbot: QtBot) -> None:
    engine = _engine()
    engine.hold, engine.done = True, 0.5
    with qtbot.waitSignal(bridge.progressed) as blocker:
        number = bridge.ask(_request())
    assert blocker.args == [number, 0.5]
    engine.release()
    qtbot.waitUntil(lambda: not bridge.busy)
