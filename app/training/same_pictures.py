"""Whether a run that goes on has the pictures that it began with: labels that moved would be learnt without a word."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from app.core.errors import TrainingError
from app.runs.folder import DATA, read_json
from app.training.data import DataSet

_WORDS = {
    "train_pictures": "training pictures",
    "test_pictures": "test pictures",
    "side": "pixels of a side",
    "labels": "order of the labels",
}


def described(data: DataSet) -> dict[str, Any]:
    """What a run's folder says of its pictures: their record, and a checksum of their labels in their order."""
    return data.record() | {"labels": _checksum(data)}


def check(folder: Path, data: DataSet) -> None:
    """Refuse other pictures than the folder tells of. What it does not tell, as older runs do not, is not compared.

    Raises:
        TrainingError: saying what differs.
    """
    if not (folder / DATA).exists():
        return
    kept, now = read_json(folder / DATA), described(data)
    for name in ("classes", *_WORDS):
        if name in kept and kept[name] != now[name]:
            raise TrainingError(
                f"{folder} began with other pictures: {_difference(name, kept[name], now[name])}.",
                "Put the pictures back as they were, or start a new run with these.",
            )


def _difference(name: str, before: Any, now: Any) -> str:
    if name == "labels":
        return f"the {_WORDS[name]} has changed"
    if name != "classes":
        return f"{before} {_WORDS[name]} then, {now} now"
    if len(before) != len(now):
        return f"{len(before)} classes then, {len(now)} now"
    place = next(place for place, (one, other) in enumerate(zip(before, now, strict=True)) if one != other)
    return f"class {place + 1} was “{before[place]}” and is “{now[place]}” now"


def _checksum(data: DataSet) -> int:
    checksum = 0
    for pictures in (data.train, data.test):
        checksum = zlib.crc32(np.ascontiguousarray(pictures.labels, "<i8").tobytes(), checksum)
    return checksum
