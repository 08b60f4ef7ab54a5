"""How far a heatmap can be trusted: scores, and what they mean in plain words. Records; `app.trust` computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float32]

UNCHANGED = 0.7  # a rank correlation above this is called “nearly the same”
UNRELATED = 0.3  # below this, “another map”


@dataclass(frozen=True, eq=False)
class CascadeStep:
    """The map of a network whose last layers are randomised (Adebayo et al. 2018, section 4).

    Attributes:
        block: Down to this block, from the head, every weight is out of place.
        label: What people call it.
        map: (h, w) float32, as the method gives it.
        rank: Spearman's rank correlation with the map of the trained network, −1 to 1; 0 where either is flat.
        rank_absolute: The same of the absolute values.
        probability: Of the class.
    """

    block: str
    label: str
    map: Values
    rank: float
    rank_absolute: float
    probability: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The class's probability while pixels go or come, the map's most important first (Petsiuk et al. 2018).

    Attributes:
        shares: (n,) of the pixels, 0 to 1.
        probabilities: (n,).
        random: (n,) mean over random maps of the same coarseness.
        area: Under `probabilities`: the score.
        random_areas: Under each random map's curve.
    """

    shares: Values
    probabilities: Values
    random: Values
    area: float
    random_areas: tuple[float, ...]


@dataclass(frozen=True)
class ClassSwap:
    """The map of one class against that of another, of the same picture.

    Attributes:
        target: The class that is explained.
        other: The class that it is compared with.
        rank: Spearman's rank correlation of the two maps.
    """

    target: int
    other: int
    rank: float


@dataclass(frozen=True, eq=False)
class TrustRecord:
    """All tests of one map.

    Attributes:
        id: The request's.
        model: The request's.
        method: Registry name of the method.
        block: At which block, or "".
        target: The class.
        map: (h, w) float32 of the trained network.
        cascade: From the head down; the last one has no trained weight left.
        deletion: Pixels replaced by the mean colour; a small area is good.
        insertion: Pixels put into a blurred picture; a large area is good.
        swaps: With the second most probable class, and the least probable one.
    """

    id: int
    model: str
    method: str
    block: str
    target: int
    map: Values
    cascade: tuple[CascadeStep, ...]
    deletion: Curve
    insertion: Curve
    swaps: tuple[ClassSwap, ...]


def meaning(record: TrustRecord) -> tuple[str, ...]:
    """The scores in plain sentences, each with what it does not say."""
    return (_of_cascade(record), _of_deletion(record), _of_insertion(record), _of_swap(record))


def _of_cascade(record: TrustRecord) -> str:
    head, last = record.cascade[0].rank_absolute, record.cascade[-1].rank_absolute
    scores = f"rank correlation {head:.2f} with the head's weights out of place, {last:.2f} with all of them"
    limit = "This says nothing about whether the trained map is right; how to compare two maps is itself debated."
    if last >= UNCHANGED:
        verdict = "The map hardly depends on what was learned: it shows the picture and the architecture"
    elif head >= UNCHANGED:
        verdict = "The map hardly depends on what the head learned, that is on the classes"
    elif last <= UNRELATED:
        verdict = "The map depends on what was learned, as it should"
    else:
        verdict = "The map depends in part on what was learned"
    return f"{verdict} ({scores}). {limit}"


def _of_deletion(record: TrustRecord) -> str:
    curve = record.deletion
    mean, better = _against_random(curve)
    verdict = "falls faster" if better < 0 else "does not fall faster"
    return (
        f"When the map's strongest pixels are covered first, the probability {verdict} than with random places "
        f"(area {curve.area:.3f}, random {mean:.3f}). Covered pictures are unlike any that the network has learned "
        "from, so this also measures how it takes grey holes."
    )


def _of_insertion(record: TrustRecord) -> str:
    curve = record.insertion
    mean, better = _against_random(curve)
    verdict = "rises faster" if better > 0 else "does not rise faster"
    return (
        f"When they come back first into a blurred picture, it {verdict} than with random places "
        f"(area {curve.area:.3f}, random {mean:.3f}). Pixels that suffice are not always those that were used."
    )


def _of_swap(record: TrustRecord) -> str:
    near = record.swaps[0].rank
    if near >= UNCHANGED:
        return (
            f"The map of the second class is nearly the same (rank correlation {near:.2f}): it shows what the network "
            "looks at, not what speaks for this class. Two classes of one thing may honestly share a map."
        )
    return (
        f"The map of the second class is another one (rank correlation {near:.2f}): it depends on the class. That "
        "alone does not make it right."
    )


def _against_random(curve: Curve) -> tuple[float, float]:
    mean = sum(curve.random_areas) / len(curve.random_areas)
    return mean, curve.area - mean
