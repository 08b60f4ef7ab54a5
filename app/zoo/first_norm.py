"""The first batch norm's disagreement under any number of normalisations, from one pass over the pictures.

The first convolution is linear: with pictures p, mean m and deviation d it gives Σ_c (conv_c(p_c) − m_c conv_c(1))/d_c,
where conv_c is its part for colour c, zero padding included. Mean and variance of six maps (three colours, and
ones in each) and their covariances therefore give those of the output under every m and d.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.networks.general_resnet import GeneralResNet
from app.zoo.statistics import MANY, divergence, is_neutral

_CENTRE = 0.47  # near the mean of photographs, so that variances are no small differences of large numbers
_AT_ONCE = 8  # pictures


class Affine(Protocol):
    """A normalisation: (p − mean) / deviation per colour, blue first or not."""

    @property
    def mean(self) -> tuple[float, float, float]: ...
    @property
    def deviation(self) -> tuple[float, float, float]: ...
    @property
    def bgr(self) -> bool: ...


def first_disagreements(
    network: nn.Module, pictures: Tensor, normalisations: Sequence[Affine]
) -> tuple[float, ...] | None:
    """The Kullback-Leibler divergence at the first norm under each normalisation; see `statistics.disagreement`.

    Args:
        network: In eval mode.
        pictures: (N, 3, S, S) on the scale [0, 1], RGB.

    Returns:
        None where the first norm does not directly follow the first convolution, or has no statistics of its own.
    """
    conv, norm = _first(network)
    if conv is None or norm is None or is_neutral(norm):
        return None
    moments = {bgr: _moments(conv, pictures, bgr=bgr) for bgr in {one.bgr for one in normalisations}}
    scores = []
    for one in normalisations:
        mean, covariance = moments[one.bgr]
        planes = torch.tensor([one.mean, one.deviation], dtype=torch.float64)
        planes = planes.flip(1) if one.bgr else planes
        share = torch.cat((1 / planes[1], (_CENTRE - planes[0]) / planes[1]))
        seen = share @ mean + (0 if conv.bias is None else conv.bias.double())
        variance = torch.einsum("i,kij,j->k", share, covariance, share)
        scores.append(divergence(norm, seen.float(), variance.float()))
    return tuple(scores)


def _first(network: nn.Module) -> tuple[nn.Conv2d | None, nn.BatchNorm2d | None]:
    assert isinstance(network, GeneralResNet)
    stem = network.conv1
    conv, norm = (stem[0], stem[1]) if isinstance(stem, nn.Sequential) else (stem, network.bn1)
    return conv if isinstance(conv, nn.Conv2d) else None, norm if isinstance(norm, nn.BatchNorm2d) else None


def _moments(conv: nn.Conv2d, pictures: Tensor, *, bgr: bool) -> tuple[Tensor, Tensor]:
    """Mean (6, K) and covariance (K, 6, 6) of the six maps of each of the K filters, in float64."""
    filters = len(conv.weight)
    weight = conv.weight.transpose(0, 1).reshape(3 * filters, 1, *conv.weight.shape[2:])

    def maps(planes: Tensor) -> Tensor:
        made = functional.conv2d(planes, weight, None, conv.stride, conv.padding, groups=3)
        if made.shape[2] * made.shape[3] >= MANY:
            made = made[:, :, ::2, ::2]
        return made.reshape(len(made), 3, filters, -1)

    count = 0
    first = torch.zeros(6, filters, dtype=torch.float64)
    second = torch.zeros(filters, 6, 6, dtype=torch.float64)
    with torch.inference_mode():
        ones = maps(torch.ones_like(pictures[:1]))
        for some in torch.split(pictures, _AT_ONCE):
            colours = maps((some.flip(1) if bgr else some) - _CENTRE)
            both = torch.cat((colours, ones.expand_as(colours)), 1)
            rows = both.permute(2, 1, 0, 3).reshape(filters, 6, -1)  # (K, 6, pictures × places)
            count += rows.shape[2]
            first += rows.sum(2).T.double()
            second += (rows @ rows.transpose(1, 2)).double()
        first /= count
        outer = first.T[:, :, None] * first.T[:, None, :]
        return first, (second / count - outer) * count / max(count - 1, 1)
