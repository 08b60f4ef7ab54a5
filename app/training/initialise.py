"""A network with its first weights, decided by the experiment alone.

Parameters of the same name begin with the same values in a network and its twin, whatever their shortcuts: the layers
that a plain network has are drawn first, as if it were plain, and projections afterwards.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from app.networks.registry import build
from app.training.config import PLAIN, Experiment


def initialised_network(experiment: Experiment, classes: int) -> nn.Module:
    """Build a network on the CPU and draw its weights from the experiment's seed.

    "he": normal, fan-out, gain √2 (He et al. 2015b; the linear layer as torch does it). "xavier": uniform, gain 1
    (Glorot and Bengio 2010). "small": normal with deviation 0.01 (Krizhevsky et al. 2012). "zero-branch": "he", and
    the last batch norm (or convolution, where there is none) of each branch zero, so that blocks begin as identities
    (Goyal et al. 2017).
    """
    network = _drawn(experiment, classes)
    if experiment.shortcut in ("B", "C"):
        start = "he" if experiment.initialisation == "zero-branch" else experiment.initialisation
        plain = _drawn(dataclasses.replace(experiment, shortcut=PLAIN, gate=1.0, initialisation=start), classes)
        network.load_state_dict(plain.state_dict(), strict=False)
    if experiment.initialisation == "zero-branch":
        _silence_branches(network)
    return network


def _drawn(experiment: Experiment, classes: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        network = build(experiment.family, experiment.architecture, classes=classes, options=experiment.options)
        if experiment.initialisation in ("xavier", "small"):
            for module in network.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    if experiment.initialisation == "xavier":
                        nn.init.xavier_uniform_(module.weight)
                    else:
                        nn.init.normal_(module.weight, std=0.01)
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)
    return network


def _silence_branches(network: nn.Module) -> None:
    for module in network.modules():
        depth = getattr(module, "depth", None)
        if depth is None or not hasattr(module, f"conv{depth}"):
            continue
        norm, conv = getattr(module, f"bn{depth}"), getattr(module, f"conv{depth}")
        last = norm if isinstance(norm, nn.BatchNorm2d) and not getattr(module, "pre", False) else conv
        nn.init.zeros_(last.weight)
