"""What the user chooses instead of the doctor's answer is taken, and the other answers stay on offer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app import paths
from app.networks.registry import families
from app.zoo.checkpoints import inspect_file
from app.zoo.report import Report

TRAINED = paths.root() / "models" / "cifar10-resnet20" / "weights.safetensors"


def _written(folder: Path, family: str, name: str, **options: object) -> Path:
    network = families.get(family).build(name, classes=10, options=options)
    torch.save(network.state_dict(), folder / "net.pth")
    return folder / "net.pth"


def _answer(report: Report, question: str) -> tuple[str, str]:
    verdict = report.verdict(question)
    assert verdict is not None
    return verdict.answer, verdict.why


def test_the_ranking_stays_to_be_seen_and_every_normalisation_to_be_chosen() -> None:
    report = inspect_file(TRAINED, choices={"normalisation": "0 to 255"})
    verdict = report.verdict("normalisation")
    assert verdict is not None and (verdict.answer, verdict.why) == ("0 to 255", "chosen by you")
    assert report.preprocessing is not None and report.preprocessing["deviation"][0] == pytest.approx(1 / 255)
    assert len(verdict.ranking) > 1 and verdict.ranking[0][0] != "0 to 255"
    assert {"0 to 1", "−1 to 1", "ImageNet's mean and deviation"} <= set(verdict.offered)


def test_without_statistics_shortcut_and_normalisation_can_be_chosen_all_the_same(tmp_path: Path) -> None:
    file = _written(tmp_path, "cifar", "resnet20", shortcut="A")
    usual = inspect_file(file)
    shortcut = usual.verdict("shortcut")
    assert shortcut is not None and shortcut.sureness == "unsure" and len(shortcut.offered) == 4
    other = next(one for one in shortcut.offered if "end" in one and "average" not in one and one != shortcut.answer)
    chosen = inspect_file(file, choices={"shortcut": other, "normalisation": "−1 to 1"})
    assert _answer(chosen, "shortcut") == (other, "chosen by you")
    assert _answer(chosen, "normalisation") == ("−1 to 1", "chosen by you")
    assert chosen.options != usual.options or chosen.architecture != usual.architecture
    plain = inspect_file(file, choices={"shortcut": "no shortcuts (a plain network)"})
    assert _answer(plain, "shortcut")[0].startswith("no shortcuts")


def test_the_normalisation_of_a_stack_can_be_chosen(tmp_path: Path) -> None:
    file = _written(tmp_path, "torchvision-googlenet", "googlenet")
    usual = inspect_file(file)
    verdict = usual.verdict("normalisation")
    assert verdict is not None and "0 to 1" in verdict.offered
    chosen = inspect_file(file, choices={"normalisation": "0 to 1"})
    assert _answer(chosen, "normalisation") == ("0 to 1", "chosen by you")
    assert chosen.preprocessing is not None and chosen.preprocessing["mean"] == [0.0, 0.0, 0.0]
