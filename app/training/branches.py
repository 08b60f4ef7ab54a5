"""How much each residual block adds to its shortcut, over some of the test pictures."""

from __future__ import annotations

import torch

from app.runs.records import BlockValues
from app.training import memory
from app.training.batches import DevicePictures
from app.training.gradient_flow import branch_ratios
from app.training.trainer import Trainer

PICTURES = 256


def measured(trainer: Trainer, test: DevicePictures) -> BlockValues | None:
    """`branch_ratios` of the weights that are kept, over the first test pictures; None where memory does not suffice.

    Without gradients four times as many pictures fit at once as a step computes, as in the trainer's `evaluate`.
    """
    parts = torch.split(test.pixels[:PICTURES], 4 * trainer.micro_batch)
    try:
        with trainer.kept_weights():
            return branch_ratios(trainer.network, trainer.outline, (trainer.normalise(part) for part in parts))
    except RuntimeError as error:
        if not memory.is_full(error):
            raise
        return None
    finally:
        trainer.learn()
