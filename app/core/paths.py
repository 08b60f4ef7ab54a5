"""What the paths through a residual network carry. Plain records; `app.anatomy.paths` samples them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class PathLength:
    """All paths that go through so many branches.

    Attributes:
        length: k, of n blocks.
        log10_count: log₁₀ C(n, k): how many paths there are.
        gradient: Mean over the sampled paths of ‖gradient‖ at the first block's input.
        standard_error: Of that mean; NaN for one path.
        samples: How many paths were sampled.
    """

    length: int
    log10_count: float
    gradient: float
    standard_error: float
    samples: int

    @property
    def log10_total(self) -> float:
        """log₁₀ of C(n, k) times the mean: what all paths of this length carry, their norms added; −∞ for nothing."""
        return self.log10_count + math.log10(self.gradient) if self.gradient > 0 else -math.inf


@dataclass(frozen=True)
class PathRecord:
    """The paths of one network.

    Attributes:
        id: The request's.
        model: The request's.
        blocks: n.
        pictures: On how many pictures.
        lengths: By length; all from 0 to n, or some of them where there are very many.
    """

    id: int
    model: str
    blocks: int
    pictures: int
    lengths: tuple[PathLength, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Which share of all the gradient each of `lengths` carries, 0 to 1; they add up to 1."""
        totals = [one.log10_total for one in self.lengths]
        greatest = max(totals)
        if greatest == -math.inf:
            return tuple(0.0 for _ in totals)
        carried = [10 ** (total - greatest) for total in totals]
        return tuple(one / sum(carried) for one in carried)

    @property
    def effective_depth(self) -> float:
        """The mean length, weighed by what each carries."""
        return sum(one.length * share for one, share in zip(self.lengths, self.shares, strict=True))

    def range_of(self, share: float) -> tuple[int, int]:
        """(shortest, longest) length between which that share flows, the same left out at each end."""
        beyond = (1 - share) / 2
        total, low, high = 0.0, self.lengths[0].length, self.lengths[-1].length
        for one, part in zip(self.lengths, self.shares, strict=True):
            if total <= beyond:
                low = one.length
            if total < 1 - beyond:
                high = one.length
            total += part
        return low, high


def log10_paths(blocks: int, length: int) -> float:
    """log₁₀ C(n, k); C(601, 300) has 180 digits."""
    natural = math.lgamma(blocks + 1) - math.lgamma(length + 1) - math.lgamma(blocks - length + 1)
    return natural / math.log(10)
