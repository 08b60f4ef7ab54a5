"""A residual network as it was found in a table of weights: which keys are its stem, its blocks and its head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.zoo.layers import Layer

BlockType = Literal["basic", "bottleneck"]
Activation = Literal["post", "pre"]


class NotResidual(Exception):
    """The table is not a residual network that we know.

    Args:
        why: In words, to follow “because”.
        keys: The keys that break the pattern.
        matched: How many convolutions did fit.
        at_head: Whether all of them did, and only the head is not ours.
    """

    def __init__(self, why: str, keys: Sequence[str] = (), matched: int = 0, *, at_head: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.keys = tuple(keys)
        self.matched = matched
        self.at_head = at_head


@dataclass(frozen=True)
class Unit:
    """A convolution and the batch norm that belongs to it: after it, or before it (pre-activation)."""

    conv: Layer
    norm: Layer | None = None


@dataclass(frozen=True)
class Block:
    """A residual block.

    Attributes:
        mains: The branch, in the signal's order.
        projection: The convolution in the shortcut.
        channels_in: Of the block's input.
        groups: Of the 3×3 convolution.
    """

    mains: tuple[Unit, ...]
    projection: Unit | None
    channels_in: int
    groups: int

    @property
    def channels_out(self) -> int:
        """Of the block's output."""
        return self.mains[-1].conv.channels_out

    @property
    def width(self) -> int:
        """Of the inside of the branch."""
        return self.mains[0].conv.channels_out

    @property
    def convs(self) -> tuple[Layer, ...]:
        """Every convolution in it."""
        return tuple(unit.conv for unit in self.mains) + ((self.projection.conv,) if self.projection else ())


class HeadNorms(NamedTuple):
    """The batch norms around a linear layer of the head.

    Attributes:
        before: Of what it takes, behind the activation.
        after: Of what it gives, before the activation.
    """

    before: Layer | None
    after: Layer | None


@dataclass(frozen=True)
class Blueprint:
    """A residual network, as found in a table.

    Attributes:
        kind: Type of the blocks.
        stem: The stem's convolutions.
        blocks: In order.
        activation: Where the norms are: after the convolutions ("post") or before ("pre").
        stem_norm: With pre-activation, the norm right after the stem, if there is one.
        final_norm: With pre-activation, the norm after the last block, if there is one.
        head: The linear layers at the end; the last gives the logits. A 1×1 convolution counts as one. Empty for a
            backbone without a head, which gives features.
        head_norms: Around each of them.
        head_joined: Which of them (by place) go right into the next, without an activation.
        pool: Side of the grid to which the last feature map is averaged.
        pools_twice: Whether the last feature map is pooled by maximum and by average, side by side.
        left_over: Keys outside the network (a second head, a loss).
        bookkeeping: Keys that count steps.
        normalisation: Keys of (mean, deviation), where the network normalises its own input.
    """

    kind: BlockType
    stem: tuple[Unit, ...]
    blocks: tuple[Block, ...]
    activation: Activation
    stem_norm: Layer | None
    final_norm: Layer | None
    head: tuple[Layer, ...]
    head_norms: tuple[HeadNorms, ...]
    head_joined: frozenset[int]
    pool: int
    pools_twice: bool
    left_over: tuple[str, ...]
    bookkeeping: tuple[str, ...]
    normalisation: tuple[str, str] | None

    @property
    def classes(self) -> int:
        """How many logits; of a backbone without a head, how many features."""
        return self.head[-1].channels_out if self.head else self.blocks[-1].channels_out

    @property
    def convs(self) -> tuple[Layer, ...]:
        """Every convolution in it."""
        return (*(unit.conv for unit in self.stem), *(conv for block in self.blocks for conv in block.convs))

    @property
    def hidden(self) -> tuple[int, ...]:
        """Outputs of the head's linear layers that an activation follows."""
        return tuple(layer.channels_out for place, layer in enumerate(self.head[:-1]) if place not in self.head_joined)

    @property
    def has_norms(self) -> bool:
        """Whether there is any batch norm."""
        return any(unit.norm for block in self.blocks for unit in block.mains)
