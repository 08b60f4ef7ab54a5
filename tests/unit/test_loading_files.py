"""A user's own file of weights is loaded as it is, understood, and never run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from app.core.errors import ModelError
from app.networks.registry import build
from app.zoo.loading import load_model

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "checkpoints"


def _state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return build("cifar", "resnet8", classes=10, options={"shortcut": "B"}).state_dict()


@pytest.mark.parametrize("wrapper", ["", "state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_wrapped_and_prefixed_files_give_the_same_network(tmp_path: Path, wrapper: str, prefix: str) -> None:
    state = _state()
    named: Any = {prefix + name: tensor for name, tensor in state.items()}
    path = tmp_path / "weights.pt"
    torch.save({wrapper: named, "epoch": 3} if wrapper else named, path)
    model = load_model(str(path))
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = build("cifar", "resnet8", classes=10, options={"shortcut": "B"}).eval()
    expected.load_state_dict(state)
    with torch.inference_mode():
        torch.testing.assert_close(model.network(inputs), expected(inputs))
    assert len(model.labels) == 10


def test_safetensors_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(_state(), path)
    assert load_model(str(path)).outline.default_block.startswith("layer3")


class _Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(tmp_path: Path, legacy: bool) -> None:
    canary, path = tmp_path / "canary", tmp_path / "weights.pth"
    torch.save({"state_dict": _state(), "note": _Canary(canary)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelError, match="mkdir"):
        load_model(str(path))
    assert not canary.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"PK\x03\x04 not a zip", pickle.dumps([1, 2])])
def test_a_file_that_holds_no_weights_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.pt"):
        load_model(str(path))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the checkpoints of ../shared are not here")
def test_third_party_checkpoints_are_understood() -> None:
    model = load_model(str(SHARED / "resnet56-dataparallel-optionA.th"))
    assert sum(block.kind == "basic" for block in model.outline.blocks) == 27
    with pytest.raises(ModelError, match="SGD"):
        load_model(str(SHARED / "resnet20-unsafe-pickle.pth.tar"))
