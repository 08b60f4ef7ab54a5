"""Which pictures drive a block's channels hardest: each channel's greatest activation over a data set."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.errors import AnatomyError
from app.inference.classifier import Classifier
from app.networks.hooks import watched


class _Enough(Exception):
    """The block is behind us: the rest of the network need not be computed."""


@dataclass(eq=False)
class Hardest:
    """For every channel of a block its hardest pictures so far.

    Attributes:
        count: How many per channel.
        values: (C, count) float32, greatest first; −∞ where there were fewer pictures.
        numbers: (C, count) int64: which pictures.
        places: (C, count, 2) float32: (row, column) of the greatest activation, 0 to 1.
        seen: How many pictures.
        sums: (C,) of greatest activations.
    """

    count: int
    values: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    numbers: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    places: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0, 2), np.float32))
    seen: int = 0
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def add(self, classifier: Classifier, block: str, pixels: NDArray[np.uint8], numbers: Sequence[int]) -> None:
        """Look at some more pictures.

        Args:
            pixels: (N, S, S, 3) uint8, cut as the network takes them.
            numbers: Of these pictures, to be told again.

        Raises:
            AnatomyError: where the block has no feature map.
        """
        parts = classifier.in_parts(pixels, lambda part: _greatest(classifier, block, part))
        values = np.concatenate([one for one, _ in parts]).T  # (C, N)
        places = np.concatenate([one for _, one in parts]).transpose(1, 0, 2)
        if not self.seen:
            channels = len(values)
            self.values = np.full((channels, self.count), -np.inf, np.float32)
            self.numbers = np.full((channels, self.count), -1)
            self.places = np.zeros((channels, self.count, 2), np.float32)
            self.sums = np.zeros(channels)
        self.seen += len(pixels)
        self.sums += values.sum(1)
        values = np.concatenate([self.values, values], axis=1)
        places = np.concatenate([self.places, places], axis=1)
        every = np.concatenate([self.numbers, np.tile(np.asarray(numbers, np.int64), (len(values), 1))], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, : self.count]
        self.values = np.take_along_axis(values, order, 1)
        self.numbers = np.take_along_axis(every, order, 1)
        self.places = np.take_along_axis(places, order[:, :, None], 1)


def _greatest(
    classifier: Classifier, block: str, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, C) greatest activations and (N, C, 2) where they are."""
    kept: list[Tensor] = []

    def keep(output: Tensor) -> None:
        kept.append(output)
        raise _Enough

    with torch.inference_mode(), watched(classifier.network, {block: keep}), contextlib.suppress(_Enough):
        classifier.network(classifier.inputs(pixels))
    feature_map = kept[0]
    if feature_map.ndim != 4:
        raise AnatomyError(f"“{block}” has no feature map.", "Choose a block before the head.")
    height, width = feature_map.shape[2:]
    values, places = feature_map.float().flatten(2).max(2)
    rows = (places // width + 0.5) / height
    columns = (places % width + 0.5) / width
    return values.cpu().numpy(), torch.stack([rows, columns], 2).float().cpu().numpy()
