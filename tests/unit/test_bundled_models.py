"""Every model that comes with the program: its card is whole, its weights are good, and its answers are sensible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from app import paths
from app.evaluation.matching import match_classes
from app.inference.preprocess import normalised
from app.sources.files import read_picture
from app.sources.samples import sample_pictures
from app.zoo.card import Card
from app.zoo.cards import DEFAULT_MODEL, find_card, read_library
from app.zoo.loading import load_card

BUNDLED = [card for card in read_library().cards if card.kind == "bundled"]
FOLDERS = [folder.name for folder in paths.bundled_models().iterdir() if (folder / "card.toml").is_file()]
EVERYDAY = {"espresso": "espresso", "egyptian-cat": "Egyptian cat", "deer": "gazelle", "truck": "moving van"}
RIGHT = {"cifar10-resnet20": 10, "cifar10-resnet20-10epochs": 10, "cifar10-plain20": 10, "cifar10-resnet56": 9}
"""How many of the ten drawn pictures with one thing in them each model names. Plain-56 is here to be worse."""


def answers(card: Card) -> dict[str, tuple[str, float]]:
    """For each sample picture the model's first answer and its probability."""
    model = load_card(card)
    found = {}
    for path in sample_pictures(card.labels):
        view: Any = model.preprocessing.view(read_picture(path).pixels)
        with torch.inference_mode():
            inputs = normalised(view.pixels[None], model.preprocessing, torch.device("cpu"))
            values = model.network(inputs).softmax(1)[0]
        best = int(values.argmax())
        found[path.stem] = (model.labels[best], float(values[best]))
    return found


def test_every_folder_is_a_readable_card() -> None:
    assert sorted(card.id for card in BUNDLED) == sorted(FOLDERS)


def test_the_default_is_bundled_and_comes_first() -> None:
    assert BUNDLED[0].id == DEFAULT_MODEL and BUNDLED[0].available
    assert read_library().cards[0].id == DEFAULT_MODEL


@pytest.mark.parametrize("card", BUNDLED, ids=lambda card: card.id)
def test_a_card_says_everything(card: Card) -> None:
    training, measured = card.training, card.accuracy[0]
    assert all((card.licence, card.source, card.limits, training.data, training.command, training.commit))
    assert all((training.device, training.date, measured.data, measured.command)) and training.seed
    assert measured.origin == "measured" and measured.pictures > 5000 and measured.interval is not None
    assert measured.interval[0] < measured.top1 < measured.interval[1]
    assert card.id in measured.command
    for words in (training.command, measured.command):
        assert not any(word.startswith(("/", "~")) for word in words.split())
    assert card.weights_path.stat().st_size <= 25_000_000


@pytest.mark.parametrize("name", RIGHT)
def test_the_ten_classes_are_told_on_the_drawn_samples(name: str) -> None:
    said = answers(find_card(name))
    assert sum(said[label][0] == label for label in find_card(name).labels) >= RIGHT[name]


def test_the_everyday_model_tells_what_its_samples_show() -> None:
    said = answers(find_card("tiny-imagenet-resnet18"))
    assert {name: label for name, (label, _) in said.items()} == EVERYDAY
    assert min(probability for _, probability in said.values()) > 0.4


def test_the_plain_network_of_56_layers_still_answers() -> None:
    """As float16 its answers had become chance, which no file check could see."""
    said = answers(find_card("cifar10-plain56"))
    assert len({label for label, _ in said.values()}) >= 4


def test_the_everyday_model_is_found_by_wordnet_ids() -> None:
    card = find_card("tiny-imagenet-resnet18")
    assert len(card.label_ids) == len(set(card.label_ids)) == 200
    names = list(reversed(card.label_ids))
    matching = match_classes(names, card.labels, highest=199, title="M", ids=card.label_ids)
    np.testing.assert_array_equal(matching.classes, np.arange(200)[::-1])
