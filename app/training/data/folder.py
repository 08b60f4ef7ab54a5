"""Any pictures of one's own: a folder with a folder for each class.

`FOLDER/cat/1.jpg, FOLDER/dog/2.png, …`, where every fifth picture is kept for the test; or, already divided,
`FOLDER/train/cat/…` and `FOLDER/test/cat/…` (or `val`, `valid`, `validation`). Each picture is turned upright, cut to
its middle square and resized. A file `words.txt` beside the classes (or beside `train`), with a folder's name, a tab
and what people call the class on each line, as ImageNet and Tiny ImageNet have it, gives the classes their names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.errors import DataError
from app.training.data import DataRequest, DataSet, LabelledPictures, Progress, channel_statistics, data_sources
from app.training.data.cached import cached_pictures

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".jfif"}
TEST_FOLDERS = ("test", "val", "valid", "validation")
TEST_SHARE = 5
WORDS = "words.txt"
_UNREAD = -1
LARGEST_PICTURE = 50_000_000
"""Pixels; a picture that claims more is left out."""


class FolderSource:
    """A folder per class."""

    name = "folder"
    title = "A folder of mine"
    summary = "Your own pictures, in a folder for each class."
    path_help = "A folder that holds a folder of pictures for each class."
    downloadable = ""
    classes = 0

    def look(self, request: DataRequest) -> str:
        """What would be read; see `DataSource.look`."""
        found = list_pictures(self._root(request))
        counts = (
            f"{len(found.classes)} classes, {len(found.train):,} pictures to learn from, {len(found.test):,} to test."
        )
        return " ".join((counts, *found.notices))

    def _root(self, request: DataRequest) -> Path:
        if request.path is None:
            raise DataError("No folder is named.", f"Give data_path: {self.path_help}")
        if not request.path.is_dir():
            raise DataError(f"{request.path} is not a folder.", f"Give data_path: {self.path_help}")
        return request.path

    def load(self, request: DataRequest, progress: Progress) -> DataSet:
        """Read the pictures; see `DataSource.load`."""
        root = self._root(request)
        listing = list_pictures(root)
        train, unread = _decode(listing.train, request.side, progress, "training")
        test, unread_test = _decode(listing.test, request.side, progress, "test")
        unread += unread_test
        notices = (*listing.notices, *_unreadable_notice(unread))
        missing = [name for label, name in enumerate(listing.classes) if not (train.labels == label).any()]
        if missing or not len(test):
            what = f"no picture of {', '.join(missing)}" if missing else "no test picture"
            raise DataError(f"{root} has {what} that can be read.", " ".join(notices) or "Add pictures.")
        mean, deviation = channel_statistics(train.pixels)
        names = read_words(root, listing.classes)
        ids = listing.classes if names != listing.classes else ()
        return DataSet(self.name, root.name, names, train, test, mean, deviation, notices, ids)


data_sources.register("folder")(FolderSource())


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder, before any is read.

    Attributes:
        classes: Names of the folders, in alphabetical order.
        train: (file, label).
        test: (file, label).
        notices: What was left out.
    """

    classes: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    test: tuple[tuple[Path, int], ...]
    notices: tuple[str, ...]


def list_pictures(root: Path) -> Listing:
    """Find the classes and pictures of a folder.

    Raises:
        DataError: where there are not two classes with pictures.
    """
    try:
        train_root, test_root = _divided(root)
        found = {folder.name: _pictures(folder) for folder in _folders(train_root or root)}
    except OSError as error:
        raise DataError(f"{root} cannot be read ({error.strerror}).", "Check its permissions.") from error
    empty = sorted(name for name, files in found.items() if not files)
    classes = tuple(sorted(name for name, files in found.items() if files))
    if len(classes) < 2:
        have = f"only one class with pictures, {classes[0]}" if classes else "no class with pictures"
        left = f" Empty: {_some(empty)}." if empty else ""
        raise DataError(
            f"{train_root or root} has {have}.{left}", "Put the pictures of each class into a folder of its own."
        )
    notices = [f"Left out, without pictures: {_some(empty)}."] if empty else []
    labelled = [(file, label) for label, name in enumerate(classes) for file in found[name]]
    if test_root is None:
        train, test = _split([found[name] for name in classes])
        notices.append(f"Every {TEST_SHARE}th picture of each class is kept for the test.")
    else:
        train = labelled
        test = [(file, label) for label, name in enumerate(classes) for file in _pictures(test_root / name)]
        unknown = sorted({folder.name for folder in _folders(test_root)} - set(classes))
        if unknown:
            notices.append(f"Left out of the test, because nothing was learnt of them: {_some(unknown)}.")
        if not test:
            raise DataError(
                f"{test_root} has no picture of the classes in {train_root}.", "Use the same names for its folders."
            )
    return Listing(classes, tuple(train), tuple(test), tuple(notices))


def read_words(root: Path, classes: tuple[str, ...]) -> tuple[str, ...]:
    """What people call the classes, by `words.txt`; the folders' own names where there is none, or for those it lacks.

    Of several words for one class the first is taken; where two classes share it, their folders' names tell them apart.

    Raises:
        DataError: where the file cannot be read.
    """
    path = next((one for one in (root / WORDS, root / "train" / WORDS) if one.is_file()), None)
    if path is None:
        return classes
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}).", "Mend it, or take it away.") from error
    words = dict(line.split("\t", 1) for line in lines if "\t" in line)
    names = [words.get(name, name).split(",")[0].strip() or name for name in classes]
    return tuple(f"{name} ({own})" if names.count(name) > 1 else name for name, own in zip(names, classes, strict=True))


def _divided(root: Path) -> tuple[Path | None, Path | None]:
    train = root / "train"
    tests = [root / name for name in TEST_FOLDERS if (root / name).is_dir()]
    return (train, tests[0]) if train.is_dir() and tests else (None, None)


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )


def _split(classes: Sequence[list[Path]]) -> tuple[list[tuple[Path, int]], list[tuple[Path, int]]]:
    """Every fifth picture of each class, at least one, for the test; which ones depends on the names alone."""
    train, test = [], []
    for label, files in enumerate(classes):
        shuffled = sorted(files, key=lambda file: (hashlib.sha256(file.name.encode()).digest(), str(file)))
        held = 0 if len(files) < 2 else max(1, len(files) // TEST_SHARE)
        test += [(file, label) for file in shuffled[:held]]
        train += [(file, label) for file in shuffled[held:]]
    return train, test


def _decode(
    files: Sequence[tuple[Path, int]], side: int, progress: Progress, part: str
) -> tuple[LabelledPictures, list[Path]]:
    """Read pictures, or find them in the cache; also the files that are no pictures."""

    def make() -> LabelledPictures:
        pixels = np.zeros((len(files), side, side, 3), np.uint8)
        labels = np.full(len(files), _UNREAD)
        with ThreadPoolExecutor() as pool:
            for index, square in enumerate(pool.map(lambda file: read_square(file[0], side), files)):
                if square is not None:
                    pixels[index], labels[index] = square, files[index][1]
                if index % 100 == 0:
                    progress(f"Reading {part} pictures", (index + 1) / len(files))
        return LabelledPictures(pixels, labels.astype(np.int64))

    cached = cached_pictures(f"folder-{_fingerprint(files, side)}", make)
    read = cached.labels != _UNREAD
    unread = [files[int(index)][0] for index in np.flatnonzero(~read)]
    return LabelledPictures(cached.pixels[read], cached.labels[read]) if unread else cached, unread


def _fingerprint(files: Iterable[tuple[Path, int]], side: int) -> str:
    """Of names, sizes and times: changes whenever a picture does."""
    digest = hashlib.sha256(str(side).encode())
    for file, label in files:
        facts = file.stat()
        digest.update(f"{file.absolute()}\0{label}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def read_square(path: Path, side: int) -> NDArray[np.uint8] | None:
    """A picture as (side, side, 3) uint8 RGB, upright, its middle square; None where it is no picture."""
    from PIL import Image, ImageOps  # imported here: the window imports the registry at its start

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > LARGEST_PICTURE:
                return None
            picture.draft("RGB", (2 * side, 2 * side))  # a JPEG can be decoded smaller at once
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            square = ImageOps.fit(upright, (side, side), Image.Resampling.BICUBIC)
            return np.asarray(square, np.uint8)
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError, MemoryError, OverflowError):
        return None  # Pillow raises all of these for broken files; the caller reports the file
    except Image.DecompressionBombError:
        return None


def _unreadable_notice(files: Sequence[Path]) -> tuple[str, ...]:
    if not files:
        return ()
    return (f"{len(files)} pictures could not be read: {_some([str(file) for file in files])}.",)


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
