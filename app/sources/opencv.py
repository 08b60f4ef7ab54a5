"""What the sources that read through OpenCV share: a quiet OpenCV, and a stream over its capture."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Any

from app.core.errors import SourceError
from app.sources.registry import StreamFrame, StreamInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def opencv() -> Any:
    """The cv2 module, told not to write to the terminal: what it has to say reaches the user as a SourceError.

    The variables are read by OpenCV when it first opens something; a user's own values stay.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    # Media Foundation spends seconds on looking for hardware transforms before it opens a camera (opencv #17687).
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
    # The window asks for the permission, on the main thread, as macOS demands; OpenCV must not wait for it here.
    os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn OpenCV's own exceptions into a SourceError."""
    cv2 = opencv()
    try:
        yield
    except cv2.error as error:
        raise SourceError(f"{what} could not be read: {error.err or error}.", "Close it and open it again.") from error


def open_capture(address: str | int, backend: int, parameters: Sequence[int] = ()) -> Any:
    """A `cv2.VideoCapture`, or None where it did not open."""
    cv2 = opencv()
    try:
        capture = cv2.VideoCapture(address, backend, list(parameters))
    except cv2.error:
        return None
    if capture.isOpened():
        return capture
    capture.release()
    return None


class CaptureStream:
    """A stream over an open `cv2.VideoCapture`.

    Args:
        capture: Open.
        info: What is known of it.
        lost: The error to raise where a live source gives no more pictures.
    """

    def __init__(self, capture: Any, info: StreamInfo, lost: SourceError | None = None) -> None:
        self._capture = capture
        self._info = info
        self._lost = lost
        self._index = 0
        self._opened = time.monotonic()
        self._last_moment = -1.0

    @property
    def info(self) -> StreamInfo:
        return self._info

    def read(self) -> StreamFrame | None:
        cv2 = opencv()
        with readable(f"“{self._info.title}”"):
            there, picture = self._capture.read()
            if there and picture is not None and picture.size:
                pixels = _as_rgb(cv2, picture)
            elif self._lost is not None:
                raise self._lost
            else:
                return None
        now = time.monotonic()
        frame = StreamFrame(pixels, self._index, self._moment(cv2, now), now)
        self._index += 1
        return frame

    def seek(self, index: int) -> None:
        if not self._info.seekable or self._info.frames is None:
            return
        cv2 = opencv()
        index = max(0, min(index, self._info.frames - 1))
        with readable(f"“{self._info.title}”"):
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        self._index = index
        self._last_moment = -1.0

    def close(self) -> None:
        self._capture.release()

    def _moment(self, cv2: Any, now: float) -> float:
        if self._info.live:
            return now - self._opened
        moment = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if not moment > self._last_moment:  # some containers tell no times: then they follow from the rate
            moment = max(self._index / self._info.rate, self._last_moment + 1 / self._info.rate)
        self._last_moment = moment
        return moment


def _as_rgb(cv2: Any, picture: Any) -> Any:
    """OpenCV's BGR, grey or BGRA to (H, W, 3) RGB."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    if picture.shape[2] == 4:
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
