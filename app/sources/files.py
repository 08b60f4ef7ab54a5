"""Pictures from files, folders, encoded bytes and addresses."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.core.errors import PictureError
from app.core.records import Frame

PICTURE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".mpo",
    ".png",
    ".apng",
    ".webp",
    ".bmp",
    ".dib",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".heif",
    ".hif",
)


def read_picture(path: Path) -> Frame:
    """Read a picture file: the first frame, upright, opaque on white, sRGB, (H, W, 3) uint8.

    Safe in any thread. Takes at most 10 s and 1 GB, whatever the file holds.

    Raises:
        PictureError: naming the file, the reason and the remedy.
    """
    from app.sources.decoding import decode, unreadable_file

    name = display_name(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # a folder that cannot be listed: that is the news, not that it is a folder
            raise IsADirectoryError
        if not stat.S_ISREG(mode):  # reading from a pipe or a device may never end
            raise PictureError(f"“{name}” is a device or a pipe, not a picture file.", "Choose a picture file.")
        with path.open("rb") as file:
            return decode(file, name, path=os.fspath(path))
    except OSError as error:
        raise unreadable_file(name, error) from error
    except ValueError as error:  # a path with a null character
        raise PictureError(f"“{name}” is not a possible file name.", "Choose a picture file.") from error


def read_picture_bytes(data: bytes, name: str) -> Frame:
    """Read an encoded picture from memory (pasted, dropped); see `read_picture`.

    Args:
        name: What to call it on screen and in errors.

    Raises:
        PictureError: naming the picture, the reason and the remedy.
    """
    from app.sources.decoding import decode

    return decode(io.BytesIO(data), name)


def read_picture_url(url: str) -> Frame:
    """Fetch and read a picture that the user dropped as an address: http, https, file or data.

    Waits at most 10 s for the server to say anything and 60 s altogether; call it off the window's thread, and only
    on an explicit act of the user: nothing else in the program goes out to the network.

    Raises:
        PictureError: naming the address, the reason and the remedy.
    """
    if url[:5].lower() == "file:":
        return read_picture(_path_of(url))
    from app.sources.web import fetch

    data, name = fetch(url.strip())
    return read_picture_bytes(data, name)


def _path_of(url: str) -> Path:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    parts = urlsplit(url)
    if parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    if sys.platform == "win32":
        return Path(url2pathname(f"//{parts.netloc}{parts.path}"))
    raise PictureError(
        f"“{url}” is on another machine ({parts.netloc}).", "Connect its folder first, and open the file from there."
    )


def display_name(path: Path) -> str:
    """A file's name as it can be shown: names that are not UTF-8 get replacement characters."""
    return os.fsencode(path.name or path).decode("utf-8", "replace")


# ---- folders


def find_pictures(paths: Iterable[Path]) -> list[Path]:
    """All of `iterate_pictures`."""
    return list(iterate_pictures(paths))


def iterate_pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as they are, whatever they are called; in folders every picture by its suffix, folders within included.

    In the order in which a file manager shows them (“2.png” before “10.png”), a folder's own files first. Hidden files
    and folders are left out. A folder is visited once, so that links in a circle end. A folder that cannot be listed
    is yielded itself: reading it gives the error that tells the user so.
    """
    visited: set[tuple[int, int]] = set()
    for path in paths:
        if _is_folder(path):
            yield from _in_folder(path, visited)
        else:
            yield path


def _in_folder(folder: Path, visited: set[tuple[int, int]]) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = current.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in visited:
                continue
            visited.add(identity)
            with os.scandir(current) as entries:
                shown = [entry for entry in entries if not _hidden(entry)]
        except OSError:
            yield current
            continue
        shown.sort(key=_natural)
        folders = []
        for entry in shown:
            if _is_folder(entry):
                folders.append(current / entry.name)
            elif entry.name.lower().endswith(PICTURE_SUFFIXES):
                yield current / entry.name
        waiting.extend(reversed(folders))


def _hidden(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return True
    if sys.platform == "win32":
        return bool(entry.stat(follow_symlinks=False).st_file_attributes & stat.FILE_ATTRIBUTE_HIDDEN)
    return False


def _is_folder(entry: os.DirEntry[str] | Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # no permission, a link to itself: reading it says so
        return False


def _natural(entry: os.DirEntry[str]) -> tuple[list[tuple[int, int, str]], str]:
    """Numbers by value, letters whatever their case; equal names by their spelling."""
    stem = entry.name.rpartition(".")[0] or entry.name
    pieces = re.findall(r"\d+|\D+", stem)
    key = [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces]
    return key, entry.name
