"""How many steps, and the learning rate at each."""

from __future__ import annotations

import math

from app.core.errors import TrainingError
from app.training.config import Experiment

WARM_UP_FACTOR = 0.1
WARM_UP_ERROR = 80.0
"""He et al. 2015, section 4.2, for 110 layers: 0.01 until the training error is below 80 %, “about 400 iterations”: an
epoch has 391. So the error that counts is an epoch's. That of fifty steps is below 80 % after a hundred, which is too
early: at 0.1 ResNet-110 then falls back to chance."""


def learning_rate(experiment: Experiment, step: int, steps: int) -> float:
    """The rate at a step, 0 ≤ step < steps, without warm-up."""
    peak = experiment.learning_rate
    if experiment.schedule == "constant":
        return peak
    if experiment.schedule == "steps":
        return peak * (1.0 if step < steps / 2 else 0.1 if step < 3 * steps / 4 else 0.01)
    if experiment.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * step / steps))
    rise = 0.2 * steps
    return peak * min((step + 1) / rise, (steps - step) / (steps - rise))


def planned_steps(experiment: Experiment, batches_per_epoch: int, seconds_per_step: float | None = None) -> int:
    """How many steps a budget gives, at least one.

    Args:
        batches_per_epoch: Of the training pictures.
        seconds_per_step: As measured, evaluations included; needed for a budget in minutes.
    """
    if experiment.budget_unit == "steps":
        return int(experiment.budget)
    if experiment.budget_unit == "epochs":
        return max(1, round(experiment.budget * batches_per_epoch))
    assert seconds_per_step is not None
    return max(1, round(60 * experiment.budget / seconds_per_step))


def check_batch(experiment: Experiment, pictures: int, world: int = 1) -> None:
    """Refuse a batch that the data or the processes cannot share.

    Raises:
        TrainingError: saying which batch would do.
    """
    if experiment.batch > pictures:
        raise TrainingError(
            f"A batch of {experiment.batch} is more than the {pictures} training pictures.",
            f"Choose a batch of at most {pictures}.",
        )
    if experiment.batch % world:
        near = max(world, experiment.batch // world * world)
        raise TrainingError(
            f"A batch of {experiment.batch} cannot be shared equally by {world} processes.",
            f"Choose {near} or {near + world}.",
        )
