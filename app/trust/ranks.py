"""Comparing two maps by the order of their values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spearman(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Spearman's rank correlation, −1 to 1; ties share their mean rank; 0 where either is flat or not finite."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return 0.0
    first, second = _ranks(one), _ranks(other)
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / scale) if scale > 0 else 0.0


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: NDArray[np.float64] = (ends - counts + ends - 1) / 2
    return means[inverse.ravel()]
