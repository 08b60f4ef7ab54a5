"""How surely a share is known that was counted on so many pictures."""

from __future__ import annotations

import math

_Z = 1.959964  # of the 95 % interval


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count`, in per cent, to two decimals (Wilson 1927).

    Args:
        share: From 0 to 1.
        count: Of pictures; with none, nothing is known: (0, 100).
    """
    if count == 0:
        return 0.0, 100.0
    centre = share + _Z**2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    low, high = 100 * (centre - reach) / scale, 100 * (centre + reach) / scale
    return round(max(0.0, low), 2), round(min(100.0, high), 2)
