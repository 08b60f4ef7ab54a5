"""A folder of JPEGs end to end, against decoding and a bare batched forward one after the other."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from app.bench.harness import BenchResult, benches
from app.bench.subjects import random_network
from app.core.preprocessing import Preprocessing
from app.inference.classifier import Classifier
from app.inference.folder import in_batches, prepared
from app.inference.preprocess import normalised
from app.sources.files import read_picture

PICTURES = 1000
BATCH = 16
SPECIFICATION = Preprocessing(resize=256, crop=224)


@benches.register("folder")
def folder() -> Sequence[BenchResult]:
    """1,000 JPEGs of 500 × 375, ResNet-18."""
    network, outline = random_network("resnet18")
    classifier = Classifier(
        network,
        outline=outline,
        labels=tuple(map(str, range(1000))),
        preprocessing=SPECIFICATION,
        device=torch.device("cpu"),
    )
    with tempfile.TemporaryDirectory() as name:
        paths = _write(Path(name))
        bare = ours = 0.0
        for part in range(0, PICTURES, PICTURES // 5):  # in turns, so that a busy machine is fair to both
            some = paths[part : part + PICTURES // 5]
            start = time.perf_counter()
            _bare(network, some)
            middle = time.perf_counter()
            _ours(classifier, some)
            bare, ours = bare + middle - start, ours + time.perf_counter() - middle
    return [
        BenchResult(
            "folder",
            f"{PICTURES} JPEGs, ResNet-18, end to end, against decode + bare batched forward",
            ours / bare,
            "×",
            1.10,
            detail=f"bare {bare:.1f} s, ours {ours:.1f} s",
        )
    ]


def _write(target: Path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = []
    for number in range(PICTURES):
        small = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        path = target / f"{number:04}.jpg"
        Image.fromarray(small).resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(path)
    return paths


def _bare(network: torch.nn.Module, paths: list[Path]) -> None:
    """What anybody would write first: read, cut, stack, forward."""
    for start in range(0, len(paths), BATCH):
        crops = []
        for path in paths[start : start + BATCH]:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            crops.append(SPECIFICATION.view(pixels).pixels)
        with torch.inference_mode():
            network(normalised(np.stack(crops), SPECIFICATION, torch.device("cpu")))


def _ours(classifier: Classifier, paths: list[Path]) -> None:
    pictures = prepared(paths, read=read_picture, preprocessing=SPECIFICATION, ahead=4 * BATCH)
    for batch in in_batches(pictures, BATCH):
        classifier.predict(np.stack([one.view.pixels for one in batch if one.view is not None]))
