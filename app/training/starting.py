"""The network that a run begins with: drawn from a seed, or a model of the library with a new last layer."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn

from app.core.errors import TrainingError
from app.core.records import NetworkOutline
from app.networks.registry import families
from app.training.config import Experiment
from app.training.data import DataSet
from app.training.initialise import initialised_network


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """What a run begins with.

    Attributes:
        network: On the CPU.
        outline: Its blocks.
        data: The pictures, with the mean and deviation that the network is used to.
        options: Of its family, for a card.
    """

    network: nn.Module
    outline: NetworkOutline
    data: DataSet
    options: dict[str, object]


def starting_network(experiment: Experiment, data: DataSet) -> Start:
    """Build the network of an experiment, with its first weights.

    Raises:
        TrainingError, ModelError: where the model to start from is not there, or takes other pictures.
    """
    classes = len(data.classes)
    if not experiment.start_from:
        network = initialised_network(experiment, classes)
        outline = families.get(experiment.family).outline(experiment.architecture, network)
        return Start(network, outline, data, experiment.options)
    return _from_library(experiment, data)


def _from_library(experiment: Experiment, data: DataSet) -> Start:
    from app.zoo.loading import load_model  # only fine-tuning needs the library

    model = load_model(experiment.start_from)
    architecture = model.card.architecture
    family = families.get(architecture.family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        network = family.build(architecture.name, classes=len(data.classes), options=architecture.options)
    outline = family.outline(architecture.name, network)
    head = outline.blocks[-1].name
    known = {name: tensor for name, tensor in model.network.state_dict().items() if not name.startswith(f"{head}.")}
    missing = network.load_state_dict(known, strict=False)
    if missing.unexpected_keys or any(not name.startswith(f"{head}.") for name in missing.missing_keys):
        raise TrainingError(f"The last layer of {model.card.title} cannot be replaced.", "Choose another model.")
    if experiment.freeze:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name.startswith(f"{head}."))
    own = model.preprocessing
    adapted = dataclasses.replace(data, mean=own.mean, deviation=own.deviation)
    return Start(network, outline, adapted, dict(architecture.options))
