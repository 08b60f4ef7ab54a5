"""Prediction and Grad-CAM against a bare forward, and against other libraries."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.bench.harness import BenchResult, benches, interleaved, skipped
from app.bench.subjects import random_network
from app.explain.registry import explanations
from app.inference.fold import folded

ROUNDS = 15
BLOCK = "layer4.2"


def _ours(network: nn.Module, inputs: Tensor) -> Callable[[], NDArray[np.float32]]:
    method = explanations.get("grad-cam")

    def run() -> NDArray[np.float32]:
        found = method.explain(
            network, inputs, block=BLOCK, target=None, progress=lambda _: None, cancelled=lambda: False
        )
        return np.asarray(found.maps[0].numpy())

    return run


def _bare(network: nn.Module, inputs: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.inference_mode():
            logits: Tensor = network(inputs)
            return logits

    return run


@benches.register("grad-cam")
def grad_cam() -> Sequence[BenchResult]:
    """ResNet-50, batch 1, 224 × 224."""
    network, _ = random_network("resnet50")
    inputs = torch.randn(1, 3, 224, 224)
    channels_last = inputs.to(memory_format=torch.channels_last)
    faster = folded(network, inputs)
    assert faster is not None
    faster = faster.to(memory_format=torch.channels_last)
    bare, plain, quick = interleaved(
        [_bare(network, inputs), _ours(network, inputs), _ours(faster, channels_last)], rounds=ROUNDS
    )
    what = "class and map, ResNet-50, batch 1, against a bare eager forward"
    detail = f"bare {1000 * bare:.0f} ms"
    return [
        BenchResult("grad-cam", what, plain / bare, "×", 1.05, detail=f"{detail}, ours {1000 * plain:.0f} ms"),
        BenchResult(
            "grad-cam", f"{what}, folded", quick / bare, "×", 1.0, detail=f"{detail}, ours {1000 * quick:.0f} ms"
        ),
    ]


@benches.register("other-libraries")
def other_libraries() -> Sequence[BenchResult]:
    """The same against pytorch-grad-cam and torchcam, which the extra `bench` installs."""
    name = "other-libraries"
    if any(importlib.util.find_spec(one) is None for one in ("pytorch_grad_cam", "torchcam")):
        return skipped(name, "against pytorch-grad-cam and torchcam", "install the extra “bench”")
    from pytorch_grad_cam import GradCAM
    from torchcam.methods import GradCAM as TorchCam

    network, _ = random_network("resnet50")
    others, _ = random_network("resnet50")  # those libraries need gradients through the whole network
    others.requires_grad_(True)
    inputs = torch.randn(1, 3, 224, 224)
    faster = folded(network, inputs)
    assert faster is not None
    ours = _ours(faster.to(memory_format=torch.channels_last), inputs.to(memory_format=torch.channels_last))
    theirs = GradCAM(model=others, target_layers=[others.get_submodule(BLOCK)])
    torchcam = TorchCam(others, target_layer=BLOCK)

    def run_torchcam() -> None:
        logits = others(inputs)
        torchcam(int(logits.argmax()), logits)

    mine, grad_cam_time, torchcam_time = interleaved(
        [ours, lambda: theirs(input_tensor=inputs), run_torchcam], rounds=ROUNDS
    )
    torchcam.remove_hooks()
    map_, reference = np.maximum(ours(), 0), theirs(input_tensor=inputs)[0]
    small = torch.nn.functional.interpolate(torch.from_numpy(map_)[None, None], (224, 224), mode="bilinear")[0, 0]
    correlation = float(np.corrcoef(small.numpy().ravel(), np.asarray(reference).ravel())[0, 1])
    return [
        BenchResult(name, "speed against pytorch-grad-cam", grad_cam_time / mine, "×", 2.5, "at least"),
        BenchResult(name, "speed against torchcam", torchcam_time / mine, "×", 1.2, "at least"),
        BenchResult(name, "correlation with pytorch-grad-cam's map", correlation, "", 0.999, "at least"),
    ]
