"""Which mean and deviation people normalise pictures with, and how to do it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from app.core.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Normalisation:
    """How pixels on the scale [0, 1] become the network's input.

    Attributes:
        title: How to call it.
        mean: RGB.
        deviation: RGB.
        bgr: Whether the network takes blue first, as Caffe's do.
    """

    title: str
    mean: Triple
    deviation: Triple
    bgr: bool = False

    def apply(self, pictures: Tensor) -> Tensor:
        """(N, 3, S, S) on [0, 1], RGB -> the network's input."""
        mean = torch.tensor(self.mean).view(1, 3, 1, 1)
        deviation = torch.tensor(self.deviation).view(1, 3, 1, 1)
        normalised = (pictures - mean) / deviation
        return normalised.flip(1) if self.bgr else normalised


_CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
_BYTE = (1 / 255, 1 / 255, 1 / 255)
_ONE, _ZERO = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
IMAGENET = Normalisation("ImageNet's mean and deviation", IMAGENET_MEAN, IMAGENET_DEVIATION)
NORMALISATIONS = (
    IMAGENET,
    Normalisation("CIFAR-10's mean and deviation", _CIFAR_MEAN, (0.2470, 0.2435, 0.2616)),
    Normalisation("CIFAR-10's mean, deviation 0.20", _CIFAR_MEAN, (0.2023, 0.1994, 0.2010)),
    Normalisation("−1 to 1", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    Normalisation("0 to 1", _ZERO, _ONE),
    Normalisation("ImageNet's mean, deviation 1", IMAGENET_MEAN, _ONE),
    Normalisation("0 to 255", _ZERO, _BYTE),
    Normalisation("ImageNet's mean on 0 to 255", IMAGENET_MEAN, _BYTE),
    Normalisation("ImageNet's mean on 0 to 255, blue first (Caffe)", IMAGENET_MEAN, _BYTE, bgr=True),
)
"""What people use. A data set's own figures are tried only where the number of classes fits it; see `candidates`."""

_OF_CLASSES = {
    100: Normalisation("CIFAR-100's mean and deviation", (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    200: Normalisation("Tiny ImageNet's mean and deviation", (0.4802, 0.4481, 0.3975), (0.2302, 0.2265, 0.2262)),
}


def candidates(classes: int) -> tuple[Normalisation, ...]:
    """The normalisations to try on a network of so many classes."""
    own = _OF_CLASSES.get(classes)
    return (*NORMALISATIONS, own) if own else NORMALISATIONS
