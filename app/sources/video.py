"""Video files, through OpenCV's FFmpeg."""

from __future__ import annotations

import os
from pathlib import Path

from app.core.errors import SourceError
from app.sources.files import display_name
from app.sources.opencv import CaptureStream, open_capture, opencv
from app.sources.registry import Asks, Place, Stream, StreamInfo, sane_rate, sources

VIDEO_SUFFIXES = (
    ".mp4",
    ".m4v",
    ".mov",
    ".avi",
    ".mkv",
    ".webm",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".m2ts",
    ".wmv",
    ".flv",
    ".3gp",
    ".ogv",
    ".mjpg",
    ".mjpeg",
)
_MOST_FRAMES = 100_000_000  # what is beyond is a damaged header


class VideoFiles:
    """Files with a video in them, whatever the container."""

    title = "Video file"
    asks: Asks = "file"
    hint = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
    returns = False

    def accepts(self, address: str) -> bool:
        path = Path(address)
        if "://" in address:
            return False
        return path.is_file() or ("%" not in path.name and path.suffix.lower() in VIDEO_SUFFIXES)

    def places(self) -> tuple[Place, ...]:
        return ()

    def open(self, address: str) -> Stream:
        path = Path(address)
        name = display_name(path)
        _check_file(path, name)
        cv2 = opencv()
        capture = open_capture(os.fspath(path), cv2.CAP_FFMPEG)
        if capture is None:
            raise SourceError(
                f"“{name}” holds no video that can be read: it is damaged, cut off, or of an unknown kind.",
                "Choose another file, or convert it to MP4.",
            )
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = sane_rate(float(capture.get(cv2.CAP_PROP_FPS)))
        return CaptureStream(capture, StreamInfo(name, rate, frames if 0 < frames < _MOST_FRAMES else None, live=False))


sources.register("video")(VideoFiles())


def _check_file(path: Path, name: str) -> None:
    """Say why a file cannot be opened, which FFmpeg would not tell."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError(f"“{name}” is empty.", "Copy or record it again.")
    except FileNotFoundError as error:
        raise SourceError(f"There is no file “{path}”.", "Check the name.") from error
    except IsADirectoryError as error:
        raise SourceError(f"“{name}” is a folder, not a video.", "Choose a file.") from error
    except PermissionError as error:
        raise SourceError(f"“{name}” may not be read.", "Change its permissions, or copy it elsewhere.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f"“{name}” cannot be read: {reason}.", "Check the disk, or copy the file elsewhere."
        ) from error
