"""What the methods share that look at the gradient of the class's logit at the pixels."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from app.explain.registry import chosen


def input_gradient(
    network: nn.Module, inputs: Tensor, target: int | None, *, around: AbstractContextManager[object] | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """(N, classes) logits, (N, 3, S, S) gradients of each picture's logit at its own pixels, (N,) targets.

    Args:
        around: Entered for the forward.

    Raises:
        ExplanationError: where there is no such class.
    """
    with torch.inference_mode(False), torch.enable_grad():
        pictures = inputs.detach().clone().requires_grad_()
        with around or nullcontext():
            logits: Tensor = network(pictures)
        targets = chosen(logits, target)
        (gradient,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), pictures)
    return logits.detach(), gradient, targets
