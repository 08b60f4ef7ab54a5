"""Labelled pictures in folders: one per class, or all in one with a file that says each picture's class."""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from posixpath import join, normpath

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
UTF_8 = "Save it as UTF-8 (in Excel: “CSV UTF-8”)."
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
            empty.append(_shown(folder.name))
            continue
        places += [len(classes)] * len(found)
        files += found
        classes.append(_shown(folder.name))
    if not files:
        raise DataError(f"{top} has folders ({some(empty)}), but no picture in them.", HELP)
    notices = [f"Left out, without pictures: {some(empty)}."] if empty else []
    loose = sum(1 for entry in top.iterdir() if entry.is_file() and entry.name.lower().endswith(PICTURE_SUFFIXES))
    if loose:
        notices.append(f"Left out, because they are in no class's folder: {loose} pictures.")
    names = tuple(_shown(file.relative_to(root).as_posix()) for file in files)
    labels = np.array(places, np.int64)
    return LabelledSet(root, "a folder per class", tuple(classes), labels, names, tuple(files), notices=tuple(notices))


def _flat(root: Path, table: Path, *, named: Path | None = None) -> LabelledSet:
    import numpy as np

    rows = _rows(table)
    pictures = list(iterate_pictures([root]))
    lines = list(_lines(table, rows, sorted(pictures, key=lambda file: (file.name, file.as_posix()))))
    meant = _meant([name for name, _label in lines], table, root, pictures)
    called: dict[Path, str] = {}
    missing: list[str] = []
    several: list[str] = []
    for (name, label), found in zip(lines, meant, strict=True):
        if len(found) != 1:
            (several if found else missing).append(name)
        elif called.setdefault(found[0], label) != label:
            raise DataError(
                f"{table} calls {found[0]} both “{called[found[0]]}” and “{label}”.", "Leave one of the lines out."
            )
    if not called:
        raise DataError(f"None of the pictures that {table} names is in {root}: {some(missing or several)}.", HELP)
    title = _shown(table.name)
    notices = [f"{title} names {len(missing)} pictures that are not there: {some(missing)}."] if missing else []
    if several:
        notices.append(f"Left out, because more than one picture is called so: {some(several)}.")
    if len(pictures) > len(called):
        notices.append(f"Left out, because {title} does not name them: {len(pictures) - len(called)} pictures.")
    files = tuple(file for file in pictures if file in called)
    classes = _sorted_classes(set(called.values()))
    places = {label: place for place, label in enumerate(classes)}
    numbers = {file: number for number, file in enumerate(files)}
    below = named or root
    return LabelledSet(
        below,
        f"pictures with {title}",
        classes,
        np.array([places[called[file]] for file in files], np.int64),
        tuple(_shown(file.relative_to(below).as_posix()) for file in files),
        files,
        notices=tuple(notices),
        told=tuple(numbers[file] for file in called),
    )


def _sorted_classes(labels: set[str]) -> tuple[str, ...]:
    """By the alphabet, as folders are; numbers by their size."""
    if all(label.isdecimal() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _meant(names: list[str], table: Path, root: Path, pictures: list[Path]) -> list[list[Path]]:
    """The picture that each name means; none where it is not there, several where the name does not tell them apart.

    A name with a folder is the end of a path: “cat/1.jpg” never means dog/1.jpg. Only where no such folder is here at
    all, as after pictures were put together elsewhere, a bare name that is the only one of its kind will do.
    """
    top = normpath(root.absolute().as_posix())
    beside = normpath(table.absolute().parent.as_posix())
    files: dict[str, Path] = {}
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    by_stem: defaultdict[str, list[str]] = defaultdict(list)
    for file in pictures:
        path = join(top, file.relative_to(root).as_posix()) if file != root else top
        files[path] = file
        by_name[file.name].append(path)
        by_stem[file.stem].append(path)

    def called_so(name: str) -> list[str]:
        end = "/" + name.lstrip("/")
        bare = end.rpartition("/")[2]
        whole = [path for path in by_name.get(bare, ()) if f"/{path}".endswith(end)]
        return whole or [path for path in by_stem.get(bare, ()) if f"/{path.rpartition('.')[0]}".endswith(end)]

    def find(name: str) -> list[str]:
        exact = next((path for folder in (top, beside) if (path := normpath(join(folder, name))) in files), None)
        return called_so(name) if exact is None else [exact]

    names = [normpath(name) for name in names]
    found = [find(name) for name in names]
    if not any("/" in name and paths for name, paths in zip(names, found, strict=True)):
        elsewhere = [paths or called_so(name.rpartition("/")[2]) for name, paths in zip(names, found, strict=True)]
        claims: defaultdict[str, set[str]] = defaultdict(set)
        for name, paths in zip(names, elsewhere, strict=True):
            for path in paths:
                claims[path].add(name)
        found = [
            paths or [path for path in others if len(others) == 1 and len(claims[path]) == 1]
            for paths, others in zip(found, elsewhere, strict=True)
        ]
    return [[files[path] for path in paths] for paths in found]


def _rows(table: Path) -> list[str]:
    """The lines of a labels file that say something."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"The file of labels {table} does not exist.", "Check its path.") from error
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"The file of labels {table} cannot be read ({reason}).", "Choose a text file.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{table} is not text in UTF-8.", f"{UTF_8} {HELP}") from error
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _separator(rows: list[str]) -> str:
    """What stands between the picture and its class, the same in the whole file: class names have commas and spaces."""
    if all("\t" in row for row in rows):
        return "\t"
    if all(";" in row and "," not in row for row in rows):
        return ";"
    commas = sum("," in row for row in rows)
    spaced = all((match := _SEPARATED.match(row.strip())) and "," not in match["name"] for row in rows)
    return " " if commas == 0 or (spaced and commas < len(rows)) else ","


def _lines(table: Path, rows: list[str], pictures: list[Path]) -> Iterator[tuple[str, str]]:
    """(picture, class) of each line: separated by commas, semicolons, tabs or spaces; a heading is passed over.

    Args:
        pictures: In the order of their names: what a list of bare classes, as ImageNet's are, is about.
    """
    separator = _separator(rows)
    if rows and all(len(row.split()) == 1 and separator not in row.strip() for row in rows):
        yield from _in_order(table, [row.strip() for row in rows], pictures)
        return
    solution = bool(rows) and rows[0].replace(" ", "").lower() == "imageid,predictionstring"
    for number, row in enumerate(rows):
        if separator == " ":
            match = _SEPARATED.match(row.strip())
            cells = row.split("\t") if "\t" in row else [match["name"], match["label"]] if match else [row]
        else:
            cells = next(csv.reader([row], delimiter=separator))
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
        yield file.absolute().as_posix(), words[number - 1]


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


def _shown(name: str) -> str:
    """A name as it can be shown and written: what is not UTF-8 in it gets replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def some(names: list[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
