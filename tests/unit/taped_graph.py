"""A `Graph` for the CPU: a tape of torch's operations in place of a CUDA graph.

Like that one it runs no Python when it is played again, only the operations themselves, from the recording's tensors
into the recording's tensors; and it refuses what waits for the device. Unlike that one it computes while it records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from app.training.captured_step import WARM_UPS
from app.training.trainer import StepResult

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "item", "equal", "masked_select", "unique")


class TapedGraph:
    """Records on a tape."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self._tape = _Tape()

    def record(self, work: Callable[[], StepResult]) -> StepResult:
        for _ in range(WARM_UPS):
            work()
        with self._tape:
            return work()

    def replay(self) -> None:
        with torch.no_grad():
            for function, arguments, named, results in self._tape.operations:
                again = function(*arguments, **named)
                for old, new in zip(tree_leaves(results), tree_leaves(again), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class _Tape(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function.overloadpacket.__name__
        assert name not in WAITS, f"{name} waits for the device: a CUDA graph cannot be captured with it"
        results = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, results))
        return results
