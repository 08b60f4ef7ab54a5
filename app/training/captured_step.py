"""Forward and backward of a step, recorded once and played again: a GPU then does not wait for Python between kernels.

Small networks are bound by that: ResNet-20 launches some hundred kernels of a few microseconds each. Nothing here knows
of CUDA but `CudaGraph`; the tests put a tape for the CPU in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from app.training.gradient_flow import GradientFlow
    from app.training.trainer import StepResult

WARM_UPS = 3
"""Runs before the recording: libraries choose their kernels and take their memory then (PyTorch's notes on CUDA)."""


class Graph(Protocol):
    """Records work on the device, and does it again on the same tensors."""

    def record(self, work: Callable[[], StepResult]) -> StepResult:
        """Record what `work` does; its tensors have values from the first `replay` on."""

    def replay(self) -> None:
        """Do it again: read the same tensors, overwrite the same results."""


class CudaGraph:
    """A `Graph` on a GPU of NVIDIA's."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def record(self, work: Callable[[], StepResult]) -> StepResult:
        """Run the work some times on a stream of its own, as capturing wants it, then record it."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(aside)
        with torch.cuda.graph(self._graph):
            return work()

    def replay(self) -> None:
        """Queue the whole recording at once."""
        self._graph.replay()


class CapturedStep:
    """Gradients of the mean loss of a batch, recorded for batches of one shape.

    Recording leaves no trace in the network: running statistics are what they were.

    Args:
        work: Adds the gradients of a batch to the parameters'; the trainer's `accumulate`.
        network: Whose parameters and running statistics these are.
        pixels, labels: A batch.
        flow: Measures the step; it must keep the gradients at the outputs `together`.
        graph: Records.
    """

    def __init__(
        self,
        work: Callable[[Tensor, Tensor], StepResult],
        network: nn.Module,
        pixels: Tensor,
        labels: Tensor,
        *,
        flow: GradientFlow | None,
        graph: Graph,
    ) -> None:
        self._pixels, self._labels = pixels.clone(), labels.clone()
        self._flow, self._graph = flow, graph
        self._shape = _shape(pixels, labels)
        parameters: Sequence[nn.Parameter] = [one for one in network.parameters() if one.requires_grad]
        buffers = list(network.buffers())
        kept = [buffer.clone() for buffer in buffers]

        def afresh() -> StepResult:
            # Gradients that are not there are written, not added to: so the recording begins anew each time.
            for parameter in parameters:
                parameter.grad = None
            if flow is not None:
                flow.begin()
            return work(self._pixels, self._labels)

        self._result = graph.record(afresh)
        with torch.no_grad():
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)
        self._gradients = [(parameter, parameter.grad) for parameter in parameters]
        self._arrived = flow.kept if flow is not None else ()

    def serves(self, pixels: Tensor, labels: Tensor, flow: GradientFlow | None) -> bool:
        """Whether this is the recording for such a batch, measured so."""
        return flow is self._flow and _shape(pixels, labels) == self._shape

    def __call__(self, pixels: Tensor, labels: Tensor) -> StepResult:
        """The step for this batch. What it returns, and the gradients, hold until the next one."""
        self._pixels.copy_(pixels)
        self._labels.copy_(labels)
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        if self._flow is not None:
            self._flow.keep(self._arrived)
        self._graph.replay()
        return self._result


def _shape(pixels: Tensor, labels: Tensor) -> tuple[object, ...]:
    return pixels.shape, pixels.dtype, labels.shape, labels.dtype
