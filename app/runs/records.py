"""What a run's store holds, as plain data. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
BlockValues = NDArray[np.float32]

Measure = Literal["parameter_gradient", "output_gradient", "update_ratio"]
MEASURES: tuple[Measure, ...] = ("parameter_gradient", "output_gradient", "update_ratio")

Scalar = Literal["loss", "error", "rate", "speed", "seconds"]
SCALARS: tuple[Scalar, ...] = ("loss", "error", "rate", "speed", "seconds")


@dataclass(frozen=True, eq=False)
class StepRow:
    """One step of training.

    Attributes:
        step: From 1.
        epoch: From 1.
        loss: Mean over the batch, in nats.
        error: Share of the batch whose most probable class is wrong, in per cent.
        rate: Learning rate.
        speed: Pictures per second.
        seconds: Of training since the run began, pauses and evaluations left out.
        parameter_gradient: (B,) L2 norm of the gradient of each block's parameters.
        output_gradient: (B,) L2 norm of the gradient that arrives at each block's output.
        update_ratio: (B,) ‖Δw‖ / ‖w‖ of each block's parameters; 0 for a block without any.
    """

    step: int
    epoch: int
    loss: float
    error: float
    rate: float
    speed: float
    seconds: float
    parameter_gradient: BlockValues | None = None
    output_gradient: BlockValues | None = None
    update_ratio: BlockValues | None = None


@dataclass(frozen=True)
class Evaluation:
    """One look at the test pictures, and what training saw since the last one. Losses in nats, errors in per cent."""

    step: int
    epoch: int
    train_loss: float
    train_error: float
    test_loss: float
    test_error: float
    seconds: float


@dataclass(frozen=True)
class Event:
    """Something that happened to a run.

    Attributes:
        id: Counts up.
        step: After how many steps.
        time: Seconds since 1970, UTC.
        kind: "started", "resumed", "paused", "continued", "stopped", "finished", "failed", "not finite", "memory",
            "notice", "rate".
        text: For people.
        block: Where it happened, or "".
    """

    id: int
    step: int
    time: float
    kind: str
    text: str
    block: str = ""


@dataclass(frozen=True, eq=False)
class Series:
    """One value against the step; thinned to bins where it was asked for, with the range within each bin.

    Attributes:
        steps: (n,) int64, the last step of each bin.
        values: (n,) means.
        low: (n,) smallest.
        high: (n,) largest.
    """

    steps: NDArray[np.int64]
    values: Values
    low: Values
    high: Values


@dataclass(frozen=True, eq=False)
class BlockSeries:
    """One measure of every block against the step.

    Attributes:
        steps: (n,) int64, the last step of each bin.
        values: (n, B) float32, means of each bin.
    """

    steps: NDArray[np.int64]
    values: BlockValues


@dataclass(frozen=True)
class Mark:
    """How far a reader has read: give it back to get what is new.

    Attributes:
        step: The last step.
        evaluation: The last evaluation's step.
        event: The last event's id.
        attempt: How often the run had been started.
    """

    step: int = 0
    evaluation: int = 0
    event: int = 0
    attempt: int = 0


@dataclass(frozen=True, eq=False)
class NewRows:
    """What was written since a mark.

    Attributes:
        mark: To give back next time.
        back_to: Where the run was resumed at an earlier step, the step after which everything read before is void
            (and is contained here anew); else None.
        steps: (n,) int64.
        epochs: (n,) int64.
        scalars: By name, (n,) each.
        block_steps: (m,) int64: the steps that have block measurements. All of them, except in a thinned copy.
        blocks: By measure, (m, B) float32 each.
        evaluations: In order.
        events: In order.
    """

    mark: Mark
    back_to: int | None
    steps: NDArray[np.int64]
    epochs: NDArray[np.int64]
    scalars: dict[Scalar, Values]
    block_steps: NDArray[np.int64]
    blocks: dict[Measure, BlockValues]
    evaluations: tuple[Evaluation, ...] = field(default=())
    events: tuple[Event, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(len(self.steps) or self.evaluations or self.events or self.back_to is not None)
