"""The paper's networks for 32×32 pictures, residual and plain (He et al. 2015, section 4.2).

A 3×3 stem, three stages of n blocks with 16, 32 and 64 filters on 32, 16 and 8 pixels, global average pooling and
one linear layer: 6n+2 weighted layers with basic blocks, 9n+2 with bottlenecks. A plain network is the same network
with `shortcut="none"`: identical layers, parameters and initial values, no addition.

Module names follow torchvision (conv1, bn1, layer1.0.conv1, …, fc).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.core.errors import ArchitectureError
from app.core.records import NetworkOutline, ShortcutKind
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options

Shortcut = Literal["none", "A", "B", "C"]
Padding = Literal["symmetric", "end", "average"]
STAGES = 3


@dataclass(frozen=True)
class CifarOptions:
    """What may vary within the family.

    Attributes:
        block: "basic" (two 3×3 convolutions) or "bottleneck" (1×1, 3×3, 1×1 with four times the filters out).
        shortcut: "A" subsamples and pads with zero channels (no parameters); "B" projects with a 1×1 convolution
            where the shape changes, "C" everywhere; "none" is the plain twin.
        padding: Where option A puts the zero channels: half at each end, or all at the end. “average” puts them at the
            end and averages 2×2 pixels where the others take every second pixel.
        norm: "batch" or "none".
        activation: "post" is the paper's order; "pre" is batch norm and ReLU before each convolution (He et al. 2016).
        width: Filters of the first stage.
        gate: α in y = F(x) + α·x, the same at every block; 1 is residual, 0 computes what the plain twin computes.
    """

    block: Literal["basic", "bottleneck"] = "basic"
    shortcut: Shortcut = "A"
    padding: Padding = "symmetric"
    norm: Literal["batch", "none"] = "batch"
    activation: Literal["post", "pre"] = "post"
    width: int = 16
    gate: float = 1.0

    @classmethod
    def parse(cls, options: Options, architecture: str) -> CifarOptions:
        """Check options read from a card or a config.

        Raises:
            ArchitectureError: naming the option, and the values that it can have.
        """
        reject_unknown_options(options, tuple(field.name for field in fields(cls)), architecture)
        choices: dict[str, tuple[object, ...]] = {
            "block": ("basic", "bottleneck"),
            "shortcut": ("none", "A", "B", "C"),
            "padding": ("symmetric", "end", "average"),
            "norm": ("batch", "none"),
            "activation": ("post", "pre"),
        }
        for name, allowed in choices.items():
            if name in options and options[name] not in allowed:
                have = ", ".join(str(value) for value in allowed)
                raise ArchitectureError(f"{architecture}: {name} is “{options[name]}”.", f"Choose one of: {have}.")
        parsed = cls(**cast("dict[str, object]", dict(options)))  # type: ignore[arg-type]
        if not isinstance(parsed.width, int) or parsed.width < 1:
            raise ArchitectureError(f"{architecture}: width is {parsed.width}.", "Choose a whole number from 1.")
        if not 0 <= parsed.gate <= 1:
            raise ArchitectureError(f"{architecture}: gate is {parsed.gate}.", "Choose a number from 0 to 1.")
        return parsed


class PaddedShortcut(nn.Module):
    """Option A: take every second pixel (or average), fill the missing channels with zeros. No parameters."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, padding: Padding) -> None:
        super().__init__()
        self.stride = stride
        self.average = padding == "average"
        missing = channels_out - channels_in
        self.before = missing // 2 if padding == "symmetric" else 0
        self.after = missing - self.before

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', ⌈H/stride⌉, ⌈W/stride⌉)."""
        if self.average:
            small = functional.avg_pool2d(x, self.stride, ceil_mode=True)
        else:
            small = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(small, (0, 0, 0, 0, self.before, self.after))


class ResidualBlock(nn.Module):
    """What basic and bottleneck blocks share: a branch F, a shortcut, and y = F(x) + α·shortcut(x).

    `downsample` is torchvision's name for the shortcut; it is None where there is no addition.
    """

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int, options: CifarOptions) -> None:
        super().__init__()
        self.gate = options.gate
        self.pre = options.activation == "pre"
        channels_out = width * self.expansion
        self.shortcut_kind, self.downsample = _shortcut(channels_in, channels_out, stride, options)

    def _add_convolutions(self, shapes: list[tuple[int, int, int, int]], norm: str) -> None:
        """Create conv1, bn1, conv2, … from (channels in, channels out, kernel, stride)."""
        for number, (channels_in, channels_out, kernel, stride) in enumerate(shapes, 1):
            self.add_module(f"conv{number}", _conv(channels_in, channels_out, kernel, stride, norm))
            self.add_module(f"bn{number}", _norm(channels_in if self.pre else channels_out, norm))
        self.depth = len(shapes)

    def branch(self, x: Tensor) -> Tensor:
        """F(x): with the paper's order the last ReLU is left to `forward`, after the addition."""
        for number in range(1, self.depth + 1):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            if self.pre:
                x = conv(functional.relu(norm(x)))
            else:
                x = norm(conv(x))
                if number < self.depth:
                    x = functional.relu(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H/stride, W/stride)."""
        out = self.branch(x)
        if self.downsample is not None and self.gate != 0:
            shortcut = self.downsample(x)
            out = out + (shortcut if self.gate == 1 else self.gate * shortcut)
        return out if self.pre else functional.relu(out)


class BasicBlock(ResidualBlock):
    """Two 3×3 convolutions (He et al. 2015, figure 2)."""

    def __init__(self, channels_in: int, width: int, stride: int, options: CifarOptions) -> None:
        super().__init__(channels_in, width, stride, options)
        self._add_convolutions([(channels_in, width, 3, stride), (width, width, 3, 1)], options.norm)


class Bottleneck(ResidualBlock):
    """1×1, 3×3 and 1×1 convolutions, four times the filters out (He et al. 2015, figure 5).

    The stride sits in the 3×3 convolution, as in torchvision.
    """

    expansion = 4

    def __init__(self, channels_in: int, width: int, stride: int, options: CifarOptions) -> None:
        super().__init__(channels_in, width, stride, options)
        shapes = [(channels_in, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1)]
        self._add_convolutions(shapes, options.norm)


class CifarResNet(nn.Module):
    """A residual or plain network of 6n+2 (basic) or 9n+2 (bottleneck) layers for small pictures.

    Args:
        blocks: n, the blocks per stage.
        classes: How many logits.
        options: What may vary.
    """

    def __init__(self, blocks: int, classes: int, options: CifarOptions) -> None:
        super().__init__()
        kind = BasicBlock if options.block == "basic" else Bottleneck
        self.options = options
        self.pre = options.activation == "pre"
        channels = options.width
        self.conv1 = _conv(3, channels, 3, 1, options.norm)
        # With pre-activation the first block normalises the stem itself, and the last one's output is normalised here.
        self.bn1 = nn.Identity() if self.pre else _norm(channels, options.norm)
        self.relu = nn.Identity() if self.pre else nn.ReLU()  # called here only: the stem's output has an address
        for stage in range(STAGES):
            width = options.width * 2**stage
            layers = []
            for index in range(blocks):
                layers.append(kind(channels, width, 2 if stage > 0 and index == 0 else 1, options))
                channels = width * kind.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.bn2 = _norm(channels, options.norm) if self.pre else nn.Identity()
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) normalised pictures -> (N, classes) logits."""
        x = self.relu(self.bn1(self.conv1(x)))
        for stage in range(1, STAGES + 1):
            x = getattr(self, f"layer{stage}")(x)
        if self.pre:
            x = functional.relu(self.bn2(x))
        return cast("Tensor", self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)))


def _conv(channels_in: int, channels_out: int, kernel: int, stride: int, norm: str) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, bias=norm == "none")


def _norm(channels: int, norm: str) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()


def _shortcut(
    channels_in: int, channels_out: int, stride: int, options: CifarOptions
) -> tuple[ShortcutKind, nn.Module | None]:
    changes_shape = stride != 1 or channels_in != channels_out
    if options.shortcut == "none":
        return "none", None
    if options.shortcut == "C" or (options.shortcut == "B" and changes_shape):
        projection = _conv(channels_in, channels_out, 1, stride, options.norm)
        return "projection", nn.Sequential(projection, _norm(channels_out, options.norm))
    if changes_shape:
        return "padding", PaddedShortcut(channels_in, channels_out, stride, options.padding)
    return "identity", nn.Identity()


def blocks_per_stage(depth: int, block: str) -> int:
    """n for a depth of 6n+2 (basic) or 9n+2 (bottleneck).

    Raises:
        ArchitectureError: naming the nearest depths that exist.
    """
    layers = STAGES * (2 if block == "basic" else 3)
    count, rest = divmod(depth - 2, layers)
    if rest == 0 and count >= 1:
        return count
    below = max(1, count) * layers + 2
    raise ArchitectureError(
        f"There is no network of {depth} layers with {block} blocks: the depth must be {layers}n+2.",
        f"The nearest are {below} and {below + layers}.",
    )


class CifarFamily:
    """resnetD and plainD for any D = 6n+2 (basic) or 9n+2 (bottleneck)."""

    name = "cifar"
    examples = tuple(f"{kind}{depth}" for kind in ("resnet", "plain") for depth in (8, 20, 32, 44, 56, 110, 1202))
    input_size = 32

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        kind, depth = _parse(architecture)
        given = dict(options)
        if kind == "plain":
            given.setdefault("shortcut", "none")
        parsed = CifarOptions.parse(given, architecture)
        if (kind == "plain") != (parsed.shortcut == "none"):
            raise ArchitectureError(
                f"{architecture} with shortcut “{parsed.shortcut}” contradicts itself.",
                "Say plain with no shortcut, or resnet with A, B or C.",
            )
        return CifarResNet(blocks_per_stage(depth, parsed.block), classes, parsed)

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        assert isinstance(network, CifarResNet)
        kind, depth = _parse(architecture)
        blocks = [block_info(network, "relu", "stem", of=("conv1", "bn1"))]
        for stage in range(1, STAGES + 1):
            for index, block in enumerate(cast("nn.Sequential", network.get_submodule(f"layer{stage}"))):
                assert isinstance(block, ResidualBlock)
                blocks.append(
                    block_info(
                        network,
                        f"layer{stage}.{index}",
                        network.options.block,
                        stage=stage,
                        index=index + 1,
                        shortcut=block.shortcut_kind,
                    )
                )
        blocks.append(block_info(network, "fc", "head"))
        title = f"{'Plain' if kind == 'plain' else 'ResNet'}-{depth}"
        return NetworkOutline(self.name, architecture, title, tuple(blocks), parameter_count(network))


families.register("cifar")(CifarFamily())


def _parse(architecture: str) -> tuple[str, int]:
    match = re.fullmatch(r"(resnet|plain)(\d+)", architecture)
    if not match:
        raise ArchitectureError(
            f"There is no CIFAR network called “{architecture}”.", "Say resnet20 or plain20, with any depth 6n+2."
        )
    return match[1], int(match[2])
