"""The papers' numbers, and in what a run differs from their recipe."""

from __future__ import annotations

import dataclasses
import math

import pytest

from app.core import paper
from app.core.paper import CIFAR_RESIDUAL, IMAGENET, RECIPE, deviations, reported
from app.training.config import Experiment
from app.training.presets import PRESETS


def config(**changes: object) -> dict[str, object]:
    return {**dataclasses.asdict(Experiment()), **changes}


def test_table_6() -> None:
    assert {depth: row.test_error for depth, row in CIFAR_RESIDUAL.items()} == {
        20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93,
    }  # fmt: skip
    assert (CIFAR_RESIDUAL[110].mean, CIFAR_RESIDUAL[110].deviation, CIFAR_RESIDUAL[110].runs) == (6.61, 0.16, 5)
    assert str(CIFAR_RESIDUAL[20].source) == "He et al. 2015, table 6"


def test_every_number_has_its_place_and_errors_are_errors() -> None:
    for row in IMAGENET:
        assert row.source.place
        assert math.isnan(row.top1) or 19 < row.top1 < 30
        assert math.isnan(row.top5) or row.top5 < 11
        assert math.isnan(row.top1) or math.isnan(row.top5) or row.top5 < row.top1
    deeper = [row.top1 for row in IMAGENET if row.view == "1-crop"]
    assert deeper == sorted(deeper, reverse=True)


def test_the_recipe_is_in_the_words_of_the_experiment() -> None:
    fields = {field.name for field in dataclasses.fields(Experiment)}
    assert set(RECIPE) <= fields


@pytest.mark.parametrize("name", ["paper", "degradation"])
def test_the_presets_of_the_paper_differ_in_nothing(name: str) -> None:
    for experiment in PRESETS[name].experiments.values():
        steps = int(experiment.budget)
        found = deviations(dataclasses.asdict(experiment), steps=steps, train_pictures=50_000, test_pictures=10_000)
        assert found == ()


def test_a_shortened_schedule_comes_first_and_nothing_is_kept_back() -> None:
    found = deviations(
        config(precision="bfloat16", mix="cutmix"), steps=3890, train_pictures=49_914, test_pictures=9_977
    )
    assert [(one.name, one.ours, one.paper) for one in found] == [
        ("steps", 3890, 64_000),
        ("mix", "cutmix", "none"),
        ("precision", "bfloat16", "float32"),
        ("train_pictures", 49_914, 50_000),
        ("test_pictures", 9_977, 10_000),
    ]


def test_a_half_open_gate_is_told() -> None:
    assert [one.name for one in deviations(config(gate=0.5), steps=64_000)] == ["gate"]
    assert deviations(config(gate=0.0), steps=64_000) == ()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, 8.75), ({"depth": 56}, 6.97), ({"depth": 26}, None), ({"shortcut": "none"}, None),
        ({"shortcut": "B"}, None), ({"gate": 0.0}, None), ({"data": "shapes"}, None), ({"data": "cifar100"}, None),
        ({"block": "bottleneck"}, None),
        ({"start_from": "resnet50"}, None),
    ],
)  # fmt: skip
def test_only_what_the_paper_trained_is_laid_beside_it(changes: dict[str, object], error: float | None) -> None:
    found = reported(config(**changes))
    assert (None if found is None else found.test_error) == error


def test_veit() -> None:
    assert paper.ENSEMBLE.blocks == 54
    assert paper.ENSEMBLE.path_lengths == (10, 34)
