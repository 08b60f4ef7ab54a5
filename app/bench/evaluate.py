"""Evaluating ResNet-56 on CIFAR-10's test pictures, against a bare batched loop."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.bench.harness import BenchResult, benches, in_turns
from app.bench.subjects import random_network
from app.core.preprocessing import Preprocessing
from app.evaluation import measures
from app.evaluation.data import LabelledSet, labelled_set
from app.evaluation.judge import BATCH, judge, together
from app.inference.classifier import Classifier
from app.zoo.loading import load_file

WEIGHTS = "RESNET56"  # environment variables that name real ones
PICTURES = "CIFAR10"
COUNT = 2048  # pictures of the test set that each turn takes
TURNS = 5


@benches.register("evaluate")
def evaluate() -> Sequence[BenchResult]:
    """The whole way from labelled pictures to every measure."""
    network, preprocessing, what = subject()
    with tempfile.TemporaryDirectory() as folder:
        data, source = pictures(Path(folder))
    bare, _, _ = subject()
    classifier = Classifier(
        network,
        outline=random_network("resnet56", family="cifar", classes=10)[1],
        labels=tuple(map(str, range(10))),
        preprocessing=preprocessing,
        device=torch.device("cpu"),
    )
    assert data.pixels is not None
    pixels, labels = data.pixels, data.labels
    timings = in_turns(
        {"ours": lambda: ours(classifier, data), "bare": lambda: bare_loop(bare, preprocessing, pixels, labels)},
        rounds=TURNS,
        warm_up=1,
    )
    return [
        BenchResult(
            "evaluate",
            f"{what} on {len(data):,} pictures of {source}, every measure, against a bare batched loop",
            timings.ratio("ours", "bare"),
            "×",
            1.10,
            detail=timings.summary,
        )
    ]


def subject() -> tuple[nn.Module, Preprocessing, str]:
    """ResNet-56: the checkpoint that the environment names, else random weights; speed does not depend on them."""
    path = Path(os.environ.get(WEIGHTS, ""))
    if path.is_file():
        model = load_file(path)
        return model.network, model.preprocessing, f"ResNet-56 ({path.name})"
    network, _ = random_network("resnet56", family="cifar", classes=10)
    return network, Preprocessing(32, 32), "ResNet-56 with random weights"


def pictures(folder: Path) -> tuple[LabelledSet, str]:
    """The first test pictures of CIFAR-10 where the environment names them, else noise of the same size."""
    path = Path(os.environ.get(PICTURES, ""))
    if path.is_file():
        data = labelled_set(path)
        assert data.pixels is not None
        pixels, labels, source = data.pixels[:COUNT], data.labels[:COUNT], "CIFAR-10"
    else:
        pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
        labels, source = np.arange(COUNT) % 10, "noise"
    np.savez(folder / "some.npz", x=pixels, y=labels)
    return labelled_set(folder / "some.npz"), source


def ours(classifier: Classifier, data: LabelledSet) -> measures.ErrorRate:
    """As `evaluate` does it, from pictures to per-class table, confusion, calibration and mistakes."""
    classes = np.arange(10)
    verdicts = together([judge(classifier, data, classes)], classes[data.labels]).verdicts
    measures.class_rows(verdicts, classifier.labels)
    measures.confusion(verdicts, 10)
    measures.calibration(verdicts)
    measures.worst(verdicts, 100)
    return measures.error_rates(verdicts, 10)[0]


def bare_loop(
    network: nn.Module, preprocessing: Preprocessing, pixels: NDArray[np.uint8], labels: NDArray[np.int64]
) -> int:
    """What a careful person writes first: batches, normalised, argmax, wrong ones counted."""
    mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1)
    deviation = torch.tensor(preprocessing.deviation).view(1, 3, 1, 1)
    wrong = 0
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            batch: Tensor = torch.from_numpy(pixels[start : start + BATCH]).permute(0, 3, 1, 2)
            logits = network((batch.float() / 255 - mean) / deviation)
            wrong += int((logits.argmax(1) != torch.from_numpy(labels[start : start + BATCH])).sum())
    return wrong
