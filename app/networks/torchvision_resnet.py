"""torchvision's residual networks for ImageNet: ResNet, ResNeXt and Wide ResNet.

He et al. 2015, section 4.1, with the stride of a bottleneck in its 3×3 convolution (torchvision's “v1.5”);
Xie et al. 2017; Zagoruyko and Komodakis 2016. Module names are torchvision's, so that its published weights
load as they are.
"""

from __future__ import annotations

from typing import cast

from torch import nn
from torchvision import models
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from app.core.errors import ArchitectureError
from app.core.records import BlockKind, NetworkOutline
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options

STAGES = 4
TITLES = {
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "resnet152": "ResNet-152",
    "resnext50_32x4d": "ResNeXt-50 32×4d",
    "resnext101_32x8d": "ResNeXt-101 32×8d",
    "resnext101_64x4d": "ResNeXt-101 64×4d",
    "wide_resnet50_2": "Wide ResNet-50-2",
    "wide_resnet101_2": "Wide ResNet-101-2",
}


class TorchvisionResNetFamily:
    """ResNet-18 to -152, ResNeXt and Wide ResNet. The stem is addressed at its output, after the pooling."""

    name = "torchvision-resnet"
    examples = tuple(TITLES)
    input_size = 224

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        if architecture not in TITLES:
            raise ArchitectureError(
                f"torchvision has no ResNet called “{architecture}”.", f"Choose one of: {', '.join(TITLES)}."
            )
        reject_unknown_options(options, (), architecture)
        return cast("nn.Module", models.get_model(architecture, weights=None, num_classes=classes))

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        assert isinstance(network, ResNet)
        blocks = [block_info(network, "maxpool", "stem", of=("conv1", "bn1"))]
        for stage in range(1, STAGES + 1):
            for index, block in enumerate(network.get_submodule(f"layer{stage}").children()):
                assert isinstance(block, BasicBlock | Bottleneck)
                kind: BlockKind = "basic" if isinstance(block, BasicBlock) else "bottleneck"
                blocks.append(
                    block_info(
                        network,
                        f"layer{stage}.{index}",
                        kind,
                        stage=stage,
                        index=index + 1,
                        shortcut="identity" if block.downsample is None else "projection",
                    )
                )
        blocks.append(block_info(network, "fc", "head"))
        return NetworkOutline(self.name, architecture, TITLES[architecture], tuple(blocks), parameter_count(network))


families.register(TorchvisionResNetFamily.name)(TorchvisionResNetFamily())
