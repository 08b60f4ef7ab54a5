"""Small experiments for the tests of the Lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.training.batches import BatchStream, DevicePictures
from app.training.config import Experiment
from app.training.data import DataSet, LabelledPictures
from app.training.member import make_trainer
from app.training.starting import starting_network
from app.training.trainer import Trainer

CPU = torch.device("cpu")


def small(**changes: Any) -> Experiment:
    """Eight layers, four filters, a dozen steps."""
    values: dict[str, Any] = {
        "depth": 8, "width": 4, "batch": 16, "budget": 12, "data": "shapes", "learning_rate": 0.05, "device": "cpu",
    }  # fmt: skip
    return Experiment(**(values | changes))


def pictures(count: int = 64, *, classes: int = 10, seed: int = 0) -> LabelledPictures:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    shade = (labels * 12).astype(np.uint8)[:, None, None, None]
    pixels = random.integers(0, 128, (count, 32, 32, 3), np.uint8) + shade
    return LabelledPictures(pixels, labels.astype(np.int64))


def data_set(count: int = 64) -> DataSet:
    names = tuple(f"class {number}" for number in range(10))
    return DataSet("shapes", "Made up", names, pictures(count), pictures(40, seed=1), (0.4, 0.4, 0.4), (0.2, 0.2, 0.2))


def trainer_and_stream(experiment: Experiment, *, steps: int = 12, count: int = 64) -> tuple[Trainer, BatchStream]:
    data = data_set(count)
    trainer = make_trainer(experiment, starting_network(experiment, data), device=CPU, steps=steps)
    stream = BatchStream(
        DevicePictures.upload(data.train, CPU), size=experiment.batch, augment=experiment.augment, seed=experiment.seed
    )
    return trainer, stream


def losses(experiment: Experiment, steps: int = 6) -> list[float]:
    trainer, stream = trainer_and_stream(experiment, steps=steps)
    return [float(trainer.train_step(*stream.next()).loss) for _ in range(steps)]


def npz(folder: Path, count: int = 64) -> Path:
    """A file in the layout of CIFAR-10."""
    train, test = pictures(count), pictures(40, seed=1)
    path = folder / "cifar.npz"
    np.savez(path, x_train=train.pixels, y_train=train.labels, x_test=test.pixels, y_test=test.labels)
    return path
