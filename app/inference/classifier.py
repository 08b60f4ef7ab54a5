"""A network that is ready to be asked: frozen, folded, on its device, and forgiving when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.core.preprocessing import Preprocessing
from app.core.records import NetworkOutline
from app.inference.fold import folded
from app.inference.preprocess import normalised

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Classifier:
    """Holds one network with all that is needed to ask it.

    Args:
        network: Moved to the device, set to eval mode, its parameters frozen.
        outline: Its blocks.
        labels: In the order of the logits.
        preprocessing: Of its pictures.
        device: Where to compute.
        fold: Whether to fold batch norm where the results agree to 1e-4.
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
        self.original = network.eval().requires_grad_(False)
        probe = torch.randn(1, 3, preprocessing.crop, preprocessing.crop, generator=torch.Generator().manual_seed(0))
        faster = folded(self.original, probe) if fold else None
        self.folded = faster is not None
        self.network = self._placed(faster or self.original)
        self._notices: list[str] = []

    def inputs(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) normalised, on the device."""
        return normalised(pixels, self.preprocessing, self.device)

    def predict(self, pixels: NDArray[np.uint8]) -> Tensor:
        """(N, S, S, 3) uint8 RGB -> (N, classes) float32 logits on the CPU."""

        def forward(part: NDArray[np.uint8]) -> Tensor:
            with torch.inference_mode():
                logits: Tensor = self.network(self.inputs(part))
                return logits.float().cpu()

        return torch.cat(self.in_parts(pixels, forward))

    def in_parts(self, pixels: NDArray[np.uint8], work: Callable[[NDArray[np.uint8]], Result]) -> list[Result]:
        """Do `work` on a batch; out of memory on an accelerator, on halves of it; at last on the CPU.

        Whoever asks hears of it from `take_notices`.
        """
        try:
            return [work(pixels)]
        except torch.OutOfMemoryError:
            if self.device.type == "cpu":
                raise
            torch.cuda.empty_cache()
        if len(pixels) > 1:
            half = len(pixels) // 2
            self._note(f"The device is short of memory: working on {half} pictures at once.")
            return [*self.in_parts(pixels[:half], work), *self.in_parts(pixels[half:], work)]
        self._note(f"{self.device.type.upper()} is out of memory: working on the CPU from now on.")
        self.device = torch.device("cpu")
        self.network = self._placed(self.network)
        return self.in_parts(pixels, work)

    def take_notices(self) -> tuple[str, ...]:
        """What the user should know, said once."""
        notices, self._notices = tuple(self._notices), []
        return notices

    def _placed(self, network: nn.Module) -> nn.Module:
        # Channels-last is what oneDNN and cuDNN convolve fastest in.
        return network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _note(self, text: str) -> None:
        log.warning(text)
        self._notices.append(text)
