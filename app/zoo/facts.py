"""What a file says of itself in plain values: class names, preprocessing, accuracy. Hints from people, so checked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from app.core.preprocessing import Interpolation
from app.zoo.labels import as_labels, read_label_file

_DEEPEST = 8
_MOST_VALUES = 20_000
_NAMES = re.compile(r".*(class|label|categor|idx_to|idx2|id2|names).*", re.IGNORECASE)
_MEAN = re.compile(r"(\w+_)?(mean|means|pixel_mean|img_mean)", re.IGNORECASE)
_DEVIATION = re.compile(r"(\w+_)?(std|stds|stdev|pixel_std|img_std|deviation)", re.IGNORECASE)
_SIZE = re.compile(r"(img|image|input|crop|train_crop|val_crop)_?(size|sz|res|resolution)|resolution", re.IGNORECASE)
_ACCURACY = re.compile(r"(best|val|test)?_?(acc|accuracy|prec|top|acc_top)_?@?1?", re.IGNORECASE)
_DATA = re.compile(r"data_?set(_name)?|data|data_name", re.IGNORECASE)
_RESAMPLINGS: dict[object, Interpolation] = {0: "nearest", 2: "bilinear", 3: "bicubic", "bicubic": "bicubic"}


@dataclass(frozen=True)
class Facts:
    """What a file says of itself.

    Attributes:
        normalisation: (mean, deviation) per channel on the scale [0, 1].
        crop: Side of the input, in pixels.
        resize: Length of the shorter side before the crop.
        interpolation: How pixels are resampled.
        claims: Accuracy and data set, as the file's author wrote them.
    """

    normalisation: tuple[tuple[float, float, float], tuple[float, float, float]] | None
    crop: int | None
    resize: int | None
    interpolation: Interpolation | None
    claims: dict[str, str]


def plain_values(tree: Any) -> Iterator[tuple[str, Any, dict[Any, Any]]]:
    """(key, value, the table it is in) of everything that is no tensor, outermost first."""
    count = 0
    seen = set[int]()
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop(0)
        if id(node) in seen or depth > _DEEPEST:
            continue
        seen.add(id(node))
        for key, value in node.items():
            count += 1
            if count > _MOST_VALUES:
                return
            if isinstance(value, Tensor):
                continue
            yield str(key), value, node
            if isinstance(value, dict):
                waiting.append((value, depth + 1))


def read_facts(tree: Any) -> Facts:
    """Gather what is said of preprocessing and accuracy."""
    normalisation, crop, resize, interpolation = None, None, None, None
    claims: dict[str, str] = {}
    for key, value, table in plain_values(tree) if isinstance(tree, dict) else ():
        if normalisation is None and _MEAN.fullmatch(key):
            normalisation = _normalisation(value, table)
            if normalisation and "image_mean" in table:
                crop, resize = _hugging_face_sizes(table)
            if normalisation and "crop_pct" in table and resize is None:
                resize = _resize_of(table, _side(table.get("input_size")))
            if normalisation:
                interpolation = _RESAMPLINGS.get(_hashable(table.get("resample", table.get("interpolation"))))
        if crop is None and _SIZE.fullmatch(key):
            crop = _side(value)
        if _ACCURACY.fullmatch(key) and isinstance(value, int | float) and 0 < value <= 100:
            claims.setdefault(key, f"{value:g}")
        if _DATA.fullmatch(key) and isinstance(value, str) and len(value) < 80:
            claims.setdefault("data", Path(value).name)
    return Facts(normalisation, crop, resize, interpolation, claims)


def _normalisation(mean: Any, table: dict[Any, Any]) -> Any:
    deviation = next((value for key, value in table.items() if _DEVIATION.fullmatch(str(key))), None)
    pair = (_triple(mean), _triple(deviation))
    if pair[0] is None or pair[1] is None or min(pair[1]) <= 0:
        return None
    if max(pair[1]) > 1.5 or max(pair[0]) > 1.5:  # on the scale 0 to 255
        return tuple(tuple(value / 255 for value in values) for values in pair if values)
    return pair


def _triple(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return None
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in value):
        return None
    return (float(value[0]), float(value[1]), float(value[2]))


def _side(value: Any) -> int | None:
    """The side of a square: 224, [3, 224, 224], {"height": 224, …}."""
    if isinstance(value, dict):
        value = value.get("shortest_edge", value.get("height"))
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    fits = isinstance(value, int) and not isinstance(value, bool) and 8 <= value <= 2048
    return value if fits else None


def _hugging_face_sizes(table: dict[Any, Any]) -> tuple[int | None, int | None]:
    """ConvNextImageProcessor, which the ResNets use: below 384 it enlarges by 1 / crop_pct and cuts the centre."""
    size, crop = _side(table.get("size")), _side(table.get("crop_size"))
    if crop is not None:
        return crop, size
    if size is not None and "crop_pct" in table and size < 384:
        return size, _resize_of(table, size)
    return size, size


def _resize_of(table: dict[Any, Any], crop: int | None) -> int | None:
    share = table.get("crop_pct")
    if crop is None or not isinstance(share, int | float) or not 0.1 <= share <= 1:
        return None
    return int(crop / share)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, int | str) else None


def labels_inside(tree: Any, classes: int) -> tuple[str, ...] | None:
    """Class names among a file's plain values: a list, or a table by index or by name."""
    for key, value, _ in plain_values(tree) if isinstance(tree, dict) else ():
        if _NAMES.fullmatch(key):
            labels = as_labels(value, classes)
            if labels:
                return labels
    return None


def labels_beside(path: Path, classes: int) -> tuple[tuple[str, ...] | None, str, tuple[str, ...]]:
    """Class names in a side file: its name, and a note for each side file with a wrong count."""
    notes: list[str] = []
    stems = [path.name, path.stem, f"{path.stem}_classes", f"{path.stem}_labels"]
    names = [f"{stem}{ending}" for stem in stems for ending in (".txt", ".json", ".names", ".labels")]
    names += [
        f"{word}{ending}" for word in ("classes", "labels", "class_names", "categories") for ending in (".txt", ".json")
    ]
    for name in names:
        side = path.with_name(name)
        if side != path and side.is_file():
            labels, problem = read_label_file(side, classes)
            if labels:
                return labels, name, tuple(notes)
            notes.append(f"{problem} It is not used.")
    return None, "", tuple(notes)
