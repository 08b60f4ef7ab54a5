"""Lesions: a network with blocks bypassed, gated or swapped, as long as a context lasts. Its weights are not touched.

A replaced `forward` or a hook does it, on the network itself or on its folded copy; both are gone afterwards,
whatever happens. See Veit et al. 2016, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from app.anatomy.parts import Parts, take_apart
from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import NetworkOutline


@contextmanager
def lesioned(network: nn.Module, outline: NetworkOutline, lesions: Sequence[Lesion]) -> Iterator[None]:
    """Change a network as long as the context lasts; it is restored bit for bit, also after an exception.

    Swaps are done first; bypasses and gates act on the place, whichever block stands there then.

    Raises:
        AnatomyError: where a block does not exist, is the stem or the head, or two blocks cannot change places. A
            bypass for which nothing has the right shape raises it when the network is called.
    """
    with ExitStack() as stack:
        standing = arranged(network, outline, lesions)
        original = {name: network.get_submodule(name).forward for name in {*standing, *standing.values()}}
        for place, block in standing.items():
            if place != block:
                stack.enter_context(replaced_forward(network.get_submodule(place), original[block]))
        for lesion in lesions:
            if lesion.kind == "swap":
                continue
            parts = take_apart(network, outline, standing.get(lesion.block, lesion.block))
            place = lesion.block if lesion.block in standing else ""
            if lesion.kind == "bypass":
                _bypass(stack, network, parts, place)
            else:
                _gate(stack, network, parts, _checked(lesion.alpha))
        yield


@contextmanager
def replaced_forward(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Let a module compute something else; hooks on it still see what goes in and comes out."""
    before = vars(module).get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before


def same_shape(network: nn.Module, outline: NetworkOutline, one: str, other: str) -> bool:
    """Whether two blocks can change places: the same layers of the same shapes and strides."""
    take_apart(network, outline, one)
    take_apart(network, outline, other)
    return _signature(network, outline, one) == _signature(network, outline, other)


def arranged(network: nn.Module, outline: NetworkOutline, lesions: Sequence[Lesion]) -> dict[str, str]:
    """Which block stands at which place, for the places that swaps touch.

    Raises:
        AnatomyError: where two blocks cannot change places.
    """
    standing: dict[str, str] = {}
    for lesion in lesions:
        if lesion.kind != "swap":
            continue
        one, other = lesion.block, lesion.other
        for name in (one, other):
            if len(take_apart(network, outline, name).modules) > 1:
                raise AnatomyError(f"{name} is a layer, not a block: it cannot be swapped.", "Bypass it instead.")
        if not same_shape(network, outline, one, other):
            raise AnatomyError(
                f"{one} and {other} cannot change places: their shapes differ.", "Choose two blocks of one stage."
            )
        standing[one], standing[other] = standing.get(other, other), standing.get(one, one)
    return standing


def _signature(network: nn.Module, outline: NetworkOutline, name: str) -> tuple[object, ...]:
    module, block = network.get_submodule(name), outline.block(name)
    assert block is not None
    shapes = tuple((path, tuple(tensor.shape)) for path, tensor in module.state_dict().items())
    strides = tuple(one.stride for one in module.modules() if isinstance(one, nn.Conv2d))
    return (block.kind, block.shortcut, shapes, strides)


def _bypass(stack: ExitStack, network: nn.Module, parts: Parts, place: str) -> None:
    if len(parts.modules) == 1:
        stack.enter_context(
            replaced_forward(
                network.get_submodule(place or parts.modules[0]), lambda x: parts.activated(parts.shortcut(x))
            )
        )
        return
    first, *between = parts.modules[:-1]  # the last is the ReLU, which stays
    stack.enter_context(replaced_forward(network.get_submodule(first), parts.shortcut))
    for path in between:
        stack.enter_context(replaced_forward(network.get_submodule(path), _unchanged))


def _gate(stack: ExitStack, network: nn.Module, parts: Parts, alpha: float) -> None:
    end = network.get_submodule(parts.branch_end)
    if parts.added:
        stack.callback(end.register_forward_hook(lambda _module, _inputs, output: alpha * output).remove)
        return
    kept: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept[:] = [inputs[0]]

    def blend(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return output if alpha == 1 else alpha * output + (1 - alpha) * parts.shortcut(kept.pop())

    stack.callback(kept.clear)
    stack.callback(network.get_submodule(parts.modules[0]).register_forward_pre_hook(keep).remove)
    stack.callback(end.register_forward_hook(blend).remove)


def _checked(alpha: float) -> float:
    if not 0 <= alpha <= 1:
        raise AnatomyError(f"The gate is {alpha}.", "Choose a number from 0 to 1.")
    return alpha


def _unchanged(x: Tensor) -> Tensor:
    return x
