"""Downloads of published weights in the background, each with its progress, each to be cancelled."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.core.errors import CancelledError, ExplorerError, ModelError

if TYPE_CHECKING:
    from app.zoo.cards import Card
    from app.zoo.download import Progress

log = logging.getLogger(__name__)


class Downloads(QObject):
    """What is being downloaded now.

    The threads end with the program, wherever they are: what came so far is kept, and the next download goes on.

    Signals:
        progressed(id): `progress` says how far it is.
        finished(id): the weights are here.
        failed(id, ExplorerError): they are not; a CancelledError after `cancel`.
    """

    progressed = Signal(str)
    finished = Signal(str)
    failed = Signal(str, object)

    _told = Signal(str, object)
    _ended = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stops: dict[str, threading.Event] = {}
        self._progress: dict[str, Progress] = {}
        queued = Qt.ConnectionType.QueuedConnection
        self._told.connect(self._on_told, queued)
        self._ended.connect(self._on_ended, queued)

    @property
    def under_way(self) -> tuple[str, ...]:
        """The ids of what is being downloaded."""
        return tuple(self._stops)

    def progress(self, id_: str) -> Progress | None:
        """How far a download is; None before it began."""
        return self._progress.get(id_)

    def start(self, card: Card, mirror: str) -> None:
        """Download a model's weights, unless that is being done."""
        if card.id in self._stops:
            return
        stop = self._stops[card.id] = threading.Event()
        work = threading.Thread(target=self._work, args=(card, mirror, stop), name=f"download-{card.id}", daemon=True)
        work.start()
        self.progressed.emit(card.id)

    def cancel(self, id_: str) -> None:
        """Stop a download; `failed` tells when it has."""
        if (stop := self._stops.get(id_)) is not None:
            stop.set()

    def close(self) -> None:
        """Stop them all; nothing is told any more."""
        for stop in self._stops.values():
            stop.set()

    def _work(self, card: Card, mirror: str, stop: threading.Event) -> None:
        """Runs on the download's own thread."""
        from app.zoo.download import download

        try:
            download(
                card, on_progress=lambda one: self._emit(self._told, card.id, one), cancelled=stop.is_set, mirror=mirror
            )
            outcome: object = None
        except ExplorerError as error:
            outcome = error
        except Exception as error:  # the last stop of a thread: logged, and told in the page
            log.exception("a download failed unexpectedly")
            outcome = ModelError(f"The download of {card.id} failed: {error}.", "The log has the details.")
        self._emit(self._ended, card.id, outcome)

    def _emit(self, signal: object, *arguments: object) -> None:
        try:
            signal.emit(*arguments)  # type: ignore[attr-defined]
        except RuntimeError:  # the window is gone, and with it whoever wanted to know
            log.info("a download went on after the window had closed")

    @Slot(str, object)
    def _on_told(self, id_: str, progress: Progress) -> None:
        if id_ in self._stops:
            self._progress[id_] = progress
            self.progressed.emit(id_)

    @Slot(str, object)
    def _on_ended(self, id_: str, outcome: object) -> None:
        self._stops.pop(id_, None)
        self._progress.pop(id_, None)
        if outcome is None:
            self.finished.emit(id_)
        else:
            self.failed.emit(id_, outcome)


def was_cancelled(error: object) -> bool:
    """Whether a failure is what the user asked for."""
    return isinstance(error, CancelledError)
