"""Looks at files of strangers in a process of its own: whatever a file does there, window and engine stay.

The process is kept for a while after a look: people look first, choose another answer, and take the file in. A process
that died is not started again for the same file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.core.errors import EngineError, ExplorerError, ModelError

if TYPE_CHECKING:
    from app.engine.client import EngineClient
    from app.ui.engine_bridge import EngineBridge

log = logging.getLogger(__name__)

KEPT = 120_000  # milliseconds after the last question


class Examiner(QObject):
    """Asks one question at a time about one file.

    Signals:
        inspected(Inspection or ExplorerError), taken_in(Card or ExplorerError)
    """

    inspected = Signal(object)
    taken_in = Signal(object)

    _answered = Signal(int, str, object)

    def __init__(self, engine: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._client: EngineClient | None = None
        self._asked = 0
        self._busy = False
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)
        self._idle = QTimer(self, singleShot=True, interval=KEPT)
        self._idle.timeout.connect(self.close)

    @property
    def busy(self) -> bool:
        """Whether a question is open."""
        return self._busy

    def inspect(self, path: Path, choices: Mapping[str, str]) -> None:
        """What is this file?"""
        self._ask("library.inspect", str(path), dict(choices))

    def take_in(self, path: Path, name: str, labels: Path | None, choices: Mapping[str, str]) -> None:
        """Add it to the user's library."""
        self._ask("library.take_in", str(path), name, "" if labels is None else str(labels), dict(choices))

    def close(self) -> None:
        """End the process, busy or not; an open question is not answered."""
        self._asked += 1
        self._busy = False
        self._idle.stop()
        client, self._client = self._client, None
        if client is not None:  # a process that is just starting has to be waited for, but not by the window
            threading.Thread(target=client.close, name="examiner-close", daemon=True).start()

    def _ask(self, verb: str, *arguments: object) -> None:
        if self._busy:
            self.close()  # whatever it does now, nobody wants to know any more
        self._idle.stop()
        if self._client is None:
            self._client = self._engine.another()
            self._client.start()
        self._asked += 1
        self._busy = True
        number = self._asked
        self._client.run(verb, *arguments).add_done_callback(lambda done: self._report(number, verb, done))

    def _report(self, number: int, verb: str, future: Future[Any]) -> None:
        """Runs on the client's thread."""
        try:
            outcome: object = future.result()
        except EngineError as error:
            outcome = ModelError(
                f"Looking at the file ended its process ({error.what.rstrip('.')}). Nothing else was harmed.",
                "It needs more memory than such a file should, or it is damaged.",
            )
        except ExplorerError as error:
            outcome = error
        except FutureCancelled:
            return
        except Exception as error:  # whatever the file did there must reach the page; the log has the rest
            log.exception("looking at a file raised something unexpected")
            outcome = ModelError(f"The file could not be looked at: {error}.", "The log has the details.")
        try:
            self._answered.emit(number, verb, outcome)
        except RuntimeError:  # the window is gone, and with it whoever wanted to know
            log.info("a file was looked at after the window had closed")

    @Slot(int, str, object)
    def _on_answered(self, number: int, verb: str, outcome: object) -> None:
        if number != self._asked:
            return
        self._busy = False
        self._idle.start()
        (self.inspected if verb == "library.inspect" else self.taken_in).emit(outcome)
