"""The benches themselves: that they judge rightly, compare like with like, and skip what cannot be measured."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest
import torch

from app.bench import evaluate, folder, grad_cam
from app.bench.harness import BenchResult, Timings, benches, in_turns
from app.bench.subjects import random_classifier, random_network
from app.core.errors import ExplorerError


def result(value: float, *, at_least: bool = False, skipped: str = "") -> BenchResult:
    direction = "at least" if at_least else "at most"
    return BenchResult("name", "what", value, "×", 1.05, direction, skipped=skipped)


def test_bars() -> None:
    assert result(1.05).passed
    assert not result(1.06).passed
    assert result(1.05, at_least=True).passed
    assert not result(1.04, at_least=True).passed
    assert result(99, skipped="not here").passed


def test_benches_of_the_issue_are_registered() -> None:
    others = {"evaluate", "lab-step", "lab-gpu", "lab-twins", "lab-store", "lab-deepest", "lab-window"}
    assert {"grad-cam", "other-libraries", "folder", "live", "live-soak"} | others <= set(benches.names())
    with pytest.raises(ExplorerError, match="no bench called “speed”"):
        benches.get("speed")


def test_a_disturbed_round_does_not_decide() -> None:
    timings = Timings({"ours": [1.0, 1.0, 50.0, 8.0, 1.0], "bare": [2.0, 2.0, 2.0, 16.0, 2.0]})
    assert timings.ratio("ours", "bare") == 0.5
    assert timings.median("ours") == 1.0
    assert timings.summary == "ours 1e+03 ms, bare 2e+03 ms, medians of 5 rounds"


def test_ways_take_turns_and_each_comes_first() -> None:
    calls: list[str] = []
    timings = in_turns(
        {
            "slow": lambda: (calls.append("slow"), time.sleep(0.004)),
            "fast": lambda: (calls.append("fast"), time.sleep(0.001)),
        },
        rounds=4,
        warm_up=1,
    )
    assert calls == ["slow", "fast", "fast", "slow"] * 2 + ["slow", "fast"]
    assert [len(seconds) for seconds in timings.seconds.values()] == [4, 4]
    assert timings.ratio("slow", "fast") > 1.5


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network and few rounds: the figures mean nothing then, the path is the same."""
    monkeypatch.setattr(grad_cam, "ARCHITECTURE", "resnet18")
    monkeypatch.setattr(grad_cam, "ROUNDS", 2)
    monkeypatch.setattr(grad_cam, "SIDE", 64)


@pytest.mark.usefixtures("quick")
def test_grad_cam_against_the_bare_forward() -> None:
    results = grad_cam.grad_cam()
    assert [one.bar for one in results] == [1.05, 1.0]
    for one in results:
        assert one.value > 0
        assert not one.skipped
        assert "medians of 2 rounds" in one.detail


@pytest.mark.usefixtures("quick")
def test_maps_correlate_with_other_libraries() -> None:
    pytest.importorskip("pytorch_grad_cam", reason="grad-cam is in the extra “bench”")
    pytest.importorskip("torchcam", reason="torchcam is in the extra “bench”")
    faster, torchcam, correlation = grad_cam.other_libraries()
    assert (faster.bar, torchcam.bar) == (2.5, 1.2)
    assert faster.value > 0
    assert torchcam.value > 0
    assert correlation.value > 0.999
    assert correlation.passed


def test_missing_libraries_are_a_reason_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    (only,) = grad_cam.other_libraries()
    assert "extra “bench”" in only.skipped
    assert only.passed


def test_both_ways_through_a_folder_give_the_same_answers(tmp_path: Path) -> None:
    paths = folder.write_jpegs(tmp_path, 20)
    assert len({path.read_bytes() for path in paths}) == 20
    assert 30_000 < paths[0].stat().st_size < 200_000, "as heavy as a photograph"
    ours = folder.end_to_end(random_classifier("resnet18"), paths)
    decoding, forward, expected = folder.decode_then_forward(random_network("resnet18")[0], paths)
    assert ours.shape == expected.shape == (20, 1000)
    assert decoding > 0
    assert forward > 0
    assert torch.allclose(ours, expected, atol=1e-3 * float(expected.abs().max()))


def test_evaluating_counts_what_the_bare_loop_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(evaluate.WEIGHTS, raising=False)
    monkeypatch.delenv(evaluate.PICTURES, raising=False)
    monkeypatch.setattr(evaluate, "COUNT", 40)
    monkeypatch.setattr(evaluate, "TURNS", 1)
    (only,) = evaluate.evaluate()
    assert (only.bar, only.direction) == (1.10, "at most")
    assert only.value > 0 and "random weights" in only.what and "40 pictures of noise" in only.what
    network, preprocessing, _ = evaluate.subject()
    data, _ = evaluate.pictures(tmp_path)
    assert data.pixels is not None
    bare = evaluate.bare_loop(network, preprocessing, data.pixels, data.labels)
    classifier = evaluate.Classifier(
        evaluate.subject()[0], outline=random_network("resnet56", family="cifar", classes=10)[1],
        labels=tuple(map(str, range(10))), preprocessing=preprocessing, device=torch.device("cpu"),
    )  # fmt: skip
    assert evaluate.ours(classifier, data).wrong == bare
