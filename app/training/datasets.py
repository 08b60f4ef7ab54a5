"""Pictures for training: on the device as uint8, cropped, flipped and normalised there, a whole batch at once."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.core.errors import DataError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR_DEVIATION = (0.2470, 0.2435, 0.2616)
PAD = 4


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Labelled pictures of one size.

    Attributes:
        pixels: (N, 3, S, S) uint8, RGB.
        labels: (N,) int64.
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> PictureSet:
        """The same pictures on another device."""
        return PictureSet(self.pixels.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class DataSet:
    """What a network is trained on and measured on.

    Attributes:
        name: How it is called.
        classes: In the order of the labels.
        mean: Per channel, RGB, on the scale [0, 1].
        deviation: Per channel, RGB, on the scale [0, 1].
    """

    name: str
    classes: tuple[str, ...]
    train: PictureSet
    test: PictureSet
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def to(self, device: torch.device) -> DataSet:
        """The same data on another device."""
        return DataSet(
            self.name, self.classes, self.train.to(device), self.test.to(device), self.mean, self.deviation
        )

    def normalise(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 -> float32, minus mean, over deviation."""
        mean = torch.tensor(self.mean, device=pixels.device).view(1, 3, 1, 1) * 255
        deviation = torch.tensor(self.deviation, device=pixels.device).view(1, 3, 1, 1) * 255
        return (pixels.float() - mean) / deviation


def load_cifar10(path: Path) -> DataSet:
    """Read CIFAR-10 (Krizhevsky 2009) from where the user has it.

    Args:
        path: An `.npz` with x_train, y_train, x_test, y_test (uint8, N×32×32×3, RGB), or the published folder
            `cifar-10-batches-py`.

    Raises:
        DataError: where it is not there or is something else.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist.", "Give the path of an .npz file or of cifar-10-batches-py.")
    try:
        arrays = _read_npz(path) if path.is_file() else _read_batches(path)
    except (OSError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} is not CIFAR-10: {error}.", "Give an .npz file with x_train, …, or cifar-10-batches-py."
        ) from error
    x_train, y_train, x_test, y_test = arrays
    return DataSet(
        "CIFAR-10",
        CIFAR10_CLASSES,
        _picture_set(x_train, y_train),
        _picture_set(x_test, y_test),
        CIFAR_MEAN,
        CIFAR_DEVIATION,
    )


def _picture_set(pixels: np.ndarray, labels: np.ndarray) -> PictureSet:
    channels_first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return PictureSet(torch.from_numpy(channels_first), torch.from_numpy(labels.astype(np.int64)))


def _read_npz(path: Path) -> tuple[np.ndarray, ...]:
    with np.load(path, allow_pickle=False) as file:
        return tuple(file[name] for name in ("x_train", "y_train", "x_test", "y_test"))


class _PlainUnpickler(pickle.Unpickler):
    """Reads the published batches, which hold only dicts, lists, bytes and numpy arrays; nothing else may run."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
        if (module, name) in allowed:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it would run {module}.{name}")


def _read_batches(folder: Path) -> tuple[np.ndarray, ...]:
    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        with (folder / name).open("rb") as file:
            batch = _PlainUnpickler(file, encoding="bytes").load()
        pixels = np.asarray(batch[b"data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return pixels, np.asarray(batch[b"labels"])

    train = [read(f"data_batch_{number}") for number in range(1, 6)]
    x_test, y_test = read("test_batch")
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return x_train, y_train, x_test, y_test


def batches(
    pictures: PictureSet, *, size: int, augment: bool, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of (pixels uint8, labels), in random order; the last, smaller batch is left out.

    The generator alone decides order, crops and flips: two runs with equal seeds see equal batches.
    """
    count = len(pictures)
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - size + 1, size):
        index = order[start : start + size].to(pictures.pixels.device)
        pixels, labels = pictures.pixels[index], pictures.labels[index]
        yield (augmented(pixels, generator) if augment else pixels), labels


def augmented(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Pad by 4 with zeros, crop at random, flip half of the pictures; (N, 3, S, S) uint8 in and out."""
    count, _, side, _ = pixels.shape
    device = pixels.device
    padded = functional.pad(pixels, (PAD, PAD, PAD, PAD))
    shift = torch.randint(0, 2 * PAD + 1, (2, count, 1), generator=generator).to(device)
    flip = torch.randint(0, 2, (count, 1), generator=generator).to(device).bool()
    ramp = torch.arange(side, device=device).expand(count, side)
    rows = shift[0] + ramp
    columns = shift[1] + torch.where(flip, side - 1 - ramp, ramp)
    picture = torch.arange(count, device=device).view(-1, 1, 1)
    return padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
