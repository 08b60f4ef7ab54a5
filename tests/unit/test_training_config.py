"""An experiment is refused where it is impossible, and says what would be possible."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.errors import DataError, ExplorerError, TrainingError
from app.training.config import Experiment, depths, from_mapping, read_file
from app.training.form import GROUPS, matters, offered_depths, settings
from app.training.presets import PRESETS, preset


def test_the_defaults_are_the_papers_recipe() -> None:
    paper = Experiment()
    assert (paper.batch, paper.learning_rate, paper.momentum, paper.weight_decay) == (128, 0.1, 0.9, 1e-4)
    assert (paper.budget, paper.budget_unit, paper.schedule) == (64_000, "steps", "steps")
    assert (paper.shortcut, paper.norm, paper.augment, paper.nesterov) == ("A", "batch", "crop-flip", False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"depth": 21}, ["6n+2", "20 and 26"]),
        ({"depth": 1201}, ["1196 and 1202"]),
        ({"depth": 21, "block": "bottleneck"}, ["9n+2", "20 and 29"]),
        ({"depth": 1202, "block": "bottleneck"}, ["1199"]),
        ({"depth": 9, "block": "bottleneck"}, ["11"]),
        ({"depth": 7}, ["8 to 1202"]),
        ({"depth": "twenty"}, ["whole number"]),
        ({"depth": "20.5"}, ["whole number"]),
        ({"shortcut": "D"}, ["none, A, B, C"]),
        ({"gate": 1.5}, ["0 to 1"]),
        ({"gate": "nan"}, ["a number"]),
        ({"batch": 0}, ["1 to"]),
        ({"micro_batch": 200}, ["128"]),
        ({"learning_rate": 0}, ["1e-08"]),
        ({"device": "gpu"}, ["cuda"]),
        ({"budget": 1.5}, ["whole number of steps"]),
        ({"twin": True, "shortcut": "none"}, ["A, B or C"]),
        ({"initialisation": "zero-branch", "twin": True}, ["twin"]),
        ({"initialisation": "zero-branch", "shortcut": "none"}, ["shortcut"]),
        ({"nesterov": True, "momentum": 0}, ["momentum above 0"]),
        ({"freeze": True}, ["start_from"]),
        ({"start_from": "resnet18", "twin": True}, ["twin"]),
        ({"augment": "maybe"}, ["crop-flip"]),
        ({"twin": "perhaps"}, ["yes or no"]),
        ({"colour": 1}, ["no setting colour", "depth"]),
    ],
)
def test_impossible_experiments_are_refused_with_what_is_possible(values: dict[str, object], words: list[str]) -> None:
    with pytest.raises(TrainingError) as error:
        from_mapping(dict(values))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_an_unknown_data_set_is_refused_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="shapes"):
        Experiment(data="imagenet")


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_exactly_the_depths_that_exist_are_accepted(block: str) -> None:
    valid = set(depths(block))
    for depth in range(8, 60):
        if depth in valid:
            assert from_mapping({"depth": depth, "block": block}).depth == depth
        else:
            with pytest.raises(TrainingError):
                from_mapping({"depth": depth, "block": block})
    assert max(depths("basic")) == 1202
    assert set(offered_depths(block)) <= valid


def test_text_from_the_command_line_becomes_the_settings_kind() -> None:
    experiment = Experiment().changed(
        {"depth": "56", "learning_rate": "4e-1", "twin": "yes", "norm": "none", "budget": "3", "budget_unit": "epochs"}
    )
    assert (experiment.depth, experiment.learning_rate, experiment.twin) == (56, 0.4, True)
    assert (experiment.norm, experiment.budget, experiment.budget_unit) == ("none", 3.0, "epochs")


def test_a_file_gives_back_the_experiment(tmp_path: Path) -> None:
    experiment = Experiment(depth=32, twin=True, data="shapes")
    path = tmp_path / "experiment.json"
    path.write_text(experiment.to_json(), encoding="utf-8")
    assert read_file(path) == experiment
    path.write_text("{", encoding="utf-8")
    with pytest.raises(TrainingError, match="not JSON"):
        read_file(path)
    path.write_text(json.dumps([1]), encoding="utf-8")
    with pytest.raises(TrainingError, match="does not describe"):
        read_file(path)
    with pytest.raises(TrainingError, match="cannot be read"):
        read_file(tmp_path / "nothing.json")


def test_twins_differ_in_the_shortcut_alone() -> None:
    members = Experiment(depth=56, shortcut="B", twin=True).members()
    assert list(members) == ["residual", "plain"]
    assert members["residual"] == Experiment(depth=56, shortcut="B")
    assert members["plain"] == Experiment(depth=56, shortcut="none")
    half = Experiment(twin=True, twin_gate=0.5).members()["twin"]
    assert half == Experiment(gate=0.5)
    assert members["plain"].architecture == "plain56"
    assert half.title == "ResNet-20, gate 0.5"


def test_the_presets_are_those_of_the_paper_and_the_card() -> None:
    assert {"first-look", "degradation", "paper", "no-batch-norm", "thousand-layers"} <= set(PRESETS)
    first = preset("first-look").experiments[""]
    assert (first.data, first.depth, first.twin, first.budget, first.budget_unit) == ("shapes", 20, True, 2, "minutes")
    degradation = preset("degradation").experiments
    assert [one.depth for one in degradation.values()] == [20, 32, 44, 56]
    assert all(one.twin and one.data == "cifar10" for one in degradation.values())
    paper = preset("paper").experiments
    assert paper["depth-56"] == Experiment(depth=56)
    assert paper["depth-110"] == Experiment(depth=110, warm_up=True)
    assert preset("no-batch-norm").experiments[""].norm == "none"
    assert preset("thousand-layers").experiments[""].depth == 1202
    bundled = preset("bundled-resnet20").experiments[""]
    assert (bundled.budget, bundled.budget_unit, bundled.schedule, bundled.learning_rate) == (
        36, "epochs", "one-cycle", 0.4,
    )  # fmt: skip
    assert (bundled.nesterov, bundled.weight_decay, bundled.batch, bundled.precision, bundled.seed) == (
        True, 5e-4, 128, "bfloat16", 1,
    )  # fmt: skip
    with pytest.raises(TrainingError, match="first-look"):
        preset("nothing")


def test_every_setting_can_be_put_into_a_form() -> None:
    names = [setting.name for setting in settings()]
    assert names == list(Experiment.__dataclass_fields__)
    for setting in settings():
        assert setting.label and setting.help.endswith(".") and setting.group in GROUPS
        if setting.kind == "choice":
            for choice in setting.choices:
                assert choice.label
                try:
                    depth = {"depth": 18} if choice.value == "imagenet" else {}
                    from_mapping({setting.name: choice.value, **depth})
                except ExplorerError as error:
                    assert "one of" not in str(error)
            assert setting.default in [choice.value for choice in setting.choices]
        if setting.kind in ("whole number", "number"):
            assert setting.low is not None and setting.high is not None
            assert setting.low <= setting.default <= setting.high
        assert matters(setting.name, Experiment()) in (True, False)


def test_settings_without_effect_can_be_hidden() -> None:
    plain = Experiment(shortcut="none", data="shapes", optimiser="adamw")
    assert not any(matters(name, plain) for name in ("gate", "twin", "data_path", "download", "side", "nesterov"))
    assert matters("side", Experiment(data="folder", data_path="x"))
    assert not matters("depth", Experiment(start_from="resnet18"))


def test_the_window_can_build_its_form_without_torch() -> None:
    code = (
        "import sys; import app.training.form, app.training.presets, app.runs.reader, app.runs.folder, "
        "app.runs.control, app.training.worker; app.training.form.settings(); "
        "print([name for name in ('torch', 'torchvision', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
