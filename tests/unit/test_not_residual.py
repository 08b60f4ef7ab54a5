"""Files that are something else: each is refused in a sentence that says what it is and what to do."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision

from app.zoo.checkpoints import inspect_file
from app.zoo.report import Report
from tests.unit import wild_networks as wild


def _tar(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"\x80\x02N."))
    return target.getvalue()


def _zip(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return target.getvalue()


def _npz() -> bytes:
    target = io.BytesIO()
    np.savez(target, conv1=np.zeros((4, 3, 3, 3)))
    return target.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 102530333\n"
PAGE = b"\n  <!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head>"
FILES: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    # (name, bytes, what the refusal and its remedy say)
    "Git LFS": ("r.pth", LFS, ("Git LFS pointer", "git lfs pull")),
    "web page": ("r.pth", PAGE, ("web page (“Google Drive - Virus scan warning”)", "browser")),
    "server's XML": ("r.pth", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', ("XML", "AccessDenied")),
    "server's JSON": ("r.pth", b'{"error": "Repository not found"}', ("JSON", "Repository not found")),
    "404": ("r.pth", b"404: Not Found", ("it is text", "404: Not Found")),
    "UTF-16": ("r.pth", "Nicht gefunden".encode("utf-16"), ("it is text", "Nicht gefunden")),
    "script": ("r.pth", b"import torch\n\nclass Net:\n    pass\n", ("Python script",)),
    "zeros": ("r.pth", bytes(4096), ("begins with zeros", "Get the file again")),
    "one byte": ("r.pth", b"\x80", ("a single byte",)),
    "nothing": ("r.pth", b"", ("it is empty",)),
    "torch 0.1": ("r.pth", _tar("sys_info", "pickle", "storages", "tensors"), ("torch 0.1", "state dict again")),
    "tar": ("r.pth.tar", _tar("checkpoints/r.pth"), ("tar archive of files (checkpoints/r.pth)", "Unpack")),
    "npz": ("r.npz", _npz(), (".npz", "state dict")),
    "Keras 3": ("r.keras", _zip("config.json", "model.weights.h5"), ("Keras 3", "ONNX")),
    "TensorFlow Lite": ("r.tflite", b"\x1c\0\0\0TFL3" + bytes(90), ("TensorFlow Lite", "ONNX")),
    "TensorFlow": ("r.ckpt.data-00000-of-00001", b"\x07\x9c" + os.urandom(90), ("checkpoint of TensorFlow",)),
    "Caffe": ("r.caffemodel", b"\x0a\x09ResNet-50\xa2\x06" + bytes(90), ("Caffe", "ONNX")),
    "Core ML": ("r.mlmodel", b"\x08\x04\x12\x1a\x0a" + b"input" * 9, ("Core ML", "ONNX")),
    "Darknet": ("r.weights", b"\0\0\0\0\2\0\0\0" + b"\xaa\xf5" * 50, ("Darknet",)),
    "Torch 7": ("r.t7", b"\4\0\0\0\1\0\0\0\3\0\0\0\3\0\0\0V 1" + bytes(50), ("Torch 7",)),
}


def _asked(path: Path) -> str:
    report = inspect_file(path)
    assert not report.accepted
    assert report.remedy
    return f"{report.refusal} {report.remedy}"


@pytest.mark.parametrize("kind", FILES)
def test_other_files_are_told_by_what_is_in_them(kind: str, tmp_path: Path) -> None:
    name, data, words = FILES[kind]
    (tmp_path / name).write_bytes(data)
    said = _asked(tmp_path / name)
    assert all(word in said for word in words), said


STATE = wild.bottlenecks()
TREES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "empty": ({}, ("an empty table",)),
    "plain values": ({"a": {"b": {"c": 1}}}, ("no tensors, only plain values (a)",)),
    "a tensor": (torch.zeros(3, 4), ("one tensor of the shape (3, 4)",)),
    "a string": ("hello", ("a plain str (hello)",)),
    "an optimiser": (
        {"state": {0: {"exp_avg": STATE["conv1.weight"]}}, "param_groups": [{"lr": 0.1}]}, ("optimiser's state",),
    ),
    "an optimiser inside": (
        {"epoch": 3, "opt": {"state": {0: {"m": STATE["conv1.weight"]}}, "param_groups": []}}, ("optimiser's state",),
    ),
    "FSDP": ({"_fsdp_wrapped_module._flat_param": torch.zeros(99)}, ("FSDP", "FULL_STATE_DICT")),
    "DeepSpeed, stage 3": ({"module": {key: torch.empty(0) for key in STATE}}, ("tensors are empty", "zero_to_fp32")),
    "LoRA": ({"model.q_proj.lora_A.weight": torch.zeros(8, 64)}, ("LoRA",)),
    "linear layers": ({"fc.weight": torch.zeros(3, 4)}, ("none of which is a convolution", "fc.weight (3, 4)")),
}  # fmt: skip


@pytest.mark.parametrize("kind", TREES)
def test_trees_without_a_network_are_told_by_what_they_hold(kind: str, tmp_path: Path) -> None:
    tree, words = TREES[kind]
    torch.save(tree, tmp_path / "x.pth")
    said = _asked(tmp_path / "x.pth")
    assert all(word in said for word in words), said


def _linked(folder: Path) -> Path:
    (folder / "link.pth").symlink_to(folder / "nowhere.pth")
    return folder / "link.pth"


def _looped(folder: Path) -> Path:
    (folder / "loop.pth").symlink_to(folder / "loop.pth")
    return folder / "loop.pth"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.pth")
    return folder / "pipe.pth"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (_linked, "a link to"),
        (_looped, "a link to"),
        (_pipe, "a pipe"),
        (lambda _: Path("/dev/zero"), "a device"),
        (lambda folder: folder, "no file of weights"),
        (lambda folder: folder / "x.pth", "There is no file"),
    ],
)
def test_paths_that_are_no_files(make: Callable[[Path], Path], word: str, tmp_path: Path) -> None:
    assert word in _asked(make(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"x" * 99)
    (tmp_path / "x.pth").chmod(0)
    assert "Permission denied" in _asked(tmp_path / "x.pth")


def test_a_name_that_is_no_utf8_is_no_hindrance(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.pth"))
    torch.save(STATE, path)
    assert inspect_file(path).accepted


OTHERS = ("vgg11_bn", "vgg13", "densenet121", "mobilenet_v2", "efficientnet_b0", "vit_b_16", "swin_t", "convnext_tiny",
          "inception_v3", "squeezenet1_0", "shufflenet_v2_x0_5", "mnasnet0_5")  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_torchvisions_other_networks_are_refused_by_name(name: str, tmp_path: Path) -> None:
    keywords = {"init_weights": False} if name == "inception_v3" else {}
    network = torchvision.models.get_model(name, weights=None, num_classes=7, **keywords)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "x.pth")
    report = inspect_file(tmp_path / "x.pth")
    assert not report.accepted
    assert name[:6].rstrip("_") in report.looks_like.lower(), report.looks_like
    assert report.odd_keys


def _accepted(tree: Any, folder: Path) -> Report:
    torch.save(tree, folder / "x.pth")
    report = inspect_file(folder / "x.pth")
    assert report.accepted, report.refusal
    return report


def test_of_two_networks_the_one_that_is_used_is_named(tmp_path: Path) -> None:
    """lucidrains/byol-pytorch: net, online_encoder.net and target_encoder.net in one table."""
    tree = {f"{name}.{key}": tensor for name in ("online", "target") for key, tensor in STATE.items()}
    notes = _accepted(tree, tmp_path).notes
    assert any("“online” is used" in note and "“target”" in note for note in notes), notes


@pytest.mark.parametrize("extra", [wild.bare_se, wild.eca])
def test_a_stem_alone_is_no_network(extra: Callable[..., None], tmp_path: Path) -> None:
    """timm's resnetrs50 and ecaresnet50d: a deep stem, and blocks with more in them."""
    whole = wild.bottlenecks(extra=extra)
    state = {key: tensor for key, tensor in whole.items() if not key.startswith(("conv1", "bn1"))}
    w = wild.Writer()
    for place, (inside, outside) in enumerate(((3, 8), (8, 8), (8, 16))):
        w.then(f"conv1.{3 * place}", f"conv1.{3 * place + 1}", inside, outside, 3)
    torch.save(w.state | state, tmp_path / "x.pth")
    report = inspect_file(tmp_path / "x.pth")
    assert not report.accepted
    assert any("layer1.0" in key for key in report.odd_keys), report.odd_keys


def test_a_small_stem_before_another_network_is_not_taken_for_all(tmp_path: Path) -> None:
    """timm's LeViT: a few convolutions, then a hundred linear layers."""
    w = wild.Writer()
    for place, (inside, outside) in enumerate(((3, 8), (8, 16), (16, 32), (32, 64))):
        w.then(f"stem.{place}.conv", f"stem.{place}.bn", inside, outside, 3)
    for place in range(20):
        w.linear(f"stages.{place}.attn", 64, 64)
    w.linear("head", 64, 10)
    torch.save(w.state, tmp_path / "x.pth")
    assert not inspect_file(tmp_path / "x.pth").accepted
