"""Image sequences: a folder of pictures, or a numbered pattern such as `frame_%04d.png`, played as a video."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

from app.core.errors import PictureError, SourceError
from app.sources.files import find_pictures, read_picture
from app.sources.registry import Asks, Place, Stream, StreamFrame, StreamInfo, sources

log = logging.getLogger(__name__)

RATE = 25.0  # frames per second: a sequence does not tell
_PATTERN = re.compile(r"%0?\d*d")


class ImageSequences:
    """Pictures in the order of their names."""

    title = "Image sequence"
    asks: Asks = "folder"
    hint = ""
    returns = False

    def accepts(self, address: str) -> bool:
        path = Path(address)
        if "://" in address or path.is_file():  # “100%done.mp4” is no pattern
            return False
        return bool(_PATTERN.search(path.name)) or path.is_dir()

    def places(self) -> tuple[Place, ...]:
        return ()

    def open(self, address: str) -> Stream:
        path = Path(address)
        try:
            found = find_pictures([path]) if path.is_dir() else _numbered(path)
        except (OSError, PictureError) as error:
            raise SourceError(f"“{address}” cannot be listed: {error}", "Check its permissions.") from error
        if not found:
            raise SourceError(f"There is no picture in “{address}”.", "Choose a folder with pictures.")
        return _Sequence(path.name or address, found)


sources.register("sequence")(ImageSequences())


def _numbered(pattern: Path) -> list[Path]:
    """The files that fit a pattern, by number."""
    before, _, after = _PATTERN.sub("\0", pattern.name, count=1).partition("\0")
    number = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    numbered = [
        (int(match[1]), path) for path in pattern.parent.iterdir() if (match := number.fullmatch(path.name)) is not None
    ]
    return [path for _, path in sorted(numbered)]


class _Sequence:
    """Pictures that cannot be read are left out, and the log says which; all of them is an error."""

    def __init__(self, title: str, paths: list[Path]) -> None:
        self._paths = paths
        self._info = StreamInfo(title, RATE, len(paths), live=False)
        self._next = 0
        self._good = 0

    @property
    def info(self) -> StreamInfo:
        return self._info

    def read(self) -> StreamFrame | None:
        while self._next < len(self._paths):
            index = self._next
            self._next += 1
            try:
                pixels = read_picture(self._paths[index]).pixels
            except PictureError as error:
                log.warning("left out of the sequence: %s", error)
                continue
            self._good += 1
            return StreamFrame(pixels, index, index / RATE, time.monotonic())
        if not self._good:
            raise SourceError(f"No picture of “{self._info.title}” can be read.", "The log says why.")
        return None

    def seek(self, index: int) -> None:
        self._next = max(0, min(index, len(self._paths) - 1))

    def close(self) -> None:
        self._next = len(self._paths)
        self._good = 1
