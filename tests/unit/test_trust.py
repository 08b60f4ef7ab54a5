"""The tests of a map, on cases with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.core.trust import SENTENCES, ClassSwap, Curve, TrustRecord, meaning
from app.core.trust import CascadeStep as Step
from app.explain.guided import GuidedReLUs
from app.trust.cascade import MOST_STEPS, forgetting
from app.trust.curves import curves
from app.trust.ranks import spearman
from tests.unit.light import light_network
from tests.unit.test_lesions import fingerprint


def test_rank_correlation() -> None:
    rising = np.arange(10, dtype=np.float32).reshape(2, 5)
    assert spearman(rising, rising**3) == pytest.approx(1)
    assert spearman(rising, -rising) == pytest.approx(-1)
    assert spearman(rising, np.zeros_like(rising)) == 0
    assert spearman(rising, np.full_like(rising, np.nan)) == 0
    # Ties share their mean rank: [0, 0, 1] against [0, 1, 2] is 0.866.
    tied = np.array([[0, 0, 1]], np.float32), np.array([[0, 1, 2]], np.float32)
    assert spearman(*tied) == pytest.approx(0.8660254)


@pytest.mark.parametrize("architecture", ["resnet8", "resnet18", "alexnet", "googlenet", "resnet56"])
def test_everything_is_forgotten_from_the_head_down(architecture: str) -> None:
    network, outline = light_network(architecture, classes=7)
    before = fingerprint(network)
    trained = {name: value.clone() for name, value in network.named_parameters()}
    changed_before: set[str] = set()
    steps = 0
    for place, (block, forgetful) in enumerate(forgetting(network, outline)):
        changed = {name for name, value in forgetful.named_parameters() if not torch.equal(value, trained[name])}
        assert changed > changed_before, block
        if place == 0:
            head = outline.blocks[-1].name
            assert block.name == head
            assert all(name.startswith((head, "bn2")) for name in changed)
        for name, value in forgetful.named_parameters():
            assert torch.equal(value.flatten().sort().values, trained[name].flatten().sort().values)
        changed_before, steps = changed, steps + 1
    assert {name.rpartition(".")[0] for name in changed_before} >= {
        name.rpartition(".")[0] for name in trained if trained[name].numel() > 8
    }
    assert steps <= max(MOST_STEPS, 1)
    assert fingerprint(network) == before


class Corner(nn.Module):
    """Class 1 is seen where the upper left quarter is bright."""

    def forward(self, x: Tensor) -> Tensor:
        side = x.shape[-1] // 2
        bright = x[:, :, :side, :side].mean((1, 2, 3))
        return torch.stack([1 - bright, 8 * bright], 1)


def test_a_right_map_beats_random_ones_and_a_wrong_one_does_not() -> None:
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 0.5
    right = np.zeros((8, 8), np.float32)
    right[:4, :4] = 1
    deletion, insertion = curves(Corner(), picture, right, 1)
    assert deletion.area < min(deletion.random_areas)
    wrong_deletion, _ = curves(Corner(), picture, -right, 1)
    assert wrong_deletion.area > max(wrong_deletion.random_areas)
    assert deletion.probabilities[0] == pytest.approx(insertion.probabilities[-1])
    assert deletion.shares[0] == 0
    assert deletion.shares[-1] == 1


def test_guided_relus_let_only_positive_gradients_through() -> None:
    x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
    with GuidedReLUs():
        for relu in (torch.relu, nn.functional.relu, nn.ReLU(), nn.ReLU(inplace=True)):
            (gradient,) = torch.autograd.grad((relu(x * 1) * torch.tensor([1.0, -5.0, 7.0])).sum(), x)
            assert gradient.tolist() == [0, 0, 7]
    (gradient,) = torch.autograd.grad((torch.relu(x) * torch.tensor([1.0, -5.0, 7.0])).sum(), x)
    assert gradient.tolist() == [0, -5, 7]


def record(head: float, last: float, area: float, swap: float) -> TrustRecord:
    flat = np.zeros((2, 2), np.float32)
    steps = tuple(Step("b", "b", flat, rank, rank, 0.1) for rank in (head, last))
    curve = Curve(flat[0], flat[0], flat[0], area, (0.4, 0.6))
    return TrustRecord(1, "m", "grad-cam", "b", 0, flat, steps, curve, curve, (ClassSwap(0, 1, swap),))


def words(one: TrustRecord) -> list[str]:
    """What the record means; every sentence is one that a translator gets to see."""
    said = meaning(one)
    assert all(sentence.text in SENTENCES for sentence in said)
    return list(map(str, said))


def test_sentences_follow_the_scores_and_say_what_they_do_not_mean() -> None:
    good, bad = words(record(0.2, 0.1, 0.3, 0.1)), words(record(0.95, 0.9, 0.7, 0.9))
    assert "as it should" in good[0]
    assert "hardly depends on what was learned" in bad[0]
    assert "on the classes" in words(record(0.9, 0.1, 0.3, 0.1))[0]
    assert "falls faster" in good[1] and "does not fall faster" in bad[1]
    assert "does not rise faster" in good[2] and "it rises faster" in bad[2]
    assert "depends on the class" in good[3] and "nearly the same" in bad[3]
    for sentence in good:
        assert any(word in sentence for word in ("says nothing", "also measures", "not always", "alone does not"))
