"""Batch norm folded into the convolutions before it: the same answers from fewer operations."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import fusion

log = logging.getLogger(__name__)

TOLERANCE = 1e-4  # relative to the largest value


def folded(network: nn.Module, probe: Tensor) -> nn.Module | None:
    """A copy of a network in eval mode with every foldable batch norm folded; all module paths stay.

    A folded convolution's own output differs from the original's, its batch norm's (now an identity) does not, and
    neither does any block's.

    Args:
        network: In eval mode.
        probe: (N, 3, S, S) inputs on which both must agree.

    Returns:
        None where nothing can be folded, or where the results differ by more than 1e-4 of the largest logit.
    """
    pairs = list(_pairs(network))
    if not pairs:
        return None
    copied = copy.deepcopy(network)
    for convolution, norm in pairs:
        before, after = copied.get_submodule(convolution), copied.get_submodule(norm)
        assert isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d)
        copied.set_submodule(convolution, fusion.fuse_conv_bn_eval(before, after))
        copied.set_submodule(norm, nn.Identity())
    copied.requires_grad_(False)
    with torch.inference_mode():
        expected, got = network(probe), copied(probe)
    difference = float((expected - got).abs().max())
    if not difference <= TOLERANCE * float(expected.abs().max()):
        log.warning("batch norm is not folded: the logits would differ by %g", difference)
        return None
    return copied


def _pairs(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Paths of (convolution, batch norm) where the convolution's output goes to the batch norm alone.

    In a pre-activation network the stem's output is also the first shortcut: such pairs are left alone.
    """
    try:
        graph = fx.Tracer().trace(network)
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:  # control flow that depends on values
        log.info("batch norm is not folded: the network cannot be traced (%s)", error)
        return
    modules = dict(network.named_modules())
    calls: dict[str, int] = {}
    for node in graph.nodes:
        if node.op == "call_module":
            calls[str(node.target)] = calls.get(str(node.target), 0) + 1
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(modules[str(node.target)], nn.BatchNorm2d):
            continue
        before = node.args[0]
        if (
            isinstance(before, fx.Node)
            and before.op == "call_module"
            and isinstance(modules[str(before.target)], nn.Conv2d)
            and len(before.users) == 1
            and calls[str(before.target)] == calls[str(node.target)] == 1
        ):
            yield str(before.target), str(node.target)
