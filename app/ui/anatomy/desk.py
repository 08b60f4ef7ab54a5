"""What the Anatomy page knows: the picture at hand, measured through the whole network, and one block of it opened.

Explore asks for the prediction and the map, also while Anatomy is shown; when its answer has come, the desk asks the
engine for the rest. Nothing is asked while the page is out of sight, nor twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.anatomy import Measurement, OpenedBlock
from app.core.errors import CancelledError, ExplorerError
from app.core.lesions import Lesions
from app.core.preprocessing import NetworkView
from app.core.records import Request
from app.ui.engine_bridge import UNCANCELLED, EngineBridge
from app.ui.explore_page import ExplorePage

PAUSE = 120  # milliseconds at least between two measurements: a camera and a gate that is dragged bring many pictures


@dataclass(frozen=True)
class _Question:
    """What a measurement is of; equal ones need not be asked again.

    Attributes:
        view: The crop itself: another picture is another object.
    """

    model: str
    view: NetworkView
    target: int | None
    lesions: Lesions

    def request(self) -> Request:
        return Request(UNCANCELLED, self.model, self.view.pixels, None, None, self.target, self.lesions)


class Desk(QObject):
    """Asks and keeps.

    Signals:
        measured(Measurement or None): of the picture at hand; None where there is no picture.
        opened(OpenedBlock or None)
        failed(ExplorerError)
    """

    measured = Signal(object)
    opened = Signal(object)
    failed = Signal(object)

    def __init__(self, explore: ExplorePage, engine: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._explore, self._engine = explore, engine
        self.measurement: Measurement | None = None
        self.block_opened: OpenedBlock | None = None
        self.block = ""
        self._active = False
        self._question: _Question | None = None  # what the measurement answers
        self._opening: tuple[_Question, str] | None = None  # what the opened block answers
        self._under_way: set[str] = set()
        self._timer = QTimer(self, singleShot=True, interval=PAUSE)
        self._timer.timeout.connect(self._ask)
        engine.answered.connect(self.refresh)
        engine.model_loaded.connect(self.forget)
        explore.session.current_changed.connect(self._on_current)

    def set_active(self, active: bool) -> None:
        """Whether anybody looks."""
        self._active = active
        if active:
            self._ask()

    def open_block(self, name: str) -> None:
        """Take this block apart from now on."""
        if name != self.block:
            self.block = name
            if self._active:
                self._ask()

    def refresh(self) -> None:
        """Something may have changed: ask soon."""
        if self._active and not self._timer.isActive():
            self._timer.start()

    def forget(self) -> None:
        """Another picture or model: nothing is known of it yet."""
        self._question = self._opening = None
        self.measurement = self.block_opened = None
        self.measured.emit(None)
        self.opened.emit(None)

    @property
    def request(self) -> Request | None:
        """The picture at hand with the lesions, as the engine's verbs want it; None where there is no picture."""
        question = self._current()
        return question.request() if question else None

    def _on_current(self, entry: int) -> None:
        if entry < 0:
            self.forget()

    def _current(self) -> _Question | None:
        shown, model = self._explore.shown, self._explore.model
        if shown is None or shown.view is None or shown.answer is None or model is None:
            return None
        heatmap = shown.answer.heatmap
        target = heatmap.target if heatmap is not None else None
        return _Question(model.reference, shown.view, target, self._explore.surgery.lesions)

    def _ask(self) -> None:
        question = self._current()
        if question is None or not self._active:
            return
        if question != self._question and "measure" not in self._under_way:
            self._run("measure", question, "")
        if self.block and (question, self.block) != self._opening and "tensors" not in self._under_way:
            self._run("tensors", question, self.block)

    def _run(self, verb: str, question: _Question, block: str) -> None:
        self._under_way.add(verb)
        arguments = (question.request(), block) if block else (question.request(),)
        self._engine.run(
            f"anatomy.{verb}", *arguments, then=lambda result: self._on_result(verb, question, block, result)
        )

    def _on_result(self, verb: str, question: _Question, block: str, result: object) -> None:
        self._under_way.discard(verb)
        now = self._current()
        if now is not None and now == question:
            if isinstance(result, Measurement):
                self._question, self.measurement = question, result
                self.measured.emit(result)
            elif isinstance(result, OpenedBlock):
                if block == self.block:
                    self._opening, self.block_opened = (question, block), result
                    self.opened.emit(result)
            elif isinstance(result, ExplorerError) and not isinstance(result, CancelledError):
                if verb == "measure":  # asking again would fail again
                    self._question = question
                else:
                    self._opening = (question, block)
                self.failed.emit(result)
        self.refresh()
