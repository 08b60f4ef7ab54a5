"""Looks at files of strangers in a process of its own: whatever a file does there, window and engine stay.

The process is kept for a while after a look: people look first, choose another answer, and take the file in. A process
that died, by itself or by another's hand, is started anew, and the question is put once more; where that ends it too,
the file is the reason.
"""

from __future__ import annotations

import logging
import threading
import time
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
TICK = 200  # milliseconds between looks at the progress
SHORTEST = 180.0  # seconds that any question may take, before the process is given up
SLOWEST = 4 << 20  # bytes per second; large files on slow disks may take so much longer


class Examiner(QObject):
    """Asks one question at a time about one file.

    Signals:
        inspected(Inspection or ExplorerError), taken_in(Card or ExplorerError), fetched(folder or ExplorerError)
        progressed(share): of what is being fetched, 0 to 1.
        restarted(): the process died; a new one is asked the same.
    """

    inspected = Signal(object)
    taken_in = Signal(object)
    fetched = Signal(object)
    progressed = Signal(float)
    restarted = Signal()

    _answered = Signal(int, object)

    def __init__(self, engine: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._client: EngineClient | None = None
        self._asked = 0
        self._busy = False
        self._question: tuple[str, tuple[object, ...]] = ("", ())
        self._since = 0.0  # when the open question was put first, in seconds since the epoch
        self._again = False  # whether the open question has ended one process already
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)
        self._idle = QTimer(self, singleShot=True, interval=KEPT)
        self._idle.timeout.connect(self.close)
        self._ticker = QTimer(self, interval=TICK)
        self._ticker.timeout.connect(self._tick)
        self._limit = QTimer(self, singleShot=True)
        self._limit.timeout.connect(self._give_up)

    @property
    def busy(self) -> bool:
        """Whether a question is open."""
        return self._busy

    @property
    def taking_in(self) -> bool:
        """Whether a file is being added to the library."""
        return self._busy and self._question[0] == "library.take_in"

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return self._client.pid if self._client is not None else None

    def inspect(self, path: Path, choices: Mapping[str, str]) -> None:
        """What is this file?"""
        self._ask("library.inspect", str(path), dict(choices))

    def take_in(
        self, path: Path, name: str, labels: Path | None, choices: Mapping[str, str], replaces: Path | None = None
    ) -> None:
        """Add it to the user's library, perhaps in the place of a damaged model's folder."""
        names, place = (str(one) if one is not None else "" for one in (labels, replaces))
        self._ask("library.take_in", str(path), name, names, dict(choices), place)

    def fetch(self, reference: str) -> None:
        """Get a model of the Hugging Face Hub, however long that takes."""
        self._ask("library.fetch", reference)
        self._limit.stop()
        self._ticker.start()

    def close(self) -> None:
        """End the process, busy or not; an open question is not answered."""
        self._asked += 1
        self._busy = False
        self._idle.stop()
        self._limit.stop()
        self._ticker.stop()
        client, self._client = self._client, None
        if client is not None:  # a process that is just starting has to be waited for, but not by the window
            threading.Thread(target=client.close, name="examiner-close", daemon=True).start()

    def _ask(self, verb: str, *arguments: object) -> None:
        if self._busy:
            self.close()  # whatever it does now, nobody wants to know any more
        self._question, self._again = (verb, arguments), False
        self._since = time.time()
        self._limit.start(round(1000 * time_limit(Path(str(arguments[0])))))
        self._put()

    def _put(self) -> None:
        """Put the question to the process, to a new one where there is none."""
        verb, arguments = self._question
        self._idle.stop()
        if self._client is None:
            self._client = self._engine.another()
            self._client.start()
        self._asked += 1
        self._busy = True
        number = self._asked
        self._client.run(verb, *arguments).add_done_callback(lambda done: self._report(number, done))

    def _report(self, number: int, future: Future[Any]) -> None:
        """Runs on the client's thread."""
        try:
            outcome: object = future.result()
        except ExplorerError as error:
            outcome = error
        except FutureCancelled:
            return
        except Exception as error:  # whatever the file did there must reach the page; the log has the rest
            log.exception("looking at a file raised something unexpected")
            outcome = ModelError(f"The file could not be looked at: {error}.", "The log has the details.")
        try:
            self._answered.emit(number, outcome)
        except RuntimeError:  # the window is gone, and with it whoever wanted to know
            log.info("a file was looked at after the window had closed")

    @Slot(int, object)
    def _on_answered(self, number: int, outcome: object) -> None:
        if number != self._asked:
            return
        if isinstance(outcome, EngineError):
            if not self._again:
                self._again = True
                verb, arguments = self._question
                if verb == "library.take_in":  # if the dead process had finished, its model is the answer
                    self._question = verb, (*arguments, self._since)
                self._put()  # the client starts another process by itself
                self.restarted.emit()
                return
            outcome = ModelError(
                "Looking at the file ended its process, twice. Nothing else was harmed.",
                "It needs more memory than such a file should, or it is damaged.",
            )
        self._end(outcome)

    @Slot()
    def _give_up(self) -> None:
        """The question takes far longer than any file should."""
        minutes = max(1, round(self._limit.interval() / 60_000))
        self.close()
        self._end(
            ModelError(
                f"Looking at the file took more than {minutes} minutes, so it was stopped. Nothing was changed.",
                "Copy it to a faster disk and try again; or it is damaged.",
            )
        )

    def _end(self, outcome: object) -> None:
        verb, _ = self._question
        self._busy = False
        self._limit.stop()
        self._ticker.stop()
        if self._client is not None:
            self._idle.start()
        signals = {"library.inspect": self.inspected, "library.take_in": self.taken_in, "library.fetch": self.fetched}
        signals[verb].emit(outcome)

    @Slot()
    def _tick(self) -> None:
        if self._client is not None and self._client.done > 0:
            self.progressed.emit(self._client.done)


def time_limit(path: Path) -> float:
    """How many seconds a question about a file or folder may take."""
    try:
        size = path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.glob("*"))
    except OSError:
        size = 0  # it will be told that it cannot be read
    return SHORTEST + size / SLOWEST
