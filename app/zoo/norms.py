"""Which batch norm belongs to which convolution, and whether it stands after it or before it (pre-activation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.zoo.blueprint import Activation, Block, NotResidual, Unit
from app.zoo.layers import Layer, common


@dataclass(frozen=True)
class Assigned:
    """Stem and blocks with their norms; see `Blueprint`."""

    activation: Activation
    stem: tuple[Unit, ...]
    blocks: tuple[Block, ...]
    stem_norm: Layer | None
    final_norm: Layer | None
    unused: tuple[Layer, ...]


def assign_norms(
    norms: list[Layer], stem: list[Layer], blocks: list[Block], matched: int, activation: Activation | None = None
) -> Assigned:
    """Give each convolution its norm: by shared names first, else by order.

    Args:
        matched: How many convolutions were recognised, for the refusal.
        activation: Whether norms are after or before the convolutions; None to find out.

    Raises:
        NotResidual: where the norms fit neither order of He et al. 2015 nor that of 2016.
    """
    if not norms:
        return Assigned("post", tuple(map(Unit, stem)), tuple(blocks), None, None, ())
    near = _by_names(norms, stem, blocks)
    activations: tuple[Activation, ...] = (activation,) if activation else ("post", "pre")
    # Names first, for both: in the order of a pre-activation network its norms would fit after the convolutions too.
    for order in activations:
        if (found := _from_groups(near, stem, blocks, order)) is not None:
            return found
    for order in activations:
        if (found := _in_order(norms, stem, blocks, order)) is not None:
            return found
    odd = [norm for group, block in zip(near.blocks, blocks, strict=True) for norm in group if not _fits(norm, block)]
    raise NotResidual(
        "its batch norms fit neither after nor before its convolutions",
        [key for norm in (odd or norms)[:3] for key in norm.keys.values()],
        matched,
    )


@dataclass(frozen=True)
class _Near:
    """Norms by the part of the network whose names they share."""

    stem: list[Layer]
    blocks: list[list[Layer]]
    nowhere: list[Layer]


def _by_names(norms: list[Layer], stem: list[Layer], blocks: list[Block]) -> _Near:
    near = _Near([], [[] for _ in blocks], [])
    parts = [*([conv] for conv in stem), *(list(block.convs) for block in blocks)]
    for norm in norms:
        shared = [max(common(norm.tokens, conv.tokens) for conv in part) for part in parts]
        best = max(shared)
        owners = [place for place, count in enumerate(shared) if count == best]
        if best == 0 or (len(owners) > 1 and owners[-1] >= len(stem)):
            near.nowhere.append(norm)
        elif owners[0] < len(stem):
            near.stem.append(norm)
        else:
            near.blocks[owners[0] - len(stem)].append(norm)
    return near


def _from_groups(near: _Near, stem: list[Layer], blocks: list[Block], activation: Activation) -> Assigned | None:
    done: list[Block] = []
    for block, norms in zip(blocks, near.blocks, strict=True):
        paired = _paired(block, norms, activation)
        if paired is None:
            return None
        done.append(paired)
    free = [*near.stem, *near.nowhere]
    return _ends(stem, done, free, activation)


def _in_order(norms: list[Layer], stem: list[Layer], blocks: list[Block], activation: Activation) -> Assigned | None:
    """Each convolution takes the next norm, in the file's or the names' order.

    Where projections have norms, all have; else the next block's first norm would be taken for a projection's.
    """
    every = [len(block.convs) for block in blocks]
    branch = [len(block.mains) for block in blocks]
    for sizes in (every, branch) if every != branch else (branch,):
        if (found := _by_sizes(norms, stem, blocks, sizes, activation)) is not None:
            return found
    return None


def _by_sizes(
    norms: list[Layer], stem: list[Layer], blocks: list[Block], sizes: list[int], activation: Activation
) -> Assigned | None:
    waiting = list(norms)
    first: list[Layer] = []
    inside = sum(sizes)
    if activation == "post" or len(stem) > 1 or inside + 2 <= len(waiting):
        first, waiting = waiting[: len(stem)], waiting[len(stem) :]
    done: list[Block] = []
    for block, size in zip(blocks, sizes, strict=True):
        paired = _paired(block, waiting[:size], activation) if len(waiting) >= size else None
        if paired is None:
            return None
        waiting = waiting[size:]
        done.append(paired)
    return _ends(stem, done, [*first, *waiting], activation)


def _ends(stem: list[Layer], blocks: list[Block], free: list[Layer], activation: Activation) -> Assigned | None:
    """Stem and last norm, from the norms that are in no block."""
    units: list[Unit] = []
    waiting = list(free)
    last = len(stem) - 1
    for place, conv in enumerate(stem):
        fitting = [norm for norm in waiting if norm.channels_out == conv.channels_out]
        if activation == "pre" and place == last:
            units.append(Unit(conv))
            break
        if not fitting:
            if waiting:
                return None
            units.append(Unit(conv))  # a stem without norm; its bias will do
            continue
        chosen = max(fitting, key=lambda norm: common(norm.tokens, conv.tokens))
        waiting.remove(chosen)
        units.append(Unit(conv, chosen))
    if activation == "post":
        missing = [unit for unit in units if unit.norm is None]
        return (
            None if missing and not free else Assigned("post", tuple(units), tuple(blocks), None, None, tuple(waiting))
        )
    channels = blocks[-1].channels_out
    stem_norm = final_norm = None
    for norm in list(waiting):
        if final_norm is None and norm.channels_out == channels:
            final_norm = norm
        elif stem_norm is None and norm.channels_out == stem[-1].channels_out:
            stem_norm = norm
        else:
            continue
        waiting.remove(norm)
    return Assigned("pre", tuple(units), tuple(blocks), stem_norm, final_norm, tuple(waiting))


def _paired(block: Block, norms: Sequence[Layer], activation: Activation) -> Block | None:
    """The block with its norms, or None where they do not fit."""
    mains, projection = block.mains, block.projection
    own: Layer | None = None
    rest = list(norms)
    if projection is not None:
        for norm in rest:
            to_mains = max(common(norm.tokens, unit.conv.tokens) for unit in mains)
            if common(norm.tokens, projection.conv.tokens) > to_mains and norm.channels_out == block.channels_out:
                own = norm
        if own is not None:
            rest.remove(own)
        elif len(rest) == len(mains) + 1:
            for choice in (0, -1) if projection.conv.place < mains[0].conv.place else (-1, 0):
                without = rest[:choice] + rest[choice:][1:]
                if rest[choice].channels_out == block.channels_out and _in_place(block, without, activation):
                    own, rest = rest[choice], without
                    break
    if not _in_place(block, rest, activation):
        return None
    units = tuple(replace(unit, norm=norm) for unit, norm in zip(mains, rest, strict=True))
    return replace(block, mains=units, projection=Unit(projection.conv, own) if projection else None)


def _in_place(block: Block, norms: Sequence[Layer], activation: Activation) -> bool:
    if len(norms) != len(block.mains):
        return False
    channels = [unit.conv.channels_out for unit in block.mains]
    if activation == "pre":
        channels = [block.channels_in, *channels[:-1]]
    return [norm.channels_out for norm in norms] == channels


def _fits(norm: Layer, block: Block) -> bool:
    return norm.channels_out in {block.channels_in, *(conv.channels_out for conv in block.convs)}
