"""Feature maps made small: thumbnails of every channel, numbers of the whole, filters as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.core.anatomy import Filters, Lane, Mosaic, Step, StepKind

CLIPPED = 0.001  # share of the thumbnails' pixels beyond each end of the scale: one hot place hides all others


def mosaics(tensors: Sequence[Tensor], *, together: Sequence[bool], side: int) -> list[Mosaic]:
    """One mosaic per tensor.

    Args:
        tensors: (1, C, H, W) each.
        together: Which of them share one scale; the others have their own.
        side: Largest side of a thumbnail.
    """
    small = [_reduced(tensor, side) for tensor in tensors]
    common = [one for (one, _), shared in zip(small, together, strict=True) if shared]
    shared_scale = _scale(common) if common else (0.0, 1.0)
    result = []
    for tensor, (thumbnails, factor), shared in zip(tensors, small, together, strict=True):
        low, high = shared_scale if shared else _scale([thumbnails])
        scaled = np.nan_to_num((thumbnails - low) * (255 / (high - low)))
        result.append(
            Mosaic(
                pixels=np.clip(scaled + 0.5, 0, 255).astype(np.uint8),
                low=low,
                high=high,
                factor=factor,
                strength=tensor.detach().float().abs().mean((0, 2, 3)).cpu().numpy(),
            )
        )
    return result


def step(
    kind: StepKind, lane: Lane, symbol: str, path: str, module: nn.Module | None, tensor: Tensor, mosaic: Mosaic
) -> Step:
    """The record of one point."""
    values = tensor.detach().float()
    convolution = module if isinstance(module, nn.Conv2d) else None
    minimum, maximum = (float(one) for one in values.aminmax())
    return Step(
        kind=kind,
        lane=lane,
        symbol=symbol,
        path=path,
        shape=tuple(tensor.shape),
        kernel=_first(getattr(module, "kernel_size", 0)),
        stride=_first(getattr(module, "stride", 0)),
        groups=convolution.groups if convolution else 0,
        parameters=sum(one.numel() for one in module.parameters()) if module is not None else 0,
        multiply_adds=_multiply_adds(module, tensor),
        norm=float(torch.linalg.vector_norm(values)),
        mean=float(values.mean()),
        deviation=float(values.std(correction=0)),
        minimum=minimum,
        maximum=maximum,
        mosaic=mosaic,
    )


def filters_of(path: str, convolution: nn.Conv2d) -> Filters:
    """The filters of a convolution that takes a picture, as pictures."""
    weights = convolution.weight.detach().float().cpu().permute(0, 2, 3, 1).numpy()  # (filters, h, w, 3)
    reach = np.abs(weights).max(axis=(1, 2, 3))
    scaled = weights / np.where(reach > 0, reach, 1)[:, None, None, None]
    return Filters(path, np.round(128 + 127 * scaled).astype(np.uint8), reach.astype(np.float32))


def _reduced(tensor: Tensor, side: int) -> tuple[np.ndarray, int]:
    """(C, h, w) float32 with no side over `side`, each value a mean of factor × factor (fewer at the far edges)."""
    height, width = tensor.shape[2:]
    factor = max(1, -(-max(height, width) // side))
    values = tensor.detach().float()
    if factor > 1:
        values = functional.avg_pool2d(values, factor, ceil_mode=True, count_include_pad=False)
    return values[0].contiguous().cpu().numpy(), factor


def _scale(thumbnails: Sequence[np.ndarray]) -> tuple[float, float]:
    """(low, high), with a thousandth of the pixels beyond each; never empty."""
    values = np.concatenate([one.ravel() for one in thumbnails])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    beyond = int(CLIPPED * len(values))
    ordered = np.partition(values, (beyond, len(values) - 1 - beyond))
    low, high = float(ordered[beyond]), float(ordered[len(values) - 1 - beyond])
    return (low, high) if high > low else (low, low + 1.0)


def _first(value: int | tuple[int, ...]) -> int:
    return value[0] if isinstance(value, tuple) else value


def _multiply_adds(module: nn.Module | None, output: Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return output.numel() // len(output) * module.in_channels // module.groups * kernel
    if isinstance(module, nn.Linear):
        return module.in_features * module.out_features
    return 0
