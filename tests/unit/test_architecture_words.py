"""What a card says of its architecture, for people."""

from __future__ import annotations

from app.ui.models.architecture_words import architecture_words
from app.zoo.card import Architecture
from app.zoo.cards import find_card


def test_the_everyday_network() -> None:
    assert architecture_words(find_card("tiny-imagenet-resnet18").architecture).splitlines() == [
        "a residual network of its own shape",
        "2, 2, 2, 2 basic blocks; 32, 64, 128, 256 filters",
        "shortcut B, post-activation",
        "stem: 3×3, 32 filters, stride 2, no pooling",
    ]


def test_a_network_of_the_paper_and_its_twin() -> None:
    assert architecture_words(find_card("cifar10-resnet56").architecture).splitlines() == [
        "resnet56 (cifar)",
        "basic blocks; 16 filters in the first stage",
        "shortcut A, batch norm, post-activation",
    ]
    assert "no shortcuts: a plain network" in architecture_words(find_card("cifar10-plain56").architecture)
    assert architecture_words(find_card("resnet50:V2").architecture) == "resnet50 (torchvision-resnet)"


def test_what_is_unusual_is_said_by_its_name() -> None:
    options = {"blocks": [1, 1], "groups": 32, "gate": 0.5, "bias": False, "project_first": True, "stem_pool": True}
    words = architecture_words(Architecture("general-resnet", "x", 10, options))
    assert "groups 32, gate 0.5, project first True" in words
    assert "bias" not in words
    assert "stem: 7×7, 64 filters, stride 2, max pooling" in words
