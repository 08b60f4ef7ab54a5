"""Moving pictures in: cameras, videos, image sequences, streams. A new kind of source is one new file here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from app.core.errors import SourceError
from app.core.records import Frame
from app.core.registry import Registry

if TYPE_CHECKING:
    from app.core.records import Pixels

Asks = Literal["place", "file", "folder", "address"]

USUAL_RATE = 30.0  # frames per second, where a source does not tell, or tells nonsense
HIGHEST_RATE = 480.0


@dataclass(frozen=True, eq=False)
class StreamFrame:
    """One picture of a stream.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright; nobody writes to it.
        index: 0-based number in the file; of a camera, counted since it was opened.
        moment: Seconds from the stream's beginning, on the source's own clock.
        captured: `time.monotonic()` when it was there.
    """

    pixels: Pixels
    index: int
    moment: float
    captured: float

    def as_frame(self, name: str) -> Frame:
        """The picture by itself, as any other picture of the program."""
        return Frame(self.pixels, name)


@dataclass(frozen=True)
class StreamInfo:
    """What is known of an open stream.

    Attributes:
        title: What to call it on screen.
        rate: Frames per second, as the source tells; `USUAL_RATE` where it does not.
        frames: How many there are; None where it does not end or is not known.
        live: Whether it gives pictures in its own time (a camera), not when asked (a file).
    """

    title: str
    rate: float
    frames: int | None
    live: bool

    @property
    def seekable(self) -> bool:
        """Whether one can go to a place in it."""
        return not self.live and self.frames is not None and self.frames > 1


class Stream(Protocol):
    """Something open that gives pictures. Used by one thread at a time, never the window's: it may wait seconds."""

    @property
    def info(self) -> StreamInfo:
        """What is known of it."""
        ...

    def read(self) -> StreamFrame | None:
        """The next picture; None at the end.

        Raises:
            SourceError: where a camera was unplugged, a connection was lost, or a server is silent.
        """
        ...

    def seek(self, index: int) -> None:
        """Let this frame be the next; out of range goes to the nearest. Does nothing where `info` is not seekable."""
        ...

    def close(self) -> None:
        """Free the device, file or connection; a second time does nothing."""
        ...


@dataclass(frozen=True)
class Place:
    """A source that can be offered by name.

    Attributes:
        address: What to open.
        title: How people call it.
    """

    address: str
    title: str


class Source(Protocol):
    """A kind of source: one file.

    Attributes:
        title: How people call the kind.
        asks: How a person names one: by choosing among `places`, by a file, by a folder, or by typing an address.
        hint: What is expected: for a file its patterns ("*.mp4 *.avi"), for an address an example; else "".
        returns: Whether one that is lost may come back, so that trying again makes sense.
    """

    title: str
    asks: Asks
    hint: str
    returns: bool

    def accepts(self, address: str) -> bool:
        """Whether an address is of this kind, by its looks; nothing is opened."""
        ...

    def places(self) -> tuple[Place, ...]:
        """What can be offered without being asked for by address; may take a second."""
        ...

    def open(self, address: str) -> Stream:
        """Open it; takes up to some seconds.

        Raises:
            SourceError: naming the source, the reason and the remedy.
        """
        ...


sources: Registry[Source] = Registry("source", "app.sources", SourceError)


def source_for(address: str) -> Source:
    """The kind of source that an address names.

    Raises:
        SourceError: where it is nothing that can be opened.
    """
    for _, source in sources.items():
        if source.accepts(address):
            return source
    raise SourceError(
        f"“{address}” is no video file, folder of pictures, camera or stream.",
        "Give a file, a folder, “camera:0”, or an address that begins with rtsp:// or http://.",
    )


def open_stream(address: str) -> Stream:
    """Open whatever an address names: "camera:0", "camera:NAME", a file, a folder, an address of a stream.

    Raises:
        SourceError: naming the source, the reason and the remedy.
    """
    return source_for(address).open(address)


def cameras() -> tuple[Place, ...]:
    """The cameras of this computer, as far as the platform tells."""
    return tuple(place for _, source in sources.items() for place in source.places())


def sane_rate(rate: float) -> float:
    """A rate that can be played at: files and drivers also tell 0, NaN or 90,000."""
    return rate if 0.1 <= rate <= HIGHEST_RATE else USUAL_RATE
