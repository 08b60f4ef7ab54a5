"""A file of weights is mapped into memory, not copied: its bytes are read once, by the pages that are touched."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.bench.inspect import bytes_read
from app.networks.registry import build
from app.zoo.checkpoints import diagnose
from tests.unit import checkpoint_files as files


@pytest.mark.skipif(bytes_read() is None, reason="/proc/self/io is Linux's")
@pytest.mark.parametrize("format_", ["zip", "legacy", "safetensors", "ONNX"])
def test_weights_are_read_once(format_: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build("torchvision-resnet", "resnet18", classes=10)
    state = network.state_dict()
    file = tmp_path / "x.pth"
    if format_ == "safetensors":
        file = files.save_safetensors(dict(state), tmp_path)
    elif format_ == "ONNX":
        file = files.save_onnx(network, tmp_path, 64)
    else:
        files.PICKLES[format_]({"state_dict": state}, file)
    diagnose(file)  # whatever is imported at the first time
    before = bytes_read()
    diagnosis = diagnose(file)
    after = bytes_read()
    assert before is not None and after is not None
    assert diagnosis.report.accepted
    assert after - before < file.stat().st_size / 20
    maps = Path("/proc/self/maps").read_text()
    assert maps.count(str(file)) <= 2  # mapped once by us, and once more by safetensors
