"""A folder of JPEGs end to end, against decoding them on threads and then a bare batched forward."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

from app.bench.harness import BenchResult, Timings, benches
from app.bench.subjects import random_classifier, random_network
from app.inference.classifier import Classifier
from app.inference.folder import READERS, in_batches, prepared
from app.sources.files import read_picture

ARCHITECTURE = "resnet18"
PICTURES = 1000
DISTINCT = 50
SIZE = (500, 375)  # ImageNet's usual
BATCH = 16
TURNS = 10


@benches.register("folder")
def folder() -> Sequence[BenchResult]:
    """1,000 JPEGs of 500 × 375 through ResNet-18."""
    classifier = random_classifier(ARCHITECTURE)
    bare, _ = random_network(ARCHITECTURE)
    ours: list[float] = []
    decoding: list[float] = []
    forward: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        paths = write_jpegs(Path(name), PICTURES)
        end_to_end(classifier, paths[:BATCH])
        decode_then_forward(bare, paths[:BATCH])
        size = PICTURES // TURNS
        for start in range(0, PICTURES, size):  # in turns, so that a busy machine is fair to both
            some = paths[start : start + size]
            began = time.perf_counter()
            end_to_end(classifier, some)
            ours.append(time.perf_counter() - began)
            decode, compute, _ = decode_then_forward(bare, some)
            decoding.append(decode)
            forward.append(compute)
    both = [decode + compute for decode, compute in zip(decoding, forward, strict=True)]
    return [
        BenchResult(
            "folder",
            f"{PICTURES} JPEGs, ResNet-18, end to end, against decode + bare batched forward",
            Timings({"ours": ours, "both": both}).ratio("ours", "both"),
            "×",
            1.10,
            detail=(
                f"ours {sum(ours):.1f} s, decode {sum(decoding):.1f} s on {READERS} threads, "
                f"forward {sum(forward):.1f} s in batches of {BATCH}, median of {TURNS} turns"
            ),
        )
    ]


def end_to_end(classifier: Classifier, paths: Sequence[Path]) -> Tensor:
    """From files to (N, classes) logits, as `classify` does it."""
    pictures = prepared(paths, read=read_picture, preprocessing=classifier.preprocessing, ahead=4 * BATCH)
    return torch.cat(
        [
            classifier.predict(np.stack([one.view.pixels for one in batch if one.view is not None]))
            for batch in in_batches(pictures, BATCH)
        ]
    )


def decode_then_forward(network: nn.Module, paths: Sequence[Path]) -> tuple[float, float, Tensor]:
    """What a careful person writes first: Pillow and torchvision's transforms on threads, then the network.

    Returns:
        Seconds of decoding, seconds of the forwards, (N, classes) logits.
    """
    transforms = models.ResNet18_Weights.IMAGENET1K_V1.transforms()

    def decoded(path: Path) -> Tensor:
        with Image.open(path) as picture:
            tensor: Tensor = transforms(picture.convert("RGB"))
            return tensor

    began = time.perf_counter()
    with ThreadPoolExecutor(READERS) as readers:
        pictures = list(readers.map(decoded, paths))
    batches = [torch.stack(pictures[start : start + BATCH]) for start in range(0, len(pictures), BATCH)]
    between = time.perf_counter()
    with torch.inference_mode():
        logits = torch.cat([network(batch) for batch in batches])
    return between - began, time.perf_counter() - between, logits


def write_jpegs(target: Path, count: int) -> list[Path]:
    """JPEGs of the size and weight of photographs: smooth colours with some noise on them."""
    random = np.random.default_rng(0)
    encoded: list[bytes] = []
    for _ in range(min(DISTINCT, count)):
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC)).astype(np.float32)
        noisy = (smooth + random.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(noisy).save(file, "JPEG", quality=90)
        encoded.append(file.getvalue())
    paths = [target / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded[number % len(encoded)])
    return paths
