"""Where the first infinite or undefined number came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.core.records import NetworkOutline
from app.runs.records import StepRow
from app.training import memory
from app.training.batches import BatchStream
from app.training.gradient_flow import GradientFlow
from app.training.trainer import Trainer


def found_again(trainer: Trainer, stream: BatchStream, step: int, flow: GradientFlow | None) -> str:
    """Make the steps before this one again, from a checkpoint on, and look at every block in this one.

    Args:
        flow: As in the steps that are made again; its hooks are on the network, and only a measured step empties it.

    Returns:
        As `first_block`; "" too where memory does not suffice for the search.
    """
    try:
        while trainer.step < step - 1:
            trainer.train_step(*stream.next(), flow)
        if flow is not None:
            flow.begin()
        return first_block(trainer, *stream.next())
    except RuntimeError as error:
        if not memory.is_full(error):
            raise
        return ""


def first_block(trainer: Trainer, pixels: Tensor, labels: Tensor) -> str:
    """Run a step's forward and backward again and watch every block.

    The trainer must be as it was before that step; it is left with gradients that mean nothing.

    Returns:
        The name of the first block, in the order of the computation, whose output is not finite; else the head's, where
        its logits are finite and too far apart for the loss; else that of the first block, from the end, whose
        gradient is not finite; "" where everything is.
    """
    outputs: list[str] = []
    gradients: list[str] = []
    handles = _watch(trainer.network, trainer.outline, outputs, gradients)
    try:
        result = trainer.accumulate(pixels, labels)
    finally:
        for handle in handles:
            handle.remove()
    if outputs:
        return outputs[0]
    if not bool(torch.isfinite(result.loss)):
        return trainer.outline.blocks[-1].name
    return next(iter(gradients), "")


def updated_block(row: StepRow, outline: NetworkOutline) -> str:
    """By a step's row alone: the first block whose update was not finite; "" where it does not say."""
    if row.update_ratio is None:
        return ""
    places = (~np.isfinite(row.update_ratio)).nonzero()[0]
    return outline.blocks[int(places[0])].name if len(places) else ""


def _watch(network: nn.Module, outline: NetworkOutline, outputs: list[str], gradients: list[str]) -> list[Any]:
    def hook(name: str) -> Any:
        def arrived(gradient: Tensor) -> None:
            if not bool(torch.isfinite(gradient).all()):
                gradients.append(name)

        def computed(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if not bool(torch.isfinite(output).all()):
                outputs.append(name)
            if output.requires_grad:
                output.register_hook(arrived)  # type: ignore[no-untyped-call]

        return computed

    return [network.get_submodule(block.name).register_forward_hook(hook(block.name)) for block in outline.blocks]
