"""The engine as the window sees it: ask, and a signal comes back on the window's thread.

At most one request is in flight. Asking again replaces whatever waits and cancels what is under way, so nothing
queues, and answers to old requests are dropped. Questions about the newest picture of a live source (`follow`) may wait
behind one another: they hold no picture while they wait.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.errors import CancelledError, EngineError, ExplorerError
from app.core.records import Answer, EngineInfo, ModelInfo, Request

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.core.records import Pixels
    from app.engine.client import EngineClient, EngineState

log = logging.getLogger(__name__)

UNCANCELLED = 1 << 62  # the number of a request that is run beside the newest one, and that `cancel` never reaches
PROGRESS_INTERVAL = 100  # milliseconds between looks at the progress of a slow method


class EngineBridge(QObject):
    """Signals for everything that the engine says.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        client: What to talk to, where it is not the real thing (tests).

    Signals:
        state_changed(state, info): "starting", "ready" with an EngineInfo, or "died".
        model_loaded(ModelInfo), model_failed(reference, ExplorerError)
        answered(Answer), failed(request id, ExplorerError): for the newest request only.
        progressed(request id, share): while a slow method works.
        followed(request id, result): of `follow`: (number, Answer), None where there was nothing new, or the
            ExplorerError; a CancelledError where it was cancelled or the engine died meanwhile.
        idled(): the request in flight is over, whatever came of it, and none waits.
    """

    state_changed = Signal(str, object)
    model_loaded = Signal(object)
    model_failed = Signal(str, object)
    answered = Signal(object)
    failed = Signal(int, object)
    progressed = Signal(int, float)
    followed = Signal(int, object)
    idled = Signal()

    _state = Signal(str, object)
    _loaded = Signal(str, object)
    _finished = Signal(int, object)
    _ran = Signal(object, object)
    _took = Signal(int, object)

    def __init__(self, device: str, parent: QObject | None = None, *, client: type[EngineClient] | None = None) -> None:
        super().__init__(parent)
        self._device, self._client_type = device, client
        self._client: EngineClient | None = None
        self._newest = 0
        self._in_flight: int | None = None
        self._following: set[int] = set()
        self._dropped = 0  # answers to questions up to this one are not wanted
        self._waiting: Request | None = None
        self._wanted_model = ""
        self._loading = False
        # Queued even where a future is done at once: whoever asks must know the number before the answer comes.
        queued = Qt.ConnectionType.QueuedConnection
        self._state.connect(self.state_changed, queued)
        self._loaded.connect(self._on_loaded, queued)
        self._finished.connect(self._on_finished, queued)
        self._ran.connect(self._on_ran, queued)
        self._took.connect(self._on_took, queued)
        self._ticker = QTimer(self, interval=PROGRESS_INTERVAL)
        self._ticker.timeout.connect(self._tick)

    @property
    def busy(self) -> bool:
        """Whether a request is in flight."""
        return self._in_flight is not None or bool(self._following)

    @property
    def following(self) -> int:
        """How many questions about the newest picture are in flight."""
        return len(self._following)

    @property
    def loading(self) -> bool:
        """Whether a model is on its way: a request for the one before would bring that back."""
        return self._loading

    def start(self) -> None:
        """Start the engine process in the background."""
        self._engine().start().add_done_callback(self._report_start)

    def load(self, reference: str) -> None:
        """Load a model; the newest wish wins."""
        self._wanted_model = reference
        self._loading = True
        self.cancel()
        future = self._engine().load(reference)
        future.add_done_callback(lambda done: self._emit_result(self._loaded, reference, done))

    def ask(self, request: Request) -> int:
        """Put a question; its id is replaced by a fresh one, which is returned."""
        self._drop_followed()
        self._newest += 1
        request = replace(request, id=self._newest)
        self._waiting = request
        if self._in_flight is None:
            self._send()
        else:
            self._engine().cancel(self._in_flight)
        return request.id

    def show(self, pixels: Pixels) -> int:
        """Make this crop, (S, S, 3) uint8, the newest picture of a live source; its number."""
        return self._engine().show(pixels)

    @property
    def taken(self) -> int:
        """The number of the picture of a live source that the engine took last."""
        return self._engine().taken

    def follow(self, request: Request, *, anew: bool) -> int:
        """Put a question about what is the newest picture (`show`) when its turn comes; `followed` has the answer.

        Args:
            request: Its id is replaced by a fresh one, which is returned; its pixels do not cross.
            anew: Whether to answer even if that picture was answered before.
        """
        self._newest += 1
        number = self._newest
        self._following.add(number)
        future = self._engine().answer_newest(replace(request, id=number, pixels=None), anew=anew)  # type: ignore[arg-type]
        future.add_done_callback(lambda done: self._emit_result(self._took, number, done))
        return number

    def run(self, verb: str, *arguments: object, then: Callable[[Any], None]) -> None:
        """Put a short question of another kind: `then` gets its answer, or an ExplorerError, on this thread.

        It waits its turn behind the request in flight and is neither cancelled nor dropped; what takes longer than
        a second belongs in a `Job`.
        """
        future = self._engine().run(verb, *arguments)
        future.add_done_callback(lambda done: self._emit_result(self._ran, then, done))

    def withdraw(self, number: int) -> None:
        """Have what `run` asked under this number or a lower one (a `Request`'s id) stop, or not begin."""
        self._engine().cancel(number)

    @property
    def client_type(self) -> type[EngineClient] | None:
        """What to talk to where it is not the real thing: for whoever needs another engine."""
        return self._client_type

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self._device

    def another(self) -> EngineClient:
        """A client of the same kind with a process of its own, on the CPU, that repeats nothing when it dies.

        For what may take the process with it: the call ends with an EngineError, and the next one starts another
        process. Whoever asks closes it.
        """
        from app.engine.client import EngineClient

        if self._client_type is not None:
            return self._client_type("cpu", lambda _state, _info: None)
        return EngineClient("cpu", most_deaths=1)

    def cancel(self) -> None:
        """Forget the newest question; its answer will not come."""
        self._waiting = None
        self._drop_followed()
        if self._in_flight is not None:
            self._engine().cancel(self._in_flight)
        self._newest += 1

    def close(self) -> None:
        """End the engine."""
        self._ticker.stop()
        if self._client is not None:
            self._client.close()

    def _engine(self) -> EngineClient:
        """The client, made when it is first needed: multiprocessing is not imported before the window is shown."""
        if self._client is None:
            from app.engine.client import EngineClient

            self._client = (self._client_type or EngineClient)(self._device, self._on_state)
        return self._client

    def _send(self) -> None:
        request, self._waiting = self._waiting, None
        if request is None:
            return
        self._in_flight = request.id
        self._ticker.start()
        future = self._engine().answer(request)
        future.add_done_callback(lambda done: self._emit_result(self._finished, request.id, done))

    # The next four run on the client's thread; emitting hands over to the window's.

    def _on_state(self, state: EngineState, info: EngineInfo | None) -> None:
        self._emit(self._state, state, info)

    def _report_start(self, future: Future[Any]) -> None:
        if not future.cancelled() and isinstance(error := future.exception(), ExplorerError):
            self._emit(self._loaded, "", error)

    def _emit_result(self, signal: Any, key: object, future: Future[Any]) -> None:
        if future.cancelled():
            return
        try:
            result = future.result()
        except ExplorerError as error:
            result = error
        except Exception as error:  # the engine's surprises must reach the page; the log has the rest
            log.exception("the engine raised something unexpected")
            result = EngineError(f"The engine failed: {error}.", "The log has the details.")
        self._emit(signal, key, result)

    def _emit(self, signal: Any, *arguments: object) -> None:
        try:
            signal.emit(*arguments)
        except RuntimeError:  # the window is gone, and with it whoever wanted to know
            log.info("an answer came after the window had closed")

    @Slot(str, object)
    def _on_loaded(self, reference: str, result: object) -> None:
        if reference and reference != self._wanted_model:
            return
        self._loading = False
        if isinstance(result, ModelInfo):
            self.model_loaded.emit(result)
        else:
            self.model_failed.emit(reference, result)

    @Slot(int, object)
    def _on_finished(self, request_id: int, result: object) -> None:
        self._in_flight = None
        self._ticker.stop()
        if request_id == self._newest:
            if isinstance(result, Answer):
                self.answered.emit(result)
            elif not isinstance(result, CancelledError):
                self.failed.emit(request_id, result)
        if self._in_flight is None:  # whoever heard of it may have asked again
            self._send()
        if self._in_flight is None:
            self.idled.emit()

    def _drop_followed(self) -> None:
        self._dropped = self._newest
        if self._following:
            self._engine().cancel(self._newest)

    @Slot(int, object)
    def _on_took(self, request_id: int, result: object) -> None:
        self._following.discard(request_id)
        if request_id <= self._dropped:
            result = CancelledError("The question was withdrawn.")
        elif isinstance(result, ExplorerError) and not isinstance(result, CancelledError):
            self.failed.emit(request_id, result)
        self.followed.emit(request_id, result)

    @Slot(object, object)
    def _on_ran(self, then: Callable[[Any], None], result: object) -> None:
        then(result)

    @Slot()
    def _tick(self) -> None:
        if self._in_flight == self._newest and (share := self._engine().done) > 0:
            self.progressed.emit(self._newest, share)
