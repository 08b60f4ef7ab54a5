"""A network forgets what it learned, from the head down (Adebayo et al. 2018, “Sanity Checks for Saliency Maps”)."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from app.anatomy.parts import middle_blocks, take_apart
from app.core.records import BlockInfo, NetworkOutline

MOST_STEPS = 12


def forgetting(network: nn.Module, outline: NetworkOutline, *, seed: int = 0) -> Iterator[tuple[BlockInfo, nn.Module]]:
    """A copy of a network with the head's weights permuted, then the last block's too, and so on down to the stem.

    Permuting keeps each tensor's values, so that signals keep their size; everything that was learned is gone. Deep
    networks go several blocks at a time, so that there are at most 12 steps.

    Args:
        network: With its batch norms (not folded); left as it is.
        seed: Of the permutations.
    """
    forgetful = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    groups = list(reversed(_leaves(forgetful, outline)))
    last = len(groups) - 1
    steps = {round(step * last / (MOST_STEPS - 1)) for step in range(MOST_STEPS)} if last >= MOST_STEPS else None
    for place, (block, leaves) in enumerate(groups):
        for leaf in leaves:
            _permute(leaf, generator)
        if steps is None or place in steps:
            yield block, forgetful


def _leaves(network: nn.Module, outline: NetworkOutline) -> list[tuple[BlockInfo, list[nn.Module]]]:
    """The modules with parameters of each block, in order; what is in no block belongs to the stem or the head."""
    owner = {
        path: block for block in middle_blocks(outline) for path in take_apart(network, outline, block.name).modules
    }
    found: dict[str, list[nn.Module]] = {block.name: [] for block in outline.blocks}
    first, last, met = outline.blocks[0].name, outline.blocks[-1].name, False
    for path, module in network.named_modules():
        if not list(module.parameters(recurse=False)):
            continue
        words = path.split(".")
        block = next((owner[one] for end in range(len(words), 0, -1) if (one := ".".join(words[:end])) in owner), None)
        met = met or block is not None
        found[block.name if block is not None else last if met else first].append(module)
    return [(block, found[block.name]) for block in outline.blocks]


@torch.no_grad()
def _permute(module: nn.Module, generator: torch.Generator) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        shuffled = parameter.detach().reshape(-1)[order].view(parameter.shape)
        setattr(module, name, nn.Parameter(shuffled.contiguous(), requires_grad=False))
