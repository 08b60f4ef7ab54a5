"""How well a network's stored batch-norm statistics agree with what pictures do to it.

Every batch norm keeps the mean and variance of its inputs over the training pictures. Whatever a file does not say
(which mean and deviation the pictures were normalised with, where option A puts its zeros) changes these inputs, so the
right guess is the one under which other natural pictures give the same statistics again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn

_LARGEST = 10.0
_NEUTRAL = 1e-3
MANY = 2048  # positions in a feature map


class _Enough(Exception):
    """Raised inside the forward pass when every norm that was asked for has been seen."""


def disagreement(network: nn.Module, pictures: Tensor, *, first: int | None = None) -> tuple[float, ...]:
    """Kullback-Leibler divergence of each batch norm's inputs from its stored statistics, both as Gaussians, in nats.

    Per channel KL(N(m, v) ‖ N(μ, σ²)) = ½ (log(σ²/v) + (v + (m − μ)²)/σ² − 1), at most 10, averaged over the channels.

    Args:
        network: In eval mode; its weights are not changed.
        pictures: (N, 3, S, S), normalised.
        first: Stop after so many batch norms in the signal's order; None for all.

    Returns:
        One number per batch norm with statistics of its own, in the signal's order.
    """
    seen: list[float] = []

    def look(norm: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        seen.append(_divergence(norm, inputs[0]))
        if first is not None and len(seen) >= first:
            raise _Enough

    with _watching(network, look), torch.inference_mode(), suppress(_Enough):
        network(pictures)
    return tuple(seen)


def inputs_of(network: nn.Module, module: str, pictures: Tensor) -> Tensor:
    """What enters one of a network's modules; the rest of the network is not computed.

    Args:
        network: In eval mode.
        module: Its path ("layer2").
        pictures: (N, 3, S, S), normalised.
    """
    seen: list[Tensor] = []

    def look(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])
        raise _Enough

    handle = network.get_submodule(module).register_forward_pre_hook(look)
    try:
        with torch.inference_mode(), suppress(_Enough):
            network(pictures)
    finally:
        handle.remove()
    return seen[0]


def _divergence(norm: nn.BatchNorm2d, inputs: Tensor) -> float:
    if inputs.shape[2] * inputs.shape[3] >= MANY:
        inputs = inputs[
            :, :, ::2, ::2
        ]  # neighbours tell the same: a quarter of them is enough, in a quarter of the time
    variance, mean = torch.var_mean(inputs.float(), (0, 2, 3))
    return divergence(norm, mean, variance)


def divergence(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> float:
    """The divergence of these per-channel means and variances from a norm's stored ones, averaged, in nats."""
    mean_stored, variance_stored = norm.running_mean, norm.running_var
    assert mean_stored is not None
    assert variance_stored is not None
    stored, seen = variance_stored + norm.eps, variance + norm.eps
    each = 0.5 * ((stored / seen).log() + (seen + (mean - mean_stored).square()) / stored - 1)
    value = float(each.nan_to_num(nan=_LARGEST, posinf=_LARGEST).clamp(max=_LARGEST).mean())
    return value if math.isfinite(value) else _LARGEST


@contextmanager
def _watching(network: nn.Module, look: object) -> Iterator[None]:
    handles = [
        module.register_forward_hook(look)  # type: ignore[arg-type]
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d) and not is_neutral(module)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def is_neutral(norm: nn.BatchNorm2d) -> bool:
    """Whether a norm stands for none, or was never trained: mean 0, variance 1."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return bool(norm.running_mean.abs().max() == 0 and (norm.running_var - 1).abs().max() < _NEUTRAL)


def has_statistics(network: nn.Module) -> bool:
    """Whether any batch norm has statistics to compare with."""
    return any(isinstance(module, nn.BatchNorm2d) and not is_neutral(module) for module in network.modules())
