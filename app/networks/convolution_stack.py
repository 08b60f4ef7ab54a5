"""What VGG and AlexNet share: convolutions one after another, with pooling between the stages."""

from __future__ import annotations

from torch import nn

from app.core.records import BlockInfo
from app.networks.registry import block_info


def stack_blocks(network: nn.Module, features: str) -> list[BlockInfo]:
    """Each convolution of an `nn.Sequential` as a layer, addressed at its ReLU; a pooling ends a stage.

    The address is the ReLU's because it works in place, over the output of the convolution; nothing
    overwrites its own.

    Args:
        features: The path of the `nn.Sequential` in the network.
    """
    blocks: list[BlockInfo] = []
    stage, index = 1, 0
    parts: list[str] = []
    for name, module in network.get_submodule(features).named_children():
        parts.append(f"{features}.{name}")
        if isinstance(module, nn.ReLU):
            index += 1
            blocks.append(block_info(network, parts[-1], "layer", stage=stage, index=index, of=tuple(parts)))
            parts = []
        elif isinstance(module, nn.MaxPool2d):
            stage, index, parts = stage + 1, 0, []
    return blocks
