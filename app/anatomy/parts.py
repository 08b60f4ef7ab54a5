"""A block taken apart: its branch F, its shortcut s, and what happens to their sum. The same for every family."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from app.core.errors import AnatomyError
from app.core.records import BlockInfo, NetworkOutline

Operation = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Parts:
    """Where a block's signals are found: y = F(x) + s(x), followed by a ReLU where the block's order says so.

    Attributes:
        block: Which block.
        modules: Paths of the modules that make up the block, in order: the first one's input is x, the last one's
            output y. One path where the block is a module of its own.
        branch_end: Path of the module whose output is F(x), before the addition and the last ReLU.
        added: Whether there is an addition. In a plain network there is none.
        rectified: Whether a ReLU follows the addition.
        shortcut: s: the block's own shortcut; in a plain network what comes nearest to one, x itself or, where the
            shape changes, every second pixel and channels of zeros (option A).
            Raises AnatomyError where there is nothing of the right shape.
        branch: F, as a function; None where the block is not a residual block or its plain twin.
    """

    block: BlockInfo
    modules: tuple[str, ...]
    branch_end: str
    added: bool
    rectified: bool
    shortcut: Operation
    branch: Operation | None = None

    def activated(self, total: Tensor) -> Tensor:
        """F(x) + s(x) -> y."""
        return functional.relu(total) if self.rectified else total


def take_apart(network: nn.Module, outline: NetworkOutline, name: str) -> Parts:
    """Find the parts of a block.

    Raises:
        AnatomyError: where there is no such block, or where it is the stem or the head.
    """
    block = outline.block(name)
    if block is None:
        raise AnatomyError(f"{outline.title} has no block “{name}”.", "Choose one of its blocks.")
    if block.stage == 0:
        raise AnatomyError(f"The {block.kind} of {outline.title} cannot be changed.", "Choose a block between the two.")
    module = network.get_submodule(name)
    if block.kind in ("basic", "bottleneck"):
        return _residual(module, block)
    if isinstance(module, nn.ReLU):
        return _layer_of_stack(network, block)
    return _whole(module, block)


def middle_blocks(outline: NetworkOutline) -> tuple[BlockInfo, ...]:
    """The blocks between stem and head: those that can be changed."""
    return tuple(block for block in outline.blocks if block.stage > 0)


def _residual(module: nn.Module, block: BlockInfo) -> Parts:
    convolutions = [child for name, child in module.named_children() if name.startswith("conv")]
    depth = len(convolutions)
    pre = bool(getattr(module, "pre", False))
    gate = float(getattr(module, "gate", 1.0))
    shares = bool(getattr(module, "shares_activation", False))
    downsample = cast("nn.Module | None", getattr(module, "downsample", None))
    stand_in = None if block.shortcut != "none" else _stand_in(convolutions, block)

    def shortcut(x: Tensor) -> Tensor:
        if stand_in is not None:
            return stand_in(x)
        start = functional.relu(module.get_submodule("bn1")(x)) if shares else x
        result = start if downsample is None else downsample(start)
        if gate not in (0.0, 1.0):
            result = gate * result
        return result.clone() if result is x else result  # whoever works in place on y must not change x

    def branch(x: Tensor) -> Tensor:
        for number in range(1, depth + 1):
            convolution, norm = module.get_submodule(f"conv{number}"), module.get_submodule(f"bn{number}")
            if pre:
                x = convolution(functional.relu(norm(x)))
            else:
                x = norm(convolution(x))
                if number < depth:
                    x = functional.relu(x)
        return x

    return Parts(
        block=block,
        modules=(block.name,),
        branch_end=f"{block.name}.{'conv' if pre else 'bn'}{depth}",
        added=block.shortcut != "none" and gate != 0,
        rectified=not pre,
        shortcut=shortcut,
        branch=branch,
    )


def _layer_of_stack(network: nn.Module, block: BlockInfo) -> Parts:
    """A convolution, perhaps a batch norm, and a ReLU, one after another in an `nn.Sequential`."""
    parent, _, place = block.name.rpartition(".")
    children = list(network.get_submodule(parent).named_children())
    last = next(index for index, (name, _) in enumerate(children) if name == place)
    first = last
    while not isinstance(children[first][1], nn.Conv2d):
        first -= 1
    paths = tuple(f"{parent}.{name}" for name, _ in children[first : last + 1])
    return Parts(
        block=block,
        modules=paths,
        branch_end=paths[-2],
        added=False,
        rectified=True,
        shortcut=_stand_in([children[first][1]], block),
    )


def _whole(module: nn.Module, block: BlockInfo) -> Parts:
    """An inception block, or a convolution with norm and ReLU in one module."""
    outs, ins = _ends(module)
    return Parts(
        block=block,
        modules=(block.name,),
        branch_end=block.name,
        added=False,
        rectified=False,
        shortcut=_stand_in_of(ins, outs, _first_convolution(module).stride[0], block),
    )


def _first_convolution(module: nn.Module) -> nn.Conv2d:
    return next(one for one in module.modules() if isinstance(one, nn.Conv2d))


def _ends(module: nn.Module) -> tuple[int, int]:
    """(channels out, channels in) of parallel branches whose outputs are laid beside each other, or of one layer."""
    branches = [child for name, child in module.named_children() if name.startswith("branch")] or [module]
    outs = 0
    for branch in branches:
        outs += [one for one in branch.modules() if isinstance(one, nn.Conv2d)][-1].out_channels
    return outs, _first_convolution(module).in_channels


def _stand_in(convolutions: list[nn.Module], block: BlockInfo) -> Operation:
    chain = cast("list[nn.Conv2d]", convolutions)
    stride = math.prod(convolution.stride[0] for convolution in chain)
    return _stand_in_of(chain[0].in_channels, chain[-1].out_channels, stride, block, chain)


def _stand_in_of(ins: int, outs: int, stride: int, block: BlockInfo, chain: list[nn.Conv2d] | None = None) -> Operation:
    """What comes nearest to a shortcut where the network has none."""

    def stand_in(x: Tensor) -> Tensor:
        if outs < ins:
            raise AnatomyError(
                f"{block.label} cannot be bypassed: it takes {ins} channels and gives {outs}, and it has no shortcut.",
                "Choose another one.",
            )
        height, width = _size(x, chain or [])
        small = x[:, :, ::stride, ::stride][:, :, :height, :width]
        if small.shape[2:] != (height, width):
            raise AnatomyError(
                f"{block.label} cannot be bypassed: its output is {height} × {width}, and it has no shortcut.",
                "Choose another one.",
            )
        before = (outs - ins) // 2
        return functional.pad(small, (0, 0, 0, 0, before, outs - ins - before)) if outs > ins else small.clone()

    return stand_in


def _size(x: Tensor, chain: list[nn.Conv2d]) -> tuple[int, int]:
    """(height, width) after a chain of convolutions."""
    height, width = x.shape[2:]
    for one in chain:
        padding = cast("tuple[int, int]", one.padding)
        height = (height + 2 * padding[0] - one.dilation[0] * (one.kernel_size[0] - 1) - 1) // one.stride[0] + 1
        width = (width + 2 * padding[1] - one.dilation[1] * (one.kernel_size[1] - 1) - 1) // one.stride[1] + 1
    return height, width
