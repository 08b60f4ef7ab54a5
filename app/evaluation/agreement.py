"""How far two models agree on one picture. Defined, with equations, in docs/evaluation.md. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.core.records import Heatmap
from app.render.overlay import enlarge

if TYPE_CHECKING:
    from app.core.records import ModelInfo

Box = tuple[float, float, float, float]

GRID = 64  # points a side at which two maps are compared


@dataclass(frozen=True)
class Shared:
    """Which classes two models have in common.

    Attributes:
        there: For each class of the first its place among the second's; None where the second does not have it.
        back: The other way round.
    """

    there: tuple[int | None, ...]
    back: tuple[int | None, ...]

    @property
    def count(self) -> int:
        """How many classes of the first the second has, too."""
        return sum(1 for place in self.there if place is not None)

    @property
    def all(self) -> bool:
        """Whether both have the same classes, in whatever order."""
        places = set(self.there)
        return len(self.there) == len(self.back) == len(places) and None not in places and None not in self.back

    def same(self, one: int, other: int) -> bool | None:
        """Whether class `one` of the first is class `other` of the second; None where neither knows the other's."""
        if self.there[one] is None and self.back[other] is None:
            return None
        return self.there[one] == other or self.back[other] == one


def shared_classes(one: ModelInfo, other: ModelInfo) -> Shared:
    """Which classes two models have in common, by WordNet id or by name."""
    from app.evaluation.matching import counterparts

    a, b = (tuple(one.labels), tuple(one.label_ids)), (tuple(other.labels), tuple(other.label_ids))
    return Shared(counterparts(*a, *b), counterparts(*b, *a))


def jensen_shannon(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The Jensen–Shannon divergence of two distributions in bits: 0 for equal ones, 1 for disjoint ones."""
    p, q = one.astype(np.float64), other.astype(np.float64)
    middle = (p + q) / 2

    def divergence(share: NDArray[np.float64]) -> float:
        there = share > 0
        return float((share[there] * np.log2(share[there] / middle[there])).sum())

    return min(1.0, max(0.0, (divergence(p) + divergence(q)) / 2))


def map_correlation(one: Heatmap, one_box: Box, other: Heatmap, other_box: Box) -> float | None:
    """Pearson's correlation of two maps where both networks looked.

    Networks see different crops in cells of different sizes, so both maps are read at the same 64 × 64 points of the
    picture: those of the rectangle that both crops cover. Negative evidence of an unsigned method counts as none.

    Returns:
        None where they share no part of the picture, or one of them is the same everywhere.
    """
    left, top = max(one_box[0], other_box[0]), max(one_box[1], other_box[1])
    right, bottom = min(one_box[2], other_box[2]), min(one_box[3], other_box[3])
    if right <= left or bottom <= top:
        return None
    places = (np.arange(GRID) + 0.5) / GRID
    columns, rows = left + places * (right - left), top + places * (bottom - top)

    def read(heatmap: Heatmap, box: Box) -> NDArray[np.float64]:
        across = (columns - box[0]) / (box[2] - box[0])
        down = (rows - box[1]) / (box[3] - box[1])
        values = enlarge(heatmap.values, down, across).astype(np.float64)
        return values if heatmap.signed else np.maximum(values, 0)

    a, b = read(one, one_box), read(other, other_box)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 1e-12 else None
