"""Several processes that train one network together, as `torchrun` starts them; one process is the simplest case."""

from __future__ import annotations

import datetime
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from app.core.errors import TrainingError

LONGEST_SILENCE = datetime.timedelta(minutes=30)


@dataclass(frozen=True)
class Ranks:
    """This process among the others.

    Attributes:
        rank: Its number, from 0. The first one writes the run's folder.
        world: How many there are.
        local: Its number on its machine: which GPU it takes.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and decides."""
        return self.rank == 0

    def add_up(self, tensor: Tensor) -> Tensor:
        """The sum of every process's tensor, in place."""
        if self.world > 1:
            distributed.all_reduce(tensor)
        return tensor

    def agree(self, number: float, device: torch.device) -> float:
        """The first process's number, for everybody."""
        if self.world == 1:
            return number
        shared = torch.tensor([number], dtype=torch.float64 if device.type != "mps" else torch.float32, device=device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def wrap(self, network: nn.Module, device: torch.device, *, some_unused: bool) -> nn.Module:
        """The network, exchanging gradients with the others in its backward.

        Args:
            some_unused: Whether there are parameters that get no gradient.
        """
        if self.world == 1:
            return network
        return nn.parallel.DistributedDataParallel(
            network,
            device_ids=[device.index] if device.type == "cuda" else None,
            find_unused_parameters=some_unused,
        )


def started_by_torchrun() -> bool:
    """Whether this process is one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextmanager
def joined(device_kind: str) -> Iterator[Ranks]:
    """Join the other processes, if there are any: NCCL between GPUs, else gloo.

    Raises:
        TrainingError: where they do not find each other.
    """
    if not started_by_torchrun():
        yield Ranks()
        return
    backend = "nccl" if device_kind == "cuda" else "gloo"
    try:
        distributed.init_process_group(backend, timeout=LONGEST_SILENCE)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"The processes did not find each other over {backend}: {error}.", "Check torchrun's addresses and ports."
        ) from error
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
        gc.collect()  # a network that still holds the group would end this process with an abort
        distributed.barrier()  # who leaves first takes the connections away from the others
    finally:
        distributed.destroy_process_group()
