"""Residual networks of any shape: what people build between the paper's networks and torchvision's.

Any number of stages, blocks and filters; a 3×3 or 7×7 stem, with or without pooling, or a deep one of three
convolutions (He et al. 2019, “Bag of Tricks”, ResNet-C); stride in the first or the middle convolution of a bottleneck;
the order of He et al. 2015 or of 2016 (pre-activation, as in Wide ResNets); shortcut options A, B, C or none; a
projection after average pooling (ResNet-D). Checkpoints of other authors are taken in as one of these.

Module names follow torchvision and timm (conv1, bn1, layer1.0.conv1, layer2.0.downsample.0, …, fc).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.core.errors import ArchitectureError
from app.core.records import NetworkOutline, ShortcutKind
from app.networks.cifar_resnet import PaddedShortcut, Padding
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options

CUSTOM = "custom-resnet"
EXPANSION = {"basic": 1, "bottleneck": 4}


@dataclass(frozen=True)
class GeneralOptions:
    """The shape of a residual network.

    Attributes:
        blocks: Residual blocks of each stage.
        widths: Filters inside the blocks of each stage.
        channels: Filters that the blocks of each stage give out; empty for the widths times 1 (basic) or 4.
        strides: Stride of the first block of each stage; empty for 1, 2, 2, ….
        block: "basic" (two 3×3 convolutions) or "bottleneck" (1×1, 3×3, 1×1).
        groups: Groups of the 3×3 convolution of a bottleneck.
        stride_in: Which convolution of a bottleneck has the stride: the "first" 1×1 (the paper) or the "middle" 3×3.
            In a basic block the first has it, unless "last" is said (some Wide ResNets).
        stem: Filters of the stem's convolutions; one, or several of which the first has the stride.
        stem_kernel: Kernel of the first convolution of the stem; further ones have 3×3.
        stem_stride: Stride of the first convolution of the stem.
        stem_pool: Whether a 3×3 max pooling of stride 2 follows the stem.
        stem_norm: Whether batch norm and ReLU follow the stem's last convolution (always, in the post order).
        activation: "post" is He et al. 2015, "pre" is He et al. 2016.
        shortcut: "A" subsamples and pads with zero channels; "B" projects with a 1×1 convolution where the shape
            changes, "C" everywhere; "none" is a plain network.
        project_first: Option B projects in the very first block too, even if the shape does not change there.
        padding: Of option A, as in the CIFAR family.
        projection: Where the shape changes, the projection itself has the "stride", or "average" pooling precedes it.
        projects: With pre-activation, whether the projection reads the block's "raw" or its "activated" input.
        final_norm: Whether batch norm and ReLU follow the last block (pre-activation only).
        pool: Side of the grid to which the last feature map is averaged; 1 is global average pooling.
        pooling: "average", or "both": global maximum and global average side by side, as fastai does.
        head: Outputs of linear layers before the last one, each followed by a ReLU.
        bias: Whether convolutions have biases, as some Wide ResNets do.
    """

    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    channels: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    block: Literal["basic", "bottleneck"] = "basic"
    groups: int = 1
    stride_in: Literal["first", "middle", "last"] = "middle"
    stem: tuple[int, ...] = (64,)
    stem_kernel: int = 7
    stem_stride: int = 2
    stem_pool: bool = True
    stem_norm: bool = True
    activation: Literal["post", "pre"] = "post"
    shortcut: Literal["none", "A", "B", "C"] = "B"
    project_first: bool = False
    padding: Padding = "symmetric"
    projection: Literal["stride", "average"] = "stride"
    projects: Literal["raw", "activated"] = "raw"
    final_norm: bool = True
    pool: int = 1
    pooling: Literal["average", "both"] = "average"
    head: tuple[int, ...] = ()
    bias: bool = False

    @property
    def stages(self) -> int:
        """How many stages."""
        return len(self.blocks)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Filters that the blocks of each stage give out."""
        return self.channels or tuple(width * EXPANSION[self.block] for width in self.widths)

    @property
    def all_strides(self) -> tuple[int, ...]:
        """Stride of the first block of each stage."""
        return self.strides or (1, *[2] * (self.stages - 1))

    @property
    def depth(self) -> int:
        """Weighted layers as the papers count them: the stem as one, the convolutions of the branches, and the head."""
        return 1 + (2 if self.block == "basic" else 3) * sum(self.blocks) + 1

    @classmethod
    def parse(cls, options: Options, architecture: str) -> GeneralOptions:
        """Check options read from a card.

        Raises:
            ArchitectureError: naming the option, and the values that it can have.
        """
        names = tuple(field.name for field in fields(cls))
        reject_unknown_options(options, names, architecture)
        given: dict[str, Any] = {**PRESETS.get(architecture, {}), **options}
        for name in ("blocks", "widths"):
            if name not in given:
                raise ArchitectureError(f"{architecture} needs the option {name}.", "Give a number for each stage.")
        for name, value in given.items():
            given[name] = _checked(architecture, name, value)
        parsed = cls(**given)
        parsed._check_together(architecture)
        return parsed

    def _check_together(self, architecture: str) -> None:
        lengths = {len(self.blocks), len(self.widths), len(self.outputs), len(self.all_strides)}
        if len(lengths) != 1 or not 1 <= self.stages <= 8:
            raise ArchitectureError(
                f"{architecture}: blocks, widths, channels and strides speak of different numbers of stages.",
                "Give each a number for each of 1 to 8 stages.",
            )
        if self.groups > 1 and (self.block == "basic" or any(width % self.groups for width in self.widths)):
            raise ArchitectureError(
                f"{architecture}: {self.groups} groups do not divide the widths.", "Only bottlenecks have groups."
            )
        if self.block == "bottleneck" and self.stride_in == "last":
            raise ArchitectureError(
                f"{architecture}: the last 1×1 of a bottleneck has no stride.", "Choose first or middle for stride_in."
            )
        if self.pooling == "both" and self.pool != 1:
            raise ArchitectureError(f"{architecture}: both poolings are global.", "Choose 1 for pool.")
        if not self.stem:
            raise ArchitectureError(f"{architecture}: the stem has no convolution.", "Give one filter count or more.")


_CHOICES: dict[str, tuple[str, ...]] = {
    "block": ("basic", "bottleneck"),
    "stride_in": ("first", "middle", "last"),
    "activation": ("post", "pre"),
    "shortcut": ("none", "A", "B", "C"),
    "padding": ("symmetric", "end", "average"),
    "projection": ("stride", "average"),
    "projects": ("raw", "activated"),
    "pooling": ("average", "both"),
}
_SEQUENCES = ("blocks", "widths", "channels", "strides", "stem", "head")
_FLAGS = ("stem_pool", "stem_norm", "final_norm", "project_first", "bias")
_LARGEST = 100_000

_SMALL: dict[str, Any] = {"stem_kernel": 3, "stem_stride": 1, "stem_pool": False}
PRESETS: dict[str, dict[str, Any]] = {
    "resnet18-small": {"blocks": (2, 2, 2, 2), "widths": (64, 128, 256, 512), **_SMALL},
    "resnet34-small": {"blocks": (3, 4, 6, 3), "widths": (64, 128, 256, 512), **_SMALL},
    "resnet50-small": {"blocks": (3, 4, 6, 3), "widths": (64, 128, 256, 512), "block": "bottleneck", **_SMALL},
    "preact-resnet18-small": {
        "blocks": (2, 2, 2, 2),
        "widths": (64, 128, 256, 512),
        "activation": "pre",
        "stem_norm": False,
        "projects": "activated",
        **_SMALL,
    },
    "wide-resnet16-4": {
        "blocks": (2, 2, 2),
        "widths": (64, 128, 256),
        "stem": (16,),
        "activation": "pre",
        "stem_norm": False,
        "projects": "activated",
        **_SMALL,
    },
    "resnet50-d": {
        "blocks": (3, 4, 6, 3),
        "widths": (64, 128, 256, 512),
        "block": "bottleneck",
        "stem": (32, 32, 64),
        "stem_kernel": 3,
        "projection": "average",
    },
}
TITLES = {
    "resnet18-small": "ResNet-18, 3×3 stem",
    "resnet34-small": "ResNet-34, 3×3 stem",
    "resnet50-small": "ResNet-50, 3×3 stem",
    "preact-resnet18-small": "Pre-activation ResNet-18, 3×3 stem",
    "wide-resnet16-4": "Wide ResNet-16-4",
    "resnet50-d": "ResNet-50-D",
}


def _checked(architecture: str, name: str, value: object) -> object:
    """One option's value, in the type that the dataclass says."""

    def whole(number: object) -> bool:
        return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _LARGEST

    if name in _CHOICES:
        fits, want = value in _CHOICES[name], f"Choose one of: {', '.join(_CHOICES[name])}."
    elif name in _FLAGS:
        fits, want = isinstance(value, bool), "Choose true or false."
    elif name in _SEQUENCES:
        fits = isinstance(value, list | tuple) and all(whole(number) for number in value)
        want = "Give a list of whole numbers from 1."
    else:
        fits, want = whole(value), "Choose a whole number from 1."
    if not fits:
        raise ArchitectureError(f"{architecture}: {name} is “{value}”.", want)
    return tuple(cast("list[int]", value)) if name in _SEQUENCES else value


class GeneralBlock(nn.Module):
    """A branch F, a shortcut, and y = F(x) + α·shortcut(x).

    `downsample` is torchvision's name for the shortcut; it is None where there is no addition.
    """

    def __init__(self, channels_in: int, stage: int, first: bool, options: GeneralOptions) -> None:
        super().__init__()
        width, channels_out = options.widths[stage], options.outputs[stage]
        stride = options.all_strides[stage] if first else 1
        self.gate = 1.0
        self.pre = options.activation == "pre"
        project = options.project_first and stage == 0 and first
        self.shortcut_kind, self.downsample = _shortcut(channels_in, channels_out, stride, options, project=project)
        self.shares_activation = (
            self.pre and options.projects == "activated" and self.shortcut_kind in ("projection", "padding")
        )
        if options.block == "basic":
            outer, inner = (1, stride) if options.stride_in == "last" else (stride, 1)
            shapes = [(channels_in, width, 3, outer, 1), (width, channels_out, 3, inner, 1)]
        else:
            outer, inner = (stride, 1) if options.stride_in == "first" else (1, stride)
            shapes = [
                (channels_in, width, 1, outer, 1),
                (width, width, 3, inner, options.groups),
                (width, channels_out, 1, 1, 1),
            ]
        self.depth = len(shapes)
        for number, (inside, outside, kernel, step, groups) in enumerate(shapes, 1):
            self.add_module(f"conv{number}", _conv(inside, outside, kernel, step, groups, options.bias))
            self.add_module(f"bn{number}", nn.BatchNorm2d(inside if self.pre else outside))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H/stride, W/stride)."""
        out = shortcut_in = x
        for number in range(1, self.depth + 1):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            if self.pre:
                out = functional.relu(norm(out))
                if number == 1 and self.shares_activation:
                    shortcut_in = out
                out = conv(out)
            else:
                out = norm(conv(out))
                if number < self.depth:
                    out = functional.relu(out)
        out = self._added(out, shortcut_in)
        return out if self.pre else functional.relu(out)

    def _added(self, out: Tensor, x: Tensor) -> Tensor:
        if self.downsample is None or self.gate == 0:
            return out
        shortcut = self.downsample(x)
        return cast("Tensor", out + (shortcut if self.gate == 1 else self.gate * shortcut))


class GeneralResNet(nn.Module):
    """A residual or plain network; see `GeneralOptions`."""

    def __init__(self, classes: int, options: GeneralOptions) -> None:
        super().__init__()
        self.options = options
        self.conv1, channels = _stem(options)
        self.bn1 = nn.BatchNorm2d(channels) if options.stem_norm else nn.Identity()
        self.relu = nn.ReLU() if options.stem_norm else nn.Identity()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if options.stem_pool else nn.Identity()
        for stage in range(options.stages):
            blocks = []
            for index in range(options.blocks[stage]):
                blocks.append(GeneralBlock(channels, stage, index == 0, options))
                channels = options.outputs[stage]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.last = options.activation == "pre" and options.final_norm
        self.bn2 = nn.BatchNorm2d(channels) if self.last else nn.Identity()
        self.fc = _head(channels * options.pool**2 * (2 if options.pooling == "both" else 1), classes, options)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) normalised pictures -> (N, classes) logits."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, self.options.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        if self.last:
            x = functional.relu(self.bn2(x))
        pooled = torch.flatten(functional.adaptive_avg_pool2d(x, self.options.pool), 1)
        if self.options.pooling == "both":
            pooled = torch.cat((x.amax((2, 3)), pooled), 1)
        return cast("Tensor", self.fc(pooled))


def _conv(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    padding = kernel // 2
    return nn.Conv2d(channels_in, channels_out, kernel, stride, padding, groups=groups, bias=bias)


def _stem(options: GeneralOptions) -> tuple[nn.Module, int]:
    first = _conv(3, options.stem[0], options.stem_kernel, options.stem_stride, bias=options.bias)
    if len(options.stem) == 1:
        return first, options.stem[0]
    layers: list[nn.Module] = [first]
    for before, after in zip(options.stem, options.stem[1:], strict=False):
        layers += [nn.BatchNorm2d(before), nn.ReLU(), _conv(before, after, 3, bias=options.bias)]
    return nn.Sequential(*layers), options.stem[-1]


def _head(features: int, classes: int, options: GeneralOptions) -> nn.Module:
    if not options.head:
        return nn.Linear(features, classes)
    layers: list[nn.Module] = []
    for hidden in options.head:
        layers += [nn.Linear(features, hidden), nn.ReLU()]
        features = hidden
    return nn.Sequential(*layers, nn.Linear(features, classes))


def _shortcut(
    channels_in: int, channels_out: int, stride: int, options: GeneralOptions, *, project: bool
) -> tuple[ShortcutKind, nn.Module | None]:
    changes_shape = stride != 1 or channels_in != channels_out
    if options.shortcut == "none":
        return "none", None
    if options.shortcut == "A" and changes_shape:
        if channels_out < channels_in:
            raise ArchitectureError(
                f"Option A cannot go from {channels_in} to {channels_out} filters.", "Choose option B."
            )
        return "padding", PaddedShortcut(channels_in, channels_out, stride, options.padding)
    if options.shortcut == "C" or (options.shortcut == "B" and (changes_shape or project)):
        average = options.projection == "average" and stride != 1
        parts: list[tuple[str, nn.Module]] = []
        if average:
            parts.append(("pool", nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)))
        parts.append(("0", _conv(channels_in, channels_out, 1, 1 if average else stride, bias=options.bias)))
        parts.append(("1", nn.BatchNorm2d(channels_out)))
        return "projection", nn.Sequential(OrderedDict(parts))
    return "identity", nn.Identity()


class GeneralFamily:
    """A few named shapes, and `custom-resnet`, whose options say everything."""

    name = "general-resnet"
    examples = tuple(PRESETS)
    input_size = 32

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        if architecture != CUSTOM and architecture not in PRESETS:
            raise ArchitectureError(
                f"There is no general ResNet called “{architecture}”.",
                f"Choose one of: {', '.join(PRESETS)}; or {CUSTOM}, with options.",
            )
        return GeneralResNet(classes, GeneralOptions.parse(options, architecture))

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        assert isinstance(network, GeneralResNet)
        options = network.options
        blocks = [block_info(network, "maxpool", "stem", of=("conv1", "bn1"))]
        for stage in range(1, options.stages + 1):
            for index, block in enumerate(cast("nn.Sequential", network.get_submodule(f"layer{stage}"))):
                assert isinstance(block, GeneralBlock)
                blocks.append(
                    block_info(
                        network,
                        f"layer{stage}.{index}",
                        options.block,
                        stage=stage,
                        index=index + 1,
                        shortcut=block.shortcut_kind,
                    )
                )
        blocks.append(block_info(network, "fc", "head", of=("bn2", "fc")))
        title = TITLES.get(architecture) or described(options)
        return NetworkOutline(self.name, architecture, title, tuple(blocks), parameter_count(network))


def described(options: GeneralOptions) -> str:
    """How people call a network of that shape: “Pre-activation ResNet-18, 3×3 stem”."""
    kind = "Plain network" if options.shortcut == "none" else "ResNeXt" if options.groups > 1 else "ResNet"
    words = f"{'Pre-activation ' if options.activation == 'pre' else ''}{kind}-{options.depth}"
    if len(options.stem) > 1:
        return f"{words}, deep stem"
    return f"{words}, 3×3 stem" if options.stem_kernel == 3 and not options.stem_pool else words


families.register(GeneralFamily.name)(GeneralFamily())
