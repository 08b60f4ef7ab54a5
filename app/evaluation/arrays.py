"""Labelled pictures in arrays: `.npz` files, and the folders in which CIFAR-10 and CIFAR-100 are published."""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from app.core.errors import DataError
from app.core.plain_pickle import PlainUnpickler
from app.evaluation.data import LabelledSet

# Pictures and labels as people name them; the test pictures first: a file that has both is judged on those.
PAIRS = (
    ("x_test", "y_test"),
    ("test_images", "test_labels"),
    ("X_test", "y_test"),
    ("x_val", "y_val"),
    ("val_images", "val_labels"),
    ("x", "y"),
    ("X", "y"),
    ("images", "labels"),
    ("data", "labels"),
    ("pictures", "labels"),
    ("x_train", "y_train"),
    ("train_images", "train_labels"),
)
CLASS_NAMES = ("classes", "class_names", "label_names")
NPZ_HELP = "An .npz holds uint8 pictures (N, H, W, 3) as x_test with their classes as y_test, and may name its classes."


@dataclass(frozen=True)
class CifarLayout:
    """One of the two published folders."""

    title: str
    batch: str
    meta: str
    labels_key: bytes
    names_key: bytes


CIFAR = (
    CifarLayout("CIFAR-10's folder", "test_batch", "batches.meta", b"labels", b"label_names"),
    CifarLayout("CIFAR-100's folder", "test", "meta", b"fine_labels", b"fine_label_names"),
)


def read_npz(path: Path) -> LabelledSet:
    """An .npz file's test pictures, or its only ones.

    Raises:
        DataError: where it is no such file, or holds something else; it says what it holds.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise DataError(f"{path} holds one array without labels.", NPZ_HELP)
            pair = next((pair for pair in PAIRS if pair[0] in file and pair[1] in file), None)
            if pair is None:
                raise DataError(f"{path} has no labelled pictures; it holds {', '.join(file.files[:8])}.", NPZ_HELP)
            pixels, labels = file[pair[0]], file[pair[1]]
            names = next((file[name] for name in CLASS_NAMES if name in file), np.array([], "U1"))
    except (
        OSError,
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:  # RuntimeError: zipfile's, of what it cannot do
        raise DataError(f"{path} cannot be read as .npz ({_reason(error)}).", NPZ_HELP) from error
    layout = f".npz file ({pair[0]}, {pair[1]})"
    return _set(path, layout, tuple(str(name) for name in _texts(path, names).reshape(-1)), pixels, labels)


def cifar_folder(path: Path) -> tuple[Path, CifarLayout] | None:
    """Where the published batches are, in `path` or one folder below; None where they are not."""
    for layout in CIFAR:
        for folder in (path, path / "cifar-10-batches-py", path / "cifar-100-python"):
            if (folder / layout.batch).is_file() and (folder / layout.meta).is_file():
                return folder, layout
    return None


def read_cifar(path: Path, found: tuple[Path, CifarLayout]) -> LabelledSet:
    """The test batch of a published folder; nothing in its pickles can run.

    Raises:
        DataError: where the files are something else.
    """
    folder, layout = found
    try:
        batch, meta = _unpickled(folder / layout.batch), _unpickled(folder / layout.meta)
        pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = np.asarray(batch[layout.labels_key])
        names = tuple(name.decode("utf-8", "replace").replace("_", " ") for name in meta[layout.names_key])
    except (OSError, KeyError, ValueError, TypeError, EOFError, AttributeError, pickle.UnpicklingError) as error:
        raise DataError(f"{folder} is not {layout.title} ({_reason(error)}).", "Get the archive again.") from error
    return _set(path, layout.title, names, np.ascontiguousarray(pixels), labels)


def _set(path: Path, layout: str, classes: tuple[str, ...], pixels: NDArray[Any], labels: NDArray[Any]) -> LabelledSet:
    pixels = _as_pictures(path, pixels)
    labels = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.shape != (len(pixels),) or not len(labels):
        raise DataError(f"{path} has {len(pixels)} pictures and labels of shape {labels.shape}.", NPZ_HELP)
    if labels.dtype.kind in "US":
        texts = _texts(path, labels)
        classes, places = (tuple(part) for part in np.unique(texts, return_inverse=True))
        labels = np.asarray(places)
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        raise DataError(f"The labels in {path} are not whole numbers from 0.", NPZ_HELP)
    if classes and labels.max() >= len(classes):
        raise DataError(f"{path} names {len(classes)} classes, and has labels up to {labels.max()}.", "Correct it.")
    return LabelledSet(
        path, layout, tuple(map(str, classes)), labels.astype(np.int64), Numbered(len(pixels)), (), pixels
    )


def _texts(path: Path, names: NDArray[Any]) -> NDArray[Any]:
    """Names of classes as text, also where they were saved as bytes."""
    if names.dtype.kind != "S":
        return names
    try:
        return np.char.decode(names, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"The class names in {path} are not UTF-8.", "Save them as text (numpy's str).") from error


class Numbered(Sequence[str]):
    """The names of pictures in an array, “#0”, “#1”, …, made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [f"#{one}" for one in range(*number.indices(self._count))]
        if not 0 <= number < self._count:
            raise IndexError(number)
        return f"#{number}"


def _as_pictures(path: Path, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.ndim == 3:  # grey
        pixels = np.repeat(pixels[..., np.newaxis], 3, axis=3)
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = np.repeat(pixels, 3, axis=3)
    if pixels.ndim == 4 and pixels.shape[1] == 3 and pixels.shape[3] != 3:
        pixels = pixels.transpose(0, 2, 3, 1)
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
        raise DataError(
            f"The pictures in {path} are {pixels.dtype} of shape {pixels.shape}, not uint8 of (N, H, W, 3).",
            "Save them before they are normalised.",
        )
    return np.ascontiguousarray(pixels)


def _unpickled(path: Path) -> dict[bytes, Any]:
    with path.open("rb") as file:
        content = PlainUnpickler(file, encoding="bytes").load()
    if not isinstance(content, dict):
        raise ValueError("not a table")
    return content


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no {error.args[0]!r} in it"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
