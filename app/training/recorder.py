"""Carries the numbers of each step from the device to the host, many steps at a time, so that no step waits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.runs.records import StepRow
from app.training.distributed import Ranks
from app.training.gradient_flow import GradientFlow
from app.training.trainer import StepResult

SECONDS = 0.4
"""Between two journeys. With the store's own half second, a killed run loses less than a second of rows."""
STEPS_TOGETHER = 10
"""Between two journeys where several processes must travel at the same step."""
_CAPACITY = 256
_OWN = 2  # loss and errors come before the flow's numbers


@dataclass(frozen=True)
class _Known:
    """What the host knows of a step without asking the device."""

    step: int
    epoch: int
    rate: float
    seconds: float


@dataclass
class _Load:
    """Steps that wait for their journey, or are on it."""

    rows: Tensor
    known: list[_Known] = field(default_factory=list)
    host: Tensor | None = None
    arrived: torch.cuda.Event | None = None


class Recorder:
    """Collects steps.

    Args:
        flow: What is measured; None for loss and error alone.
        device: Where the numbers are made.
        batch: Pictures per step, over all processes.
        ranks: This process among the others.
    """

    def __init__(self, flow: GradientFlow | None, *, device: torch.device, batch: int, ranks: Ranks) -> None:
        self._flow = flow
        self._device = device
        self._batch = batch
        self._ranks = ranks
        self._width = _OWN + (flow.width if flow is not None else 0)
        self._load = self._empty()
        self._spare: _Load | None = None
        self._under_way: _Load | None = None
        self._last_journey = time.monotonic()
        self._last_seconds: float | None = None

    def add(self, result: StepResult, *, step: int, epoch: int, rate: float, seconds: float) -> None:
        """Take a step's numbers.

        Args:
            seconds: Of training, up to the end of this step.
        """
        values = [result.loss, result.wrong.float(), *(self._flow.values() if self._flow is not None else ())]
        torch.stack(values, out=self._load.rows[len(self._load.known)])
        self._load.known.append(_Known(step, epoch, rate, seconds))

    def started(self, seconds: float) -> None:
        """Training begins, or goes on after something else, with so many seconds on its clock."""
        self._last_seconds = seconds

    @property
    def due(self) -> bool:
        """Whether it is time for a journey."""
        count = len(self._load.known)
        if self._ranks.world > 1:
            return count >= STEPS_TOGETHER
        return count == _CAPACITY or (count > 0 and time.monotonic() - self._last_journey > SECONDS)

    def fetch(self, *, wait: bool) -> list[StepRow]:
        """Send the steps on their journey; the rows that have arrived, in order.

        Args:
            wait: Until all have arrived; else those of the last journey may be all.
        """
        self._last_journey = time.monotonic()
        rows = self._unload()
        self._send()
        if wait or self._device.type != "cuda":
            rows += self._unload()
        return rows

    def forget(self) -> None:
        """Drop what has not been fetched: the run goes back to a checkpoint."""
        self._load.known.clear()
        self._under_way = None

    def _empty(self) -> _Load:
        return _Load(torch.zeros(_CAPACITY, self._width, device=self._device))

    def _send(self) -> None:
        load = self._load
        count = len(load.known)
        if not count:
            return
        self._add_up(load.rows[:count])
        if self._device.type == "cuda":
            load.host = torch.empty(count, self._width, pin_memory=True)
            load.host.copy_(load.rows[:count], non_blocking=True)
            load.arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            load.arrived.record()
        else:
            load.host = load.rows[:count].cpu()
        self._under_way = load
        self._load, self._spare = self._spare or self._empty(), None

    def _add_up(self, rows: Tensor) -> None:
        """Over processes: the mean of the losses, the sum of the errors, the sum of the squared output gradients.

        Each process has the mean over its own pictures; the gradient of the mean over all is that, over their number.
        """
        if self._ranks.world == 1:
            return
        outputs = len(self._flow.blocks) if self._flow is not None else 0
        shared = rows[:, : _OWN + outputs].clone()
        shared[:, 0] /= self._ranks.world
        shared[:, _OWN:] /= self._ranks.world**2
        rows[:, : _OWN + outputs] = self._ranks.add_up(shared)

    def _unload(self) -> list[StepRow]:
        load = self._under_way
        if load is None or load.host is None:
            return []
        if load.arrived is not None:
            load.arrived.synchronize()
        rows = self._rows(load.host.numpy().astype(np.float64), load.known)
        load.known = []
        load.host = load.arrived = None
        self._under_way, self._spare = None, load
        return rows

    def _rows(self, numbers: NDArray[np.float64], known: list[_Known]) -> list[StepRow]:
        took = known[-1].seconds - (self._last_seconds if self._last_seconds is not None else known[0].seconds)
        self._last_seconds = known[-1].seconds
        speed = self._batch * len(known) / took if took > 0 else 0.0
        flow = self._flow.reduce(numbers[:, _OWN:]) if self._flow is not None else None
        rows = []
        for place, step in enumerate(known):
            loss, wrong = numbers[place, :_OWN]
            rows.append(
                StepRow(
                    step.step,
                    step.epoch,
                    float(loss),
                    100 * float(wrong) / self._batch,
                    step.rate,
                    speed,
                    step.seconds,
                    None if flow is None else flow.parameter_gradient[place],
                    None if flow is None else flow.output_gradient[place],
                    None if flow is None else flow.update_ratio[place],
                )
            )
        return rows
