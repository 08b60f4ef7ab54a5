"""The table of published weights says what torchvision's own metadata says."""

from __future__ import annotations

import tomllib

import pytest
import torch
from torchvision import models

from app.networks.registry import families, parameter_count
from app.zoo.cards import PUBLISHED_TABLE, Card, imagenet_labels, published_cards
from app.zoo.loading import build_network
from app.zoo.published_table import imagenet_categories, published_table


def weights_of(card: Card) -> models.Weights:
    return models.get_weight(card.accuracy[0].source.removeprefix("torchvision "))


def test_the_table_is_what_its_generator_makes() -> None:
    assert tomllib.loads(PUBLISHED_TABLE.read_text(encoding="utf-8")) == published_table()


def test_every_architecture_that_we_build_is_there() -> None:
    built = {
        name for family, plugin in families.items() if family.startswith("torchvision-") for name in plugin.examples
    }
    assert {card.architecture.name for card in published_cards()} == built
    assert {"resnet18", "resnext101_64x4d", "wide_resnet101_2", "vgg16", "vgg19", "alexnet", "googlenet"} <= built


@pytest.mark.parametrize("card", published_cards(), ids=lambda card: card.id)
def test_a_card_equals_torchvisions_metadata(card: Card) -> None:
    weights = weights_of(card)
    meta, transforms = weights.meta, weights.transforms()
    assert card.weights.url == weights.url
    assert card.weights.sha256 in weights.url
    assert len(card.weights.sha256) >= 8
    assert card.weights.mebibytes == meta["_file_size"]
    assert card.parameters == meta["num_params"]
    assert card.gflops == meta["_ops"]
    assert card.accuracy[0].top1 == meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert card.accuracy[0].top5 == meta["_metrics"]["ImageNet-1K"]["acc@5"]
    assert card.labels == tuple(meta["categories"])
    assert [card.preprocessing.resize] == transforms.resize_size
    assert [card.preprocessing.crop] == transforms.crop_size
    assert card.preprocessing.mean == tuple(transforms.mean)
    assert card.preprocessing.deviation == tuple(transforms.std)
    assert card.preprocessing.interpolation == transforms.interpolation.value
    assert card.default == (models.get_model_weights(card.architecture.name).DEFAULT is weights)


@pytest.mark.parametrize("card", published_cards(), ids=lambda card: card.id)
def test_the_network_of_a_card_has_the_published_number_of_parameters(card: Card) -> None:
    network = build_network(card)
    assert all(tensor.device == torch.device("meta") for tensor in network.parameters())
    # GoogLeNet's published number leaves its auxiliary heads out, as our network does.
    assert parameter_count(network) == card.parameters


def test_class_names_are_stored_once_and_complete() -> None:
    assert list(imagenet_labels()) == imagenet_categories()
    assert len(imagenet_labels()) == 1000
