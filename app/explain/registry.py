"""The explanation methods, and what each must be able to do. A new method is one new file in this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from app.core.errors import CancelledError, ExplanationError
from app.core.records import MethodInfo
from app.core.registry import Registry

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a method found for a batch.

    Attributes:
        logits: (N, classes) float32, from the same network and inputs.
        maps: (N, h, w) float32, signed, never rescaled; the grid covers the whole input.
        targets: (N,) int64, the class that each map explains.
    """

    logits: Tensor
    maps: Tensor
    targets: Tensor


class Explanation(Protocol):
    """One method, one file.

    Attributes:
        info: What a page must know to offer it.
    """

    info: MethodInfo

    def explain(
        self,
        network: nn.Module,
        inputs: Tensor,
        *,
        block: str,
        target: int | None,
        progress: Progress,
        cancelled: Cancelled,
    ) -> Attribution:
        """Explain a batch; the network is left exactly as it was, also after an exception.

        Args:
            network: In eval mode; its parameters do not require gradients.
            inputs: (N, 3, S, S) float, normalised, on the network's device.
            block: Path of the block at which to explain; ignored where the method does not use one.
            target: The class to explain; None for each picture's winning class.
            progress: Told the share done, 0 to 1, by slow methods.
            cancelled: Asked by slow methods whether to stop.

        Raises:
            ExplanationError: where the block or class does not exist or has no feature map.
            CancelledError: where `cancelled` said so.
        """
        ...


explanations: Registry[Explanation] = Registry("explanation method", "app.explain", ExplanationError)


def chosen(logits: Tensor, target: int | None) -> Tensor:
    """(N,) int64: the class to explain for each picture.

    Raises:
        ExplanationError: where there is no such class.
    """
    classes = logits.shape[1]
    if target is None:
        return logits.argmax(1)
    if not 0 <= target < classes:
        raise ExplanationError(
            f"There is no class {target}: the network has {classes}.", f"Choose a class from 0 to {classes - 1}."
        )
    return logits.new_full((len(logits),), target).long()


def find_block(network: nn.Module, name: str) -> nn.Module:
    """The block of that path.

    Raises:
        ExplanationError: where there is none.
    """
    try:
        if not name:
            raise AttributeError
        return network.get_submodule(name)
    except AttributeError:
        raise ExplanationError(
            f"The network has no block “{name}”.", "Choose one of its blocks, such as the last."
        ) from None


def stop_if(cancelled: Cancelled) -> None:
    """Raise CancelledError where the answer is not wanted any more."""
    if cancelled():
        raise CancelledError("The explanation was stopped.")
