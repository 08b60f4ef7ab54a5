"""Starting a network in its middle: what comes before the first changed block need not be computed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

from app.anatomy.lesions import replaced_forward
from app.anatomy.parts import middle_blocks, take_apart
from app.core.lesions import Lesion
from app.core.records import NetworkOutline


def earliest(outline: NetworkOutline, lesions: Sequence[Lesion]) -> str | None:
    """The first block that any lesion touches; None where there is none."""
    touched = {name for lesion in lesions for name in lesion.blocks}
    return next((block.name for block in outline.blocks if block.name in touched), None)


@contextmanager
def kept_inputs(
    network: nn.Module, outline: NetworkOutline, *, until: str | None = None
) -> Iterator[dict[str, Tensor]]:
    """Keep what goes into each block, by the block's name, of the forwards inside the context.

    Args:
        until: The last block to keep; None for all.
    """
    kept: dict[str, Tensor] = {}
    with ExitStack() as stack:
        for block in middle_blocks(outline):
            first = network.get_submodule(take_apart(network, outline, block.name).modules[0])

            def keep(_module: nn.Module, inputs: tuple[Tensor, ...], name: str = block.name) -> None:
                kept[name] = inputs[0].detach()

            stack.callback(first.register_forward_pre_hook(keep).remove)
            if block.name == until:
                break
        yield kept


@contextmanager
def starting_at(network: nn.Module, outline: NetworkOutline, block: str) -> Iterator[None]:
    """Call the network with what goes into a block instead of pictures, as long as the context lasts.

    Every module before the block hands on what it gets.
    """
    path = take_apart(network, outline, block).modules[0].split(".")
    with ExitStack() as stack:
        parent = network
        for place in path:
            for name, child in parent.named_children():
                if name == place:
                    parent = child
                    break
                stack.enter_context(replaced_forward(child, _unchanged))
        if getattr(network, "transform_input", False):  # GoogLeNet rescales its pictures' channels
            network.transform_input = False  # type: ignore[assignment]
            stack.callback(setattr, network, "transform_input", True)
        yield


def _unchanged(x: Tensor) -> Tensor:
    return x
