"""The one door for background work in the window: a function runs on a thread, its outcome comes back to Qt's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.core.errors import ExplorerError, PictureError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Background(QObject):
    """Threads, one per lane: work in one lane is done in order, lanes do not wait for each other.

    An ExplorerError is an outcome like any other and reaches the callback; anything else that is raised is logged and
    reaches it as an ExplorerError.
    """

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lanes: dict[str, ThreadPoolExecutor] = {}
        self._closed = False
        self._finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def run(
        self, lane: str, work: Callable[[], Result], then: Callable[[Result | ExplorerError], None] | None = None
    ) -> None:
        """Run `work` on the lane's thread, and `then` with its outcome on the window's."""
        if self._closed:
            return
        if lane not in self._lanes:
            from concurrent.futures import ThreadPoolExecutor  # not needed before the window is shown

            self._lanes[lane] = ThreadPoolExecutor(1, thread_name_prefix=f"window-{lane}")
        self._lanes[lane].submit(self._work, work, then)

    def post(self, callback: Callable[[Any], None], value: object) -> None:
        """From any thread: call back on the window's thread."""
        if not self._closed:
            self._finished.emit(callback, value)

    def close(self) -> None:
        """Drop what waits, let what runs finish, deliver nothing more."""
        self._closed = True
        for pool in self._lanes.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, work: Callable[[], Any], then: Callable[[Any], None] | None) -> None:
        try:
            outcome = work()
        except ExplorerError as error:
            outcome = error
        except MemoryError:
            outcome = PictureError("There is not enough memory.", "Close other programs or use a smaller picture.")
        except Exception as error:  # the last stop of a thread: logged, and told in the page
            log.exception("background work failed unexpectedly")
            outcome = ExplorerError(f"Something unexpected happened: {error}.", "The log has the details.")
        if then is not None:
            self.post(then, outcome)

    @Slot(object, object)
    def _deliver(self, callback: Callable[[Any], None], outcome: object) -> None:
        if not self._closed:
            callback(outcome)
