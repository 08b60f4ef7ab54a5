"""A block taken apart with the tensors of one picture at every point inside. See docs/anatomy.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.anatomy.lesions import arranged, lesioned
from app.anatomy.mosaic import filters_of, mosaics, step
from app.anatomy.parts import Parts, take_apart
from app.core.anatomy import Filters, Lane, OpenedBlock, Step, StepKind
from app.core.errors import AnatomyError
from app.core.lesions import Lesion, gate_of
from app.core.records import BlockInfo, NetworkOutline

KINDS: tuple[tuple[type[nn.Module], StepKind], ...] = (
    (nn.Conv2d, "convolution"),
    (nn.Linear, "linear"),
    (nn.BatchNorm2d, "norm"),
    (nn.ReLU, "relu"),
    (nn.Identity, "identity"),
    (nn.MaxPool2d, "pool"),
    (nn.AvgPool2d, "pool"),
    (nn.AdaptiveAvgPool2d, "pool"),
)


@dataclass(frozen=True, eq=False)
class Point:
    """A tensor inside a block, and the operation that it came out of."""

    kind: StepKind
    lane: Lane
    symbol: str
    path: str
    module: nn.Module | None
    tensor: Tensor


def opened(
    network: nn.Module,
    outline: NetworkOutline,
    picture: Tensor,
    block: str,
    *,
    target: int | None = None,
    lesions: Sequence[Lesion] = (),
    side: int = 32,
) -> OpenedBlock:
    """Open a block while a picture goes through the network.

    Args:
        network: In eval mode, frozen, with its batch norms: a folded one has nothing between convolution and norm.
        picture: (1, 3, S, S), normalised, on the network's device.
        target: The class for the channels' contributions; None for the winning one.
        lesions: Done to the network meanwhile.
        side: Largest side of a thumbnail.

    Raises:
        AnatomyError: where there is no such block or class, or a lesion cannot be made.
    """
    info = outline.block(block)
    if info is None:
        raise AnatomyError(f"{outline.title} has no block “{block}”.", "Choose one of its blocks.")
    standing = arranged(network, outline, lesions).get(block, block)
    alpha = gate_of(tuple(lesions), block)
    parts = None if info.stage == 0 else take_apart(network, outline, standing)
    residual = parts if parts is not None and parts.branch is not None else None
    ends = _ends(outline, info, parts if residual is None else take_apart(network, outline, block))
    with torch.inference_mode(False):
        picture = picture.clone() if picture.is_inference() else picture
        with lesioned(network, outline, lesions), torch.enable_grad(), _through(network, *ends) as seen:
            logits: Tensor = network(picture)
            target = int(logits[0].argmax()) if target is None else target
            if not 0 <= target < logits.shape[1]:
                raise AnatomyError(
                    f"There is no class {target}: the network has {logits.shape[1]}.",
                    f"Choose a class from 0 to {logits.shape[1] - 1}.",
                )
            y = seen.output
            gradient = None
            if info.explainable:
                (gradient,) = torch.autograd.grad(logits[0, target], y, allow_unused=True)
        with torch.no_grad():
            contribution = None if gradient is None else (gradient * y).sum((0, 2, 3)).float().cpu().numpy()
            if residual is not None:
                points = _residual_points(network, residual, seen.x, alpha)
            elif parts is not None and alpha == 0:
                points = [Point("input", "trunk", "x", "", None, seen.x)]
                points.append(Point("identity", "shortcut", "s(x)", "", None, parts.shortcut(seen.x)))
            else:
                points = [Point("input", "trunk", "x", "", None, seen.x), *seen.points]
            points.append(Point("output", "trunk", "y", "", None, y.detach()))
            steps = _steps(points, side)
    return OpenedBlock(
        id=0,
        model="",
        block=info,
        standing=standing,
        shortcut=info.shortcut,
        alpha=alpha,
        steps=steps,
        contribution=contribution,
        target=target,
        filters=_filters(points),
    )


def _ends(outline: NetworkOutline, info: BlockInfo, parts: Parts | None) -> tuple[str, str]:
    """Paths of the modules where x goes in and y comes out; "" for the picture itself."""
    if parts is not None:
        return parts.modules[0], parts.modules[-1]
    return ("", info.name) if info.kind == "stem" else (info.name, info.name)


@dataclass(eq=False)
class _Seen:
    x: Tensor
    output: Tensor
    points: list[Point]


@contextmanager
def _through(network: nn.Module, first: str, last: str) -> Iterator[_Seen]:
    """Keep what goes through the modules from one to another, in the order in which they are called."""
    nothing = torch.empty(0)
    seen = _Seen(nothing, nothing, [])
    open_now = first == ""

    def enter(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        nonlocal open_now
        open_now = True
        seen.x = inputs[0].detach().clone()

    def note(path: str, module: nn.Module, output: Tensor) -> None:
        if open_now:
            kind = _kind(module)
            seen.points.append(Point(kind, "trunk", "", path, module, output.detach().clone()))

    def leave(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        nonlocal open_now
        open_now = False
        # Nothing before the block is differentiated; what follows may work in place on a copy.
        seen.output = output.detach().clone().requires_grad_()
        return seen.output.clone() if output.ndim == 4 else output

    with ExitStack() as stack:
        whole = network if first == "" else network.get_submodule(first)
        stack.callback(whole.register_forward_pre_hook(enter).remove)
        for path, module in network.named_modules():
            if path and not any(True for _ in module.children()):
                hook = module.register_forward_hook(
                    lambda module, _inputs, output, path=path: note(path, module, output)
                )
                stack.callback(hook.remove)
        stack.callback(network.get_submodule(last).register_forward_hook(leave).remove)
        yield seen


def _residual_points(network: nn.Module, parts: Parts, x: Tensor, alpha: float) -> list[Point]:
    """x, every operation of the branch, every one of the shortcut, and their sum."""
    name, module = parts.block.name, network.get_submodule(parts.block.name)
    pre, shares = bool(getattr(module, "pre", False)), bool(getattr(module, "shares_activation", False))
    points = [Point("input", "trunk", "x", "", None, x)]

    def apply(child: str, kind: StepKind, value: Tensor, lane: Lane = "branch") -> Tensor:
        operation = module.get_submodule(child)
        value = operation(value)
        if not isinstance(operation, nn.Identity):
            points.append(Point(kind, lane, "", f"{name}.{child}", operation, value))
        return value

    def rectify(value: Tensor) -> Tensor:
        value = functional.relu(value)
        points.append(Point("relu", "branch", "", "", None, value))
        return value

    depth = sum(1 for child, _ in module.named_children() if child.startswith("conv"))
    value = x
    for number in range(1, depth + 1):
        if pre:
            value = rectify(apply(f"bn{number}", "norm", value))
            value = apply(f"conv{number}", "convolution", value)
        else:
            value = apply(f"bn{number}", "norm", apply(f"conv{number}", "convolution", value))
            value = rectify(value) if number < depth else value
    points[-1] = replace(points[-1], symbol="F(x)")
    branch = value
    if not parts.added:
        if alpha == 1:
            return points
        shortcut = parts.shortcut(x)
        points.append(Point("identity", "shortcut", "s(x)", "", None, shortcut))
        mixed = alpha * branch + (1 - alpha) * shortcut
        points.append(Point("addition", "trunk", "F(x) + s(x)", "", None, mixed))
        return points
    shortcut = parts.shortcut(x)
    downsample = cast("nn.Module | None", getattr(module, "downsample", None))
    if parts.block.shortcut == "projection" and isinstance(downsample, nn.Sequential):
        inside = functional.relu(module.get_submodule("bn1")(x)) if shares else x
        for child, operation in downsample.named_children():
            inside = apply(f"downsample.{child}", _kind(operation), inside, "shortcut")
    kind: StepKind = "padding" if parts.block.shortcut == "padding" else "identity"
    points.append(Point(kind, "shortcut", "s(x)", "", None, shortcut))
    points.append(Point("addition", "trunk", "F(x) + s(x)", "", None, alpha * branch + shortcut))
    return points


def _steps(points: Sequence[Point], side: int) -> tuple[Step, ...]:
    """Points as records; those with a symbol share one scale."""
    tensors = [point.tensor if point.tensor.ndim == 4 else point.tensor.reshape(1, -1, 1, 1) for point in points]
    pictures = mosaics(tensors, together=[bool(point.symbol) for point in points], side=side)
    return tuple(
        step(point.kind, point.lane, point.symbol, point.path, point.module, point.tensor, mosaic)
        for point, mosaic in zip(points, pictures, strict=True)
    )


def _kind(module: nn.Module) -> StepKind:
    return next((kind for type_, kind in KINDS if isinstance(module, type_)), "other")


def _filters(points: Sequence[Point]) -> Filters | None:
    for point in points:
        if isinstance(point.module, nn.Conv2d) and point.module.in_channels == 3:
            return filters_of(point.path, point.module)
    return None
