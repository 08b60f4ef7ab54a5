"""A flat table of weights, sorted into layers: which keys belong together, and what each layer is by its shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Shape = tuple[int, ...]
Tokens = tuple[tuple[int, int, str], ...]
Role = Literal["conv", "linear", "norm", "scale", "other"]

_LEAVES = {
    "weight": ("weight", "weights", "kernel", "gamma", "scale", "w", "w_0"),
    "bias": ("bias", "biases", "beta", "offset", "b", "b_0"),
    "mean": ("running_mean", "moving_mean", "mean", "rm", "w_1"),
    "var": ("running_var", "running_variance", "moving_variance", "moving_var", "variance", "var", "riv", "w_2"),
}
_ROLE_OF_LEAF = {name: role for role, names in _LEAVES.items() for name in names}
_NAMES = "|".join(sorted(map(re.escape, _ROLE_OF_LEAF), key=len, reverse=True))
_KEY = re.compile(rf"(?P<path>.*?)(?:^|[._/:]+)(?P<leaf>{_NAMES})(?::\d+)?")
_BOOKKEEPING = re.compile(r".*(num_batches_tracked|n_averaged|global_step|total_ops|total_params)(:\d+)?")
_DEVIATIONS = ("std", "sigma", "deviation", "stdev")


@dataclass(frozen=True)
class Layer:
    """Some keys that belong to one module.

    Attributes:
        path: What the keys have in common.
        role: What it is: "norm" has running statistics, "scale" has not.
        keys: The file's key of each part: weight, bias, mean, var.
        shape: Of the weight; of the mean where there is none.
        place: Its place in the file.
    """

    path: str
    role: Role
    keys: dict[str, str]
    shape: Shape
    place: int
    tokens: Tokens

    @property
    def channels_in(self) -> int:
        """Of a convolution: per group."""
        return self.shape[1]

    @property
    def channels_out(self) -> int:
        """Of a convolution or linear layer; of a norm, its channels."""
        return self.shape[0]

    @property
    def kernel(self) -> tuple[int, ...]:
        """Of a convolution."""
        return self.shape[2:]

    def __str__(self) -> str:
        return f"{self.path or '(no name)'} {self.shape}"


@dataclass(frozen=True)
class Layers:
    """Every key of a table, sorted.

    Attributes:
        convs: In the order asked for; see `sort_layers`.
        linears: Likewise.
        norms: Likewise.
        others: Layers of no kind that a residual network has.
        bookkeeping: Keys that count steps and the like.
        loose: Keys that belong to no layer.
        normalisation: (mean key, deviation key) of an input normalisation that is part of the network.
    """

    convs: list[Layer]
    linears: list[Layer]
    norms: list[Layer]
    others: list[Layer]
    bookkeeping: list[str]
    loose: list[str]
    normalisation: tuple[str, str] | None = None


@dataclass
class _Gathered:
    keys: dict[str, str] = field(default_factory=dict)
    place: int = 0


def tokens_of(path: str) -> Tokens:
    """A path in pieces that sort as people count: layer10 after layer2."""
    return tuple((0, int(one), "") if one.isdigit() else (1, 0, one) for one in re.findall(r"\d{1,9}|[A-Za-z]+", path))


def common(first: Tokens, second: Tokens) -> int:
    """How many leading pieces two paths share."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def sort_layers(shapes: Mapping[str, Shape], *, by_name: bool) -> Layers:
    """Gather the keys of a table into layers.

    Args:
        shapes: Shape of each key, in the file's order.
        by_name: Whether to order the layers by their names; else the file's order is kept.
    """
    gathered: dict[str, _Gathered] = {}
    bookkeeping: list[str] = []
    loose: list[str] = []
    for place, key in enumerate(shapes):
        match = _KEY.fullmatch(key)
        if _BOOKKEEPING.fullmatch(key):
            bookkeeping.append(key)
        elif match:
            part = gathered.setdefault(match["path"], _Gathered(place=place))
            role = _ROLE_OF_LEAF[match["leaf"]]
            if role in part.keys:
                loose.append(key)
            else:
                part.keys[role] = key
        else:
            loose.append(key)
    layers = [_layer(path, part, shapes) for path, part in gathered.items()]
    normalisation, layers, loose = _input_normalisation(layers, loose, shapes)
    layers.sort(key=lambda layer: layer.tokens if by_name else layer.place)

    def of(*roles: Role) -> list[Layer]:
        return [layer for layer in layers if layer.role in roles]

    return Layers(of("conv"), of("linear"), of("norm"), of("scale", "other"), bookkeeping, loose, normalisation)


def _layer(path: str, part: _Gathered, shapes: Mapping[str, Shape]) -> Layer:
    shape = shapes[part.keys.get("weight") or next(iter(part.keys.values()))]
    weight = "weight" in part.keys
    role: Role = "other"
    if weight and len(shape) == 4:
        role = "conv"
    elif weight and len(shape) == 2:
        role = "linear"
    elif (
        {"mean", "var"} <= set(part.keys) and len({shapes[key] for key in part.keys.values()}) == 1 and len(shape) == 1
    ):
        role = "norm"
    elif weight and len(shape) == 1:
        role = "scale"
    return Layer(path, role, part.keys, shape, part.place, tokens_of(path))


def _input_normalisation(
    layers: list[Layer], loose: list[str], shapes: Mapping[str, Shape]
) -> tuple[tuple[str, str] | None, list[Layer], list[str]]:
    """A mean and a deviation of three numbers each, which no layer uses: the network normalises its own input."""

    def triple(key: str) -> bool:
        shape = shapes[key]
        return 3 in shape and max(shape) == 3 and sum(shape) <= len(shape) + 2

    means = [
        layer
        for layer in layers
        if layer.role == "other" and set(layer.keys) == {"mean"} and triple(layer.keys["mean"])
    ]
    means_loose = [key for key in loose if re.search(r"(^|[._])mu$", key) and triple(key)]
    deviations = [key for key in loose if re.search(rf"(^|[._])({'|'.join(_DEVIATIONS)})$", key) and triple(key)]
    mean = means[0].keys["mean"] if means else means_loose[0] if means_loose else None
    if mean is None or len(deviations) != 1:
        return None, layers, loose
    rest = [key for key in loose if key not in (mean, deviations[0])]
    return (mean, deviations[0]), [layer for layer in layers if layer not in means[:1]], rest


def keys_of(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Every key of some layers."""
    return tuple(key for layer in layers for key in layer.keys.values())
