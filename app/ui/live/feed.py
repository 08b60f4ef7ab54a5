"""A player in Qt's clothes: its frames made ready on a thread, its states as signals on the window's.

A frame is made ready for two: for the canvas (no more than a megapixel) and for the engine (the crop that the network
sees). Nothing queues: a frame that is not taken before the next one is ready was dropped, and is counted.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.core.errors import SourceError
from app.core.preprocessing import NetworkView

if TYPE_CHECKING:
    from app.core.preprocessing import Preprocessing
    from app.core.records import Pixels
    from app.sources.player import Manner, Player, PlayerState
    from app.sources.registry import StreamFrame

log = logging.getLogger(__name__)

MOST_PIXELS = 1_000_000  # of a shown frame: what the canvas paints without a pyramid (picture_pyramid.AT_ONCE)
MOST_RATE = 60.0  # frames shown per second; a faster source loses the ones between
NEVER = math.inf


@dataclass(frozen=True, eq=False)
class Ready:
    """A frame, made ready.

    Attributes:
        frame: As the source gave it, turned and mirrored.
        shown: (H, W, 3) RGB for the canvas: the frame itself, or smaller.
        view: What the network sees of it, its box in the frame's own pixels; None where nobody wanted it.
    """

    frame: StreamFrame
    shown: Pixels
    view: NetworkView | None = None

    def on_canvas(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box in the frame's pixels, in those of `shown`."""
        height, width = self.frame.pixels.shape[:2]
        across, down = self.shown.shape[1] / width, self.shown.shape[0] / height
        return box[0] * across, box[1] * down, box[2] * across, box[3] * down


class Feed(QObject):
    """Plays one source at a time.

    Signals:
        came: `take` has a new frame.
        state_changed(state, SourceError or None): as the player tells it.

    Attributes:
        preprocessing: Of the model in use; None for no views.
        view_from: Views are cut from this moment on (monotonic); `NEVER` while nobody asks the engine.
    """

    came = Signal()
    state_changed = Signal(str, object)

    _ready = Signal(object)
    _told = Signal(object, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.preprocessing: Preprocessing | None = None
        self.view_from = NEVER
        self._run: _Run | None = None
        self._ending: list[_Run] = []
        queued = Qt.ConnectionType.QueuedConnection
        self._ready.connect(self._on_ready, queued)
        self._told.connect(self._on_told, queued)

    def open(self, address: str, manner: Manner) -> None:
        """Play this source instead of whatever is played; returns at once."""
        self.close()
        self._run = _Run(self, address, manner)
        self._run.start()

    def close(self, timeout: float = 0.0) -> bool:
        """Stop playing; whether every thread has ended within a time, in seconds."""
        if self._run is not None:
            self._ending.append(self._run)
            self._run = None
        end = time.monotonic() + timeout
        for run in self._ending:
            run.stop()
        self._ending = [run for run in self._ending if not run.ended(max(0.0, end - time.monotonic()))]
        return not self._ending

    @property
    def player(self) -> Player | None:
        """The player of the open source."""
        return self._run.player if self._run else None

    @property
    def dropped(self) -> int:
        """Frames of the open source that were never shown."""
        return self._run.player.dropped + self._run.dropped if self._run else 0

    def take(self) -> Ready | None:
        """The newest frame, if it was not taken yet."""
        return self._run.take() if self._run else None

    def want_view(self, moment: float) -> None:
        """Cut views from this moment on; also of the frame at hand, if that is now and it has none."""
        self.view_from = moment
        if self._run is not None and moment <= time.monotonic():
            self._run.wake()

    def forget_view(self) -> None:
        """Another model is in use: what the one before saw of the frame at hand is nothing to ask about."""
        if self._run is not None:
            self._run.forget_view()

    # The next two run on other threads; emitting hands over to the window's.

    def tell_ready(self, run: _Run) -> None:
        """A run has a frame."""
        _emit(self._ready, run)

    def tell_state(self, run: _Run, state: PlayerState, error: SourceError | None) -> None:
        """A run's player is in another state."""
        _emit(self._told, run, state, error)

    @Slot(object)
    def _on_ready(self, run: _Run) -> None:
        if run is self._run:
            self.came.emit()

    @Slot(object, str, object)
    def _on_told(self, run: _Run, state: str, error: SourceError | None) -> None:
        if run is self._run:
            self.state_changed.emit(state, error)


class _Run:
    """One source from its opening to its end: the player's thread, and one that makes its frames ready."""

    def __init__(self, feed: Feed, address: str, manner: Manner) -> None:
        from app.sources.player import Player

        self._feed = feed
        self.player = Player(address, on_frame=self.wake, on_state=self._on_state, manner=manner)
        self.dropped = 0
        self._newest: Ready | None = None
        self._forgotten = 0  # how often views were: one that is being cut meanwhile is of no use
        self._fresh = False
        self._told = False  # that there is something to take; one message at a time
        self._stopped = False
        self._woken = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._make_ready, name="live-frames", daemon=True)

    def start(self) -> None:
        self.player.start()
        self._thread.start()

    def stop(self) -> None:
        self.player.stop()
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def ended(self, timeout: float) -> bool:
        """Whether both threads have."""
        end = time.monotonic() + timeout
        if timeout > 0 and self._thread.is_alive():
            self._thread.join(timeout)
        return self.player.stop(max(0.0, end - time.monotonic())) and not self._thread.is_alive()

    def wake(self) -> None:
        """There is something to do; called on any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def forget_view(self) -> None:
        with self._changed:
            self._forgotten += 1
            if self._newest is not None:
                self._newest = replace(self._newest, view=None)

    def take(self) -> Ready | None:
        with self._changed:
            fresh, self._fresh, self._told = self._fresh, False, False
            return self._newest if fresh else None

    def _on_state(self, state: PlayerState, error: SourceError | None) -> None:
        self._feed.tell_state(self, state, error)

    def _make_ready(self) -> None:
        last = 0.0
        while True:
            with self._changed:
                while not self._woken and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    return
                self._woken = False
                forgotten = self._forgotten
            frame = self.player.take()
            if frame is not None and (rest := last + 1 / MOST_RATE - time.monotonic()) > 0.001:
                time.sleep(min(rest, 1 / MOST_RATE))
                newer = self.player.take()
                self.dropped += newer is not None
                frame = newer or frame
            try:
                if frame is not None:
                    last = time.monotonic()
                    self._put(self._ready(frame), forgotten, new=True)
                elif self._newest is not None and self._newest.view is None and self._view_wanted():
                    self._put(self._ready(self._newest.frame), forgotten, new=False)
            except Exception:  # a frame like no other must not end the playing; the log has it
                log.exception("a frame could not be made ready")

    def _view_wanted(self) -> bool:
        return self._feed.preprocessing is not None and time.monotonic() >= self._feed.view_from

    def _ready(self, frame: StreamFrame) -> Ready:
        shown = at_most(frame.pixels, MOST_PIXELS)
        preprocessing = self._feed.preprocessing
        if preprocessing is None or not self._view_wanted():
            return Ready(frame, shown)
        view = preprocessing.view(shown)
        across, down = frame.pixels.shape[1] / shown.shape[1], frame.pixels.shape[0] / shown.shape[0]
        left, top, right, bottom = view.box
        return Ready(frame, shown, NetworkView(view.pixels, (left * across, top * down, right * across, bottom * down)))

    def _put(self, ready: Ready, forgotten: int, *, new: bool) -> None:
        with self._changed:
            if forgotten != self._forgotten:
                ready, self._woken = replace(ready, view=None), True
            self.dropped += new and self._fresh
            self._newest, self._fresh = ready, True
            told, self._told = self._told, True
        if not told:
            self._feed.tell_ready(self)


def at_most(pixels: Pixels, most: int) -> Pixels:
    """(H, W, 3) averaged down to at most so many pixels; the same array where it has no more."""
    height, width = pixels.shape[:2]
    if height * width <= most:
        return pixels
    from app.sources.opencv import opencv

    cv2 = opencv()
    scale = math.sqrt(most / (height * width))
    size = max(1, math.floor(width * scale)), max(1, math.floor(height * scale))
    smaller: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return smaller


def _emit(signal: object, *arguments: object) -> None:
    try:
        signal.emit(*arguments)  # type: ignore[attr-defined]
    except RuntimeError:  # the window is gone, and with it whoever wanted to know
        log.info("a frame came after the window had closed")
