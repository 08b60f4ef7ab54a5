"""Networks as tests need them: VGG and AlexNet without the hundred million weights of their heads."""

from __future__ import annotations

from torch import nn

from app.bench.subjects import random_network
from app.core.records import NetworkOutline
from app.networks.registry import families

HEAVY = ("torchvision-vgg", "torchvision-alexnet")
HIDDEN = 8


def with_light_head(network: nn.Module, family: str) -> nn.Module:
    """The same network, a small head instead of its own: what is tested lies before it."""
    if family in HEAVY:
        first, *_, last = (one for one in network.get_submodule("classifier").modules() if isinstance(one, nn.Linear))
        head = nn.Sequential(nn.Linear(first.in_features, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, last.out_features))
        network.set_submodule("classifier", head.eval().requires_grad_(False))
    return network


def light_network(
    architecture: str, *, family: str = "", classes: int = 7, **options: object
) -> tuple[nn.Module, NetworkOutline]:
    """`random_network`, with such a head."""
    network, outline = random_network(architecture, family=family, classes=classes, **options)
    network = with_light_head(network, outline.family)
    return network, families.get(outline.family).outline(architecture, network)
