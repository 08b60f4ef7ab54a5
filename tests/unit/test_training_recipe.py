"""The modern recipe of the everyday model: four stages, resized crops, mixing, label smoothing, averaged weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from app.core.errors import TrainingError
from app.training import checkpoint
from app.training.batches import BatchStream, DevicePictures, mixed, random_boxes
from app.training.checkpoint import Progress
from app.training.config import Experiment
from app.training.data import DataRequest, LabelledPictures, data_sources, silent
from app.training.form import matters, offered_depths
from app.training.presets import PRESETS
from app.training.starting import starting_network
from tests.unit.training_help import CPU, data_set, losses, pictures, small, trainer_and_stream


def four_stages(**changes: object) -> Experiment:
    return small(**({"layout": "imagenet", "depth": 10, "shortcut": "B", "width": 4} | changes))


# Four stages


def test_resnet_18_in_four_stages_has_the_layers_of_table_1() -> None:
    experiment = Experiment(layout="imagenet", depth=18, shortcut="B", width=64, data="shapes")
    start = starting_network(experiment, data_set())
    blocks = [block for block in start.outline.blocks if block.kind == "basic"]
    assert [block.stage for block in blocks] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert start.network(torch.zeros(2, 3, 64, 64)).shape == (2, 10)
    # torchvision's 11,689,512 for 1,000 classes; less the stem's 7×7 for 3×3 and the head's 990 classes.
    assert start.outline.parameters == 11_689_512 - 3 * 64 * (49 - 9) - 990 * 513


def test_depths_that_four_stages_do_not_have_are_refused_with_those_that_they_have() -> None:
    with pytest.raises(TrainingError, match=r"10, 18, 34"):
        Experiment(layout="imagenet", depth=20)
    with pytest.raises(TrainingError, match=r"50, 101, 152"):
        Experiment(layout="imagenet", depth=18, block="bottleneck")
    with pytest.raises(TrainingError, match="gates"):
        Experiment(layout="imagenet", depth=18, gate=0.5)
    assert offered_depths("basic", "imagenet") == (10, 18, 34)
    assert not matters("norm", Experiment(layout="imagenet", depth=18))


def test_twins_in_four_stages_begin_with_the_same_weights() -> None:
    members = four_stages(twin=True).members()
    networks = {name: starting_network(one, data_set()).network.state_dict() for name, one in members.items()}
    assert networks["plain"].keys() < networks["residual"].keys()
    for name, tensor in networks["plain"].items():
        assert torch.equal(tensor, networks["residual"][name]), name


# Augmentation


def test_boxes_lie_within_the_picture_and_cover_a_quarter_to_all_of_it() -> None:
    boxes = random_boxes(2000, torch.Generator().manual_seed(0))
    left = torch.where(boxes[:, 2] < 0, boxes[:, 0] + boxes[:, 2], boxes[:, 0])
    width, height = boxes[:, 2].abs(), boxes[:, 3]
    assert left.min() >= -1e-6 and (left + width).max() <= 1 + 1e-6
    assert boxes[:, 1].min() >= 0 and (boxes[:, 1] + height).max() <= 1 + 1e-6
    area = width * height
    assert area.min() > 0.2 and area.max() <= 1 and 0.5 < float(area.mean()) < 0.7
    assert 0.45 < float((boxes[:, 2] < 0).float().mean()) < 0.55


def test_a_resized_crop_is_what_pillow_cuts_out_and_enlarges(monkeypatch: pytest.MonkeyPatch) -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    picture = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 90, np.uint8)], -1)
    box = torch.tensor([[0.75, 0.25, -0.5, 0.5]])  # the middle, flipped
    monkeypatch.setattr("app.training.batches.random_boxes", lambda count, generator: box)
    shown = DevicePictures.upload(LabelledPictures(picture[None], np.zeros(1, np.int64)), CPU)
    pixels, _ = BatchStream(shown, size=1, augment="resized-crop-flip", seed=1).next()
    wanted = Image.fromarray(picture).crop((16, 16, 48, 48)).resize((64, 64), Image.Resampling.BILINEAR)
    wanted = wanted.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    # Pillow stops at the crop's edge, we read on beyond it: the outermost pixels may differ by half a step.
    assert np.abs(pixels[0].numpy().astype(int) - np.asarray(wanted).astype(int)).max() <= 2


def test_streams_with_equal_seeds_give_equal_batches_and_resume_in_the_middle() -> None:
    shown = DevicePictures.upload(pictures(), CPU)

    def stream() -> BatchStream:
        return BatchStream(shown, size=16, augment="resized-crop-flip", seed=3, mix="cutmix", classes=10)

    first, second = stream(), stream()
    for _ in range(5):
        kept = first.state()
        one, other = first.next(), second.next()
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    resumed = stream()
    resumed.restore(kept)
    assert torch.equal(resumed.next()[0], one[0])


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_targets_are_shares_in_the_proportion_of_the_pixels(kind: str) -> None:
    count, side = 8, 32
    pixels = torch.zeros(count, side, side, 3, dtype=torch.uint8)
    pixels += (torch.arange(count, dtype=torch.uint8) * 30).view(-1, 1, 1, 1)
    targets = functional.one_hot(torch.arange(count), count).float()
    generator = torch.Generator().manual_seed(5)
    for _ in range(20):
        shown, shares = mixed(pixels, targets, kind, generator)
        assert torch.allclose(shares.sum(1), torch.ones(count))
        # The mean brightness says in which proportion the pictures were mixed.
        wanted = (shares * (torch.arange(count) * 30.0)).sum(1)
        assert torch.allclose(shown.float().mean((1, 2, 3)), wanted, atol=1e-3)
    assert bool((pixels[:, 0, 0, 0] == torch.arange(count) * 30).all()), "the pictures themselves were changed"


def test_label_smoothing_and_mixing_train() -> None:
    falling = losses(four_stages(label_smoothing=0.1, augment="resized-crop-flip"), steps=12)
    assert falling[-1] < falling[0]
    experiment = four_stages()
    trainer, _ = trainer_and_stream(experiment)
    shown = DevicePictures.upload(pictures(), CPU)
    stream = BatchStream(shown, size=16, augment="none", seed=1, mix="mixup", classes=10)
    result = trainer.train_step(*stream.next())
    assert torch.isfinite(result.loss) and 0 <= int(result.wrong) <= 16


# Averaged weights


def test_the_average_is_the_mean_that_its_formula_says() -> None:
    trainer, stream = trainer_and_stream(four_stages(average=0.9))
    assert trainer.average is not None
    expected = trainer.network.fc.weight.detach().clone()
    for step in range(1, 6):
        trainer.train_step(*stream.next())
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * trainer.network.fc.weight.detach()
    assert torch.allclose(trainer.average.tensors["fc.weight"], expected, atol=1e-6)


def test_what_is_tested_and_kept_is_the_average_and_training_goes_on_with_the_weights(tmp_path: Path) -> None:
    trainer, stream = trainer_and_stream(four_stages(average=0.9))
    for _ in range(3):
        trainer.train_step(*stream.next())
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    test = DevicePictures.upload(pictures(40, seed=1), CPU)
    averaged = trainer.evaluate(test)
    for name, tensor in trainer.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    with trainer.kept_weights():
        inside = trainer.network.fc.weight.detach().clone()
    assert trainer.average is not None and torch.equal(inside, trainer.average.tensors["fc.weight"])
    trainer.average = None
    assert float(trainer.evaluate(test)[0]) != float(averaged[0])


def test_a_run_with_averaged_weights_resumes_to_the_same_average(tmp_path: Path) -> None:
    experiment = four_stages(average=0.95)
    through, stream = trainer_and_stream(experiment)
    for _ in range(3):
        through.train_step(*stream.next())
    checkpoint.save(tmp_path, through, stream.state(), Progress())
    resumed, fresh = trainer_and_stream(experiment)
    state, _ = checkpoint.load(tmp_path, resumed)
    fresh.restore(state)
    for _ in range(3):
        through.train_step(*stream.next())
        resumed.train_step(*fresh.next())
    assert through.average is not None and resumed.average is not None
    for name, tensor in through.average.tensors.items():
        assert torch.equal(tensor, resumed.average.tensors[name]), name


# Names of classes


def test_words_give_the_folders_of_a_data_set_their_names(tmp_path: Path) -> None:
    words = "n02123045\ttabby, tabby cat\nn01882714\tkoala\nn00000001\tcrane\nn00000002\tcrane\n"
    (tmp_path / "words.txt").write_text(words, encoding="utf-8")
    for name in ("n00000001", "n00000002", "n01882714", "n02123045", "n09999999"):
        for part in ("train", "val"):
            (tmp_path / part / name).mkdir(parents=True)
            Image.new("RGB", (16, 16), (int(name[-1]) * 20, 90, 40)).save(tmp_path / part / name / "1.png")
    data = data_sources.get("folder").load(DataRequest(tmp_path, side=16), silent)
    assert data.classes == ("crane (n00000001)", "crane (n00000002)", "koala", "tabby", "n09999999")
    assert data.class_ids == ("n00000001", "n00000002", "n01882714", "n02123045", "n09999999")
    assert data.record()["class_ids"] == list(data.class_ids)


def test_the_presets_of_the_everyday_model_can_be_built() -> None:
    for name in ("everyday", "everyday-cpu"):
        (experiment,) = PRESETS[name].experiments.values()
        network = starting_network(dataclasses.replace(experiment, data="shapes", width=4), data_set()).network
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 10)
