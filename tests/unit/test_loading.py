"""From a reference to a network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from app import paths
from app.core.errors import ModelError
from app.core.preprocessing import Preprocessing
from app.networks.registry import build, families
from app.zoo import loading
from app.zoo.cards import Architecture, Card, Weights, find_card, write_card
from app.zoo.hashing import sha256_of
from app.zoo.loading import load_card, load_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")
    return tmp_path


def save_model(
    folder: Path, name: str = "mine", *, family: str = "cifar", architecture: str = "resnet8"
) -> tuple[Card, nn.Module]:
    """A model with random weights and statistics in the user's library."""
    torch.manual_seed(0)
    with torch.device("meta"):  # the families' own initial values are slow to draw
        network = build(family, architecture, classes=3)
    network.to_empty(device="cpu")
    for key, tensor in network.state_dict().items():
        if "running_var" in key:
            tensor.uniform_(0.5, 2)
        elif tensor.is_floating_point():
            tensor.uniform_(-0.02, 0.02)
        else:
            tensor.fill_(1)
    (folder / name).mkdir(parents=True)
    weights = folder / name / "weights.safetensors"
    safetensors.torch.save_file(network.state_dict(), weights)
    card = Card(
        id=name,
        title="Mine",
        kind="mine",
        architecture=Architecture(family, architecture, 3),
        labels=("a", "b", "c"),
        preprocessing=Preprocessing(32, 32),
        weights=Weights(weights.name, sha256_of(weights)),
        folder=folder / name,
    )
    write_card(card)
    return card, network.eval()


ALL = [(name, family.examples[0]) for name, family in families.items()]


@pytest.mark.parametrize(("family", "architecture"), ALL)
def test_every_family_loads_bit_for_bit(family: str, architecture: str) -> None:
    _, network = save_model(paths.user_models(), family=family, architecture=architecture)
    model = load_model("mine")
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    loaded = model.network.state_dict()
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded[name], tensor), name
    side = families.get(family).input_size
    picture = torch.randn(1, 3, side, side)
    with torch.inference_mode():
        # Not bit for bit: a memory-mapped tensor is aligned otherwise, and the BLAS sums in another order.
        torch.testing.assert_close(model.network(picture), network(picture), rtol=1e-4, atol=1e-5)
    assert model.outline.blocks
    assert model.labels == ("a", "b", "c")


def test_a_model_loads_by_id_card_and_folder() -> None:
    card, _ = save_model(paths.user_models())
    for reference in ("mine", str(card.folder), str(card.folder / "card.toml")):
        assert load_model(reference).card == card


def test_weights_that_are_not_the_cards_are_refused() -> None:
    card, _ = save_model(paths.user_models())
    data = bytearray(card.weights_path.read_bytes())
    data[-1] ^= 1
    card.weights_path.write_bytes(data)
    with pytest.raises(ModelError, match="SHA-256") as caught:
        load_model("mine")
    assert str(card.weights_path) in caught.value.what


def test_weights_deleted_under_the_program_are_told() -> None:
    card, _ = save_model(paths.user_models())
    load_model("mine")
    card.weights_path.unlink()
    with pytest.raises(ModelError, match="not there"):
        load_model("mine")


def test_a_card_that_does_not_fit_its_weights_is_told() -> None:
    card, _ = save_model(paths.user_models())
    write_card(dataclasses.replace(card, architecture=Architecture("cifar", "resnet14", 3)))
    with pytest.raises(ModelError, match="do not fit"):
        load_model("mine")


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture("cifar", "resnet21", 3),
        Architecture("nothing", "resnet20", 3),
        Architecture("cifar", "resnet20", 3, {"shortcut": "Z"}),
        Architecture("cifar", "resnet20", 3, {"wheels": 4}),
        Architecture("cifar", "resnet20", 3, {"width": "wide"}),
    ],
)
def test_a_network_that_does_not_exist_is_told(architecture: Architecture) -> None:
    card, _ = save_model(paths.user_models())
    with pytest.raises(ModelError) as caught:
        load_card(dataclasses.replace(card, architecture=architecture))
    assert card.id in caught.value.what


def test_a_published_model_that_is_not_here_says_where_to_get_it_and_where_to_put_it() -> None:
    with pytest.raises(ModelError, match="not on this machine") as caught:
        load_model("resnet18")
    card = find_card("resnet18")
    assert card.weights.url in caught.value.remedy
    assert str(card.weights_path) in caught.value.remedy


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_published_file_in_torchs_cache_is_used(legacy: bool, half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = build("torchvision-resnet", "resnet18", classes=1000)
    state = {
        name: tensor.half() if half and tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    path = find_card("resnet18").weights_path
    path.parent.mkdir(parents=True)
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    card = find_card("resnet18")
    card = dataclasses.replace(card, weights=dataclasses.replace(card.weights, sha256=sha256_of(path)[:8]))
    monkeypatch.setattr(loading, "find_card", lambda _reference: card)
    loaded = load_model("resnet18").network.state_dict()
    for name, tensor in state.items():
        expected = tensor.float() if tensor.is_floating_point() else tensor
        assert torch.equal(loaded[name], expected)
        assert loaded[name].dtype == expected.dtype
    assert len(load_model("resnet18").labels) == 1000


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file"):
        load_model(str(tmp_path / "nothing.pth"))


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ModelError, match="no model called"):
        load_model("resnet-fifty")
