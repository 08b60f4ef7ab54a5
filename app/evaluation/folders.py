"""Labelled pictures in folders: one per class, or all in one with a file that says each picture's class."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from app.core.errors import DataError
from app.evaluation.data import LabelledSet
from app.evaluation.devkit import class_ids
from app.sources.files import PICTURE_SUFFIXES, iterate_pictures

TEST_FOLDERS = ("val", "test", "validation", "valid")
LABEL_FILES = (
    "val_annotations.txt",
    "LOC_val_solution.csv",
    "labels.csv",
    "labels.tsv",
    "labels.txt",
    "val.txt",
    "val.csv",
    "val_map.txt",
    "val_labels.txt",
    "val_annotations.csv",
    "classes.csv",
    "classes.txt",
    "imagenet_2012_validation_synset_labels.txt",
    "synset_labels.txt",
)
TRUTH = "ILSVRC*validation_ground_truth.txt"  # in a development kit, which people unpack beside the pictures
SOLUTION = "LOC_val_solution.csv"  # Kaggle's, four folders above the pictures
HELP = (
    "Give a folder that has a folder of pictures for each class, or a folder of pictures with a file (labels.csv) "
    "whose lines are “picture,class”."
)
HEADINGS = ("image", "imageid", "image_id", "file", "filename", "picture", "path", "name", "id")
_NUMBER = re.compile(r"_val_(\d{8})$")  # ILSVRC2012_val_00000001.JPEG
_WORDNET = re.compile(r"^n\d{8}$")
_SEPARATED = re.compile(r"^(?P<name>\S+?\.\w+|\S+)\s+(?P<label>.+)$")


def list_folder(root: Path, labels: Path | None = None) -> LabelledSet:
    """List a folder's pictures with their classes; none is read.

    Args:
        root: Has a folder per class, or such a folder as `val` or `test` beside `train`; or pictures and a labels file.
        labels: The file that says each picture's class.

    Raises:
        DataError: where there are no labelled pictures, saying what was found.
    """
    try:
        if labels is not None:
            return _flat(root, labels)
        top = _tested(root)
        file = _labels_file(top)
        folders = [entry for entry in _folders(top) if entry.name != "images" or not file]
        if file is not None and (not folders or top.joinpath("images").is_dir()):
            return _flat(top, file, named=root)
        if not folders:
            loose = next(iterate_pictures([top]), None)
            what = "has pictures, but nothing says of which class they are" if loose else "has no pictures"
            raise DataError(f"{top} {what}.", HELP)
        return _per_class(root, top, folders)
    except OSError as error:
        raise DataError(f"{root} cannot be read ({error.strerror or error}).", "Check its permissions.") from error


def _tested(root: Path) -> Path:
    """The part to measure on, where a data set is divided; else all of it."""
    if not (root / "train").is_dir():
        folders = _folders(root)
        inner = [folder for folder in folders if folder.name in TEST_FOLDERS]
        return inner[0] if inner and len(folders) == len(inner) else root
    return next((root / name for name in TEST_FOLDERS if (root / name).is_dir()), root / "train")


def _per_class(root: Path, top: Path, folders: list[Path]) -> LabelledSet:
    import numpy as np

    classes: list[str] = []
    files: list[Path] = []
    places: list[int] = []
    empty: list[str] = []
    for folder in folders:
        found = [file for file in iterate_pictures([folder]) if file != folder]
        if not found:
            empty.append(folder.name)
            continue
        places += [len(classes)] * len(found)
        files += found
        classes.append(folder.name)
    if not files:
        raise DataError(f"{top} has folders ({some(empty)}), but no picture in them.", HELP)
    notices = [f"Left out, without pictures: {some(empty)}."] if empty else []
    loose = sum(1 for entry in top.iterdir() if entry.is_file() and entry.name.lower().endswith(PICTURE_SUFFIXES))
    if loose:
        notices.append(f"Left out, because they are in no class's folder: {loose} pictures.")
    names = tuple(file.relative_to(root).as_posix() for file in files)
    labels = np.array(places, np.int64)
    return LabelledSet(root, "a folder per class", tuple(classes), labels, names, tuple(files), notices=tuple(notices))


def _flat(root: Path, table: Path, *, named: Path | None = None) -> LabelledSet:
    import numpy as np

    pictures: dict[str, Path] = {}
    for file in iterate_pictures([root]):
        pictures.setdefault(file.name, file)
        pictures.setdefault(file.stem, file)
        pictures.setdefault(file.relative_to(root).as_posix() if file != root else file.name, file)
    classes: dict[str, int] = {}
    files: list[Path] = []
    places: list[int] = []
    missing: list[str] = []
    for name, label in _lines(table, sorted(set(pictures.values()), key=lambda file: file.name)):
        found = pictures.get(name) or pictures.get(name.rpartition("/")[2])
        if found is None:
            missing.append(name)
            continue
        files.append(found)
        places.append(classes.setdefault(label, len(classes)))
    if not files:
        raise DataError(f"None of the pictures that {table} names is in {root}: {some(missing)}.", HELP)
    notices = [f"{table.name} names {len(missing)} pictures that are not there: {some(missing)}."] if missing else []
    unlabelled = len(set(pictures.values()) - set(files))
    if unlabelled:
        notices.append(f"Left out, because {table.name} does not name them: {unlabelled} pictures.")
    below = named or root
    names = tuple(file.relative_to(below).as_posix() for file in files)
    layout = f"pictures with {table.name}"
    labels = np.array(places, np.int64)
    return LabelledSet(below, layout, tuple(classes), labels, names, tuple(files), notices=tuple(notices))


def _lines(table: Path, pictures: list[Path]) -> Iterator[tuple[str, str]]:
    """(picture, class) of each line: separated by commas, tabs or spaces; a heading is passed over.

    Args:
        pictures: In the order of their names: what a list of bare classes, as ImageNet's are, is about.
    """
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{table} is not a text file.", HELP) from error
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if rows and all(len(row.split()) == 1 and "," not in row for row in rows):
        yield from _in_order(table, [row.strip() for row in rows], pictures)
        return
    solution = bool(rows) and rows[0].replace(" ", "").lower() == "imageid,predictionstring"
    for number, row in enumerate(rows):
        if "," in row:
            cells = next(csv.reader([row]))
        elif "\t" in row:
            cells = row.split("\t")
        else:
            match = _SEPARATED.match(row.strip())
            cells = [match["name"], match["label"]] if match else [row]
        if len(cells) < 2:
            raise DataError(f"Line {number + 1} of {table} is not “picture,class”: {row[:60]}", HELP)
        name, label = cells[0].strip(), cells[1].strip()
        heading = number == 0 and name.lower() in HEADINGS
        if not heading:
            yield name, label.split()[0] if solution else label


def _in_order(table: Path, words: list[str], pictures: list[Path]) -> Iterator[tuple[str, str]]:
    """One class a line, in the order of ImageNet's validation pictures, whose names end with their numbers."""
    if not all(_WORDNET.match(word) for word in words):
        ids = class_ids(table)
        if not ids or not all(word.isdecimal() and int(word) in ids for word in words):
            raise DataError(
                f"{table} has one word a line and does not say of which picture.",
                "ImageNet's own list counts its classes in another order than networks do: put its development kit's "
                "meta.mat or map_clsloc.txt beside it, or write “picture,class” instead, with WordNet ids.",
            )
        words = [ids[int(word)] for word in words]
    numbers = [int(match[1]) if (match := _NUMBER.search(file.stem)) else 0 for file in pictures]
    if not all(0 < number <= len(words) for number in numbers):
        if len(words) != len(pictures):
            raise DataError(
                f"{table} has {len(words):,} lines for {len(pictures):,} pictures.",
                "A list of bare classes must have one for each picture, in the order of their names.",
            )
        numbers = list(range(1, len(words) + 1))
    for file, number in zip(pictures, numbers, strict=True):
        yield file.name, words[number - 1]


def _labels_file(folder: Path) -> Path | None:
    for place in (folder, folder.parent):
        if place != folder and _folders(folder):
            break
        for name in LABEL_FILES:
            if (place / name).is_file():
                return place / name
        for pattern in (TRUTH, f"*devkit*/data/{TRUTH}", f"*devkit*/{TRUTH}"):
            if found := sorted(place.glob(pattern)):
                return found[0]
    above = [place / SOLUTION for place in list(folder.parents)[:4]]
    return next((file for file in above if file.is_file()), None) if not _folders(folder) else None


def _folders(root: Path) -> list[Path]:
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def some(names: list[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
