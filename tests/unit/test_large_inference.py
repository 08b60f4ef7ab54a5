"""What the doctor infers of a trained network with large pictures, on which it spends less than on small ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from app import paths
from app.core.preprocessing import IMAGENET_DEVIATION, IMAGENET_MEAN
from app.sources.files import read_picture
from app.zoo.checkpoints import diagnose
from app.zoo.loading import load_model
from tests.unit import hostile_files as hostile

SIDE = 128
CROPS = 8  # of each sample picture


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """(N, 3, 128, 128), 0 to 1: crops of the bundled samples, which the doctor does not look at itself."""
    rng = np.random.default_rng(0)
    crops = []
    for file in sorted((paths.assets() / "samples").rglob("*.jpg")):
        pixels = read_picture(file).pixels
        height, width = pixels.shape[:2]
        for _ in range(CROPS):
            side = int(min(height, width) * rng.uniform(0.4, 1.0))
            top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
            crop = torch.from_numpy(pixels[top : top + side, left : left + side].copy())
            whole = crop.permute(2, 0, 1)[None].float() / 255
            crops.append(F.interpolate(whole, size=(SIDE, SIDE), mode="bilinear", antialias=True)[0])
    return torch.stack(crops)


def trained_at(pictures: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...], path: Path) -> Path:
    """The everyday network with the batch norms' statistics that it would have, had it seen these pictures so."""
    network = load_model("tiny-imagenet-resnet18").network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all
    network.train()
    normalised = (pictures - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(deviation).view(1, 3, 1, 1)
    with torch.no_grad():
        for part in normalised.split(48):
            network(part)
    torch.save({"state_dict": network.state_dict(), "args": {"img_size": SIDE}}, path)
    return path


@pytest.mark.parametrize(
    ("mean", "deviation", "answer"),
    [
        ((0.5,) * 3, (0.5,) * 3, "−1 to 1"),
        ((0.0,) * 3, (1.0,) * 3, "0 to 1"),
        (IMAGENET_MEAN, IMAGENET_DEVIATION, "ImageNet's mean and deviation"),
    ],
)
def test_the_normalisation_of_a_trained_network_with_large_pictures(
    pictures: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...], answer: str, tmp_path: Path
) -> None:
    report = diagnose(trained_at(pictures, mean, deviation, tmp_path / "large.pth")).report
    assert report.preprocessing is not None and report.preprocessing["crop"] == SIDE
    verdicts = {one.question: one for one in report.verdicts}
    assert verdicts["stem"].answer == "3×3, stride 2, no pooling"
    found = verdicts["normalisation"]
    agreement = dict(found.ranking)
    if found.sureness == "sure":
        assert found.answer == answer
    else:  # ImageNet's and Tiny ImageNet's differ by a few hundredths: it may not tell them apart, and must say so
        assert answer.startswith("ImageNet")
        assert agreement[answer] < 1.5 * min(agreement.values())


def test_very_many_blocks_that_share_their_weights_are_taken(tmp_path: Path) -> None:
    file = hostile._many_layers(tmp_path, 300)
    assert file.stat().st_size < 200_000
    report = diagnose(file).report
    assert report.accepted and "300" in next(one.answer for one in report.verdicts if one.question == "architecture")
