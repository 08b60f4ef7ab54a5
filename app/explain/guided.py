"""ReLUs whose backward lets only positive gradients through (Springenberg et al. 2015), as long as a context lasts.

Nothing of the network is changed: the calls of ReLU are caught on their way, modules and functions alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

RELUS: frozenset[Callable[..., Any]] = frozenset(
    (torch.relu, torch.relu_, functional.relu, functional.relu_, Tensor.relu, Tensor.relu_)
)


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.clamp_min(0)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        through: Tensor = gradients[0].clamp_min(0) * (y > 0)
        return through


class GuidedReLUs(TorchFunctionMode):
    """While it is entered, every ReLU of this thread is a guided one."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in RELUS:
            return _Guided.apply(args[0])
        return func(*args, **(kwargs or {}))
