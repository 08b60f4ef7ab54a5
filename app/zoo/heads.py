"""What leads from the last feature map to the logits: pooling, linear layers, and batch norms between them.

A head may be one linear layer, or several with batch norms before or after their activations (person search, fastai).
fastai pools twice, by maximum and by average; with a batch norm behind it, the file proves it: no mean of averages is
above the mean of the maxima of the same channel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from app.zoo.blueprint import HeadNorms, NotResidual
from app.zoo.layers import Layer, Layers, common, keys_of

FOR_FEATURES = re.compile(
    r"proj|prototype|predictor|encoder_[qk]\b|\bmlp\b|head\.mlp|last_layer|contrast|simclr|byol|moco", re.IGNORECASE
)
"""What learning without labels leaves behind its network: layers that no classification uses."""

_HEAD_WORDS = ("fc", "linear", "classifier", "head", "logits", "output", "last", "dense", "predictions")


@dataclass(frozen=True)
class Head:
    """The end of a network.

    Attributes:
        linears: In order; the last gives the logits. Empty for a backbone.
        norms: Those around each linear layer.
        joined: Which linear layers (by place) go right into the next, without an activation.
        pool: Side of the grid to which the last feature map is averaged.
        twice: Whether it is pooled by maximum and by average, side by side.
        left: Linear layers that are not used.
    """

    linears: tuple[Layer, ...]
    norms: tuple[HeadNorms, ...]
    joined: frozenset[int]
    pool: int
    twice: bool
    left: list[Layer]


def find_head(layers: Layers, rest: list[Layer], norms: Sequence[Layer], channels: int, used: int) -> Head:
    """Find the head.

    Args:
        layers: All layers.
        rest: Convolutions behind the last block.
        norms: Batch norms that belong to no convolution.
        channels: Of the last feature map.
        used: How many convolutions were recognised, for the refusal.

    Raises:
        NotResidual: where what is there cannot be a head of this network.
    """
    candidates = [*(replace(conv, role="linear", shape=conv.shape[:2]) for conv in rest), *layers.linears]
    for_features = [layer for layer in candidates if FOR_FEATURES.search(layer.path)]
    candidates = [layer for layer in candidates if layer not in for_features]
    if not candidates:
        return Head((), (), frozenset(), 1, False, for_features)
    square = [layer for layer in candidates if layer.shape == (channels, channels)]
    if len(square) > 2:
        raise NotResidual(
            "it pools by attention at its end (queries, keys, values)", keys_of(square), used, at_head=True
        )
    candidates, starts, twice = _starts(candidates, channels)
    others = [layer for layer in candidates if not _side(layer.shape[1], channels)]
    # What the chosen layer takes may come from another one that does not fit: then it is not the head's first.
    odd = [layer for layer in others if not starts or (layer.shape[0] == starts[0][0].shape[1] and not twice)]
    if odd:
        raise NotResidual(_why(odd[0], channels), [*keys_of(candidates), *keys_of(norms)], used, at_head=True)
    first, side = starts[0]
    chain = [first]
    while following := [one for one in candidates if one not in chain and one.shape[1] == chain[-1].shape[0]]:
        chain.append(following[0])
    around = _around(chain, [norm for norm in norms if not FOR_FEATURES.search(norm.path)], side)
    if twice and not around[0].before:
        raise NotResidual(_why(first, channels), [*keys_of(candidates), *keys_of(norms)], used, at_head=True)
    left = [layer for layer in layers.linears if all(layer.path != one.path for one in chain)]
    joined = frozenset(
        place
        for place, (one, other) in enumerate(pairwise(chain))
        if _joined(one, other) and not around[place].after and not around[place + 1].before
    )
    return Head(tuple(chain), around, joined, side, twice, left)


def _starts(candidates: list[Layer], channels: int) -> tuple[list[Layer], list[tuple[Layer, int]], bool]:
    """The layers (turned where the file has them turned), those that may be first with the pooling grid they need."""

    def first(layers: list[Layer]) -> list[tuple[Layer, int]]:
        found = [(layer, _side(layer.shape[1], channels)) for layer in layers]
        found = [(layer, side) for layer, side in found if side]
        found.sort(key=lambda pair: (pair[1], not any(word in pair[0].path.lower() for word in _HEAD_WORDS)))
        return found

    starts = first(candidates)
    doubled = [(layer, 1) for layer in candidates if layer.shape[1] == 2 * channels]
    # ResNet-18 under fastai's head: 1,024 → 512 → classes; the second takes what the last block gives, too.
    if doubled and (not starts or doubled[0][0].shape[0] == starts[0][0].shape[1]):
        return candidates, doubled, True
    if starts:
        return candidates, starts, False
    turned = [replace(layer, shape=layer.shape[::-1]) for layer in candidates]  # (in, out), as Paddle and Keras do
    if starts := first(turned):
        return turned, starts, False
    return candidates, [], False


def _why(layer: Layer, channels: int) -> str:
    takes = layer.shape[1]
    known = "average and maximum pooling side by side, as fastai does, but no batch norm that shows it"
    return (
        f"its head takes {takes} numbers where the last block gives {channels} "
        f"({known if takes == 2 * channels else 'another layer’s'})"
    )


def _around(chain: list[Layer], norms: Sequence[Layer], side: int) -> tuple[HeadNorms, ...]:
    """The batch norms before and after each linear layer; what fits nowhere is left out, and refused later.

    After a linear layer, a norm comes before its activation where it is the very next layer (2, 3), and behind it where
    there is room for one (2, 4) in the numbers of a Sequential.
    """
    before: dict[int, Layer] = {}
    after: dict[int, Layer] = {}
    for norm in norms:
        place = sum(_precedes(linear, norm) for linear in chain) - 1
        last = place == len(chain) - 1
        if place < 0:
            if norm.channels_out == chain[0].shape[1] and side == 1:
                before.setdefault(0, norm)
        elif norm.channels_out == chain[place].shape[0]:
            if _gap(chain[place], norm) > 1 and not last:
                before.setdefault(place + 1, norm)
            else:
                after.setdefault(place, norm)
    return tuple(HeadNorms(before.get(place), after.get(place)) for place in range(len(chain)))


def _joined(one: Layer, other: Layer) -> bool:
    """Whether nothing is between two linear layers: neighbours of a Sequential, or a new head behind ImageNet's."""
    gap = _gap(one, other)
    if gap:
        return gap == 1
    same_parent = one.tokens[:-1] == other.tokens[:-1] and len(one.tokens) == len(other.tokens) > 1
    return one.channels_out == 1000 and not same_parent


def _precedes(linear: Layer, norm: Layer) -> bool:
    if _gap(linear, norm):
        return _gap(linear, norm) > 0
    return linear.place < norm.place


def _gap(linear: Layer, norm: Layer) -> int:
    """How far the norm is behind the linear layer in one Sequential; 0 where they are not in one."""
    first, second = linear.tokens, norm.tokens
    alike = len(first) == len(second) and common(first, second) == len(first) - 1
    return second[-1][1] - first[-1][1] if alike and not first[-1][0] and not second[-1][0] else 0


def _side(features: int, channels: int) -> int:
    """s where features = channels · s², else 0."""
    return next((side for side in range(1, 9) if features == channels * side * side), 0)
