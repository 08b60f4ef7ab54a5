"""Sweeps count what full evaluations count; their records survive the disk; paths carry what autograd says."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.anatomy.lesions import lesioned
from app.anatomy.parts import middle_blocks, take_apart
from app.anatomy.paths import sampled_paths
from app.anatomy.prefix import kept_inputs
from app.anatomy.sweep import Batch, planned, suitable_batch, swept
from app.core.errors import AnatomyError, CancelledError
from app.core.lesions import Lesion
from app.core.paths import PathLength, PathRecord, log10_paths
from app.core.preprocessing import Preprocessing
from app.core.sweeps import (
    SweepPoint,
    SweepRecord,
    SweepRequest,
    SweepSeries,
    list_sweeps,
    new_sweep_path,
    read_sweep,
    write_sweep,
)
from app.inference.classifier import Classifier
from tests.unit.light import light_network
from tests.unit.test_lesions import fingerprint

COUNT = 24


def classifier(architecture: str, **options: object) -> Classifier:
    network, outline = light_network(architecture, classes=10, **options)
    side = 32 if outline.family == "cifar" else 64
    return Classifier(
        network,
        outline=outline,
        labels=tuple(map(str, range(10))),
        preprocessing=Preprocessing(side, side),
        device=torch.device("cpu"),
    )


def pictures(ours: Classifier) -> Batch:
    side = ours.preprocessing.crop
    random = np.random.default_rng(0)
    return Batch(random.integers(0, 256, (COUNT, side, side, 3), dtype=np.uint8), random.integers(0, 10, COUNT))


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("resnet8", {}),
        ("resnet8", {"shortcut": "B", "activation": "pre"}),
        ("plain8", {}),
        ("resnet18", {}),
        ("alexnet", {}),
        ("googlenet", {}),
    ],
    ids=str,
)
def test_a_sweep_counts_what_full_evaluations_count(architecture: str, options: dict[str, object]) -> None:
    ours = classifier(architecture, **options)
    batch = pictures(ours)
    before = fingerprint(ours.network)
    points = planned(ours.outline, blocks=(), counts=(2, 3), repeats=2, seed=1)
    assert [len(point.blocks) for point in points if point.random] == [2, 2, 3, 3]
    halves = iter([Batch(batch.pixels[:10], batch.labels[:10]), Batch(batch.pixels[10:], batch.labels[10:])])
    partial, found = list(swept(ours, halves, points))
    assert all(point.pictures in (0, 10) for point in partial)
    for point in found:
        lesions = [Lesion("bypass", name) for name in point.blocks]
        try:
            with lesioned(ours.network, ours.outline, lesions):
                answers = ours.predict(batch.pixels).argmax(1).numpy()
        except AnatomyError as error:
            assert point.refused == str(error)
            assert point.error is None
            continue
        assert point.pictures == COUNT
        assert point.wrong == int((answers != batch.labels).sum()), point
    assert any(not point.refused for point in found[1:])
    assert fingerprint(ours.network) == before


def test_a_sweep_of_a_network_that_is_already_changed() -> None:
    ours = classifier("resnet20")
    batch = pictures(ours)
    swap = Lesion("swap", "layer1.0", other="layer1.1")
    points = planned(ours.outline, blocks=("layer1.1", "layer3.1"), counts=(), repeats=0, seed=0)
    (found,) = swept(ours, iter([batch]), points, lesions=(swap,))
    for point in found:
        with lesioned(ours.network, ours.outline, [swap, *(Lesion("bypass", name) for name in point.blocks)]):
            answers = ours.predict(batch.pixels).argmax(1).numpy()
        assert point.wrong == int((answers != batch.labels).sum())


def test_random_choices_are_the_seed_s() -> None:
    outline = light_network("resnet20")[1]
    one, again, other = (planned(outline, blocks=(), counts=(4,), repeats=3, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert len({point.blocks for point in one if point.random}) > 1
    for wrong in (0, 10):
        with pytest.raises(AnatomyError, match=f"{wrong} blocks cannot be deleted"):
            planned(outline, blocks=(), counts=(wrong,), repeats=1, seed=0)
    with pytest.raises(AnatomyError, match="no block fc"):
        planned(outline, blocks=("fc",), counts=(), repeats=0, seed=0)


def test_a_sweep_stops_when_asked() -> None:
    ours = classifier("resnet8")
    before = fingerprint(ours.network)
    asked: list[int] = []
    points = planned(ours.outline, blocks=(), counts=(), repeats=0, seed=0)
    with pytest.raises(CancelledError, match="stopped"):
        next(swept(ours, iter([pictures(ours)]), points, cancelled=lambda: asked.append(1) or len(asked) > 2))
    assert len(asked) == 3
    assert fingerprint(ours.network) == before
    assert 1 <= suitable_batch(ours) <= 250


def test_records_survive_the_disk(tmp_path: Path) -> None:
    path = new_sweep_path(tmp_path / "sweeps", "some/folder/ResNet 56.pt")
    request = SweepRequest(("a", "b"), "data.npz", str(path), random=(1, 2), lesions=(Lesion("gate", "x", alpha=0.5),))
    points = (
        SweepPoint((), wrong=1, pictures=10),
        SweepPoint(("x",), wrong=5, pictures=10),
        SweepPoint(("y",), refused="No."),
        SweepPoint(("x", "y"), random=True, wrong=9, pictures=10),
    )
    series = SweepSeries("a", "A", "residual", ("x", "y"), ("stage 1, block 1", ""), ("identity", "padding"), points)
    record = SweepRecord(request, "running", "2026-01-01T00:00:00+00:00", 1.5, 100, 10, "CPU", (series,), ("n",))
    write_sweep(record)
    assert read_sweep(path) == record
    write_sweep(replace(record, state="done"))
    assert read_sweep(path).state == "done"
    assert list_sweeps(path.parent) == (path,)
    assert list_sweeps(tmp_path / "nowhere") == ()
    assert series.whole is points[0]
    assert series.single("x").error == 50
    assert series.single("y").error is None
    assert series.randoms() == {2: (points[3],)}
    (tmp_path / "bad.sweep.json").write_text("{}")
    for bad in ("bad.sweep.json", "none.sweep.json"):
        with pytest.raises(AnatomyError):
            read_sweep(tmp_path / bad)


# ---- paths


@pytest.mark.parametrize(
    ("architecture", "options"),
    [("resnet14", {}), ("resnet8", {"shortcut": "B", "activation": "pre"}), ("resnet18", {})],
    ids=str,
)
def test_every_path_s_gradient_adds_up_to_the_whole(architecture: str, options: dict[str, object]) -> None:
    """By hand: 2ⁿ paths; the sum of their gradients is autograd's, the mean of their norms what is sampled."""
    family = "torchvision-resnet" if architecture == "resnet18" else "cifar"
    network, outline = light_network(architecture, family=family, classes=5, **options)
    side = 16 if outline.family == "cifar" else 32
    picture = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(2)).double()
    network.double()
    forks = [take_apart(network, outline, block.name) for block in middle_blocks(outline)][:6]
    if len(middle_blocks(outline)) > 6:
        lesions = [Lesion("bypass", block.name) for block in middle_blocks(outline)[6:]]
    else:
        lesions = []
    with lesioned(network, outline, lesions), kept_inputs(network, outline) as inputs:
        network(picture)
    first = forks[0].block.name
    whole_x = inputs[first].clone().requires_grad_()

    def product(choice: tuple[bool, ...]) -> torch.Tensor:
        """Replay the forward from the first block; let the gradient only through the chosen way of each."""
        x = start = whole_x.detach().clone().requires_grad_()
        for part, through in zip(forks, choice, strict=True):
            branch, shortcut = part.branch(x), part.shortcut(x)
            held = shortcut.detach() if through else branch.detach()
            x = part.activated((branch if through else shortcut) + held)
        with lesioned(network, outline, lesions):
            logit = rest(x)
        (gradient,) = torch.autograd.grad(logit, start, allow_unused=True)
        return torch.zeros_like(start) if gradient is None else gradient

    from app.anatomy.prefix import starting_at

    after = middle_blocks(outline)[len(forks) :]

    def rest(x: torch.Tensor) -> torch.Tensor:
        if after:
            with starting_at(network, outline, after[0].name):
                return network(x)[0, 1]
        if getattr(network, "pre", False):
            x = torch.relu(network.bn2(x))
        return network.fc(x.mean((2, 3)))[0, 1]

    gradients = {choice: product(choice) for choice in itertools.product([False, True], repeat=len(forks))}
    with lesioned(network, outline, lesions):
        (expected,) = torch.autograd.grad(_from_first(network, outline, whole_x), whole_x)
    torch.testing.assert_close(sum(gradients.values()), expected, rtol=1e-4, atol=1e-8)
    found = sampled_paths(
        network, outline, picture.repeat(16, 1, 1, 1), torch.full((16,), 1), rounds=6, lesions=lesions
    )
    assert [one.length for one in found] == list(range(len(forks) + 1))
    for one in found:
        norms = [float(g.norm()) for choice, g in gradients.items() if sum(choice) == one.length]
        assert len(norms) == round(10**one.log10_count)
        assert min(norms) - 1e-6 <= one.gradient * (1 + 1e-5) and one.gradient <= max(norms) * (1 + 1e-5)
        slack = 4 * one.standard_error + 1e-5 * np.mean(norms)
        assert one.gradient == pytest.approx(np.mean(norms), abs=slack)


def _from_first(network: torch.nn.Module, outline: object, x: torch.Tensor) -> torch.Tensor:
    from app.anatomy.prefix import starting_at

    with starting_at(network, outline, middle_blocks(outline)[0].name):  # type: ignore[arg-type]
        return network(x)[0, 1]


def test_paths_need_shortcuts_and_can_be_stopped() -> None:
    network, outline = light_network("plain8", classes=5)
    picture, target = torch.randn(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(AnatomyError, match="no shortcuts"):
        sampled_paths(network, outline, picture, target, rounds=1)
    network, outline = light_network("resnet8", classes=5)
    before = fingerprint(network)
    with pytest.raises(CancelledError):
        sampled_paths(network, outline, picture, target, rounds=1, cancelled=lambda: True)
    assert fingerprint(network) == before


def test_shares_effective_depth_and_very_many_paths() -> None:
    lengths = tuple(PathLength(k, log10_paths(4, k), 0.5**k, 0.0, 8) for k in range(5))
    record = PathRecord(1, "m", 4, 1, lengths)
    expected = [math.comb(4, k) * 0.5**k for k in range(5)]
    np.testing.assert_allclose(record.shares, np.array(expected) / sum(expected))
    assert record.effective_depth == pytest.approx(4 / 3)
    assert record.range_of(0.9) == (0, 3)
    assert log10_paths(600, 300) == pytest.approx(math.log10(math.comb(600, 300)))
    nothing = PathRecord(1, "m", 1, 1, (PathLength(0, 0.0, 0.0, 0.0, 1), PathLength(1, 0.0, 0.0, 0.0, 1)))
    assert nothing.shares == (0.0, 0.0)
