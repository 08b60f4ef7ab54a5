"""The engine follows a feed at its own pace: one request in flight, always of the newest frame, nothing queues."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import ExplorerError
from app.core.records import Answer, Request
from app.ui.engine_bridge import EngineBridge
from app.ui.live.feed import NEVER, Feed, Ready

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView

AFTER_FAILURE = 1000  # milliseconds before the engine is asked again: what fails would fail 30 times a second
_AHEAD = 0.05  # seconds before an answer is due from which frames are cut, so that the next request need not wait


class LiveLoop(QObject):
    """Asks while it is `running`.

    Args:
        feed: Whose frames have the views.
        engine: Asked with `ask`, which nobody else does meanwhile.
        request: What to ask about a view; None where there is nothing to ask.

    Signals:
        answered(Ready, Answer): the frame that was asked about, and what the engine said.
        failed(ExplorerError): it is tried again after a second.
    """

    answered = Signal(object, object)
    failed = Signal(object)

    def __init__(
        self,
        feed: Feed,
        engine: EngineBridge,
        request: Callable[[NetworkView], Request | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._feed, self._engine, self._request = feed, engine, request
        self.running = False
        self._newest: Ready | None = None  # not asked about yet
        self._last: Ready | None = None  # asked about last
        self._asked = 0
        self._sent = 0.0
        self._took = 0.0  # seconds, of the newest answer
        self._pause = QTimer(self, singleShot=True, interval=AFTER_FAILURE)
        self._pause.timeout.connect(self._go)
        engine.answered.connect(self._on_answer)
        engine.failed.connect(self._on_failure)
        engine.idled.connect(self._go)
        engine.state_changed.connect(self._on_state)
        engine.model_loaded.connect(self._on_model)
        engine.model_failed.connect(self._on_model)

    def start(self) -> None:
        """Ask about the next frame, and so on."""
        self.running = True
        self._hunger(0.0)

    def stop(self) -> None:
        """Ask no more; an answer under way is dropped."""
        if self.running and self._engine.busy:
            self._engine.cancel()
        self.running = False
        self._newest = self._last = None
        self._asked = 0
        self._pause.stop()
        self._feed.want_view(NEVER)

    def offer(self, ready: Ready) -> None:
        """This is the newest frame."""
        if self.running and ready.view is not None:
            self._newest = ready
            self._go()

    def again(self) -> None:
        """Something else is asked now: where the picture stands still, ask about it once more."""
        if self._newest is None and self._last is not None:
            self._newest = self._last
        self._go()

    def forget_views(self) -> None:
        """Another model sees something else of each frame."""
        self._newest = self._last = None
        self._hunger(0.0)

    @Slot()
    def _go(self) -> None:
        if not self.running or self._engine.busy or self._engine.loading or self._pause.isActive():
            return
        ready, self._newest = self._newest, None
        if ready is None or ready.view is None:
            self._hunger(0.0)
            return
        request = self._request(ready.view)
        if request is None:
            return
        self._last = ready
        self._sent = time.monotonic()
        self._asked = self._engine.ask(request)
        self._hunger(self._sent + self._took - _AHEAD)

    def _hunger(self, moment: float) -> None:
        if self.running:
            self._feed.want_view(moment)

    @Slot(object)
    def _on_answer(self, answer: Answer) -> None:
        if self.running and answer.id == self._asked and self._last is not None:
            self._took = time.monotonic() - self._sent
            ready = self._last
            self._go()  # first, so that the engine does not wait while the answer is shown
            self.answered.emit(ready, answer)

    @Slot(int, object)
    def _on_failure(self, request: int, error: ExplorerError) -> None:
        if self.running and request == self._asked:
            self._pause.start()
            self.failed.emit(error)

    @Slot(str, object)
    def _on_state(self, state: str, _info: object) -> None:
        if self.running and state == "died":
            self._engine.cancel()  # the new engine would begin with a picture that is seconds old

    @Slot()
    def _on_model(self) -> None:
        self._go()
