"""A lesioned answer for the picture at hand, without computing again what comes before the first changed block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from app.anatomy.lesions import lesioned
from app.anatomy.prefix import earliest, kept_inputs, starting_at
from app.core.lesions import Lesion
from app.core.records import NetworkOutline

# Methods that call the network once, on the inputs that they are given, and differentiate only down to a block.
ONE_FORWARD = frozenset({"grad-cam"})


@dataclass
class Prefixes:
    """What goes into each block of one network for one picture; forgotten when either changes."""

    _network: nn.Module | None = None
    _pixels: NDArray[np.uint8] | None = None
    _inputs: dict[str, Tensor] = field(default_factory=dict)

    @contextmanager
    def changed(
        self,
        network: nn.Module,
        outline: NetworkOutline,
        lesions: Sequence[Lesion],
        *,
        pixels: NDArray[np.uint8],
        method: str | None,
        block: str,
    ) -> Iterator[Tensor | None]:
        """Apply lesions; gives what to feed the network in place of the picture, or None for the picture itself.

        Args:
            pixels: (N, S, S, 3); only single pictures are remembered.
            method: What will be done with the network.
            block: Where it will be explained, or "".
        """
        first = earliest(outline, lesions)
        if self._network is not network or self._pixels is None or not np.array_equal(self._pixels, pixels):
            self._network, self._pixels, self._inputs = network, pixels, {}
        start = self._inputs.get(first) if first and self._may_start(outline, first, method, block) else None
        keep = len(pixels) == 1 and start is None and method in (*ONE_FORWARD, None)
        watching = kept_inputs(network, outline, until=first) if keep else nullcontext()
        skipping = starting_at(network, outline, first) if first and start is not None else nullcontext()
        with skipping, lesioned(network, outline, lesions), watching as kept:
            yield start
        if kept:
            self._inputs.update(kept)

    @staticmethod
    def _may_start(outline: NetworkOutline, first: str, method: str | None, block: str) -> bool:
        if method is None:
            return True
        names = [one.name for one in outline.blocks]
        return method in ONE_FORWARD and names.index(block) >= names.index(first)
