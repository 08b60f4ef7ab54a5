"""Networks as other authors define them, small: their names, their order of definition, their forward pass.

Nothing of the doctor is used here: a network is a table of tensors and a few lines of arithmetic, written after the
authors' sources, which each recipe names. `live` gives a network statistics as training would: its batch norms have
seen pictures, normalised as the recipe says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as f

from app.zoo.pictures import dead_leaves

State = dict[str, Tensor]
CIFAR = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


@dataclass(frozen=True)
class Recipe:
    """One author's network.

    Attributes:
        source: Repository and file that it follows.
        names: What each part is called: conv, norm, short, short_norm with {s} (stage), {b} (block), {n} (number in the
            block), each also from 0 as {s0}, {b0}, {n0}; stem, stem_norm, final, head.
        order: Of definition inside a block: c1 n1 … and s, sn for the shortcut.
        widths: Filters inside the blocks.
        expansion: Of a bottleneck; 0 for basic blocks.
        stem: Kernel, stride, and whether max pooling follows.
        stem_widths: Filters of the stem's convolutions, the last included.
        stride_at: Which convolution of a block's branch has the stride, from 1.
        strides: Of the stages.
        shortcut: "symmetric" or "end" (option A), "norm" or "bare" (a projection), "average" (ResNet-D).
        reads: What the shortcut reads before an activation: "raw" or "activated".
        ends: How a pre-activation network ends: "norm" (batch norm and ReLU) or "bare".
        bias: Whether convolutions have one.
        wrap: Makes the file's tree of the state dict.
        choices: The author's answers to what no statistics tell reliably, as the doctor words them.
    """

    source: str
    names: Mapping[str, str]
    order: str
    widths: tuple[int, ...] = (8, 16, 32)
    blocks: int = 2
    expansion: int = 0
    groups: int = 1
    stem: tuple[int, int, bool] = (3, 1, False)
    stem_widths: tuple[int, ...] = (8,)
    stem_norm: bool = True
    stride_at: int = 1
    strides: tuple[int, ...] = (1, 2, 2, 2)
    shortcut: str = "norm"
    pre: bool = False
    reads: str = "raw"
    ends: str = "norm"
    bias: bool = False
    head_bias: bool = True
    classes: int = 10
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] = CIFAR
    side: int = 32
    wrap: Callable[[State], Any] = dict
    choices: Mapping[str, str] = field(default_factory=dict)


class Network:
    """A recipe's tensors under its author's names, and its answers."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.state: State = {}
        self.training = False
        self._random = torch.Generator().manual_seed(3)
        self._define()

    def _define(self) -> None:
        r = self.recipe
        inside = 3
        last = len(r.stem_widths) - 1
        for place, width in enumerate(r.stem_widths):
            name = r.names["stem"].format(n=place + 1, i=3 * place)
            self._conv(name, inside, width, r.stem[0] if place == 0 else 3)
            if place < last or r.stem_norm:
                self._norm(self.stem_norm(place), width)
            inside = width
        for stage, width in enumerate(r.widths, 1):
            for block in range(r.blocks):
                inside = self._define_block(stage, block, inside, width)
        if r.pre and r.ends != "bare":
            self._norm(r.names["final"], inside)
        if r.names.get("head"):
            self._put(f"{r.names['head']}.weight", r.classes, inside)
            if r.head_bias:
                self._put(f"{r.names['head']}.bias", r.classes)

    def _define_block(self, stage: int, block: int, inside: int, width: int) -> int:
        r = self.recipe
        shapes = self._shapes(inside, width)
        outside = shapes[-1][1]
        for part in r.order.split():
            if part[0] == "c":
                taken, given, kernel, groups = shapes[int(part[1]) - 1]
                self._conv(self.name("conv", stage, block, int(part[1])), taken // groups, given, kernel)
            elif part[0] == "n":
                taken, given, _, _ = shapes[int(part[1]) - 1]
                self._norm(self.name("norm", stage, block, int(part[1])), taken if r.pre else given)
            elif self._projects(stage, block, inside, outside):
                if part == "s":
                    self._conv(self.name("short", stage, block, 0), inside, outside, 1)
                elif r.shortcut != "bare":
                    self._norm(self.name("short_norm", stage, block, 0), outside)
        return outside

    def _shapes(self, inside: int, width: int) -> list[tuple[int, int, int, int]]:
        r = self.recipe
        if not r.expansion:
            return [(inside, width, 3, 1), (width, width, 3, 1)]
        return [(inside, width, 1, 1), (width, width, 3, r.groups), (width, width * r.expansion, 1, 1)]

    def _projects(self, stage: int, block: int, inside: int, outside: int) -> bool:
        changes = inside != outside or (block == 0 and self.recipe.strides[stage - 1] != 1)
        return changes and self.recipe.shortcut not in ("symmetric", "end")

    def stem_norm(self, place: int) -> str:
        """What the author calls the norm after a convolution of the stem."""
        names = self.recipe.names
        if place == len(self.recipe.stem_widths) - 1 and "last_norm" in names:
            return names["last_norm"]
        return names["stem_norm"].format(n=place + 1, i=3 * place + 1)

    def name(self, part: str, stage: int, block: int, number: int) -> str:
        """What the author calls a part of a block."""
        places = self.recipe.names.get(f"{part}s", "").split()
        one = places[number - 1] if places else str(number)
        counts = {"s": stage, "b": block, "n": number, "s0": stage - 1, "s1": stage + 1, "b1": block + 1, "p": one}
        return self.recipe.names[part].format(**counts)

    def _put(self, name: str, *shape: int, scale: float = 0.3, around: float = 0.0) -> None:
        self.state[name] = torch.randn(shape, generator=self._random) * scale + around

    def _conv(self, name: str, inside: int, outside: int, kernel: int) -> None:
        self._put(f"{name}.weight", outside, inside, kernel, kernel, scale=(2 / (inside * kernel**2)) ** 0.5)
        if kernel == 3 and inside > 3:  # smooth, as trained filters are: white ones hardly see where a stride is
            weight = self.state[f"{name}.weight"]
            self.state[f"{name}.weight"] = 0.4 * weight + 0.6 * weight.mean((2, 3), keepdim=True) * 3
        if self.recipe.bias:
            self._put(f"{name}.bias", outside)

    def _norm(self, name: str, channels: int) -> None:
        self._put(f"{name}.weight", channels, scale=0.2, around=1.0)
        self._put(f"{name}.bias", channels)
        self.state[f"{name}.running_mean"] = torch.zeros(channels)
        self.state[f"{name}.running_var"] = torch.ones(channels)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(1)

    def live(self, count: int = 96) -> None:
        """Let the batch norms see pictures."""
        self.training = True
        with torch.inference_mode():
            self(normalised(self.recipe, count, seed=11))
        self.training = False

    def __call__(self, x: Tensor) -> Tensor:
        r = self.recipe
        last = len(r.stem_widths) - 1
        for place in range(last + 1):
            stride = r.stem[1] if place == 0 else 1
            x = self.conv(x, r.names["stem"].format(n=place + 1, i=3 * place), stride)
            if place < last or r.stem_norm:
                x = f.relu(self.norm(x, self.stem_norm(place)))
        if r.stem[2]:
            x = f.max_pool2d(x, 3, 2, 1)
        for stage, width in enumerate(r.widths, 1):
            for block in range(r.blocks):
                x = self.block(x, stage, block, width, r.strides[stage - 1] if block == 0 else 1)
        if r.pre and r.ends != "bare":
            x = f.relu(self.norm(x, r.names["final"]))
        x = x.mean((2, 3))
        return self.head(x)

    def head(self, x: Tensor) -> Tensor:
        """(N, features) -> logits; features where there is no head."""
        name = self.recipe.names.get("head", "")
        return f.linear(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias")) if name else x

    def block(self, x: Tensor, stage: int, block: int, width: int, stride: int) -> Tensor:
        """One residual block."""
        r = self.recipe
        shapes = self._shapes(x.shape[1], width)
        outside = shapes[-1][1]
        out = taken = x
        for number, (_, _, _, groups) in enumerate(shapes, 1):
            step = stride if number == r.stride_at else 1
            conv, norm = self.name("conv", stage, block, number), self.name("norm", stage, block, number)
            if r.pre:
                out = f.relu(self.norm(out, norm))
                taken = out if number == 1 and r.reads == "activated" else taken
                out = self.conv(out, conv, step, groups)
            else:
                out = self.norm(self.conv(out, conv, step, groups), norm)
                out = f.relu(out) if number < len(shapes) else out
        if not self._projects(stage, block, x.shape[1], outside):
            taken = x if x.shape == out.shape else self.padded(taken, outside, stride)
        else:
            if r.shortcut == "average" and stride > 1:
                taken, stride = f.avg_pool2d(taken, stride), 1
            taken = self.conv(taken, self.name("short", stage, block, 0), stride)
            taken = taken if r.shortcut == "bare" else self.norm(taken, self.name("short_norm", stage, block, 0))
        return out + taken if r.pre else f.relu(out + taken)

    def padded(self, x: Tensor, outside: int, stride: int) -> Tensor:
        """Option A."""
        missing = outside - x.shape[1]
        before = missing // 2 if self.recipe.shortcut == "symmetric" else 0
        return f.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, before, missing - before))

    def conv(self, x: Tensor, name: str, stride: int, groups: int = 1) -> Tensor:
        """A convolution that keeps the size but for its stride."""
        weight = self.state[f"{name}.weight"]
        return f.conv2d(x, weight, self.state.get(f"{name}.bias"), stride, weight.shape[-1] // 2, groups=groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """Batch norm; in training it remembers this batch alone."""
        mean, variance, weight, bias = (
            self.state[f"{name}.{leaf}"] for leaf in ("running_mean", "running_var", "weight", "bias")
        )
        return f.batch_norm(x, mean, variance, weight, bias, training=self.training, momentum=1.0)


def normalised(recipe: Recipe, count: int, seed: int) -> Tensor:
    """(count, 3, side, side) made-up pictures, normalised as the recipe says."""
    mean, deviation = (torch.tensor(one).view(1, 3, 1, 1) for one in recipe.normalisation)
    return (dead_leaves(count, recipe.side, seed) - mean) / deviation


def prefixed(prefix: str) -> Callable[[State], State]:
    """Every key behind a prefix."""
    return lambda state: {f"{prefix}{key}": tensor for key, tensor in state.items()}


def renamed(state: State, table: Mapping[str, str]) -> State:
    """Keys with parts replaced, by regular expressions."""
    out = {}
    for key, tensor in state.items():
        for old, new in table.items():
            key = re.sub(old, new, key)
        out[key] = tensor
    return out
