"""Batch norm folded into the convolutions before it: the same answers from fewer operations."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.networks.hooks import watched

log = logging.getLogger(__name__)

TOLERANCE = 1e-4  # relative to the largest value of each output


def folded(network: nn.Module, probe: Tensor, *, blocks: Iterable[str] = ()) -> nn.Module | None:
    """A copy of a network in eval mode with every foldable batch norm folded; all module paths stay.

    Parameters that do not change are shared with the original. A folded convolution's own output differs from the
    original's, its batch norm's (now an identity) does not, and neither does any block's.

    Args:
        network: In eval mode; left as it is.
        probe: (N, 3, S, S) inputs on which both must agree.
        blocks: Paths of the modules whose outputs must agree as well.

    Returns:
        None where nothing can be folded, or where an output differs by more than 1e-4 of its largest value.
    """
    pairs = list(_pairs(network))
    if not pairs:
        return None
    copied = _copy_sharing_parameters(network)
    for convolution_path, norm_path in pairs:
        convolution, norm = copied.get_submodule(convolution_path), copied.get_submodule(norm_path)
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        copied.set_submodule(convolution_path, fuse_conv_bn_eval(convolution, norm))
        copied.set_submodule(norm_path, nn.Identity())
    copied.eval().requires_grad_(False)
    different = _first_difference(network, copied, probe, tuple(blocks))
    if different is not None:
        log.warning("batch norm is not folded: the results would differ at %s", different)
        return None
    return copied


def _copy_sharing_parameters(network: nn.Module) -> nn.Module:
    tensors = (*network.parameters(), *network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


def _first_difference(original: nn.Module, copied: nn.Module, probe: Tensor, blocks: tuple[str, ...]) -> str | None:
    """The first module, or "the logits", whose outputs do not agree; None where all do."""
    expected: dict[str, Tensor] = {}
    different: list[str] = []

    def keep(path: str, output: Tensor) -> None:
        expected[path] = output.clone()  # what follows may work in place

    def compare(path: str, output: Tensor) -> None:
        if not _agree(expected.pop(path), output):
            different.append(path)

    with torch.inference_mode():
        with watched(original, {path: partial(keep, path) for path in blocks}):
            keep("the logits", original(probe))
        with watched(copied, {path: partial(compare, path) for path in blocks}):
            compare("the logits", copied(probe))
    return different[0] if different else None


def _agree(expected: Tensor, got: Tensor) -> bool:
    """False also where either is not finite."""
    return bool((expected - got).abs().max() <= TOLERANCE * expected.abs().max()) and bool(expected.isfinite().all())


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
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
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
