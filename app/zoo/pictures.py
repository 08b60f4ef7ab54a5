"""Made-up pictures with the statistics of photographs, to ask a network what it was trained on.

Noise will not do: a trained network's deeper layers answer to edges, and 1/f noise has none. “Dead leaves” (Lee,
Mumford and Huang 2001, “Occlusion models for natural images”) have: opaque shapes of all sizes, one over another, which
gives edges, flat parts, scale invariance and a 1/f² power spectrum. Colours vary mostly in brightness, as in
photographs. On four third-party networks trained on CIFAR-10 these pictures rank shortcuts and normalisations as
CIFAR-10's own pictures do, and 1/f noise does not.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

Array = NDArray[np.float64]

# Mean and deviation of CIFAR-10's and, nearly, of ImageNet's pixels, as widely published.
_MEAN = (0.490, 0.480, 0.445)
_DEVIATION = (0.250, 0.245, 0.260)
# Rows: brightness, blue to yellow, green to red; the variance of photographs' colours falls in this order.
_COLOURS = np.array([[1.0, 1.0, 1.0], [0.35, 0.0, -0.45], [0.1, -0.2, 0.1]])
_TEXTURE = 0.1
_PAD = 4


@lru_cache(maxsize=4)
def dead_leaves(count: int, side: int, seed: int = 0) -> Tensor:
    """(count, 3, side, side) float32 pictures on the scale [0, 1], RGB; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    finer = 3 if side <= 64 else 1  # drawn larger and averaged: edges are soft, as a lens makes them
    size = side * finer
    rows, columns = np.mgrid[:size, :size]
    pictures = np.stack([_one(rng, rows, columns) for _ in range(count)])
    pictures += _TEXTURE * _coloured(_pink_noise(rng, count, size))
    pictures = pictures.reshape(count, 3, side, finer, side, finer).mean((3, 5))
    for _ in range(3):  # clipping takes some of the deviation away again
        mean, deviation = pictures.mean((0, 2, 3), keepdims=True), pictures.std((0, 2, 3), keepdims=True)
        pictures = ((pictures - mean) / deviation * _column(_DEVIATION) + _column(_MEAN)).clip(0, 1)
    return torch.from_numpy(pictures.astype(np.float32))


def _one(rng: np.random.Generator, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Array:
    size = len(rows)
    picture = np.empty((3, size, size))
    picture[:] = (rng.normal(size=3) @ _COLOURS)[:, None, None]
    for _ in range(rng.integers(6, 40)):
        radius = min(size * 0.04 * (1 - rng.random()) ** -0.8, size * 0.6)
        x, y = rng.uniform(-0.1, 1.1, 2) * size
        angle, flatness = rng.uniform(0, np.pi), rng.uniform(0.3, 1)
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = ((rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)) / flatness
        box = rng.random() < 0.3
        inside = np.maximum(abs(along), abs(across)) < radius if box else along**2 + across**2 < radius**2
        slope = rng.normal(size=2) * 0.2 / radius
        colour = rng.normal(size=3) @ _COLOURS
        picture[:, inside] = colour[:, None] + (slope[0] * along + slope[1] * flatness * across)[inside]
    return picture


def _pink_noise(rng: np.random.Generator, count: int, size: int) -> Array:
    """(count, 3, size, size) noise with amplitude 1/f, of unit deviation."""
    across, down = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size))
    frequency = np.hypot(across, down)
    frequency[0, 0] = 1 / size
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(count, 3, size, size))) / frequency).real
    noise -= noise.mean((2, 3), keepdims=True)
    return np.asarray(noise / noise.std((2, 3), keepdims=True))


def _coloured(planes: Array) -> Array:
    return np.asarray(np.einsum("nchw,cd->ndhw", planes, _COLOURS))


def _column(values: tuple[float, float, float]) -> Array:
    return np.array(values).reshape(1, 3, 1, 1)


def shifted(pictures: Tensor) -> Tensor:
    """As training with padded random crops shows them: moved by up to 4 pixels, black where nothing is.

    The black border (in the pixels, before normalisation, as torchvision's RandomCrop makes it) raises the variance
    that batch norms store by more than many normalisations differ.
    """
    generator = torch.Generator().manual_seed(0)
    side = pictures.shape[-1]
    padded = functional.pad(pictures, (_PAD,) * 4)
    places = torch.randint(0, 2 * _PAD + 1, (len(pictures), 2), generator=generator).tolist()
    cuts = [picture[:, y : y + side, x : x + side] for picture, (y, x) in zip(padded, places, strict=True)]
    return torch.stack(cuts)


def zoomed(pictures: Tensor) -> Tensor:
    """As training with random resized crops shows them: enlarged a little, and so smoother."""
    side = pictures.shape[-1]
    inner = max(1, round(side * 0.9))
    first = (side - inner) // 2
    cut = pictures[..., first : first + inner, first : first + inner]
    return functional.interpolate(cut, size=(side, side), mode="bilinear", align_corners=False)
