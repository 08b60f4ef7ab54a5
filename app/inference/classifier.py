"""A network that is ready to be asked: frozen, folded, on its device, and forgiving when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.core.errors import EngineError
from app.core.preprocessing import Preprocessing
from app.core.records import NetworkOutline
from app.inference.fold import folded
from app.inference.preprocess import normalised

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Classifier:
    """Holds one network with all that is needed to ask it.

    Args:
        network: On the CPU. Belongs to the classifier from now on: set to eval mode, frozen, folded, moved.
        outline: Its blocks.
        labels: In the order of the logits.
        preprocessing: Of its pictures.
        device: Where to compute.
        fold: Whether to fold batch norm where the results agree to 1e-4.

    Attributes:
        folded: Whether it was.
        largest_batch: How many pictures at once the device was found to hold; None where it never ran out.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        outline: NetworkOutline,
        labels: tuple[str, ...],
        preprocessing: Preprocessing,
        device: torch.device,
        fold: bool = True,
    ) -> None:
        self.outline = outline
        self.labels = labels
        self.preprocessing = preprocessing
        self.device = device
        self.largest_batch: int | None = None
        self._notices: list[str] = []
        network.eval().requires_grad_(False)
        faster = self._folded(network) if fold else None
        self.folded = faster is not None
        self.network = network if faster is None else faster
        try:
            self._move()
            return
        except RuntimeError as error:
            if not _is_out_of_memory(error) or device.type == "cpu":
                raise
        self._fall_back_to_cpu()

    def inputs(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) normalised, on the device, in the network's memory format."""
        return normalised(pixels, self.preprocessing, self.device).contiguous(memory_format=self._memory_format)

    def predict(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, classes) float32 logits on the CPU.

        Raises:
            EngineError: where not even one picture fits into the computer's memory.
        """

        def forward(part: NDArray[np.uint8]) -> Tensor:
            with torch.inference_mode():
                logits: Tensor = self.network(self.inputs(part))
                return logits.float().cpu()

        return torch.cat(self.in_parts(pixels, forward))

    def in_parts(self, pixels: NDArray[np.uint8], work: Callable[[NDArray[np.uint8]], Result]) -> list[Result]:
        """Do `work` on a batch; where memory runs out, on halves of it; at last on the CPU.

        Whoever asks hears of it from `take_notices`.

        Raises:
            EngineError: where not even one picture fits into the computer's memory.
        """
        results: list[Result] = []
        rest = pixels
        while len(rest):
            part = rest[: self.largest_batch]
            try:
                results.append(work(part))
                rest = rest[len(part) :]
                continue
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
            # Outside of `except`: the error's traceback kept the tensors of the failed forward alive.
            self._make_room(len(part))
        return results

    def take_notices(self) -> tuple[str, ...]:
        """What the user should know, said once."""
        notices, self._notices = tuple(self._notices), []
        return notices

    def _folded(self, network: nn.Module) -> nn.Module | None:
        side = self.preprocessing.crop
        probe = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        blocks = [block.name for block in self.outline.blocks if block.explainable]
        return folded(network, probe, blocks=blocks)

    def _make_room(self, failed: int) -> None:
        """After a batch that did not fit."""
        self._empty_cache()
        if failed > 1:
            self.largest_batch = failed // 2
            self._note(f"{self._device_name} is short of memory: working on {failed // 2} at once instead of {failed}.")
        elif self.device.type == "cpu":
            raise EngineError(
                "There is not enough memory for this model and this picture.",
                "Close other programs, or choose a smaller model.",
            )
        else:
            self._fall_back_to_cpu()

    def _fall_back_to_cpu(self) -> None:
        self._note(f"{self._device_name} is out of memory: working on the CPU from now on.")
        self.device = torch.device("cpu")
        self.largest_batch = None
        self._move()
        self._empty_cache()

    def _move(self) -> None:
        self.network.to(self.device, memory_format=self._memory_format)  # type: ignore[call-overload]

    @property
    def _memory_format(self) -> torch.memory_format:
        """Channels-last is what oneDNN and cuDNN convolve fastest in (docs/benchmarks.md)."""
        return torch.contiguous_format if self.device.type == "mps" else torch.channels_last

    @property
    def _device_name(self) -> str:
        return "The computer" if self.device.type == "cpu" else self.device.type.upper()

    @staticmethod
    def _empty_cache() -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def _note(self, text: str) -> None:
        log.warning(text)
        self._notices.append(text)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has an error of its own; MPS, cuDNN and the CPU's allocator only have words."""
    words = ("out of memory", "not enough memory", "can't allocate memory", "CUDNN_STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in words)
