"""Benchmarks: ratios against a baseline in the same run, so that they hold on any machine.

A new bench is one new file in this package that registers itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.errors import ExplorerError
from app.core.registry import Registry


@dataclass(frozen=True)
class BenchResult:
    """One figure against its bar.

    Attributes:
        name: Registry name of the bench.
        what: What was compared with what.
        value: The measured ratio or amount.
        unit: "×" for a ratio, else the unit.
        bar: What it must not exceed, or must reach.
        direction: Whether the value must stay at most, or be at least, the bar.
        detail: The figures behind the ratio.
        skipped: Why it was not measured; then value and bar mean nothing.
    """

    name: str
    what: str
    value: float
    unit: str
    bar: float
    direction: Literal["at most", "at least"] = "at most"
    detail: str = ""
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether the bar is met; a skipped bench fails nothing."""
        if self.skipped:
            return True
        return self.value <= self.bar if self.direction == "at most" else self.value >= self.bar


Bench = Callable[[], Sequence[BenchResult]]

benches: Registry[Bench] = Registry("bench", "app.bench", ExplorerError)


def skipped(name: str, what: str, why: str) -> list[BenchResult]:
    """What a bench returns that cannot run here."""
    return [BenchResult(name, what, 0.0, "", 0.0, skipped=why)]


def interleaved(ways: Sequence[Callable[[], object]], *, rounds: int, warm_up: int = 2) -> list[float]:
    """The median seconds of several ways to do the same, taken in turns so that a busy machine is fair to all."""
    times: list[list[float]] = [[] for _ in ways]
    for number in range(warm_up + rounds):
        for way, measured in zip(ways, times, strict=True):
            start = time.perf_counter()
            way()
            if number >= warm_up:
                measured.append(time.perf_counter() - start)
    return [statistics.median(measured) for measured in times]
