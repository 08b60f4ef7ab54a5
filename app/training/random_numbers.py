"""The random numbers that torch's layers draw by themselves, as dropout does: its generators, one a device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def begin(seed: int, *, rank: int, step: int = 0) -> None:
    """Seed them all. Every process has pictures of its own and draws numbers of its own for them."""
    torch.manual_seed(seed + step + 1_000_000_000 * rank)


def states(device: torch.device) -> dict[str, Tensor]:
    """Where the generators are that a network on this device draws from."""
    found = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    return found


def restore(kept: Mapping[str, Tensor], device: torch.device) -> None:
    """Go on from there; a generator that is not among them, as in an older checkpoint, stays where it is."""
    if "cpu" in kept:
        torch.set_rng_state(kept["cpu"].cpu())
    if "cuda" in kept and device.type == "cuda":
        torch.cuda.set_rng_state(kept["cuda"].cpu(), device)
