"""Class names: from a file that somebody gives, or guessed from their number and said to be a guess. No torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from app.core.errors import ModelError
from app.zoo.card_file import read_labels
from app.zoo.cards import imagenet_labels

_LARGEST_FILE = 4 << 20

CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def guess_labels(classes: int, side: int, data: str) -> tuple[tuple[str, ...], str]:
    """Class names and, in words, where they come from.

    Args:
        classes: How many.
        side: Of the network's input.
        data: What the file says of its data set, or "".
    """
    said = re.sub(r"[^a-z0-9]", "", data.lower())
    if classes == 1000 and (side >= 64 or "imagenet" in said):
        return imagenet_labels(), "assumed to be ImageNet-1K's, by their number"
    if classes == 10 and "cifar10" in said:
        return CIFAR10_LABELS, f"CIFAR-10's, since the file says “{data}”"
    if classes == 10 and side == 32 and not said:
        return CIFAR10_LABELS, "assumed to be CIFAR-10's, by their number and the size of the input: check them"
    return tuple(f"class {index}" for index in range(classes)), "not in the file: numbered; give a file with names"


def is_numbered(labels: tuple[str, ...]) -> bool:
    """Whether these are no names, but `guess_labels`' numbers."""
    return all(label == f"class {index}" for index, label in enumerate(labels))


def as_labels(value: Any, classes: int) -> tuple[str, ...] | None:
    """Class names, where a value holds just so many."""
    if isinstance(value, list | tuple) and len(value) == classes and all(isinstance(one, str) for one in value):
        return tuple(value)
    if not isinstance(value, dict) or len(value) != classes:
        return None
    pairs = {key: one for key, one in value.items() if isinstance(one, str) and str(key).isdigit()}
    table = {int(key): one for key, one in pairs.items()}
    if not table:
        table = {one: str(key) for key, one in value.items() if isinstance(one, int)}
    if sorted(table) != list(range(classes)):
        return None
    return tuple(table[index] for index in range(classes))


def read_label_file(path: Path, classes: int) -> tuple[tuple[str, ...] | None, str]:
    """Class names from a text file (one a line) or a JSON file, or why there are none, with both counts."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return None, f"{path.name} is too large to be a list of class names."
        if path.suffix.lower() == ".json":
            value = json.loads(path.read_text(encoding="utf-8"))
            labels = as_labels(value, classes)
            if labels is None and not isinstance(value, list | dict):
                return None, f"{path.name} holds no list of class names."
            return labels, "" if labels else _other_count(path, len(value), classes)
        found = read_labels(path)
    except (OSError, ValueError, RecursionError, ModelError) as error:
        return None, f"{path.name} cannot be read as class names ({str(error)[:80]})."
    if len(found) != classes:
        return None, _other_count(path, len(found), classes)
    return found, ""


def _other_count(path: Path, found: int, classes: int) -> str:
    if found == classes:  # a table, but not of names by index
        return f"{path.name} has {found:,} entries, and they are not names of the classes 0 to {classes - 1:,}."
    return f"{path.name} has {found:,} class names, and the network has {classes:,} classes."
