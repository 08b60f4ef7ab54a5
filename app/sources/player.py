"""A thread that plays a source: opens it, keeps its time, keeps only the newest picture, and brings it back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from app.core.errors import ExplorerError, SourceError
from app.sources.opencv import opencv
from app.sources.registry import Source, Stream, StreamFrame, StreamInfo, source_for

if TYPE_CHECKING:
    from app.core.records import Pixels

log = logging.getLogger(__name__)

PlayerState = Literal["opening", "playing", "paused", "ended", "lost", "stopped"]
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
BACK_OFF = (0.5, 1.0, 2.0, 4.0)  # seconds before the first, second … try; the last one goes on
_LATE = 0.25  # seconds behind, from which a file goes on from where it is instead of catching up
_LEAST_REST = 0.001


@dataclass(frozen=True)
class Manner:
    """How pictures are shown.

    Attributes:
        mirror: Left and right exchanged, as in a mirror.
        quarter_turns: Clockwise, 0 to 3, before mirroring.
        speed: Of files; 1 is as recorded.
        loop: Whether a file begins again at its end.
    """

    mirror: bool = False
    quarter_turns: int = 0
    speed: float = 1.0
    loop: bool = False


class Player:
    """Plays one source on a thread of its own; every method returns at once and may be called from any thread.

    Nothing queues: a picture that nobody took when the next one comes is dropped and counted.

    Args:
        address: What to open (`app.sources.registry.open_stream`).
        on_frame: Called on the player's thread when there is a new picture; must return at once.
        on_state: Called on the player's thread with the new state, and the error where it is "lost" or "ended" by one.
        manner: How to show the pictures.
    """

    def __init__(
        self,
        address: str,
        *,
        on_frame: Callable[[], None],
        on_state: Callable[[PlayerState, SourceError | None], None],
        manner: Manner | None = None,
    ) -> None:
        self.address = address
        self.info: StreamInfo | None = None
        self.dropped = 0
        self.captured = 0
        self._manner = manner or Manner()
        self._on_frame, self._on_state = on_frame, on_state
        self._newest: StreamFrame | None = None
        self._fresh = False
        self._paused = self._stopped = False
        self._wanted: int | None = None
        self._steps = 0
        self._restart = True  # the clock of a file starts anew with the next picture
        self._base = (0.0, 0.0)  # (monotonic, moment in the file) of that picture
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def start(self) -> None:
        """Open the source and play."""
        self._thread.start()

    def stop(self, timeout: float = 0.0) -> bool:
        """End; whether the thread has ended within a time. A read under way ends by itself, within its timeout."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if timeout > 0 and self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def take(self) -> StreamFrame | None:
        """The newest picture, if it was not taken yet."""
        with self._changed:
            fresh, self._fresh = self._fresh, False
            return self._newest if fresh else None

    @property
    def manner(self) -> Manner:
        """How pictures are shown."""
        return self._manner

    def set_manner(self, **changes: object) -> None:
        """Change how pictures are shown, from the next one on."""
        with self._changed:
            self._manner = replace(self._manner, **changes)  # type: ignore[arg-type]
            self._restart = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Stand still. A camera is read on, so that what comes next is new."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Go on; a file that has ended begins again."""
        with self._changed:
            self._paused = False
            self._restart = True
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._paused

    def seek(self, index: int) -> None:
        """Go to a frame of a file, also while paused."""
        with self._changed:
            self._wanted, self._steps, self._restart = max(0, index), 1, True
            self._changed.notify_all()

    def step(self, by: int) -> None:
        """Pause, and show one frame later or earlier."""
        with self._changed:
            self._paused = True
            if by < 0 and self._newest is not None:
                self._wanted = max(0, self._newest.index + by)
            self._steps += max(1, by)
            self._changed.notify_all()

    # What runs on the thread.

    def _run(self) -> None:
        try:
            source = source_for(self.address)
            self._play_until_stopped(source)
        except ExplorerError as error:
            log.warning("%s", error)
            self._tell("ended", _as_source_error(error))
        except Exception as error:  # the thread's last stop: logged, and told in the page
            log.exception("the player failed unexpectedly")
            self._tell("ended", SourceError(f"The source failed: {error}.", "The log has the details."))
        self._tell("stopped", None)

    def _play_until_stopped(self, source: Source) -> None:
        tries = 0
        while not self._stopped:
            self._tell("opening", None)
            before = self.captured
            stream = None
            try:
                stream = source.open(self.address)
                self.info = stream.info
                self._restart = True
                self._play(stream)
                return
            except SourceError as error:
                if not source.returns:
                    raise
                if self.captured > before:
                    tries = 0
                log.info("%s", error.what)
                self._tell("lost", error)
            finally:
                if stream is not None:
                    stream.close()
            self._rest(BACK_OFF[min(tries, len(BACK_OFF) - 1)])
            tries += 1

    def _play(self, stream: Stream) -> None:
        """Until it is stopped. The end of a file is a pause at its last picture."""
        told: PlayerState | None = None
        at_end = False
        while True:
            with self._changed:
                still = (self._paused and self._steps == 0 and not stream.info.live) or (
                    at_end and self._wanted is None and self._paused
                )
                if self._stopped:
                    return
                state: PlayerState = "paused" if self._paused else "playing"
                if still and state == told:
                    self._changed.wait()
                    continue
                wanted, self._wanted = self._wanted, None
            if state != told:
                self._tell(state, None)
                told = state
                if still:
                    continue
            if at_end and wanted is None:
                wanted = 0
            if wanted is not None:
                stream.seek(wanted)
                at_end = False
            frame = stream.read()
            if frame is not None:
                self._wait_for(frame, stream.info)
                self._put(frame, stream.info)
            elif self.captured == 0:
                raise SourceError(f"There is no picture in “{stream.info.title}”.", "Choose another file.")
            elif self._manner.loop and stream.info.seekable:
                stream.seek(0)
                self._restart = True
            else:
                at_end, self._paused, self._steps, told = True, True, 0, "paused"
                self._tell("ended", None)

    def _wait_for(self, frame: StreamFrame, info: StreamInfo) -> None:
        """Until a file's picture is due."""
        if info.live:
            return
        with self._changed:
            if self._steps > 0:
                return
            if self._restart:
                self._restart = False
                self._base = (time.monotonic(), frame.moment)
                return
            due = self._base[0] + (frame.moment - self._base[1]) / self._manner.speed
            late = time.monotonic() - due
            if late > _LATE:
                self._base = (time.monotonic(), frame.moment)
            while (rest := due - time.monotonic()) > _LEAST_REST:
                if self._stopped or self._paused or self._wanted is not None or self._restart:
                    return
                self._changed.wait(rest)

    def _put(self, frame: StreamFrame, info: StreamInfo) -> None:
        pixels = turned(frame.pixels, self._manner)
        with self._changed:
            self.captured += 1
            if self._paused and info.live and self._steps == 0:
                return  # read, so that the camera's buffer holds nothing old, but not shown
            self._steps = max(0, self._steps - 1)
            self.dropped += self._fresh
            self._newest = replace(frame, pixels=pixels, captured=time.monotonic() if not info.live else frame.captured)
            self._fresh = True
        if not self._stopped:
            self._on_frame()

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            while not self._stopped and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)

    def _tell(self, state: PlayerState, error: SourceError | None) -> None:
        self._on_state(state, error)


def turned(pixels: Pixels, manner: Manner) -> Pixels:
    """(H, W, 3) turned and mirrored; the same array where there is nothing to do."""
    cv2 = opencv()
    result = pixels
    if manner.quarter_turns % 4:
        turn = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
        result = cv2.rotate(result, turn[manner.quarter_turns % 4 - 1])
    if manner.mirror:
        result = cv2.flip(result, 1)
    return result


def _as_source_error(error: ExplorerError) -> SourceError:
    return error if isinstance(error, SourceError) else SourceError(error.what, error.remedy)
