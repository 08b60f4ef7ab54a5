"""How much gradient reaches each block, at every step, for next to nothing. Definitions: docs/measurements.md.

Everything is reduced on the device into one row of a buffer there; rows travel to the host many at a time, so that no
step waits for a number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.core.records import NetworkOutline
from app.runs.records import BlockValues


def parameters_by_block(network: nn.Module, outline: NetworkOutline) -> list[int]:
    """For each parameter of `network.parameters()`, the index of its block in the outline.

    A parameter belongs to the block whose path begins its name. What is left belongs to the stem where it comes before
    the first block, and to the head where it comes after.
    """
    paths = {block.name: index for index, block in enumerate(outline.blocks)}
    found: list[int | None] = []
    for name, _ in network.named_parameters():
        parts = name.split(".")
        prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        found.append(next((paths[prefix] for prefix in prefixes if prefix in paths), None))
    first = next((place for place, index in enumerate(found) if index is not None), len(found))
    last = len(outline.blocks) - 1
    return [(0 if place < first else last) if index is None else index for place, index in enumerate(found)]


@dataclass(frozen=True, eq=False)
class FlowValues:
    """Measurements of several steps, on the host.

    Attributes:
        parameter_gradient: (n, B).
        output_gradient: (n, B).
        update_ratio: (n, B).
    """

    parameter_gradient: BlockValues
    output_gradient: BlockValues
    update_ratio: BlockValues


class GradientFlow:
    """Measures the gradients and updates of a network, block by block.

    Use as a context manager: outside it the network has no hooks. Within a step call, in this order: `begin`, the
    forwards and backwards, `gradients` (after AMP unscaling, before clipping), `before_update`, the optimiser's step,
    `after_update`; then `values` has the step's numbers.

    Attributes:
        seconds: What measuring took so far, by the clock of the host: all of it on a CPU, less on a GPU, which works
            on while the clock is read.

    Args:
        network: On its device.
        outline: Its blocks.
        together: Keep the gradients at the blocks' outputs until the backward is over and reduce them in one go
            (fewer launches on a GPU), instead of each at once (while it is in a CPU's cache).
    """

    def __init__(self, network: nn.Module, outline: NetworkOutline, *, together: bool) -> None:
        self.network = network
        self.blocks = [block.name for block in outline.blocks]
        self.parameters: list[Tensor] = [parameter for parameter in network.parameters() if parameter.requires_grad]
        owners = parameters_by_block(network, outline)
        trained = [parameter.requires_grad for parameter in network.parameters()]
        self._owner = np.array([owner for owner, train in zip(owners, trained, strict=True) if train], np.int64)
        self._by_block = np.argsort(self._owner, kind="stable")
        self._owners, self._starts = np.unique(self._owner[self._by_block], return_index=True)
        self._together = together
        self.seconds = 0.0
        self._handles: list[Any] = []
        self._kept: list[tuple[int, Tensor]] = []
        self._squares: list[Tensor | None] = [None] * len(self.blocks)
        self._before = [torch.empty_like(parameter) for parameter in self.parameters]
        self._zero = torch.zeros((), device=self._before[0].device if self._before else None)
        self._norms: list[Tensor] = []
        self._unscale: Tensor | None = None

    @property
    def width(self) -> int:
        """How many numbers `values` gives for a step."""
        return len(self.blocks) + 3 * len(self.parameters)

    def __enter__(self) -> GradientFlow:
        for index, name in enumerate(self.blocks):
            hook = _OutputHook(self, index)
            self._handles.append(self.network.get_submodule(name).register_forward_hook(hook))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.begin()

    def begin(self, scale: Tensor | None = None) -> None:
        """Forget the last step.

        Args:
            scale: () factor by which AMP multiplies the loss; the gradients at outputs are divided by it.
        """
        self._kept.clear()
        self._squares = [None] * len(self.blocks)
        self._norms = []
        self._unscale = None if scale is None else scale.reciprocal()

    @property
    def kept(self) -> tuple[tuple[int, Tensor], ...]:
        """The gradients at outputs that wait to be reduced `together`, by the block's index."""
        return tuple(self._kept)

    def keep(self, kept: Sequence[tuple[int, Tensor]]) -> None:
        """Take these, which a recorded step overwrites, as those of this step."""
        self._kept[:] = kept

    def arrived(self, index: int, gradient: Tensor) -> None:
        """Take the gradient at a block's output; several in a step (micro-batches) count as one long batch."""
        began = time.perf_counter()
        if self._together:
            self._kept.append((index, gradient))
        else:
            norm = _norm(gradient)
            self._add(index, (norm if self._unscale is None else norm * self._unscale).square())
        self.seconds += time.perf_counter() - began

    @torch.no_grad()
    def gradients(self) -> None:
        """Reduce the parameters' gradients."""
        began = time.perf_counter()
        if self._kept:
            norms = _norms([gradient for _, gradient in self._kept])
            if self._unscale is not None:
                norms = list(torch._foreach_mul(norms, self._unscale))
            for (index, _), square in zip(self._kept, torch._foreach_mul(norms, norms), strict=True):
                self._add(index, square)
            self._kept.clear()
        outputs = [self._zero if square is None else square for square in self._squares]
        present = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        found = iter(_norms(present))
        of_parameters = [self._zero if parameter.grad is None else next(found) for parameter in self.parameters]
        self._norms = outputs + of_parameters
        self.seconds += time.perf_counter() - began

    @torch.no_grad()
    def before_update(self) -> None:
        """Remember the weights."""
        began = time.perf_counter()
        if self._before:
            torch._foreach_copy_(self._before, self.parameters)
            self._norms += torch._foreach_norm(self._before)
        self.seconds += time.perf_counter() - began

    @torch.no_grad()
    def after_update(self) -> None:
        """Reduce what the optimiser did to the weights."""
        began = time.perf_counter()
        if self._before:
            torch._foreach_sub_(self._before, self.parameters)
            self._norms += torch._foreach_norm(self._before)
        self.seconds += time.perf_counter() - began

    def values(self) -> list[Tensor]:
        """The step's `width` numbers, () each, on the device: to be stacked into a row."""
        return self._norms

    def reduce(self, rows: NDArray[np.float64]) -> FlowValues:
        """From rows of `values`, (n, width), to what they mean.

        The first B numbers of a row are squares of norms at outputs, so that ranks can add theirs.
        """
        outputs, gradients, weights, updates = np.split(
            rows, np.cumsum([len(self.blocks), len(self.parameters), len(self.parameters)]), axis=1
        )
        weight = self._of_blocks(weights)
        update = self._of_blocks(updates)
        ratio = np.divide(update, weight, out=np.zeros_like(update), where=weight != 0)
        return FlowValues(
            self._of_blocks(gradients).astype(np.float32),
            np.sqrt(outputs).astype(np.float32),
            ratio.astype(np.float32),
        )

    def _of_blocks(self, norms: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, P) norms of tensors -> (n, B) norms of blocks: the root of the sum of squares."""
        squares = np.zeros((len(norms), len(self.blocks)))
        if len(self._owners):
            squares[:, self._owners] = np.add.reduceat(norms[:, self._by_block] ** 2, self._starts, axis=1)
        return np.sqrt(squares)

    def _add(self, index: int, square: Tensor) -> None:
        before = self._squares[index]
        self._squares[index] = square if before is None else before + square


class _OutputHook:
    """On a block's forward: asks the output for its gradient."""

    def __init__(self, flow: GradientFlow, index: int) -> None:
        self._flow = flow
        self._index = index

    def __call__(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(self._arrived)  # type: ignore[no-untyped-call]

    def _arrived(self, gradient: Tensor) -> None:
        self._flow.arrived(self._index, gradient)


def _norm(tensor: Tensor) -> Tensor:
    """L2 norm, () float32. Half precision is widened first: its own sum would be coarse."""
    if tensor.dtype == torch.bfloat16 and not tensor.is_cuda and tensor.dim() == 4:
        flat = tensor.permute(0, 2, 3, 1) if tensor.is_contiguous(memory_format=torch.channels_last) else tensor
        if flat.is_contiguous():
            # A product of each picture's gradient with itself is summed in 32 bits inside; it takes a fifth of the time
            # of widening. Each picture's square is rounded to 8 bits, which leaves the root of many within 1e-3.
            pictures = flat.reshape(len(flat), 1, -1)
            return torch.bmm(pictures, pictures.transpose(1, 2)).sum(dtype=torch.float32).sqrt()
    norm: Tensor = torch.linalg.vector_norm(tensor if tensor.dtype == torch.float32 else tensor.float())
    return norm


def _norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """L2 norm of each, () float32, in one batched reduction for each kind of number."""
    result: list[Tensor | None] = [None] * len(tensors)
    for kind in {tensor.dtype for tensor in tensors}:
        places = [place for place, tensor in enumerate(tensors) if tensor.dtype == kind]
        norms = torch._foreach_norm([tensors[place] for place in places], 2, torch.float32)
        for place, norm in zip(places, norms, strict=True):
            result[place] = norm
    return [norm for norm in result if norm is not None]


@torch.no_grad()
def branch_ratios(network: nn.Module, outline: NetworkOutline, parts: Iterable[Tensor]) -> BlockValues:
    """‖F(x)‖ / ‖α·shortcut(x)‖ of every residual block, the mean over pictures; NaN where nothing is added.

    Args:
        parts: Of the pictures, (n, 3, S, S) each, normalised: as many at once as memory has room for.

    Returns:
        (B,) float32, in the order of the outline's blocks.
    """
    sums: dict[int, float] = {}

    def watch(index: int) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            shortcut, gate = getattr(module, "downsample", None), getattr(module, "gate", 1)
            branch = getattr(module, "branch", None)
            if branch is None or shortcut is None or gate == 0:
                return
            above = branch(inputs[0]).float().flatten(1).norm(dim=1)
            below = gate * shortcut(inputs[0]).float().flatten(1).norm(dim=1)
            ratios = above / below.clamp_min(torch.finfo(torch.float32).tiny)
            sums[index] = sums.get(index, 0.0) + float(ratios.sum())

        return hook

    was_training = network.training
    network.eval()
    handles, count = [], 0
    try:
        for index, block in enumerate(outline.blocks):
            handles.append(network.get_submodule(block.name).register_forward_pre_hook(watch(index)))
        for pictures in parts:
            network(pictures)
            count += len(pictures)
    finally:
        for handle in handles:
            handle.remove()
        network.train(was_training)
    means = np.full(len(outline.blocks), np.nan, np.float32)
    for index, total in sums.items():
        means[index] = total / count
    return means
