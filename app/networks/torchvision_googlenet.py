"""torchvision's GoogLeNet (Szegedy et al. 2014), with batch norm and without the auxiliary heads.

The published weights were ported from another framework and expect pixels on the scale [-1, 1]: the network
turns ImageNet-normalised pixels into these itself (`transform_input`), as it does when torchvision loads its
weights.
"""

from __future__ import annotations

from typing import Any, cast

from torch import nn
from torchvision import models

from app.core.errors import ArchitectureError
from app.core.records import NetworkOutline
from app.networks.registry import Options, block_info, families, parameter_count, reject_unknown_options

AUXILIARY = ("aux1.", "aux2.")
INCEPTION_STAGES = ("ab", "abcde", "ab")  # inception3a, 3b; 4a … 4e; 5a, 5b


class GoogLeNetFamily:
    """GoogLeNet. Stage 1 is two convolutions; stages 2 to 4 are inception blocks, split at pooling."""

    name = "torchvision-googlenet"
    examples: tuple[str, ...] = ("googlenet",)
    input_size = 224

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        """The network also takes state dicts with auxiliary heads and drops these: only training needs them.

        Raises:
            ArchitectureError: for another name, or any option.
        """
        if architecture not in self.examples:
            raise ArchitectureError(f"There is no GoogLeNet called “{architecture}”.", "Choose googlenet.")
        reject_unknown_options(options, (), architecture)
        network = models.googlenet(
            weights=None, num_classes=classes, aux_logits=False, transform_input=True, init_weights=True
        )
        network.register_load_state_dict_pre_hook(_without_auxiliary_heads)
        return cast("nn.Module", network)

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        blocks = [block_info(network, "conv1", "stem")]
        blocks += [
            block_info(network, name, "layer", stage=1, index=index) for index, name in enumerate(("conv2", "conv3"), 1)
        ]
        for stage, letters in enumerate(INCEPTION_STAGES, 2):
            blocks += [
                block_info(network, f"inception{stage + 1}{letter}", "inception", stage=stage, index=index)
                for index, letter in enumerate(letters, 1)
            ]
        blocks.append(block_info(network, "fc", "head"))
        return NetworkOutline(self.name, architecture, "GoogLeNet", tuple(blocks), parameter_count(network))


def _without_auxiliary_heads(_network: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    for name in [name for name in state if name.removeprefix(prefix).startswith(AUXILIARY)]:
        del state[name]


families.register(GoogLeNetFamily.name)(GoogLeNetFamily())
