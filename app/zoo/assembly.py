"""From a blueprint to one of our networks: its options, and its state dict out of the file's tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from app.core.errors import ModelError
from app.networks.general_resnet import EXPANSION, GeneralOptions
from app.zoo.blueprint import Block, Blueprint, HeadNorms, NotResidual, Unit
from app.zoo.layers import Layer

EPSILON = 1e-5  # of torch's batch norm
_Linear = tuple[Tensor, Tensor, list[str]]


@dataclass(frozen=True)
class Origin:
    """Where one of our tensors comes from.

    Attributes:
        name: Ours.
        key: The file's; "" for one that stands for something the file does not have.
        change: What was done to it, in words; "" where it is taken as it is.
    """

    name: str
    key: str
    change: str = ""


@dataclass(frozen=True, eq=False)
class Assembly:
    """A network's weights under our names.

    Attributes:
        state: Ours; tensors may be views of the file.
        origins: One per tensor, in the state's order.
    """

    state: dict[str, Tensor]
    origins: tuple[Origin, ...]


def stages_of(blueprint: Blueprint) -> list[list[Block]]:
    """The blocks by stage: a stage begins where the channels change, or where a lone projection stands."""
    everywhere = all(block.projection for block in blueprint.blocks)
    stages: list[list[Block]] = [[blueprint.blocks[0]]]
    for before, block in pairwise(blueprint.blocks):
        changes = block.channels_out != before.channels_out
        if changes or (block.projection is not None and not everywhere):
            stages.append([])
        stages[-1].append(block)
    return stages


def options_of(blueprint: Blueprint) -> GeneralOptions:
    """The shape of the network; what shapes cannot tell is at its usual value (see `app.zoo.doubts`).

    Raises:
        NotResidual: where a stage is not made of equal blocks.
    """
    stages = stages_of(blueprint)
    for stage in stages:
        odd = [block for block in stage if block.width != stage[0].width or block.groups != stage[0].groups]
        if odd:
            keys = [conv.keys["weight"] for conv in odd[0].convs]
            raise NotResidual("the blocks of one stage have different widths", keys, len(blueprint.blocks))
    widths = tuple(stage[0].width for stage in stages)
    channels = tuple(stage[0].channels_out for stage in stages)
    usual = tuple(width * EXPANSION[blueprint.kind] for width in widths)
    shortcut, project_first = _shortcut(stages)
    kernel = blueprint.stem[0].conv.kernel[0]
    small = kernel <= 3
    deep = len(blueprint.stem) > 1
    return GeneralOptions(
        blocks=tuple(map(len, stages)),
        widths=widths,
        channels=() if channels == usual else channels,
        block=blueprint.kind,
        groups=blueprint.blocks[0].groups,
        stem=tuple(unit.conv.channels_out for unit in blueprint.stem),
        stem_kernel=kernel,
        stem_stride=1 if small and not deep else 2,
        stem_pool=not small or deep,
        stem_norm=blueprint.activation == "post" or blueprint.stem_norm is not None,
        activation=blueprint.activation,
        shortcut=shortcut,
        project_first=project_first,
        final_norm=blueprint.activation == "post" or blueprint.final_norm is not None,
        pool=blueprint.pool,
        head=blueprint.hidden,
        pooling="both" if blueprint.pools_twice else "average",
        bias=blueprint.activation == "pre" and any("bias" in conv.keys for conv in blueprint.convs),
    )


def _maximum_first(means: Tensor) -> bool:
    """Whether the first half of these means can be of maxima, and the second of averages, of the same channels."""
    first, second = means.float().chunk(2)
    return bool((first >= second).all())


def _shortcut(stages: list[list[Block]]) -> tuple[Literal["A", "B", "C"], bool]:
    """The shortcut option, and whether the very first block projects although nothing changes there."""
    blocks = [block for stage in stages for block in stage]
    first = stages[0][0]
    first_changes = first.channels_in != first.channels_out
    if all(block.projection is None for block in blocks):
        return ("A" if len(stages) > 1 or first_changes else "B"), False
    if all(block.projection for block in blocks) and any(len(stage) > 1 for stage in stages):
        return "C", False
    without = [stage[0] for stage in stages[1:] if stage[0].projection is None]
    if first_changes and first.projection is None:
        without.insert(0, first)
    if without:
        keys = [conv.keys["weight"] for conv in without[0].convs]
        raise NotResidual("only some of the blocks that change the shape have a projection", keys, len(blocks))
    return "B", first.projection is not None and not first_changes


def assemble(blueprint: Blueprint, tensors: Mapping[str, Tensor]) -> Assembly:
    """The network's weights under our names.

    What a file does differently but means the same is written our way: a convolution's bias before a batch norm is
    taken from the norm's mean; where there is no norm, a neutral one (variance 1, mean 0) carries the bias.
    Before batch norms (pre-activation) biases stay what they are.
    """
    return _Assembler(blueprint, tensors).run()


class _Assembler:
    def __init__(self, blueprint: Blueprint, tensors: Mapping[str, Tensor]) -> None:
        self.blueprint = blueprint
        self.tensors = tensors
        self.state: dict[str, Tensor] = {}
        self.origins: list[Origin] = []

    def run(self) -> Assembly:
        plan = self.blueprint
        pre = plan.activation == "pre"
        self.biased = pre and any("bias" in conv.keys for conv in plan.convs)
        last = len(plan.stem) - 1
        for place, unit in enumerate(plan.stem):
            conv = "conv1" if last == 0 else f"conv1.{3 * place}"
            norm = "bn1" if place == last else f"conv1.{3 * place + 1}"
            if place == last and pre:
                self._unit(Unit(unit.conv, plan.stem_norm), conv, norm if plan.stem_norm else "")
            else:
                self._unit(unit, conv, norm)
        for stage, blocks in enumerate(stages_of(plan), 1):
            for index, block in enumerate(blocks):
                self._block(block, f"layer{stage}.{index}", pre)
        if plan.final_norm is not None:
            self._norm(plan.final_norm, "bn2", None)
        if not plan.head:
            why = "there is no head in the file: each answer is one of the features"
            self._make("fc.weight", torch.eye(plan.classes), why)
            self._make("fc.bias", torch.zeros(plan.classes), why)
        self._head()
        return Assembly(self.state, tuple(self.origins))

    def _block(self, block: Block, name: str, pre: bool) -> None:
        for number, unit in enumerate(block.mains, 1):
            if pre:
                assert unit.norm is not None
                self._norm(unit.norm, f"{name}.bn{number}", None)
                self._unit(Unit(unit.conv), f"{name}.conv{number}", "")
            else:
                self._unit(unit, f"{name}.conv{number}", f"{name}.bn{number}")
        if block.projection is not None:
            self._unit(block.projection, f"{name}.downsample.0", f"{name}.downsample.1")

    def _unit(self, unit: Unit, conv: str, norm: str) -> None:
        """A convolution and the norm after it; no norm where its name is empty."""
        self._take(f"{conv}.weight", unit.conv.keys["weight"])
        bias = unit.conv.keys.get("bias")
        if self.biased:
            if bias is not None:
                self._take(f"{conv}.bias", bias)
            else:
                self._make(f"{conv}.bias", torch.zeros(unit.conv.channels_out), "the file has no bias here")
            bias = None
        if not norm:
            return
        if unit.norm is not None:
            self._norm(unit.norm, norm, bias)
        else:
            self._neutral_norm(unit.conv, norm, bias)

    def _norm(self, layer: Layer, name: str, bias: str | None) -> None:
        channels = layer.channels_out
        for leaf, part, usual in (("weight", "weight", 1.0), ("bias", "bias", 0.0)):
            if part in layer.keys:
                self._take(f"{name}.{leaf}", layer.keys[part])
            else:
                self._make(f"{name}.{leaf}", torch.full((channels,), usual), "its norm has no such parameter")
        if bias is None:
            self._take(f"{name}.running_mean", layer.keys["mean"])
        else:
            mean = self.tensors[layer.keys["mean"]].float() - self.tensors[bias].float()
            self._make(f"{name}.running_mean", mean, f"less the bias {bias}", layer.keys["mean"])
        self._take(f"{name}.running_var", layer.keys["var"])
        self._count(name, f"{layer.path}.num_batches_tracked")

    def _neutral_norm(self, conv: Layer, name: str, bias: str | None) -> None:
        channels = conv.channels_out
        why = "there is no norm in the file; this one changes nothing"
        self._make(f"{name}.weight", torch.ones(channels), why)
        if bias is None:
            self._make(f"{name}.bias", torch.zeros(channels), why)
        else:
            self._take(f"{name}.bias", bias)
        self._make(f"{name}.running_mean", torch.zeros(channels), why)
        self._make(f"{name}.running_var", torch.full((channels,), 1 - EPSILON), why)
        self._count(name)

    def _head(self) -> None:
        """The linear layers; those without an activation between them become one, and batch norms a part of them."""
        plan = self.blueprint
        waiting: list[_Linear] = []
        place = 0
        for number, (layer, norms) in enumerate(zip(plan.head, plan.head_norms, strict=True)):
            if number == 0 and plan.pools_twice:
                self._check_poolings(layer, norms)
            waiting.append(self._linear(layer, norms))
            if number in plan.head_joined:
                continue
            weight, bias, changes = waiting[0]
            for next_weight, next_bias, next_changes in waiting[1:]:
                bias = next_weight.double() @ bias.double() + next_bias
                weight = next_weight.double() @ weight.double()
                changes = [*changes, *next_changes, "two linear layers without an activation between them, as one"]
            self._put_linear(layer, weight, bias, changes, "fc" if not plan.hidden else f"fc.{2 * place}")
            waiting, place = [], place + 1

    def _check_poolings(self, first: Layer, norms: HeadNorms) -> None:
        if norms.before is None or not _maximum_first(self.tensors[norms.before.keys["mean"]]):
            why = "its head takes twice the numbers of the last block, and they are no maxima and averages"
            raise NotResidual(why, list(first.keys.values()), len(self.blueprint.convs), at_head=True)

    def _put_linear(self, layer: Layer, weight: Tensor, bias: Tensor, changes: list[str], name: str) -> None:
        keys = layer.keys
        if not changes:
            self._take(f"{name}.weight", keys["weight"])
        else:
            self._make(f"{name}.weight", weight.to(self._kind(weight)), "; ".join(changes), keys["weight"])
        if "bias" in keys and bias is self.tensors[keys["bias"]]:
            self._take(f"{name}.bias", keys["bias"])
        else:
            why = changes[-1] if changes else "the file has no bias here"
            self._make(f"{name}.bias", bias.to(self._kind(bias)), why, keys.get("bias", ""))

    @staticmethod
    def _kind(tensor: Tensor) -> torch.dtype:
        return torch.float32 if tensor.dtype == torch.float64 else tensor.dtype

    def _linear(self, layer: Layer, norms: HeadNorms) -> _Linear:
        """Weight, bias and what was done to them."""
        key, bias = layer.keys["weight"], layer.keys.get("bias")
        weight, changes = self.tensors[key], []
        if weight.dim() == 4:
            weight = weight.flatten(1)
            changes.append("a 1×1 convolution in the file")
        elif tuple(weight.shape) != layer.shape:
            weight = weight.T
            changes.append("turned: the file has (in, out)")
        if bias is not None and self.tensors[bias].numel() != layer.channels_out:
            raise NotResidual(f"the bias {bias} does not fit its weights", [key, bias], len(self.blueprint.blocks))
        offset = torch.zeros(layer.channels_out) if bias is None else self.tensors[bias]
        if norms.before:
            scale, shift = self._affine(norms.before)
            weight, offset = weight.double() * scale, offset + weight.double() @ shift
            changes.append(f"with the batch norm {norms.before.path} before it")
        if norms.after:
            scale, shift = self._affine(norms.after)
            weight, offset = scale[:, None] * weight.double(), scale * offset + shift
            changes.append(f"with the batch norm {norms.after.path} after it")
        return weight, offset, changes

    def _affine(self, norm: Layer) -> tuple[Tensor, Tensor]:
        """A batch norm as y = scale · x + shift, in float64."""
        weight, bias, mean, variance = (
            self.tensors[norm.keys[part]].double() if part in norm.keys else None
            for part in ("weight", "bias", "mean", "var")
        )
        assert mean is not None
        assert variance is not None
        scale = (variance + EPSILON).rsqrt() * (1 if weight is None else weight)
        return scale, (0 if bias is None else bias) - mean * scale

    def _count(self, norm: str, key: str = "") -> None:
        """How many batches a norm has seen: of no use here, and not in every file."""
        counted = self.tensors.get(key)
        self.state[f"{norm}.num_batches_tracked"] = torch.tensor(0) if counted is None else counted

    def _take(self, name: str, key: str) -> None:
        self.state[name] = self.tensors[key]
        self.origins.append(Origin(name, key))

    def _make(self, name: str, tensor: Tensor, change: str, key: str = "") -> None:
        self.state[name] = tensor
        self.origins.append(Origin(name, key, change))


def check_fit(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Refuse what is no network although each block looks like one: a projection is missing, say.

    Raises:
        ModelError: naming the first weight, by the name that it would have here.
    """
    needed = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    missing = [name for name in needed if name not in state]
    others = [name for name, tensor in state.items() if needed.get(name) != tuple(tensor.shape)]
    if missing or others:
        what = f"{missing[0]} is missing" if missing else f"{others[0]} does not fit"
        more = len(missing) + len(others) - 1
        raise ModelError(
            f"Its blocks do not make one network: {what}" + (f", and {more} more." if more else "."),
            "Is the file whole? Ask its author for the complete state dict.",
        )
