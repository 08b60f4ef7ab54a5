"""When the warm-up ends: with the first epoch whose training error is low enough, however often the test is."""

from __future__ import annotations

from app.training.checkpoint import Progress
from app.training.schedule import WARM_UP_ERROR

OVER = f"The training error is below {WARM_UP_ERROR:g} %: the warm-up is over."


def count(progress: Progress, error: float) -> None:
    """Take in a step's training error, in per cent."""
    progress.warm_wrong += error
    progress.warm_counted += 1


def is_over(progress: Progress, batches_per_epoch: int) -> bool:
    """At an epoch's end: whether its error is low enough; then the count begins anew.

    An epoch of which only a part was counted, as in a checkpoint of an older version, decides nothing.
    """
    whole = progress.warm_counted >= batches_per_epoch
    low = whole and progress.warm_wrong / progress.warm_counted < WARM_UP_ERROR
    progress.warm_wrong, progress.warm_counted = 0.0, 0
    return low
