"""The Anatomy page's work against its bars: a measurement, a bypass, a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from app.anatomy.live import Prefixes
from app.anatomy.measure import measured
from app.anatomy.parts import middle_blocks
from app.anatomy.sweep import Batch, planned, suitable_batch, swept
from app.bench.harness import BenchResult, benches, in_turns
from app.bench.subjects import random_classifier, random_network
from app.core.lesions import Lesion
from app.core.preprocessing import Preprocessing
from app.explain.registry import explanations
from app.inference.classifier import Classifier

ARCHITECTURE = "resnet50"
SIDE = 224
ROUNDS = 15
DEPTH = "resnet56"
SWEEP_BATCHES = 4


@benches.register("anatomy-measure")
def measure() -> Sequence[BenchResult]:
    """Everything that is measured of ResNet-50 on one picture, against one bare eager forward in inference mode."""
    bare, _ = random_network(ARCHITECTURE)
    ours = random_classifier(ARCHITECTURE)
    inputs = ours.inputs(_pictures(1, SIDE))
    contiguous = inputs.contiguous()

    def forward() -> Tensor:
        with torch.inference_mode():
            logits: Tensor = bare(contiguous)
            return logits

    timings = in_turns(
        {"bare": forward, "measured": lambda: measured(ours.network, ours.outline, inputs)}, rounds=ROUNDS
    )
    return [
        BenchResult(
            "anatomy-measure",
            "full measurement of ResNet-50 on one picture, against a bare eager forward",
            timings.ratio("measured", "bare"),
            "×",
            2.5,
            detail=timings.summary,
        )
    ]


@benches.register("anatomy-bypass")
def bypass() -> Sequence[BenchResult]:
    """From a double-click to the new prediction and map, ResNet-50, against one prediction and map of the whole."""
    ours = random_classifier(ARCHITECTURE)
    pixels = _pictures(1, SIDE)
    prefixes = Prefixes()
    block = ours.outline.default_block
    changes = [Lesion("bypass", one.name) for one in middle_blocks(ours.outline)]
    turn = 0

    def answer(lesions: Sequence[Lesion]) -> Tensor:
        method = explanations.get("grad-cam")
        with prefixes.changed(
            ours.network, ours.outline, lesions, pixels=pixels, method="grad-cam", block=block
        ) as start:
            inputs = ours.inputs(pixels) if start is None else start
            return method.explain(
                ours.network,
                inputs,
                block=block,
                target=None,
                progress=lambda _share: None,
                cancelled=lambda: False,
            ).maps

    def one_bypass() -> Tensor:
        nonlocal turn
        turn += 1
        return answer([changes[turn % len(changes)]])

    answer(())
    timings = in_turns({"whole": lambda: answer(()), "bypassed": one_bypass}, rounds=4 * len(changes))
    first = in_turns({"whole": lambda: answer(()), "first bypassed": lambda: answer([changes[1]])}, rounds=ROUNDS)
    return [
        BenchResult(
            "anatomy-bypass",
            "bypass to prediction and map, ResNet-50, each block in turn, against one prediction and map",
            timings.ratio("bypassed", "whole"),
            "×",
            1.1,
            detail=timings.summary,
        ),
        BenchResult(
            "anatomy-bypass",
            "the same for the earliest identity block, where nothing can be reused",
            first.ratio("first bypassed", "whole"),
            "×",
            1.1,
            detail=first.summary,
        ),
    ]


@benches.register("anatomy-sweep")
def sweep() -> Sequence[BenchResult]:
    """Each of ResNet-56's 27 blocks deleted, against 27 full evaluations of the same pictures, batch by batch in turns.

    The bar is for 2,000 pictures: eight such batches. Both ways take eight times as long then, so a few batches tell.
    """
    network, outline = random_network(DEPTH, classes=10)
    ours = Classifier(
        network,
        outline=outline,
        labels=tuple(map(str, range(10))),
        preprocessing=Preprocessing(32, 32),
        device=torch.device("cpu"),
    )
    points = planned(outline, blocks=(), counts=(), repeats=0, seed=0)
    size = suitable_batch(ours)
    batch = Batch(_pictures(size, 32), np.zeros(size, np.int64))

    def swept_once() -> None:
        for _ in swept(ours, iter([batch]), points):
            pass

    def evaluated() -> None:
        for _ in points[1:]:
            ours.predict(batch.pixels)

    timings = in_turns({"full": evaluated, "sweep": swept_once}, rounds=SWEEP_BATCHES, warm_up=0)
    return [
        BenchResult(
            "anatomy-sweep",
            f"sweep of {outline.title}, each of {len(points) - 1} blocks, against as many full evaluations",
            timings.ratio("sweep", "full"),
            "×",
            0.6,
            detail=f"batches of {size}; {timings.summary}",
        )
    ]


def _pictures(count: int, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
