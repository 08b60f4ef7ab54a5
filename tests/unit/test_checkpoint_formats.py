"""Every wrapper, prefix and format over every family: understood, and loaded to the last bit."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from app.core.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN
from app.networks.registry import build, families
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.loading import as_loaded
from tests.unit import checkpoint_files as files

# One small network of every kind that shapes can tell apart.
SMALL = (
    ("cifar", "resnet8", {"shortcut": "A"}),
    ("cifar", "resnet8", {"shortcut": "B"}),
    ("cifar", "resnet8", {"shortcut": "C"}),
    ("cifar", "resnet20", {"shortcut": "B", "activation": "pre"}),
    ("cifar", "resnet20", {"shortcut": "B", "norm": "none"}),
    ("cifar", "resnet29", {"shortcut": "B", "block": "bottleneck"}),
    ("cifar", "plain8", {}),
)
# The others: large, so each format once.
LARGE = (
    ("torchvision-resnet", "resnet18"),
    ("torchvision-resnet", "resnet50"),
    ("general-resnet", "resnet18-small"),
    ("general-resnet", "preact-resnet18-small"),
    ("general-resnet", "wide-resnet16-4"),
    ("general-resnet", "resnet50-d"),
)
# Every wrapper with every prefix in both pickles over every small network takes minutes; with this variable it is all
# tried, without it each network tries its own share, and all of them together everything.
EVERYTHING = "RESNET_EXPLORER_EVERY_FORMAT" in os.environ


def _network(family: str, architecture: str, classes: int = 10, **options: object) -> nn.Module:
    torch.manual_seed(1)
    return build(family, architecture, classes=classes, options=options).eval()


def _same(diagnosis: Diagnosis, state: dict[str, Tensor], where: str) -> None:
    """Every tensor that is learned or measured has arrived, bit for bit."""
    assert diagnosis.report.accepted, f"{where}: {diagnosis.report.refusal} {diagnosis.report.odd_keys[:4]}"
    assert diagnosis.state is not None
    for name, tensor in state.items():
        if tensor.is_floating_point():
            assert name in diagnosis.state, f"{where}: {name} has another name"
            assert torch.equal(diagnosis.state[name], tensor), f"{where}: {name} has changed"


@pytest.mark.parametrize(("family", "architecture", "options"), SMALL)
def test_every_wrapper_and_prefix_in_both_pickles(
    family: str, architecture: str, options: dict[str, object], tmp_path: Path
) -> None:
    state = _network(family, architecture, **options).state_dict()
    file = tmp_path / "checkpoint.pth"
    share = SMALL.index((family, architecture, options))
    combinations = list(itertools.product(files.wrappers().items(), files.PREFIXES))
    for (wrapper, wrap), prefix in combinations if EVERYTHING else combinations[share :: len(SMALL)]:
        tree = wrap({prefix + name: tensor for name, tensor in state.items()})
        for pickle, save in files.PICKLES.items():
            save(tree, file)
            _same(diagnose(file), state, f"{wrapper}, {prefix!r}, {pickle}")


@pytest.mark.parametrize(("family", "architecture", "options"), SMALL)
def test_every_other_format_and_prefix(
    family: str, architecture: str, options: dict[str, object], tmp_path: Path
) -> None:
    network = _network(family, architecture, **options)
    state = network.state_dict()
    for prefix in files.PREFIXES:
        named = {prefix + name: tensor for name, tensor in state.items()}
        _same(diagnose(files.save_safetensors(named, tmp_path)), state, f"safetensors {prefix!r}")
        for pickled in (False, True):
            (folder := tmp_path / f"shards{pickled}").mkdir(exist_ok=True)
            index = files.save_shards(named, folder, pickled=pickled)
            _same(diagnose(index), state, f"shards {prefix!r}")
            _same(diagnose(folder), state, f"folder of shards {prefix!r}")
            part = next(folder.glob("*-00002-of-*"))
            _same(diagnose(part), state, f"one of the shards {prefix!r}")
    _same(diagnose(files.save_torchscript(network, tmp_path, 32)), state, "TorchScript")
    _same(diagnose(files.save_onnx(network, tmp_path, 32)), state, "ONNX")


@pytest.mark.parametrize(("family", "architecture", "options"), SMALL)
def test_onnx_without_names_gives_the_same_network(
    family: str, architecture: str, options: dict[str, object], tmp_path: Path
) -> None:
    network = _network(family, architecture, **options)
    state = network.state_dict()
    _same(diagnose(files.save_onnx(network, tmp_path, 32, named=False)), state, "ONNX with numbers")


@pytest.mark.parametrize(("family", "architecture"), LARGE)
def test_large_networks_in_every_format(family: str, architecture: str, tmp_path: Path) -> None:
    network = _network(family, architecture)
    state, side = network.state_dict(), families.get(family).input_size
    lightning = files.wrappers()["lightning"]
    for pickle, save in files.PICKLES.items():
        save(lightning({f"module.{name}": tensor for name, tensor in state.items()}), tmp_path / "x.ckpt")
        _same(diagnose(tmp_path / "x.ckpt"), state, pickle)
    _same(diagnose(files.save_safetensors(dict(state), tmp_path)), state, "safetensors")
    _same(diagnose(files.save_torchscript(network, tmp_path, side)), state, "TorchScript")
    _same(diagnose(files.save_onnx(network, tmp_path, side)), state, "ONNX")


@pytest.mark.parametrize("architecture", ["vgg16_bn", "alexnet"])
def test_networks_without_shortcuts_are_loaded_too(architecture: str, tmp_path: Path) -> None:
    family = "torchvision-vgg" if architecture.startswith("vgg") else "torchvision-alexnet"
    state = _network(family, architecture).state_dict()
    torch.save({"state_dict": {f"features.module.{k[9:]}" if k.startswith("features.") else k: v
                               for k, v in state.items()}}, tmp_path / "x.pth")  # fmt: skip
    diagnosis = diagnose(tmp_path / "x.pth")
    _same(diagnosis, state, "DataParallel around the features")
    assert diagnosis.report.architecture == architecture


@pytest.mark.parametrize("author", sorted(files.AUTHORS))
@pytest.mark.parametrize(("family", "architecture"), [LARGE[0], LARGE[1], LARGE[4]])
def test_other_authors_names(author: str, family: str, architecture: str, tmp_path: Path) -> None:
    state = _network(family, architecture).state_dict()
    theirs = files.renamed(state, files.AUTHORS[author])
    assert len(theirs) == len(state)
    torch.save({"model": theirs}, tmp_path / "x.pth")
    _same(diagnose(tmp_path / "x.pth"), state, f"{author}, in the order of the network")
    _same(diagnose(files.save_safetensors(theirs, tmp_path)), state, f"{author}, in the order of the names")


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_hugging_face_folders(architecture: str, tmp_path: Path) -> None:
    state = _network("torchvision-resnet", architecture, classes=1000).state_dict()
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "resnet", "id2label": {str(n): f"thing {n}" for n in range(1000)}})
    )
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "crop_pct": 0.875,
                "size": {"shortest_edge": 224},
                "image_mean": list(IMAGENET_MEAN),
                "image_std": list(IMAGENET_DEVIATION),
                "resample": 3,
            }
        )
    )
    import safetensors.torch

    safetensors.torch.save_file(files.hugging_face(state, bottleneck=False), tmp_path / "model.safetensors")
    diagnosis = diagnose(tmp_path)
    _same(diagnosis, state, "Hugging Face")
    assert diagnosis.report.labels[7] == "thing 7"
    assert diagnosis.preprocessing is not None
    assert (diagnosis.preprocessing.crop, diagnosis.preprocessing.resize) == (224, 256)
    assert diagnosis.preprocessing.interpolation == "bicubic"


def test_half_precision_is_loaded_as_float32(tmp_path: Path) -> None:
    state = {name: tensor.half() if tensor.is_floating_point() else tensor
             for name, tensor in _network("cifar", "resnet8", shortcut="B").state_dict().items()}  # fmt: skip
    torch.save(state, tmp_path / "x.pth")
    model = as_loaded(diagnose(tmp_path / "x.pth"), tmp_path / "x.pth")
    for name, tensor in model.network.state_dict().items():
        assert tensor.dtype is not torch.float16
        assert torch.equal(tensor, state[name].to(tensor.dtype))
