"""Heads as people put them on a network: the answers are those of torch's own modules."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.loading import as_loaded
from app.zoo.pictures import dead_leaves

PICTURES = dead_leaves(24, 64, 7) - 0.45


class BothPoolings(nn.Module):
    """fastai/fastai fastai/layers.py, AdaptiveConcatPool2d."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x.amax((2, 3), keepdim=True), x.mean((2, 3), keepdim=True)), 1)


class Around(nn.Module):
    """A network with its own last layer, and another behind it."""

    def __init__(self, head: nn.Module, inner: nn.Module) -> None:
        super().__init__()
        self.base = _resnet(inner)
        self.classifier = head

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.classifier(self.base(x))
        return result


def _resnet(head: nn.Module) -> nn.Module:
    network = torchvision.models.resnet18(weights=None)
    network.fc = head  # type: ignore[assignment]
    return network


def _fastai(*, bias: bool) -> nn.Module:
    """fastai/fastai fastai/vision/learner.py, create_body and create_head; biases in version 1."""
    body = nn.Sequential(*list(torchvision.models.resnet18(weights=None).children())[:-2])
    head = [BothPoolings(), nn.Flatten(), nn.BatchNorm1d(1024), nn.Dropout(0.25), nn.Linear(1024, 512, bias=bias)]
    head += [nn.ReLU(), nn.BatchNorm1d(512), nn.Dropout(0.5), nn.Linear(512, 7, bias=bias)]
    return nn.Sequential(body, nn.Sequential(*head))


def _layers(*layers: nn.Module) -> nn.Module:
    return _resnet(nn.Sequential(*layers))


NETWORKS = {
    "fastai": lambda: _fastai(bias=False),
    "fastai 1": lambda: _fastai(bias=True),
    "dropout": lambda: _layers(nn.Dropout(0.5), nn.Linear(512, 5)),
    "norm before the activation": lambda: _layers(nn.Linear(512, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 5)),
    "norm behind the activation": lambda: _layers(
        nn.Linear(512, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Dropout(0.5), nn.Linear(64, 5)
    ),
    "three layers": lambda: _layers(
        nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 5)
    ),
    "two layers in a row": lambda: _layers(nn.Linear(512, 256), nn.Linear(256, 5)),
    "behind ImageNet's": lambda: Around(nn.Linear(1000, 5), nn.Linear(512, 1000)),
    "person search": lambda: Around(  # michuanhaohao/reid-strong-baseline modeling/baseline.py: BNNeck
        nn.Sequential(nn.BatchNorm1d(512), nn.Linear(512, 751, bias=False)), nn.Identity()
    ),
}


def _live(network: nn.Module) -> nn.Module:
    random = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.05, generator=random)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5, generator=random)
            nn.init.normal_(module.bias, 0, 0.3, generator=random)
            module.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(PICTURES)
    return network.eval()


def _diagnosed(tree: object, folder: Path) -> Diagnosis:
    torch.save(tree, folder / "x.pth")
    return diagnose(folder / "x.pth")


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_head_answers_as_its_modules_do(kind: str, tmp_path: Path) -> None:
    theirs = _live(NETWORKS[kind]())
    diagnosis = _diagnosed({"model": theirs.state_dict(), "opt": {}}, tmp_path)
    assert diagnosis.report.accepted, (diagnosis.report.refusal, diagnosis.report.odd_keys[:4])
    ours = as_loaded(diagnosis, tmp_path / "x.pth").network
    with torch.no_grad():
        wanted, answers = theirs(PICTURES[:3]), ours(PICTURES[:3])
    assert torch.allclose(answers, wanted, atol=1e-4 * float(wanted.abs().max()), rtol=1e-4), diagnosis.report.verdicts
    assert not diagnosis.report.left_over


def test_what_is_assumed_of_activations_is_said(tmp_path: Path) -> None:
    theirs = _live(NETWORKS["three layers"]())
    verdicts = {one.question: one for one in _diagnosed(theirs.state_dict(), tmp_path).report.verdicts}
    assert verdicts["head"].sureness == "unsure"
    assert "ReLU" in verdicts["head"].answer


def test_weights_that_are_turned_are_turned_back(tmp_path: Path) -> None:
    """PaddleClas ppcls/arch/backbone/legendary_models/resnet.py: _mean, _variance, and linear weights as (in, out)."""
    theirs = _live(_resnet(nn.Linear(512, 5)))
    names = {"running_mean": "_mean", "running_var": "_variance"}
    state = {}
    for key, tensor in theirs.state_dict().items():
        for old, new in names.items():
            key = key.replace(old, new)
        state[key] = tensor.T.contiguous() if key == "fc.weight" else tensor
    diagnosis = _diagnosed(state | {"StructuredToParameterName@@": {"fc.weight": "linear_0.w_0"}}, tmp_path)
    ours = as_loaded(diagnosis, tmp_path / "x.pth").network
    with torch.no_grad():
        assert torch.allclose(ours(PICTURES[:3]), theirs(PICTURES[:3]), atol=1e-4)


def test_attention_at_the_end_is_refused_by_its_layers(tmp_path: Path) -> None:
    """timm's resnet50_clip: head.q, head.k, head.v, head.proj."""
    state = _resnet(nn.Identity()).state_dict()
    for part in ("q", "k", "v", "proj"):
        state[f"head.{part}.weight"], state[f"head.{part}.bias"] = torch.randn(512, 512), torch.randn(512)
    report = _diagnosed(state | {"head.pos_embed": torch.randn(50, 512)}, tmp_path).report
    assert not report.accepted
    assert "attention" in report.refusal
    assert "head.q.weight" in report.odd_keys
