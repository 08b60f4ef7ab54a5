"""What the Lab trained can be used: finished runs become models, and models of the library can be fine-tuned."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from app import paths
from app.core.errors import TrainingError
from app.core.intervals import wilson
from app.runs.folder import read_json
from app.training.config import Experiment
from app.training.data import LabelledPictures
from app.training.library import to_library
from app.training.member import Surroundings, run_member
from app.training.starting import starting_network
from app.zoo.loading import load_model
from tests.unit.training_help import data_set, npz, small


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))


def trained(tmp_path: Path, **changes: object) -> Path:
    experiment = small(data="cifar10", data_path=str(npz(tmp_path)), **changes)
    run_member(experiment, tmp_path / "run", Surroundings(lambda record: None), resume=False)
    return tmp_path / "run"


@pytest.mark.parametrize("changes", [{}, {"shortcut": "none", "norm": "none"}, {"gate": 0.5, "activation": "pre"}])
def test_a_finished_run_becomes_a_model_that_computes_the_same(tmp_path: Path, changes: dict[str, object]) -> None:
    run = trained(tmp_path, **changes)
    card = to_library(run)
    model = load_model(card.id)
    pictures = data_set().test
    x = torch.from_numpy(pictures.pixels).permute(0, 3, 1, 2).float() / 255
    given = card.preprocessing
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (given.mean, given.deviation))
    with torch.no_grad():
        wrong = (model.network((x - mean) / deviation).argmax(1).numpy() != pictures.labels).mean()
    summary = read_json(run / "summary.json")
    assert 100 * wrong == pytest.approx(summary["test_error"])
    assert card.accuracy[0].top1 == pytest.approx(100 - summary["test_error"], abs=0.006)
    assert card.training.seed == 1 and "64 pictures of 10 classes" in card.training.data
    assert to_library(run).id == f"{card.id}-2"


def test_an_unfinished_run_becomes_no_model(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not finished"):
        to_library(tmp_path)


def test_the_interval_is_wilsons() -> None:
    assert wilson(0.5, 100) == (40.38, 59.62)
    assert wilson(1.0, 10) == (72.25, 100.0)


def fine_tuning(card_id: str, **changes: object) -> Experiment:
    return small(start_from=card_id, data="shapes", **changes)


def two_classes() -> LabelledPictures:
    pictures = data_set().train
    return LabelledPictures(pictures.pixels, pictures.labels % 2)


@pytest.mark.parametrize("freeze", [False, True])
def test_a_model_of_the_library_gets_a_new_head(tmp_path: Path, freeze: bool) -> None:
    card = to_library(trained(tmp_path))
    data = dataclasses.replace(data_set(), classes=("even", "odd"), train=two_classes(), test=two_classes())
    start = starting_network(fine_tuning(card.id, freeze=freeze), data)
    old = load_model(card.id).network.state_dict()
    new = start.network.state_dict()
    assert new["fc.weight"].shape == (2, 16)
    assert all(torch.equal(new[name], old[name]) for name in old if not name.startswith("fc."))
    learnable = {name for name, parameter in start.network.named_parameters() if parameter.requires_grad}
    assert learnable == ({"fc.weight", "fc.bias"} if freeze else set(dict(start.network.named_parameters())))
    assert start.data.mean == card.preprocessing.mean


def test_a_frozen_network_stays_as_it_was(tmp_path: Path) -> None:
    """Its running statistics too."""
    card = to_library(trained(tmp_path))
    experiment = fine_tuning(card.id, freeze=True, budget=6).changed(
        {"data": "cifar10", "data_path": str(tmp_path / "cifar.npz")}
    )
    run = tmp_path / "tuned"
    run_member(experiment, run, Surroundings(lambda record: None), resume=False)
    tuned = to_library(run)
    assert "fine-tuned" in tuned.title
    before, after = (load_model(one.id).network.state_dict() for one in (card, tuned))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert np.isfinite(read_json(run / "summary.json")["test_error"])
