"""torchvision's VGG-16 and VGG-19 (Simonyan and Zisserman 2014), with or without batch norm; no shortcuts."""

from __future__ import annotations

from typing import cast

from torch import nn
from torchvision import models

from app.core.errors import ArchitectureError
from app.core.records import NetworkOutline
from app.networks.convolution_stack import stack_blocks
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options

TITLES = {
    "vgg16": "VGG-16",
    "vgg16_bn": "VGG-16 with batch norm",
    "vgg19": "VGG-19",
    "vgg19_bn": "VGG-19 with batch norm",
}


class VggFamily:
    """VGG-16 and VGG-19. The three linear layers together are the head."""

    name = "torchvision-vgg"
    examples = tuple(TITLES)
    input_size = 224

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        if architecture not in TITLES:
            raise ArchitectureError(f"There is no VGG called “{architecture}”.", f"Choose one of: {', '.join(TITLES)}.")
        reject_unknown_options(options, (), architecture)
        return cast("nn.Module", models.get_model(architecture, weights=None, num_classes=classes))

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        blocks = (*stack_blocks(network, "features"), block_info(network, "classifier", "head"))
        return NetworkOutline(self.name, architecture, TITLES[architecture], blocks, parameter_count(network))


families.register(VggFamily.name)(VggFamily())
