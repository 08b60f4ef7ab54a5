"""Deviations of layer responses over many pictures are those of all their values at once."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from app import paths
from app.anatomy.responses import response_deviations
from app.commands.anatomy import command
from app.core.errors import CancelledError
from app.core.responses import LayerResponse, ResponseRecord, list_responses, response_table
from app.render.responses_figure import responses_figure
from app.zoo.loading import load_model

MODEL = "cifar10-resnet20"


def test_batches_give_what_all_pictures_at_once_give() -> None:
    model = load_model(MODEL)
    pictures = torch.randn(7, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    seen: dict[str, torch.Tensor] = {}
    for name in ("bn1", "layer2.0.bn1", "layer3.2.bn2"):
        model.network.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.__setitem__(name, output.detach().clone())
        )
    with torch.inference_mode():
        model.network(pictures)
    whole = {name: float(value.double().std()) for name, value in seen.items()}
    found = response_deviations(model.network, model.outline, pictures.split(3), cancelled=lambda: False)
    assert len(found) == 19 and all(layer.kernel == 3 for layer in found)
    deviations = {layer.path: layer.deviation for layer in found}
    for convolution, norm in (("conv1", "bn1"), ("layer2.0.conv1", "layer2.0.bn1"), ("layer3.2.conv2", "layer3.2.bn2")):
        assert deviations[convolution] == pytest.approx(whole[norm], rel=1e-5)


def test_it_can_be_stopped() -> None:
    model = load_model(MODEL)
    with pytest.raises(CancelledError):
        response_deviations(model.network, model.outline, [torch.zeros(1, 3, 32, 32)], cancelled=lambda: True)


def test_the_command_writes_a_record_and_a_figure(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "some.npz", x_test=pixels, y_test=np.arange(6))
    words = [MODEL, "--responses", "--data", str(tmp_path / "some.npz"), "--device", "cpu"]
    done = CliRunner().invoke(command, [*words, "--json", "--figure", str(tmp_path / "figure.svg")])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["pictures"] == 6 and len(record["layers"]) == 19 and record["residual"] is True
    assert "<svg" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert CliRunner().invoke(command, [MODEL, "--responses", "--device", "cpu"]).exit_code != 0


def test_what_a_record_says_does_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "my pictures.npz", x_test=pixels, y_test=np.arange(2))
    weights = load_model(MODEL).network.state_dict()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        torch.save(weights, tmp_path / folder / "best.pth")
        words = [str(tmp_path / folder / "best.pth"), "--responses", "--data", str(tmp_path / "my pictures.npz")]
        done = CliRunner().invoke(command, [*words, "--device", "cpu", "--json"])
        assert done.exit_code == 0, done.output
        said = shlex.split(json.loads(done.stdout)["command"])
        assert said == ["python", "main.py", "anatomy", *words, "--pictures", "1000"]
    assert len(list_responses(paths.responses())[0]) == 2
    done = CliRunner().invoke(command, [MODEL, *words[1:], "--device", "cpu", "--json"])
    assert str(tmp_path) not in done.stdout  # such a record can come with the program


def test_table_and_figure_leave_out_what_is_not_3_by_3() -> None:
    layers = (LayerResponse("a", 3, 1.0), LayerResponse("b", 1, 50.0), LayerResponse("c", 3, 3.0))
    record = ResponseRecord("m", "Some net", False, "data", 5, layers)
    assert record.mean == 2.0
    assert "| Some net | 2 | 2.000 | 2.000 | 1.000 | 3.000 | 5 |" in response_table((record,))
    assert "Some net" in responses_figure([record])
