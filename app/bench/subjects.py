"""Networks to measure and to test on: random weights, but activations of the size that trained networks have."""

from __future__ import annotations

import torch
from torch import nn

from app.core.preprocessing import Preprocessing
from app.core.records import NetworkOutline
from app.inference.classifier import Classifier
from app.networks.registry import families, find_family


def random_network(
    architecture: str, *, family: str = "", classes: int = 1000, seed: int = 0, **options: object
) -> tuple[nn.Module, NetworkOutline]:
    """A network with random weights and lively batch norm, in eval mode, frozen; and its outline.

    Batch norm gets random scales and shifts, and the statistics of noise that really went through the network: with
    the untrained mean 0 and variance 1 it would not normalise at all, and deep networks would overflow. Speed does
    not depend on the weights; that folding and explaining agree with their originals does.
    """
    maker = families.get(family) if family else find_family(architecture)
    torch.manual_seed(seed)
    network = maker.build(architecture, classes=classes, options=options)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.1)
        norm.momentum = 1.0  # the statistics of the last forward, whole
    if norms:
        side = min(maker.input_size, 64)
        with torch.no_grad():
            network.train()(torch.randn(4, 3, side, side))
    for norm in norms:
        norm.momentum = 0.1
    network.eval().requires_grad_(False)
    return network, maker.outline(architecture, network)


def random_classifier(architecture: str, *, fold: bool = True) -> Classifier:
    """Such a network as the engine holds it, on the CPU, with ImageNet's preprocessing and nameless classes."""
    network, outline = random_network(architecture)
    return Classifier(
        network,
        outline=outline,
        labels=tuple(map(str, range(1000))),
        preprocessing=Preprocessing(256, 224),
        device=torch.device("cpu"),
        fold=fold,
    )
