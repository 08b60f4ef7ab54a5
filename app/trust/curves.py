"""Deletion and insertion (Petsiuk et al. 2018, “RISE”, section 4.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from app.core.trust import Curve
from app.explain.registry import stop_if

STEPS = 24
RANDOM_MAPS = 4
RANDOM_GRID = 7  # cells per side of a random map: as coarse as Grad-CAM's on ImageNet
AT_ONCE = 13
BLUR = 5 / 224  # standard deviation of the blur, as a share of the side (RISE: 5 of 224 pixels)

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


def curves(
    network: nn.Module,
    picture: Tensor,
    values: NDArray[np.float32],
    target: int,
    *,
    seed: int = 0,
    progress: Progress = lambda _share: None,
    cancelled: Cancelled = lambda: False,
) -> tuple[Curve, Curve]:
    """(deletion, insertion) of a map.

    Args:
        picture: (1, 3, S, S), normalised: zero is the mean colour.
        values: (h, w), greatest where it matters most.
        target: The class whose probability is followed.

    Raises:
        CancelledError: where `cancelled` said so.
    """
    side = picture.shape[-1]
    random = np.random.default_rng(seed)
    maps = [values, *(random.random((RANDOM_GRID, RANDOM_GRID), np.float32) for _ in range(RANDOM_MAPS))]
    orders = [_order(one, side, random) for one in maps]
    shares = np.linspace(0, 1, STEPS + 1, dtype=np.float32)
    ends = (torch.zeros_like(picture), picture, _blurred(picture))
    found = []
    for place, (start, end) in enumerate(((ends[1], ends[0]), (ends[2], ends[1]))):
        rows = []
        for number, order in enumerate(orders):
            rows.append(_followed(network, start, end, order, shares, target, cancelled))
            progress((place * len(orders) + number + 1) / (2 * len(orders)))
        areas = [float(np.trapezoid(row, shares)) for row in rows]
        found.append(Curve(shares, rows[0], np.mean(rows[1:], axis=0, dtype=np.float32), areas[0], tuple(areas[1:])))
    return found[0], found[1]


def _followed(
    network: nn.Module,
    start: Tensor,
    end: Tensor,
    order: NDArray[np.int64],
    shares: NDArray[np.float32],
    target: int,
    cancelled: Cancelled,
) -> NDArray[np.float32]:
    """The target's probability while `start` becomes `end`, pixel by pixel in that order."""
    side = start.shape[-1]
    place = np.empty(side * side, np.int64)
    place[order] = np.arange(side * side)
    when = torch.from_numpy(place.reshape(1, 1, side, side)).to(start.device)
    counts = torch.from_numpy(np.round(shares * side * side).astype(np.int64)).to(start.device)
    parts = []
    with torch.inference_mode():
        for part in torch.split(counts, AT_ONCE):
            stop_if(cancelled)
            mixed = torch.where(when < part.view(-1, 1, 1, 1), end, start)
            parts.append(torch.softmax(network(mixed).float(), 1)[:, target].cpu().numpy())
    return np.concatenate(parts).astype(np.float32)


def _order(values: NDArray[np.float32], side: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(S·S,) the pixels, most important first; equals in random order."""
    small = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]
    enlarged = functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)[0, 0].numpy()
    result: NDArray[np.int64] = np.lexsort((random.random(side * side), -enlarged.ravel()))
    return result


def _blurred(picture: Tensor) -> Tensor:
    """Gaussian blur, edges mirrored."""
    side = picture.shape[-1]
    deviation = max(1.0, BLUR * side)
    reach = min(int(3 * deviation + 0.5), side - 1)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=picture.device)
    weights = torch.exp(-(steps**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    channels = picture.shape[1]
    padded = functional.pad(picture, (reach, reach, reach, reach), mode="reflect")
    across = functional.conv2d(padded, weights.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)
    return functional.conv2d(across, weights.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)
