"""Files as well-known projects write them: loaded whole, or refused by name. The makers are in `wild_networks`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.networks.general_resnet import GeneralResNet
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.loading import as_loaded
from tests.unit import wild_networks as wild

POST_A = {"shortcut": "A"}
PRE = {"activation": "pre"}
PREFIXED = {f"backbone.{key}": tensor for key, tensor in wild.bottlenecks(head=0).items()}
MMPRETRAIN = PREFIXED | {"head.fc.weight": torch.ones(10, 256), "head.fc.bias": torch.zeros(10)}
SOLO = PREFIXED | {"classifier.weight": torch.ones(10, 256), "classifier.bias": torch.zeros(10)}
PROJECTOR = {"projector.0.weight": torch.ones(64, 256), "projector.3.weight": torch.ones(32, 64)}

LOADED: dict[str, tuple[Any, int, int, Mapping[str, object]]] = {
    # (file, blocks, answers, options)
    "akamaster": ({"state_dict": wild.akamaster(), "best_prec1": 91.7}, 9, 10, POST_A),
    "chenyaofo": (wild.torchvision_like((16, 32, 64)), 6, 10, {"shortcut": "B"}),
    "huyvnphan": (wild.torchvision_like((8, 16, 32, 64)), 8, 10, {}),
    "kuangliu": ({"net": wild.kuangliu_preact(), "acc": 94.1, "epoch": 9}, 8, 10, {**PRE, "final_norm": False}),
    "kuangliu ResNeXt": (wild.kuangliu_resnext(), 9, 10, {"groups": 2, "block": "bottleneck"}),
    "bearpaw preresnet": ({"state_dict": wild.bearpaw_preact()}, 6, 10, {**PRE, "block": "bottleneck"}),
    "xternalz WRN": ({"state_dict": wild.xternalz_wide()}, 6, 10, PRE),
    "meliketoy WRN": (wild.meliketoy_wide(), 6, 10, {**PRE, "bias": True}),
    "timm resnetv2": (wild.timm_v2(), 8, 10, {**PRE, "block": "bottleneck"}),
    "timm": ({"state_dict": wild.bottlenecks(), "arch": "resnet50"}, 8, 10, {}),
    "MMPretrain": ({"meta": {"epoch": 3}, "state_dict": MMPRETRAIN}, 8, 10, {}),
    "solo-learn": ({"state_dict": SOLO | PROJECTOR, "optimizer_states": []}, 8, 10, {}),
    "DINO, VICReg": (wild.bottlenecks(head=0), 8, 256, {}),
    "MoCo": ({"epoch": 800, "state_dict": wild.moco(), "optimizer": {}}, 8, 256, {}),
    "SwAV": (wild.swav(), 8, 256, {}),
    "DeepSpeed": ({"module": wild.bottlenecks(), "optimizer": None, "ds_config": {"fp16": {}}}, 8, 10, {}),
    "torch.compile, EMA": (
        {"ema_state_dict": {f"module._orig_mod.{k}": v for k, v in wild.bottlenecks().items()}}, 8, 10, {}
    ),
    "bfloat16": ({k: v.bfloat16() if v.is_floating_point() else v for k, v in wild.akamaster().items()}, 9, 10, POST_A),
}  # fmt: skip

REFUSED: dict[str, tuple[Any, tuple[str, ...], str]] = {
    # (file, what the reason says, a key that it names)
    "timm SE": (wild.bottlenecks(extra=wild.timm_se), ("squeeze and excitation",), "layer1.0.se.fc1.weight"),
    "senet.pytorch": (wild.bottlenecks(extra=wild.linear_se), ("squeeze and excitation",), "layer1.0.se.fc.0.weight"),
    "kuangliu SENet": (wild.bottlenecks(extra=wild.bare_se), ("squeeze and excitation",), "layer1.0.fc1.weight"),
    "ECA": (wild.bottlenecks(extra=wild.eca), ("attention",), "layer1.0.eca.conv.weight"),
    "CBAM": (wild.bottlenecks(extra=wild.cbam), ("attention",), "layer1.0.ca.fc1.weight"),
    "anti-aliased": (wild.bottlenecks(extra=wild.blur), ("aliasing",), "layer1.0.conv3.filt"),
    "BiT": (wild.timm_v2(statistics=False), ("group or layer norm",), "stages.0.blocks.0.norm1.weight"),
    "CLIP": (wild.clip(), ("CLIP", "attention pooling"), ""),
    "two halves that are no poolings": ({"model": wild.fastai(), "opt": {}}, ("no maxima and averages",), "1.4.weight"),
    "Res2Net": (wild.res2net(), ("come convolutions that are no",), "layer1.0.convs.0.weight"),
    "whole numbers": (
        {k: v.to(torch.int8) if v.dim() == 4 else v for k, v in wild.bottlenecks().items()}, ("quantised",), "",
    ),
    "DeepSpeed, stage 3": (
        {"module": {k: torch.empty(0) for k in wild.bottlenecks()}, "optimizer": {}}, ("are empty", "stage 3"), "",
    ),
}  # fmt: skip


def _diagnosed(tree: Any, folder: Path) -> Diagnosis:
    torch.save(tree, folder / "x.pth")
    return diagnose(folder / "x.pth")


def _tensors(tree: Any) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [tree]
    return [one for value in tree.values() for one in _tensors(value)] if isinstance(tree, dict) else []


@pytest.mark.parametrize("author", LOADED)
def test_a_file_of_a_known_project_is_loaded_whole(author: str, tmp_path: Path) -> None:
    tree, blocks, answers, options = LOADED[author]
    diagnosis = _diagnosed(tree, tmp_path)
    report = diagnosis.report
    assert report.accepted, (report.refusal, report.odd_keys[:3])
    assert report.outline is not None
    assert sum(block.kind in ("basic", "bottleneck") for block in report.outline.blocks) == blocks
    assert report.classes == answers == len(report.labels)
    network = as_loaded(diagnosis, tmp_path / "x.pth").network
    known = asdict(network.options) if isinstance(network, GeneralResNet) else dict(report.options or {})
    assert known | options == known
    assert diagnosis.state is not None
    theirs = _tensors(tree)
    changed = {one.name for one in (*report.renamed, *report.made) if one.change}
    neutral = {one.name for one in report.made if "this one changes nothing" in one.change}  # projections without norm
    assert not changed - neutral - {"fc.weight", "fc.bias"}
    for name, tensor in diagnosis.state.items():
        if tensor.is_floating_point() and name not in changed:
            assert any(torch.equal(tensor, one) for one in theirs if one.shape == tensor.shape), name
    logits = network(torch.rand(1, 3, 64, 64))
    assert logits.shape == (1, answers)


@pytest.mark.parametrize("author", REFUSED)
def test_a_network_that_is_not_ours_is_refused_by_name(author: str, tmp_path: Path) -> None:
    tree, words, key = REFUSED[author]
    report = _diagnosed(tree, tmp_path).report
    assert not report.accepted
    assert all(word in report.refusal for word in words), (report.refusal, report.odd_keys[:3])
    assert not key or key in report.odd_keys, report.odd_keys[:4]
    assert report.remedy


@pytest.mark.parametrize("author", ["DINO, VICReg", "MoCo", "SwAV"])
def test_a_backbone_without_head_says_that_it_gives_features(author: str, tmp_path: Path) -> None:
    report = _diagnosed(LOADED[author][0], tmp_path).report
    assert report.labels[3] == "feature 3"
    assert any("no head that classifies" in note for note in report.notes)


def test_biases_before_norms_take_part(tmp_path: Path) -> None:
    state = wild.meliketoy_wide()
    pictures = torch.rand(1, 3, 32, 32)
    first = as_loaded(_diagnosed(state, tmp_path), tmp_path / "x.pth").network(pictures)
    state["layer1.1.conv2.bias"] = state["layer1.1.conv2.bias"] + 1
    second = as_loaded(_diagnosed(state, tmp_path), tmp_path / "x.pth").network(pictures)
    assert not torch.allclose(first, second)


def test_quantised_tensors_are_refused_as_such(tmp_path: Path) -> None:
    state = dict(wild.bottlenecks())
    name = "layer1.0.conv1.weight"
    state[name] = torch.quantize_per_channel(state[name], torch.ones(8), torch.zeros(8), 0, torch.qint8)
    report = _diagnosed(state, tmp_path).report
    assert "quantised" in report.refusal
    assert not report.would_run


def test_a_folder_of_torch_distributed_says_how_to_make_a_file_of_it(tmp_path: Path) -> None:
    (tmp_path / ".metadata").write_bytes(b"\x80\x04.")
    (tmp_path / "__0_0.distcp").write_bytes(b"PK\x03\x04")
    for given in (tmp_path, tmp_path / "__0_0.distcp"):
        report = diagnose(given).report
        assert "torch.distributed" in report.refusal
        assert "dcp_to_torch" in report.remedy


def test_keras_files_have_a_sentence_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "resnet50.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "Keras" in diagnose(tmp_path / "resnet50.h5").report.refusal
