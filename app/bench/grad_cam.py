"""Prediction and Grad-CAM together, against a bare forward, and against other libraries. ResNet-50, one picture."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.bench.harness import BenchResult, benches, in_turns, skipped
from app.bench.subjects import random_classifier, random_network
from app.explain.registry import Attribution, explanations
from app.inference.classifier import Classifier

ARCHITECTURE = "resnet50"
SIDE = 224
ROUNDS = 25


@benches.register("grad-cam")
def grad_cam() -> Sequence[BenchResult]:
    """Against one bare eager `model(x)` in inference mode, as torchvision hands the network out."""
    bare, _ = random_network(ARCHITECTURE)
    rearranged = random_network(ARCHITECTURE)[0].to(memory_format=torch.channels_last)
    unfolded, folded = random_classifier(ARCHITECTURE, fold=False), random_classifier(ARCHITECTURE)
    if not folded.folded:
        return skipped("grad-cam", "class and map, folded", "batch norm cannot be folded on this machine")
    inputs = unfolded.inputs(_picture())
    contiguous = inputs.contiguous()
    timings = in_turns(
        {
            "bare": lambda: _forward(bare, contiguous),
            "bare in channels-last": lambda: _forward(rearranged, inputs),
            "unfolded": lambda: _explained(unfolded, inputs),
            "folded": lambda: _explained(folded, inputs),
        },
        rounds=ROUNDS,
    )
    return [
        BenchResult(
            "grad-cam",
            f"class and map, ResNet-50, batch 1, {way}, against a bare eager forward",
            timings.ratio(way, "bare"),
            "×",
            bar,
            detail=f"{timings.ratio(way, 'bare in channels-last'):.2f}× of bare in channels-last; {timings.summary}",
        )
        for way, bar in (("unfolded", 1.05), ("folded", 1.0))
    ]


@benches.register("other-libraries")
def other_libraries() -> Sequence[BenchResult]:
    """The same against pytorch-grad-cam and torchcam, which the extra `bench` installs."""
    name = "other-libraries"
    if any(importlib.util.find_spec(one) is None for one in ("pytorch_grad_cam", "torchcam")):
        return skipped(name, "against pytorch-grad-cam and torchcam", "install the extra “bench”")
    from pytorch_grad_cam import GradCAM
    from torchcam.methods import GradCAM as TorchCam

    ours = random_classifier(ARCHITECTURE)
    theirs, outline = random_network(ARCHITECTURE)
    theirs.requires_grad_(True)  # both libraries need it
    inputs = ours.inputs(_picture())
    contiguous = inputs.contiguous()
    layer = theirs.get_submodule(outline.default_block)

    with GradCAM(model=theirs, target_layers=[layer]) as pytorch_grad_cam:

        def with_pytorch_grad_cam() -> np.ndarray[Any, Any]:
            return np.asarray(pytorch_grad_cam(input_tensor=contiguous, targets=None))

        first = in_turns(
            {"ours": lambda: _explained(ours, inputs), "pytorch-grad-cam": with_pytorch_grad_cam}, rounds=ROUNDS
        )
        reference = with_pytorch_grad_cam()
    # One after the other: both leave hooks on the layer, and would slow each other down.
    with TorchCam(theirs, target_layer=layer) as torchcam:

        def with_torchcam() -> Tensor:
            logits = theirs(contiguous)
            maps: list[Tensor] = torchcam(int(logits.argmax(1)), logits)
            return maps[0]

        second = in_turns({"ours": lambda: _explained(ours, inputs), "torchcam": with_torchcam}, rounds=ROUNDS)
    return [
        BenchResult(
            name,
            "times as fast as pytorch-grad-cam",
            first.ratio("pytorch-grad-cam", "ours"),
            "×",
            2.5,
            "at least",
            first.summary,
        ),
        BenchResult(
            name, "times as fast as torchcam", second.ratio("torchcam", "ours"), "×", 1.2, "at least", second.summary
        ),
        BenchResult(
            name,
            "correlation with pytorch-grad-cam's map",
            _correlation(_explained(ours, inputs), reference),
            "",
            0.999,
            "at least",
            "folded, enlarged, without its negative part",
        ),
    ]


def _forward(network: nn.Module, inputs: Tensor) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = network(inputs)
        return logits


def _explained(classifier: Classifier, inputs: Tensor) -> Attribution:
    """What the engine does for a request, once the picture is cut and normalised."""
    return explanations.get("grad-cam").explain(
        classifier.network,
        inputs,
        block=classifier.outline.default_block,
        target=None,
        progress=lambda _share: None,
        cancelled=lambda: False,
    )


def _picture() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)


def _correlation(ours: Attribution, reference: np.ndarray[Any, Any]) -> float:
    enlarged = functional.interpolate(ours.maps.relu()[:, None], size=reference.shape[-2:], mode="bilinear")
    return float(np.corrcoef(enlarged.flatten().numpy(), reference.ravel())[0, 1])
