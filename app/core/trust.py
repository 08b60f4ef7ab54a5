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


@dataclass(frozen=True)
class Sentence:
    """What a score means, in words that can be translated.

    Attributes:
        text: A whole sentence or several, in English, with {names} for the figures; one of `SENTENCES`.
        figures: What stands there, by name, as it is written.
    """

    text: str
    figures: dict[str, str]

    def __str__(self) -> str:
        return self.text.format(**self.figures)


_CASCADE = (
    " (rank correlation {head} with the head's weights out of place, {last} with all of them). This says nothing about "
    "whether the trained map is right; how to compare two maps is itself debated."
)
_NOT_LEARNED = (
    "The map hardly depends on what was learned: it shows the picture and the architecture" + _CASCADE,
    "The map hardly depends on what the head learned, that is on the classes" + _CASCADE,
)
_LEARNED = (
    "The map depends on what was learned, as it should" + _CASCADE,
    "The map depends in part on what was learned" + _CASCADE,
)
_COVERED = (
    " than with random places (area {area}, random {random}). Covered pictures are unlike any that the network has "
    "learned from, so this also measures how it takes grey holes."
)
_DELETION = (
    "When the map's strongest pixels are covered first, the probability falls faster" + _COVERED,
    "When the map's strongest pixels are covered first, the probability does not fall faster" + _COVERED,
)
_SHOWN = (
    " than with random places (area {area}, random {random}). Pixels that suffice are not always those that were used."
)
_INSERTION = (
    "When they come back first into a blurred picture, it rises faster" + _SHOWN,
    "When they come back first into a blurred picture, it does not rise faster" + _SHOWN,
)
_SWAP = (
    "The map of the second class is nearly the same (rank correlation {near}): it shows what the network looks at, not "
    "what speaks for this class. Two classes of one thing may honestly share a map.",
    "The map of the second class is another one (rank correlation {near}): it depends on the class. That alone does "
    "not make it right.",
)
SENTENCES = (*_NOT_LEARNED, *_LEARNED, *_DELETION, *_INSERTION, *_SWAP)
"""Everything that `meaning` may say: what a translation has to know."""


def meaning(record: TrustRecord) -> tuple[Sentence, ...]:
    """The scores in plain sentences, each with what it does not say."""
    return (_of_cascade(record), _of_deletion(record), _of_insertion(record), _of_swap(record))


def _of_cascade(record: TrustRecord) -> Sentence:
    head, last = record.cascade[0].rank_absolute, record.cascade[-1].rank_absolute
    if last >= UNCHANGED:
        text = _NOT_LEARNED[0]
    elif head >= UNCHANGED:
        text = _NOT_LEARNED[1]
    else:
        text = _LEARNED[0 if last <= UNRELATED else 1]
    return Sentence(text, {"head": f"{head:.2f}", "last": f"{last:.2f}"})


def _of_deletion(record: TrustRecord) -> Sentence:
    mean, better = _against_random(record.deletion)
    return Sentence(_DELETION[0 if better < 0 else 1], _areas(record.deletion, mean))


def _of_insertion(record: TrustRecord) -> Sentence:
    mean, better = _against_random(record.insertion)
    return Sentence(_INSERTION[0 if better > 0 else 1], _areas(record.insertion, mean))


def _of_swap(record: TrustRecord) -> Sentence:
    near = record.swaps[0].rank
    return Sentence(_SWAP[0 if near >= UNCHANGED else 1], {"near": f"{near:.2f}"})


def _areas(curve: Curve, random: float) -> dict[str, str]:
    return {"area": f"{curve.area:.3f}", "random": f"{random:.3f}"}


def _against_random(curve: Curve) -> tuple[float, float]:
    mean = sum(curve.random_areas) / len(curve.random_areas)
    return mean, curve.area - mean
