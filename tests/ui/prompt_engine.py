"""An engine that answers at once and without torch, for tests of the window alone; real ones are in tests/e2e."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from app.core.errors import CancelledError, ExplorerError, ModelError
from app.core.preprocessing import Preprocessing
from app.core.records import (
    Answer,
    BlockInfo,
    EngineInfo,
    Heatmap,
    MethodInfo,
    ModelInfo,
    NetworkOutline,
    Prediction,
    Request,
)

METHODS = (
    MethodInfo("grad-cam", "Grad-CAM", "Where.", "Selvaraju et al. 2017", True, False, False, "share of the score"),
    MethodInfo("occlusion", "Occlusion", "What if.", "Zeiler and Fergus 2014", False, True, True, "drop of the score"),
)
LABELS = tuple(f"class {index}" for index in range(10))


def outline(blocks: int = 3) -> NetworkOutline:
    """A residual network of three stages."""
    stem = BlockInfo("relu", "stem", 0, 0, "none", 464)
    middle = [
        BlockInfo(f"layer{stage}.{index}", "basic", stage, index + 1, "identity" if index else "padding", 1000)
        for stage in (1, 2, 3)
        for index in range(blocks)
    ]
    head = BlockInfo("fc", "head", 0, 0, "none", 650)
    return NetworkOutline("cifar", "resnet20", "ResNet-20", (stem, *middle, head), 270_000)


class PromptEngine:
    """Has the methods of `EngineClient`.

    Attributes:
        requests: Every request that was put.
        ran: Every other verb that was run, with its arguments.
        verbs: What those answer.
        milliseconds: What answers say they took.
        hold: While set, answers wait until `release`.
    """

    instances: list[PromptEngine] = []

    def __init__(self, device: str, on_state: Callable[[str, EngineInfo | None], None]) -> None:
        self.requests: list[Request] = []
        self.loaded: list[str] = []
        self.ran: list[tuple[str, tuple[object, ...]]] = []
        self.verbs: dict[str, object] = {}
        self.hold = False
        self.error: ExplorerError | None = None
        self.done = 0.0
        self.pid = os.getpid()
        self.closed = False
        self._held: list[tuple[Request, Future[Answer]]] = []
        self._held_newest: list[tuple[Request, bool, Future]] = []
        self._held_loads: list[tuple[Future[ModelInfo], ModelInfo]] = []
        self._cancelled = 0
        self._shown: list[np.ndarray] = []
        self.taken = 0
        self.milliseconds = 1.5
        self._on_state = on_state
        PromptEngine.instances.append(self)

    def start(self) -> Future[EngineInfo]:
        info = EngineInfo(self.pid, "cpu", "a quick CPU", "2.x", METHODS, ("cifar",))
        self._on_state("starting", None)
        self._on_state("ready", info)
        return _done(info)

    def load(self, reference: str) -> Future[ModelInfo]:
        self.loaded.append(reference)
        if "missing" in reference:
            return _failed(ModelError(f"There is no model called “{reference}”.", "Choose another."))
        spec = Preprocessing(resize=32, crop=32)
        future: Future[ModelInfo] = Future()
        self._held_loads.append(
            (future, ModelInfo(reference, reference.upper(), outline(), LABELS, spec, "cpu", "a quick CPU", True))
        )
        if not self.hold:
            self.release()
        return future

    def answer(self, request: Request) -> Future[Answer]:
        self.requests.append(request)
        if self.hold:
            future: Future[Answer] = Future()
            self._held.append((request, future))
            return future
        return _failed(self.error) if self.error else _done(self._answer(request))

    def show(self, pixels: np.ndarray) -> int:
        self._shown.append(pixels)
        return len(self._shown)

    def answer_newest(self, request: Request, *, anew: bool) -> Future:
        future: Future = Future()
        self._held_newest.append((request, anew, future))
        if not self.hold:
            self.release()
        return future

    @property
    def waiting(self) -> list[Request]:
        """Questions about the newest picture that are not answered yet."""
        return [request for request, _, _ in self._held_newest]

    @property
    def newest(self) -> np.ndarray:
        """The newest picture of the live source."""
        return self._shown[-1]

    def answer_next(self) -> None:
        """Answer the question about the newest picture that waits longest."""
        self._take_newest(1)

    def _take_newest(self, most: int = 1000) -> None:
        held, self._held_newest = self._held_newest[:most], self._held_newest[most:]
        for request, anew, future in held:
            if request.id <= self._cancelled:
                future.set_exception(CancelledError("Cancelled."))
            elif self.error:
                future.set_exception(self.error)
            elif self.taken == len(self._shown) and not anew:
                future.set_result(None)
            else:
                self.taken = len(self._shown)
                request = dataclasses.replace(request, pixels=self._shown[-1])
                self.requests.append(request)
                future.set_result((self.taken, self._answer(request)))

    def run(self, verb: str, *arguments: object) -> Future:
        """What `verbs` says: a value, an error, or a function of the arguments."""
        self.ran.append((verb, arguments))
        outcome = self.verbs.get("answer", self._answer) if verb == "answer" else self.verbs[verb]
        if callable(outcome):
            outcome = outcome(*arguments)
        return _failed(outcome) if isinstance(outcome, Exception) else _done(outcome)

    def release(self) -> None:
        """Answer what waits."""
        loads, self._held_loads = self._held_loads, []
        for load, info in loads:
            load.set_result(info)
        self._take_newest()
        held, self._held = self._held, []
        for request, future in held:
            if request.id <= self._cancelled:
                future.set_exception(CancelledError("Cancelled."))
            else:
                future.set_result(self._answer(request))

    def die(self) -> None:
        """Tell the window that the engine died."""
        self._on_state("died", None)

    def cancel(self, request_id: int) -> None:
        self._cancelled = max(self._cancelled, request_id)

    def close(self) -> None:
        self.closed = True
        self.release()

    def _answer(self, request: Request) -> Answer:
        # The mean colour decides: different pictures get different answers.
        logits = np.zeros(len(LABELS), np.float32)
        best = int(request.pixels.mean()) % len(LABELS)
        logits[best] = 3.0
        probabilities = np.exp(logits) / np.exp(logits).sum()
        heatmap = None
        if request.method is not None:
            target = best if request.target is None else request.target
            values = np.linspace(-0.2, 1, 64, dtype=np.float32).reshape(8, 8)
            method = next(method for method in METHODS if method.name == request.method)
            heatmap = Heatmap(values, request.method, request.block or "", target, method.signed)
        return Answer(request.id, request.model, "cpu", Prediction(logits, probabilities), heatmap, self.milliseconds)


def _done(value: object) -> Future:
    future: Future = Future()
    future.set_result(value)
    return future


def _failed(error: Exception) -> Future:
    future: Future = Future()
    future.set_exception(error)
    return future
