"""What can be done to a network to see what its parts are for. Plain records; `app.anatomy.lesions` does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LesionKind = Literal["bypass", "gate", "swap"]


@dataclass(frozen=True)
class Lesion:
    """One change to a network, which leaves its weights alone.

    Attributes:
        kind: “bypass”: the block's output is its shortcut alone. “gate”: its branch counts α times, y = α·F(x) + x; in
            a plain network y = α·F(x) + (1 − α)·x. “swap”: it changes places with another of the same shape.
        block: The block's name in the outline.
        alpha: Of a gate, 0 to 1.
        other: The other block of a swap.
    """

    kind: LesionKind
    block: str
    alpha: float = 0.0
    other: str = ""

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks that it touches."""
        return (self.block, self.other) if self.kind == "swap" else (self.block,)


Lesions = tuple[Lesion, ...]


def bypassed(lesions: Lesions) -> frozenset[str]:
    """The blocks that are passed by."""
    return frozenset(lesion.block for lesion in lesions if lesion.kind == "bypass")


def with_bypass_toggled(lesions: Lesions, block: str) -> Lesions:
    """The block bypassed, or back if it was; a gate on it goes."""
    if block in bypassed(lesions):
        return tuple(one for one in lesions if not (one.kind == "bypass" and one.block == block))
    return (*(one for one in lesions if one.kind == "swap" or one.block != block), Lesion("bypass", block))


def with_gate(lesions: Lesions, block: str, alpha: float) -> Lesions:
    """The block's branch counted α times; 1 takes the gate (and a bypass) away."""
    rest = tuple(one for one in lesions if one.kind == "swap" or one.block != block)
    return rest if alpha >= 1 else (*rest, Lesion("gate", block, alpha=alpha))


def gate_of(lesions: Lesions, block: str) -> float:
    """How much the block's branch counts: 1 where nothing was done to it."""
    for lesion in lesions:
        if lesion.block == block and lesion.kind != "swap":
            return lesion.alpha if lesion.kind == "gate" else 0.0
    return 1.0
