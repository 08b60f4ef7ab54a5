"""Pictures out: a video that is written frame by frame, through the same OpenCV that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.errors import SourceError
from app.sources.opencv import opencv

if TYPE_CHECKING:
    from app.core.records import Pixels


class VideoWriter:
    """An MP4 that is written frame by frame; every frame gets the size of the first."""

    def __init__(self, path: Path, rate: float) -> None:
        self._path, self._rate = path, rate
        self._writer: Any = None
        self._size = (0, 0)

    def write(self, pixels: Pixels) -> None:
        """Add one frame, (H, W, 3) RGB.

        Raises:
            SourceError: where this OpenCV cannot write such a video.
        """
        cv2 = opencv()
        if self._writer is None:
            height, width = pixels.shape[:2]
            self._size = (width - width % 2 or 2, height - height % 2 or 2)  # the codec wants even numbers
            code = cv2.VideoWriter_fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, code, self._rate, self._size)
            if not self._writer.isOpened():
                raise SourceError("The video cannot be written here.", "Choose another folder, or record no video.")
        picture = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
