"""Memory that does not suffice: how torch says so, and how to give back what a step had taken."""

from __future__ import annotations

import torch

from app.core.errors import TrainingError
from app.training.config import Experiment
from app.training.trainer import Trainer

_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def is_full(error: BaseException) -> bool:
    """Whether an error means that memory does not suffice; on a CPU torch has no class for it."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in _WORDS)


def smaller_pieces(trainer: Trainer, error: BaseException, *, alone: bool) -> int:
    """How many pictures to compute at once, now that memory did not suffice for as many as the trainer did.

    Args:
        alone: Whether no other process trains the same network.

    Raises:
        TrainingError: where they cannot be fewer, or may not.
    """
    micro = trainer.micro_batch
    smaller = (micro + 1) // 2
    if micro == 1 or not trainer.experiment.smaller_if_full or not alone:
        raise TrainingError(
            f"Memory does not suffice for {micro} pictures at once ({trainer.outline.title}).",
            f"Set micro_batch={smaller}, or choose a smaller batch, width or depth.",
        ) from error
    return smaller


def told(experiment: Experiment, before: int, smaller: int) -> str:
    """What people should know of it."""
    text = f"Memory does not suffice for {before} pictures at once: computing {smaller}, adding up their gradients."
    if experiment.norm == "batch":
        text += " Batch normalisation then sees the smaller pieces."
    return text


def give_back(trainer: Trainer) -> None:
    """Let go of gradients and of the recorded step, and of what torch keeps for later on a GPU.

    Of use only after the `except` of the error: its traceback holds the activations until then.
    """
    trainer.optimiser.zero_grad(set_to_none=True)
    trainer.forget_recording()
    if trainer.device.type == "cuda":
        torch.cuda.empty_cache()
