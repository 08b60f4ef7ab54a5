"""The window's handle on the engine process. No torch, no Qt.

One thread of this process submits one call at a time and waits for it, so the window's thread never does. When the
engine process dies (killed, out of memory, a poisoned CUDA context), the same thread starts a new one, loads the
model again and repeats the call; after three deaths on one call it gives up with a sentence.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Literal, cast

from app.core.errors import CancelledError, EngineError
from app.core.records import Answer, EngineInfo, ModelInfo, Request
from app.engine import boot
from app.engine.channel import Channel

if TYPE_CHECKING:
    from app.core.records import Pixels

log = logging.getLogger(__name__)

EngineState = Literal["starting", "ready", "died"]
StateListener = Callable[[EngineState, EngineInfo | None], None]
MOST_DEATHS = 3


class EngineClient:
    """Starts, feeds and replaces the engine process.

    Every method returns at once; results and errors come through futures, whose callbacks run on the client's own
    thread.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        on_state: Called on the client's thread when the engine is starting, ready, or has died.
        most_deaths: After so many deaths on one call it ends with an error; 1 where repeating could only harm.
    """

    def __init__(
        self, device: str = "auto", on_state: StateListener | None = None, *, most_deaths: int = MOST_DEATHS
    ) -> None:
        self._device = device
        self._on_state = on_state or (lambda _state, _info: None)
        self._context = multiprocessing.get_context("spawn")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-client")
        self._channel = Channel.create(self._context)
        self._pool: ProcessPoolExecutor | None = None
        self._info: EngineInfo | None = None
        self._model: str | None = None
        self._closing = False
        self._most_deaths = most_deaths
        self._deaths = 0  # one after the other, on questions about the newest crop

    def start(self) -> Future[EngineInfo]:
        """Start the engine process, if there is none."""
        return self._thread.submit(lambda: cast("EngineInfo", self._call("hello", self._device)))

    def load(self, reference: str) -> Future[ModelInfo]:
        """Load a model, and make it the one that a new engine would load again.

        The future raises ModelError where the reference leads to no model.
        """

        def work() -> ModelInfo:
            info = cast("ModelInfo", self._call("load", reference))
            self._model = reference
            return info

        return self._thread.submit(work)

    def answer(self, request: Request) -> Future[Answer]:
        """Classify, and explain where a method is named.

        The future raises CancelledError after `cancel`, else any ExplorerError.
        """
        return self._thread.submit(lambda: cast("Answer", self._call("answer", request)))

    def show(self, pixels: Pixels) -> int:
        """Make this crop, (S, S, 3) uint8 RGB, the newest of a live source; its number."""
        return self._channel.mailbox.put(pixels)

    @property
    def taken(self) -> int:
        """The number of the crop that the engine took last."""
        return int(self._channel.mailbox.taken.value)

    def answer_newest(self, request: Request, *, anew: bool) -> Future[tuple[int, Answer] | None]:
        """Classify and explain what is the newest crop when the engine comes to it; with that crop's number.

        Other than `answer` it is handed to the engine at once, where it waits behind what is computed: between two such
        questions the engine does not wait for the window. The future has None where that crop was answered already and
        is not wanted `anew`; it raises CancelledError after `cancel` and where the engine died meanwhile.
        """
        outcome: Future[tuple[int, Answer] | None] = Future()
        self._thread.submit(self._hand_over, request, anew, outcome)
        return outcome

    def run(self, verb: str, *arguments: object) -> Future[Any]:
        """Run any verb of the engine (see `boot.call`), after what was asked before it.

        The future raises any ExplorerError.
        """
        return self._thread.submit(lambda: self._call(verb, *arguments))

    def cancel(self, request_id: int) -> None:
        """Ask the engine to drop every request up to this one; slow methods stop within a fraction of a second."""
        self._channel.cancelled.value = max(self._channel.cancelled.value, request_id)

    @property
    def done(self) -> float:
        """The share of the present request that is done, 0 to 1; 0 where its method does not tell."""
        return float(self._channel.done.value)

    @property
    def pid(self) -> int | None:
        """The engine's process number, once it is up."""
        return self._info.pid if self._info else None

    def close(self) -> None:
        """End the engine, busy or not."""
        self._closing = True
        self._drop()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._drop()  # a call that was just starting one may have made a new pool meanwhile

    def _call(self, verb: str, *arguments: object) -> Any:
        """Run one function of the service, in a new engine if need be; runs on the client's thread."""
        for _ in range(self._most_deaths):
            if self._closing:
                break
            try:
                return self._engine().submit(boot.call, verb, *arguments).result()
            except BrokenProcessPool:
                log.warning("the engine died during %s", verb)
                self._drop()
                if not self._closing:
                    self._on_state("died", None)
        if self._closing:
            raise EngineError("The program is closing.")
        raise self._too_many_deaths()

    def _hand_over(self, request: Request, anew: bool, outcome: Future[Any]) -> None:
        """Runs on the client's thread."""
        try:
            pool = self._engine()
            call = pool.submit(boot.call, "answer_newest", request, anew)
        except BrokenProcessPool:
            self._lose(self._pool, outcome)
        except Exception as error:  # noqa: BLE001 - whoever asked hears of it, whatever it is
            outcome.set_exception(error)
        else:
            call.add_done_callback(lambda done: self._take_back(pool, done, outcome))

    def _take_back(self, pool: ProcessPoolExecutor, done: Future[Any], outcome: Future[Any]) -> None:
        """Runs on a thread of the pool."""
        error = CancelledError("The engine was closed.") if done.cancelled() else done.exception()
        if isinstance(error, BrokenProcessPool):
            try:
                self._thread.submit(self._lose, pool, outcome)
                return
            except RuntimeError:  # the program is closing
                error = CancelledError("The engine was closed.")
        if error is not None:
            outcome.set_exception(error)
        else:
            self._deaths = 0
            outcome.set_result(done.result())

    def _lose(self, pool: ProcessPoolExecutor | None, outcome: Future[Any]) -> None:
        """The engine died on a question about the newest crop, which is old now; runs on the client's thread."""
        if pool is not None and self._pool is pool and not self._closing:
            log.warning("the engine died following a live source")
            self._drop()
            self._on_state("died", None)
            self._deaths += 1
        if self._deaths >= self._most_deaths:
            self._deaths = 0
            outcome.set_exception(self._too_many_deaths())
        else:
            outcome.set_exception(CancelledError("The engine died."))

    def _too_many_deaths(self) -> EngineError:
        return EngineError(
            f"The engine died {self._most_deaths} times on this request, most likely for want of memory.",
            "Try a smaller model or another picture; the log has the details.",
        )

    def _engine(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._on_state("starting", None)
            self._channel.done.value = 0.0
            self._pool = ProcessPoolExecutor(
                max_workers=1, mp_context=self._context, initializer=boot.initialise, initargs=(self._channel,)
            )
            self._info = self._pool.submit(boot.call, "hello", self._device).result()
            if self._model is not None:
                self._pool.submit(boot.call, "load", self._model).result()
            self._on_state("ready", self._info)
        return self._pool

    def _drop(self) -> None:
        pool, self._pool = self._pool, None
        info, self._info = self._info, None
        if info is not None:
            with contextlib.suppress(OSError):
                os.kill(info.pid, signal.SIGTERM)
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
