"""What the Lab's form starts is what the command line starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app import paths
from app.training.presets import PRESETS
from app.training.worker import request
from app.ui.lab.command import Wanted, folder_name, train_words


def asked(words: list[str]) -> object:
    """What `train` makes of the words."""
    assert words[0] == "train"
    options = list(zip(words[1::2], words[2::2], strict=True))
    named = dict(option for option in options if option[0] != "--set")
    changes = tuple(value for name, value in options if name == "--set")
    return request(Path(named["--run"]), preset_name=named["--preset"], changes=changes).experiments


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_starts_its_experiments(name: str, tmp_path: Path) -> None:
    first = next(iter(PRESETS[name].experiments.values()))
    assert asked(train_words(Wanted(first, name), tmp_path / "run")) == PRESETS[name].experiments


def test_a_change_reaches_every_experiment_of_a_preset_but_leaves_their_depths(tmp_path: Path) -> None:
    first = PRESETS["degradation"].experiments["depth-20"].changed({"budget": 2, "budget_unit": "epochs"})
    experiments = asked(train_words(Wanted(first, "degradation"), tmp_path / "run"))
    assert isinstance(experiments, dict)
    assert [one.depth for one in experiments.values()] == [20, 32, 44, 56]
    assert {(one.budget, one.budget_unit) for one in experiments.values()} == {(2.0, "epochs")}
    assert experiments == Wanted(first, "degradation").experiments


def test_every_setting_survives_the_command_line(tmp_path: Path) -> None:
    first = (
        PRESETS["first-look"]
        .experiments[""]
        .changed(
            {
                "data": "cifar10",
                "data_path": "/a folder/with = sign.npz",
                "learning_rate": 1.5e-3,
                "nesterov": True,
                "smaller_if_full": False,
                "twin_gate": 0.25,
            }
        )
    )
    assert asked(train_words(Wanted(first), tmp_path / "run")) == {"": first}


def test_an_experiments_folder_is_new_and_says_what_it_is(tmp_path: Path) -> None:
    one = folder_name("ResNet-20, gate 0.5", tmp_path, now=0.0)
    assert one.name.startswith("ResNet-20, gate 0.5 19")
    one.mkdir()
    assert folder_name("ResNet-20, gate 0.5", tmp_path, now=0.0) != one


def test_a_bundle_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.program_command("train") == [sys.executable, str(paths.root() / "main.py"), "train"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert paths.program_command("train") == [sys.executable, "train"]
