"""Noise that is the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studio.shapes import Array


def noise(x: Array, y: Array, seed: int = 0) -> Array:
    """Smooth value noise, 0 to 1, one lattice point per unit; the same on every machine."""
    fx, fy = np.floor(x), np.floor(y)
    ix, iy = fx.astype(np.int64), fy.astype(np.int64)
    u, v = x - fx, y - fy
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    corner = [[_hash(ix + i, iy + j, seed) for j in (0, 1)] for i in (0, 1)]
    low = corner[0][0] * (1 - u) + corner[1][0] * u
    high = corner[0][1] * (1 - u) + corner[1][1] * u
    return (low * (1 - v) + high * v).astype(np.float32)


def cloudy(x: Array, y: Array, octaves: int = 5, seed: int = 0) -> Array:
    """Several octaves of noise, 0 to 1."""
    total, weight = np.zeros_like(x), 0.5
    for octave in range(octaves):
        total = total + np.float32(weight) * noise(x, y, seed + octave)
        x, y, weight = x * 2.03 + 7.1, y * 2.03 + 3.7, weight / 2
    return total.astype(np.float32)


def _hash(x: NDArray[np.int64], y: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    value = (x * 374761393 + y * 668265263 + seed * 974634777) & 0xFFFFFFFF
    value = ((value ^ (value >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((value ^ (value >> 16)) & 0xFFFFFF) / float(0xFFFFFF)
