"""Memory that does not suffice: how torch says so, and how to give back what a step had taken."""

from __future__ import annotations

import torch

from app.training.trainer import Trainer

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def is_full(error: BaseException) -> bool:
    """Whether an error means that memory does not suffice; on a CPU torch has no class for it."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _WORDS)


def give_back(trainer: Trainer) -> None:
    """Let go of gradients and of the recorded step, and of what torch keeps for later on a GPU.

    Of use only after the `except` of the error: its traceback holds the activations until then.
    """
    trainer.optimiser.zero_grad(set_to_none=True)
    trainer.forget_recording()
    if trainer.device.type == "cuda":
        torch.cuda.empty_cache()
