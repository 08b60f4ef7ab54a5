"""The engine follows a feed at its own pace: always the newest frame, nothing queues.

The engine computes one answer at a time. One more question waits in its queue, so that it need not wait for the
window in between; that question holds no picture: the newest is taken when its turn has come (`app.engine.mailbox`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import CancelledError, ExplorerError
from app.core.records import Request
from app.ui.engine_bridge import EngineBridge
from app.ui.live.feed import NEVER, Feed, Ready

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView

AFTER_FAILURE = 1000  # milliseconds before the engine is asked again: what fails would fail 30 times a second
LONG = 0.2  # seconds for an answer, from which on the next question waits for it: it may want to ask something else
_AHEAD = 0.05  # seconds before an answer is due from which frames are cut, so that the engine finds a new one
_KEPT = 6  # frames that the engine may take yet


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
        self._frames: dict[int, Ready] = {}  # that were shown to the engine, by their numbers
        self._taken = (0, 0)  # by the engine, lately
        self._wanted = False  # a frame was shown that nothing was asked about yet
        self._anew = True  # the next question is another one: it is answered even where the frame is the same
        self._asked: set[int] = set()
        self._took = 0.0  # seconds, of the newest answer
        self._pause = QTimer(self, singleShot=True, interval=AFTER_FAILURE)
        self._pause.timeout.connect(self._go)
        engine.followed.connect(self._on_followed)
        # A new model is told by its page, with `forget_views`: before, `request` would ask the old one once more.
        engine.model_failed.connect(self._on_model_failed)

    def start(self) -> None:
        """Ask about the next frame, and so on."""
        self.running = True
        self._hunger(0.0)

    def stop(self) -> None:
        """Ask no more; an answer under way is dropped."""
        if self.running and self._asked:
            self._engine.cancel()
        self.running = False
        self._forget()
        self._pause.stop()
        self._feed.want_view(NEVER)

    def offer(self, ready: Ready) -> None:
        """This is the newest frame."""
        if self.running and ready.view is not None:
            try:
                number = self._engine.show(ready.view.pixels)
            except ExplorerError as error:
                if not self._pause.isActive():
                    self._pause.start()
                    self.failed.emit(error)
                return
            self._keep(number, ready)
            self._wanted = True
            self._go()

    def again(self) -> None:
        """Something else is asked now: where the picture stands still, ask about it once more."""
        if self._asked:
            self._engine.cancel()
        self._anew = True
        self._wanted = self._wanted or bool(self._frames)
        self._go()

    def forget_views(self) -> None:
        """Another model sees something else of each frame."""
        self._forget()
        self._hunger(0.0)

    def _forget(self) -> None:
        self._frames, self._wanted, self._anew = {}, False, True

    def _keep(self, number: int, ready: Ready) -> None:
        """Until the engine has taken another one; its answer may be on its way even then."""
        taken = self._engine.taken
        if taken != self._taken[1]:
            self._taken = self._taken[1], taken
        self._frames[number] = ready
        wanted = self._taken
        self._frames = {one: kept for one, kept in self._frames.items() if one > number - _KEPT or one in wanted}

    @Slot()
    def _go(self) -> None:
        if not self.running or self._engine.loading or self._pause.isActive():
            return
        if not self._wanted:
            if not self._asked:
                self._hunger(0.0)
            return
        if self._engine.following >= (1 if self._took > LONG else 2) or not self._frames:
            return
        view = self._frames[max(self._frames)].view
        request = None if view is None else self._request(view)
        if request is None:
            return
        self._asked.add(self._engine.follow(request, anew=self._anew))
        self._wanted = self._anew = False
        self._hunger(time.monotonic() + self._took - _AHEAD)

    def _hunger(self, moment: float) -> None:
        if self.running:
            self._feed.want_view(moment)

    @Slot(int, object)
    def _on_followed(self, request: int, result: object) -> None:
        if request not in self._asked:
            return
        self._asked.discard(request)
        if isinstance(result, tuple):
            number, answer = result
            ready = self._frames.get(number)
            self._took = answer.milliseconds / 1000
            self._go()  # first, so that the engine does not wait while the answer is shown
            if self.running and ready is not None:
                self.answered.emit(ready, answer)
            return
        if isinstance(result, CancelledError):  # withdrawn, or the engine died with it
            self._anew = True
            self._wanted = self._wanted or bool(self._frames)
        elif isinstance(result, ExplorerError) and self.running:
            self._pause.start()
            self.failed.emit(result)
        self._go()

    @Slot()
    def _on_model_failed(self) -> None:
        self._go()
