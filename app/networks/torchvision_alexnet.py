"""torchvision's AlexNet (Krizhevsky 2014, “One weird trick for parallelizing convolutional networks”)."""

from __future__ import annotations

from typing import cast

from torch import nn
from torchvision import models

from app.core.errors import ArchitectureError
from app.core.records import NetworkOutline
from app.networks.convolution_stack import stack_blocks
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options


class AlexNetFamily:
    """AlexNet. The three linear layers together are the head."""

    name = "torchvision-alexnet"
    examples: tuple[str, ...] = ("alexnet",)
    input_size = 224

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        if architecture not in self.examples:
            raise ArchitectureError(f"There is no AlexNet called “{architecture}”.", "Choose alexnet.")
        reject_unknown_options(options, (), architecture)
        return cast("nn.Module", models.alexnet(weights=None, num_classes=classes))

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        blocks = (*stack_blocks(network, "features"), block_info(network, "classifier", "head"))
        return NetworkOutline(self.name, architecture, "AlexNet", blocks, parameter_count(network))


families.register(AlexNetFamily.name)(AlexNetFamily())
