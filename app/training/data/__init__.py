"""Data sets as plug-ins: one file each in this package. Numpy only; torch comes in when pictures go to a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.errors import DataError
from app.core.registry import Registry

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is done, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """Pictures of one size with their classes.

    Attributes:
        pixels: (N, S, S, 3) uint8, RGB.
        labels: (N,) int64, from 0.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class DataSet:
    """What a network is trained on and measured on.

    Attributes:
        name: Registry name of its source.
        title: How people call it.
        classes: In the order of the labels.
        train: To learn from.
        test: To measure on; never learnt from.
        mean: Per channel, RGB, on the scale [0, 1].
        deviation: Per channel, RGB, on the scale [0, 1].
        notices: What the user should know ("3 pictures could not be read: …").
        class_ids: What the data calls each class, where that is not its name (WordNet ids); else empty.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    train: LabelledPictures
    test: LabelledPictures
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    notices: tuple[str, ...] = ()
    class_ids: tuple[str, ...] = ()

    def record(self) -> dict[str, object]:
        """What a run folder and a model's card say of it: how many pictures of which classes."""
        return {
            "name": self.name,
            "title": self.title,
            "classes": list(self.classes),
            "class_ids": list(self.class_ids),
            "train_pictures": len(self.train),
            "test_pictures": len(self.test),
            "side": int(self.train.pixels.shape[1]),
            "mean": list(self.mean),
            "deviation": list(self.deviation),
            "notices": list(self.notices),
        }


@dataclass(frozen=True)
class DataRequest:
    """Which pictures an experiment asks for.

    Attributes:
        path: Where the user has them; None for built-in ones, or to look into the cache.
        side: Pixels of a side, where the source leaves the choice.
        download: Whether they may be fetched.
    """

    path: Path | None = None
    side: int = 32
    download: bool = False


class DataSource(Protocol):
    """Where pictures come from.

    Attributes:
        name: Registry name.
        title: How people call it.
        summary: One sentence: what it is.
        path_help: What `DataRequest.path` may be; "" where it has none.
        downloadable: How much would be fetched from where; "" where nothing can be.
        classes: How many classes; 0 where the pictures decide.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def path_help(self) -> str: ...
    @property
    def downloadable(self) -> str: ...
    @property
    def classes(self) -> int: ...

    def look(self, request: DataRequest) -> str:
        """What would be read or made, in one sentence, without reading it.

        Raises:
            DataError: where it is not there, with what to do.
        """
        ...

    def load(self, request: DataRequest, progress: Progress) -> DataSet:
        """Read or make the pictures.

        Raises:
            DataError: where they are not there, or cannot be learnt from.
        """
        ...


data_sources: Registry[DataSource] = Registry("data set", "app.training.data", DataError)


def silent(what: str, done: float) -> None:
    """A `Progress` that tells nobody."""


def channel_statistics(pixels: NDArray[np.uint8]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation per channel on the scale [0, 1], of (N, S, S, 3) uint8."""
    sums, squares = np.zeros(3), np.zeros(3)
    for part in np.array_split(pixels, max(1, len(pixels) // 1000)):
        scaled = part.reshape(-1, 3).astype(np.float64) / 255
        sums += scaled.sum(0)
        squares += (scaled**2).sum(0)
    count = pixels.size / 3
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-6))
    return (
        (round(float(mean[0]), 4), round(float(mean[1]), 4), round(float(mean[2]), 4)),
        (round(float(deviation[0]), 4), round(float(deviation[1]), 4), round(float(deviation[2]), 4)),
    )
