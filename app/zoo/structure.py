"""Recognises a residual network in a table of weights by its structure: order, shapes and roles, not authors' names.

A residual network is a stem (one convolution from 3 channels, or three), then blocks, then a linear head. A block is a
chain of two 3×3 convolutions (basic) or of 1×1, 3×3 and 1×1 (bottleneck), and perhaps a 1×1 projection from the block's
input to its output. The convolutions are parsed by this grammar: each must take the channels that the one before
gives. Names help in two ways only: they give the order (layer10 after layer2), and a block's convolutions should share
a part of their names that nobody else has. Where names say nothing (ONNX), the shapes alone decide.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from app.zoo.blueprint import Activation, Block, BlockType, Blueprint, NotResidual, Unit
from app.zoo.heads import FOR_FEATURES, find_head
from app.zoo.layers import Layer, Layers, Shape, common, keys_of, sort_layers, tokens_of
from app.zoo.norms import assign_norms

_MAINS: dict[BlockType, int] = {"basic": 2, "bottleneck": 3}
_MOST_STEPS = 200_000


def find_structure(
    shapes: Mapping[str, Shape], *, ordered: bool, activation: Activation | None = None, blocks: bool = False
) -> Blueprint:
    """Recognise a residual network.

    Args:
        shapes: Shape of each key, in the file's order.
        ordered: Whether that order is the order in which the network was defined.
        activation: Whether the norms are after or before the convolutions, where the file says it (ONNX does).
        blocks: Whether the file says (ONNX does) that the network adds feature maps, or that it does without pooling,
            as the plain twins of residual networks do.

    Raises:
        NotResidual: saying which keys break the pattern.
    """
    in_file_order = ordered and list(shapes) != sorted(shapes)
    problems: list[NotResidual] = []
    for by_name, by_block_names in ((not in_file_order, True), (in_file_order, True), (False, False), (True, False)):
        try:
            found = _parse(sort_layers(shapes, by_name=by_name), activation, by_block_names=by_block_names)
            if not by_block_names and not blocks:
                _refuse_a_stack(found)
            return found
        except NotResidual as problem:
            problems.append(problem)
    raise _with_extra_layers(shapes, not in_file_order) or max(problems, key=lambda problem: problem.matched)


def _refuse_a_stack(found: Blueprint) -> None:
    """Pairs of 3×3 convolutions in a row, in which neither names nor projections show blocks, are VGG's as well.

    Raises:
        NotResidual: where nothing tells the network from a plain stack.
    """
    if not any(block.projection for block in found.blocks) and found.kind == "basic":
        why = "neither names nor projections show blocks in its convolutions: a plain stack, like VGG, looks the same"
        raise NotResidual(why, [conv.keys["weight"] for conv in found.convs[:6]], len(found.convs))


_EXTRAS = {
    "se": "squeeze and excitation", "squeeze": "squeeze and excitation", "cbam": "attention", "ca": "attention",
    "sa": "attention", "attn": "attention", "att": "attention", "attention": "attention", "gc": "global context",
    "eca": "efficient channel attention", "filt": "filters against aliasing (BlurPool)", "radix": "split attention",
    "tsm": "temporal shift",
}  # fmt: skip


_INNER_FC = re.compile(r"\d+\.(fc|fc1|fc2|fc_\d)\.(\d+\.)?(weight|bias)$")  # fully connected inside a numbered block


def _with_extra_layers(shapes: Mapping[str, Shape], by_name: bool) -> NotResidual | None:
    """Whether the table is a residual network but for some layers in its blocks: then these are the ones to name."""
    extra: dict[str, str] = {}
    for key in shapes:
        kinds = [_EXTRAS[token[2].lower()] for token in tokens_of(key) if token[2].lower() in _EXTRAS]
        if kinds:
            extra[key] = kinds[0]
        elif _INNER_FC.search(key):
            extra[key] = "squeeze and excitation"
    rest = {key: shape for key, shape in shapes.items() if key not in extra}
    if not extra:
        return None
    try:
        found = _parse(sort_layers(rest, by_name=by_name), None, by_block_names=True)
    except NotResidual:
        return None
    kind = next(iter(extra.values()))
    blocks = f"a residual network of {len(found.blocks)} blocks"
    why = f"but for {len(extra)} keys it is {blocks}; these are {kind} in its blocks"
    return NotResidual(why, list(extra), len(shapes))


def _parse(layers: Layers, activation: Activation | None, *, by_block_names: bool) -> Blueprint:
    convs = _from_the_stem(layers)
    best = NotResidual("no convolutions of residual blocks follow the first one", [c.keys["weight"] for c in convs[:8]])
    for stem_size, kind in itertools.product((1, 3, 2), _MAINS):
        stem = convs[:stem_size]
        if len(stem) < stem_size or not _is_chain(stem):
            continue
        search = _Search(convs, kind, by_block_names)
        found = search.blocks(stem_size, stem[-1].channels_out)
        if found is None:
            if search.furthest > best.matched:
                best = search.problem()
            continue
        try:
            return _with_norms_and_head(layers, convs, stem, found, kind, activation)
        except NotResidual as problem:
            best = problem if problem.matched >= best.matched else best  # later in the network says more
    raise best


def _from_the_stem(layers: Layers) -> list[Layer]:
    """The convolutions, the stem's first."""
    first = [conv for conv in layers.convs if conv.channels_in == 3 and conv.channels_out > 3]
    if not layers.convs:
        raise NotResidual("it has no two-dimensional convolution")
    if not first:
        takes = sorted({conv.channels_in for conv in layers.convs})[:3]
        raise NotResidual(
            f"none of its convolutions takes the 3 channels of a colour picture (they take {takes[0]} and more)",
            [layers.convs[0].keys["weight"]],
        )
    stem = first[0]
    return [stem, *(conv for conv in layers.convs if conv is not stem)]


def _is_chain(stem: list[Layer]) -> bool:
    """Whether each convolution takes what the one before gives; the first may have any odd kernel, the others 3×3."""
    if len(set(stem[0].kernel)) != 1 or stem[0].kernel[0] % 2 == 0:
        return False
    return all(b.channels_in == a.channels_out and b.kernel == (3, 3) for a, b in itertools.pairwise(stem))


class _Search:
    """Parses convolutions into blocks, going back where a choice leads nowhere."""

    def __init__(self, convs: list[Layer], kind: BlockType, by_block_names: bool) -> None:
        self.convs = convs
        self.kind = kind
        self.by_block_names = by_block_names
        self.furthest = 0
        self.steps = 0

    def blocks(self, start: int, channels: int) -> list[Block] | None:
        """The blocks from a convolution on, or None where the convolutions are no blocks."""
        self.furthest = max(self.furthest, start)
        done: list[Block] = []
        places = [start]
        choices = [self._choices(start, channels)]
        while choices:
            self.steps += 1
            if self.steps > _MOST_STEPS:
                return None
            block = next(choices[-1], None)
            if block is None:
                choices.pop()
                places.pop()
                if done:
                    done.pop()
                continue
            place = places[-1] + len(block.convs)
            self.furthest = max(self.furthest, place)
            done.append(block)
            if self._at_end(place, block.channels_out) and _consistent(done):
                return done
            places.append(place)
            choices.append(self._choices(place, block.channels_out))
        return None

    def problem(self) -> NotResidual:
        """Why there is no way on."""
        near = self.convs[self.furthest : self.furthest + 4]
        keys = [conv.keys["weight"] for conv in near]
        done = self.convs[self.furthest - 1].path
        words = "; ".join(str(conv) for conv in near[:3])
        return NotResidual(
            f"after {done} come convolutions that are no {self.kind} block: {words}", keys, self.furthest
        )

    def _at_end(self, place: int, channels: int) -> bool:
        rest = self.convs[place:]
        if len(rest) > 1:
            return False
        return not rest or (rest[0].kernel == (1, 1) and rest[0].channels_in == channels and "bias" in rest[0].keys)

    def _choices(self, place: int, channels: int) -> Iterator[Block]:
        count = _MAINS[self.kind]
        for size in (count + 1, count):
            window = self.convs[place : place + size]
            if len(window) == size and (not self.by_block_names or self._named_alike(place, size)):
                yield from _blocks_of(window, channels, self.kind, any_order=self.by_block_names)

    def _named_alike(self, place: int, size: int) -> bool:
        """Whether these convolutions share a part of their names that their neighbours do not have."""
        first, last = self.convs[place], self.convs[place + size - 1]
        shared = min(common(first.tokens, conv.tokens) for conv in self.convs[place : place + size])
        neighbours = [self.convs[at] for at in (place - 1, place + size) if 0 <= at < len(self.convs)]
        return all(
            common(first.tokens, other.tokens) < shared and common(last.tokens, other.tokens) < shared
            for other in neighbours
        )


def _blocks_of(window: list[Layer], channels: int, kind: BlockType, *, any_order: bool) -> Iterator[Block]:
    """The ways to read some convolutions as one block."""
    count = _MAINS[kind]
    projections: Sequence[Layer | None] = [None]
    if len(window) == count + 1:
        ends = window if any_order else (window[-1], window[0])
        fitting = [conv for conv in reversed(ends) if conv.kernel == (1, 1) and conv.channels_in == channels]
        fitting.sort(key=lambda conv: _alike(conv, window))
        projections = fitting
    for projection in projections:
        rest = [conv for conv in window if conv is not projection]
        for mains in itertools.permutations(rest) if any_order else (tuple(rest),):
            groups = _groups(mains, channels, kind)
            if groups and (projection is None or projection.channels_out == mains[-1].channels_out):
                units = tuple(Unit(conv) for conv in mains)
                yield Block(units, Unit(projection) if projection else None, channels, groups)


def _alike(conv: Layer, window: list[Layer]) -> int:
    """How many of a block are called as this one but for numbers: conv3 as conv1 and conv2, downsample.0 as itself.

    The last convolution of a bottleneck and its projection can have the same shape (64 to 256 in ResNet-50's first
    block); then this is what tells them apart, whatever their order.
    """

    def words(layer: Layer) -> tuple[str, ...]:
        return tuple(token[2] for token in layer.tokens if token[2])

    return sum(words(other) == words(conv) for other in window)


def _groups(mains: tuple[Layer, ...], channels: int, kind: BlockType) -> int:
    """The groups of the 3×3 convolution where these are a branch from so many channels; 0 where they are none."""
    kernels = [(3, 3), (3, 3)] if kind == "basic" else [(1, 1), (3, 3), (1, 1)]
    if [conv.kernel for conv in mains] != kernels or mains[0].channels_in != channels:
        return 0
    groups = 1
    for before, after in itertools.pairwise(mains):
        if after.channels_in == before.channels_out:
            continue
        middle = kind == "bottleneck" and after is mains[1]
        if not middle or before.channels_out % after.channels_in or after.channels_out != before.channels_out:
            return 0
        groups = before.channels_out // after.channels_in
    return groups


def _consistent(blocks: list[Block]) -> bool:
    """Shortcuts of one network are of one kind: where the shape changes, all have a projection, or none has."""
    changing = [block for block in blocks if block.channels_in != block.channels_out]
    return len({block.projection is None for block in changing}) <= 1 and len({block.groups for block in blocks}) == 1


def _with_norms_and_head(
    layers: Layers,
    convs: list[Layer],
    stem: list[Layer],
    blocks: list[Block],
    kind: BlockType,
    activation: Activation | None,
) -> Blueprint:
    used = len(stem) + sum(len(block.convs) for block in blocks)
    _refuse_foreign_parts(layers, blocks, used)
    attention = [*layers.loose, *keys_of(layers.linears), *keys_of(layers.others)]
    attention = [key for key in attention if re.search(r"(^|\.)(attn_?pool|attention_?pool)", key)]
    if attention:
        raise NotResidual("it pools by attention at its end", attention, used, at_head=True)
    assigned = assign_norms(layers.norms, stem, blocks, used, activation)
    head = find_head(layers, convs[used:], assigned.unused, blocks[-1].channels_out, used)
    unused = [norm for norm in assigned.unused if not any(norm in around for around in head.norms)]
    loose_norms = [
        norm
        for norm in unused
        if not any(common(norm.tokens, one.tokens) for one in head.left) and not FOR_FEATURES.search(norm.path)
    ]
    strange = [*head.left, *layers.others]
    if len(strange) > used:
        why = f"most of its layers belong to another kind of network ({strange[0]})"
        raise NotResidual(why, keys_of(strange), used)
    if loose_norms and head.linears:
        raise NotResidual("it has a batch norm that belongs to no convolution", keys_of(loose_norms), used)
    return Blueprint(
        kind=kind,
        stem=assigned.stem,
        blocks=assigned.blocks,
        activation=assigned.activation,
        stem_norm=assigned.stem_norm,
        final_norm=assigned.final_norm,
        head=head.linears,
        head_norms=head.norms,
        head_joined=head.joined,
        pool=head.pool,
        pools_twice=head.twice,
        left_over=(*keys_of(head.left), *keys_of(unused), *keys_of(layers.others), *layers.loose),
        bookkeeping=tuple(layers.bookkeeping),
        normalisation=layers.normalisation,
    )


def _refuse_foreign_parts(layers: Layers, blocks: list[Block], used: int) -> None:
    """Anything with weights inside a block takes part in the computation, so it must not be left out silently."""
    prefixes = []
    for block in blocks:
        first = block.convs[0].tokens
        shared = min(common(first, conv.tokens) for conv in block.convs[1:])
        if shared:
            prefixes.append(first[:shared])
    foreign = [
        layer
        for layer in (*layers.linears, *layers.others)
        if any(common(layer.tokens, prefix) == len(prefix) for prefix in prefixes)
    ]
    if foreign:
        kinds = {layer.role for layer in foreign}
        what = "norms without running statistics (group or layer norm)" if kinds == {"scale"} else "further layers"
        what = "linear layers (squeeze and excitation?)" if "linear" in kinds else what
        raise NotResidual(f"its blocks hold {what}: {foreign[0]}", keys_of(foreign), used)
    loose = [key for key in layers.loose if any(common(tokens_of(key), prefix) == len(prefix) for prefix in prefixes)]
    if loose:
        raise NotResidual(f"its blocks hold parameters of an unknown kind: {loose[0]}", loose, used)
    if layers.others and not layers.norms:
        raise NotResidual("its norms have no running statistics (group or layer norm)", keys_of(layers.others), used)
