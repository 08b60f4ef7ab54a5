"""The session's pictures: what was dropped, pasted or opened, read in the background, one of them current."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.core.errors import ExplorerError
from app.core.records import Frame
from app.ui.background import Background

KEPT_FRAMES = 4  # decoded pictures kept for going back and forth; a 50-megapixel one takes 150 MB
THUMBNAIL_SIDE = 160  # pixels, enough for a 72-pixel thumbnail at 200 %
BATCH = 64  # found files are handed over in portions, so that a folder of 100,000 shows its first ones at once


@dataclass
class Entry:
    """One picture of the session.

    Attributes:
        id: Its number in this session.
        name: What to call it.
        path: Its file, or None where it has none; then `frame` is kept.
        frame: The decoded picture of a fileless entry.
    """

    id: int
    name: str
    path: Path | None
    frame: Frame | None = None


class Session(QObject):
    """The pictures, in order, and what has been read of them.

    Signals:
        added(ids): new entries, in order.
        removed(id)
        current_changed(id): -1 for none.
        frame_ready(id, Frame), frame_failed(id, ExplorerError): for the current entry.
        thumbnail_ready(id, pixels), thumbnail_failed(id, ExplorerError)
        notice(text): a sentence for the page.
    """

    added = Signal(list)
    removed = Signal(int)
    current_changed = Signal(int)
    frame_ready = Signal(int, object)
    frame_failed = Signal(int, object)
    thumbnail_ready = Signal(int, object)
    thumbnail_failed = Signal(int, object)
    notice = Signal(str)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._current = -1
        self._count = 0

    @property
    def current(self) -> int:
        """The current entry's id, or -1."""
        return self._current

    def ids(self) -> list[int]:
        """Every entry's id, in order."""
        return list(self._entries)

    def entry(self, entry_id: int) -> Entry:
        """The entry of that id."""
        return self._entries[entry_id]

    def frame(self, entry_id: int) -> Frame | None:
        """The decoded picture, if it is at hand."""
        return self._frames.get(entry_id)

    def add_paths(self, paths: Iterable[Path]) -> None:
        """Add files, and every picture in folders, found in the background; the first becomes current."""
        wanted = list(paths)
        if not wanted:
            return

        def search() -> int:
            from app.sources.files import iterate_pictures

            portion: list[Path] = []
            count = 0
            for path in iterate_pictures(wanted):
                portion.append(path)
                count += 1
                if count == 1 or len(portion) == BATCH:
                    self._background.post(self._on_found, (portion, count == 1))
                    portion = []
            if portion:
                self._background.post(self._on_found, (portion, False))
            return count

        def found(count: int | ExplorerError) -> None:
            if isinstance(count, ExplorerError):
                self.notice.emit(str(count))
            elif count == 0:
                self.notice.emit(self.tr("There is no picture in {path}.").format(path=wanted[0]))

        self._background.run("search", search, found)

    def add_unchosen(self, paths: Iterable[Path]) -> list[int]:
        """Add files without making any current; their ids."""
        ids = [self._append(path.name, path).id for path in paths]
        self.added.emit(ids)
        return ids

    def add_frame(self, frame: Frame) -> None:
        """Add a picture that has no file (pasted, frozen) and make it current."""
        entry = self._append(frame.name, None, frame)
        self.added.emit([entry.id])
        self.choose(entry.id)

    def add_unchosen_frame(self, frame: Frame) -> None:
        """Add a picture that has no file, and leave the current one current."""
        self.added.emit([self._append(frame.name, None, frame).id])

    def add_bytes(self, data: bytes, name: str) -> None:
        """Add an encoded picture (dropped image data)."""

        def read() -> Frame:
            from app.sources.files import read_picture_bytes

            return read_picture_bytes(data, name)

        self._background.run("read", read, self._on_fetched)

    def add_url(self, url: str) -> None:
        """Fetch a picture that was dropped as an address, and add it."""

        def read() -> Frame:
            from app.sources.files import read_picture_url

            return read_picture_url(url)

        self.notice.emit(self.tr("Fetching {url} …").format(url=url if len(url) < 80 else url[:79] + "…"))
        self._background.run("fetch", read, self._on_fetched)

    def choose(self, entry_id: int) -> None:
        """Make an entry current and see to it that its picture is read."""
        if entry_id not in self._entries:
            return
        self._current = entry_id
        self.current_changed.emit(entry_id)
        frame = self._frames.get(entry_id) or self._entries[entry_id].frame
        if frame is not None:
            self._on_read(entry_id, frame)
            return
        path = self._entries[entry_id].path
        assert path is not None

        def read() -> Frame | None:
            if entry_id != self._current:  # the user has gone on meanwhile
                return None
            from app.sources.files import read_picture

            return read_picture(path)

        self._background.run("read", read, lambda outcome: self._on_read(entry_id, outcome))

    def step(self, by: int) -> None:
        """Go to a neighbour of the current entry; stops at the ends."""
        ids = self.ids()
        if ids:
            place = ids.index(self._current) + by if self._current in ids else 0
            self.choose(ids[max(0, min(place, len(ids) - 1))])

    def remove(self, entry_id: int) -> None:
        """Take an entry off the session; its file is not touched."""
        if entry_id not in self._entries:
            return
        ids = self.ids()
        place = ids.index(entry_id)
        del self._entries[entry_id]
        self._frames.pop(entry_id, None)
        self.removed.emit(entry_id)
        if entry_id == self._current:
            rest = self.ids()
            self._current = -1
            if rest:
                self.choose(rest[min(place, len(rest) - 1)])
            else:
                self.current_changed.emit(-1)

    def want_thumbnail(self, entry_id: int) -> None:
        """Make a thumbnail in the background: `thumbnail_ready` brings (h, w, 3) uint8 pixels."""
        entry = self._entries.get(entry_id)
        if entry is None:
            return

        def shrink() -> Any:
            return _thumbnail(entry) if entry_id in self._entries else None

        self._background.run("thumbnails", shrink, lambda outcome: self._on_shrunk(entry_id, outcome))

    def _append(self, name: str, path: Path | None, frame: Frame | None = None) -> Entry:
        self._count += 1
        entry = Entry(self._count, name, path, frame)
        self._entries[entry.id] = entry
        return entry

    def _on_read(self, entry_id: int, outcome: Frame | ExplorerError | None) -> None:
        if isinstance(outcome, Frame):
            self._frames[entry_id] = outcome
            self._frames.move_to_end(entry_id)
            while len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        if entry_id == self._current and outcome is not None:
            (self.frame_ready if isinstance(outcome, Frame) else self.frame_failed).emit(entry_id, outcome)

    def _on_shrunk(self, entry_id: int, outcome: object) -> None:
        if outcome is not None and entry_id in self._entries:
            failed = isinstance(outcome, ExplorerError)
            (self.thumbnail_failed if failed else self.thumbnail_ready).emit(entry_id, outcome)

    def _on_found(self, found: tuple[list[Path], bool]) -> None:
        paths, choose_first = found
        entries = [self._append(path.name, path) for path in paths]
        self.added.emit([entry.id for entry in entries])
        if choose_first:
            self.choose(entries[0].id)

    def _on_fetched(self, outcome: Frame | ExplorerError) -> None:
        self.notice.emit("" if isinstance(outcome, Frame) else str(outcome))  # “Fetching …” is over
        if isinstance(outcome, Frame):
            self.add_frame(outcome)


def _thumbnail(entry: Entry) -> Any:
    import numpy as np
    from PIL import Image

    from app.sources.files import read_picture

    frame = entry.frame
    if frame is None:
        assert entry.path is not None
        frame = read_picture(entry.path)
    picture = Image.fromarray(frame.pixels)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(picture)
