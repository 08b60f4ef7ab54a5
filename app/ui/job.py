"""Long work of the engine's kind (a sweep, an evaluation, an inspection) in an engine process of its own.

Explore stays as quick as ever meanwhile: its engine is another process. A job costs the start of one, 3 to 5 s.
"""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.errors import CancelledError, EngineError, ExplorerError

log = logging.getLogger(__name__)

JOB = 1  # the number under which the verb finds its progress and its cancellation: `service.watch(JOB)`
TICK = 100  # milliseconds between looks at the progress


class Job(QObject):
    """One verb of the engine, run once, in the background. Closing or deleting it ends the process.

    Args:
        device: "auto", "cpu", "cuda" or "mps".
        verb: See `app.engine.boot.call`; it reports through `service.watch(1)`.
        arguments: Of the verb; they cross between processes.

    Signals:
        progressed(share): 0 to 1.
        done(result): what the verb returned.
        failed(ExplorerError): also a CancelledError, after `cancel`.
    """

    progressed = Signal(float)
    done = Signal(object)
    failed = Signal(object)

    _finished = Signal(object)

    def __init__(self, device: str, verb: str, *arguments: object, parent: QObject | None = None) -> None:
        super().__init__(parent)
        from app.engine.client import EngineClient

        self._client = EngineClient(device)
        self._share = 0.0
        self._over = False
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)
        self._ticker = QTimer(self, interval=TICK)
        self._ticker.timeout.connect(self._tick)
        self._ticker.start()
        self._client.start()
        self._client.run(verb, *arguments).add_done_callback(self._report)

    @property
    def over(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self._over

    def cancel(self) -> None:
        """Ask it to stop; `failed` tells when it has."""
        self._client.cancel(JOB)

    def close(self) -> None:
        """End the process, busy or not; no signal comes after this."""
        self._over = True
        self._ticker.stop()
        self._client.close()

    def _report(self, future: Future[Any]) -> None:
        """Runs on the client's thread."""
        try:
            outcome: object = future.result()
        except ExplorerError as error:
            outcome = error
        except FutureCancelled:
            outcome = CancelledError("It was stopped.")
        except Exception as error:  # the engine's surprises must reach the page; the log has the rest
            log.exception("a job raised something unexpected")
            outcome = EngineError(f"The engine failed: {error}.", "The log has the details.")
        try:
            self._finished.emit(outcome)
        except RuntimeError:  # the window is gone, and with it whoever wanted to know
            log.info("a job ended after the window had closed")

    @Slot(object)
    def _on_finished(self, outcome: object) -> None:
        if self._over:
            return
        self.close()
        (self.failed if isinstance(outcome, ExplorerError) else self.done).emit(outcome)

    @Slot()
    def _tick(self) -> None:
        share = self._client.done
        if share != self._share:
            self._share = share
            self.progressed.emit(share)
