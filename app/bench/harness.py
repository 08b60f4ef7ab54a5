"""Benchmarks: ratios against a baseline in the same run, so that they hold on any machine.

A new bench is one new file in this package that registers itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
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


@dataclass
class Choices:
    """What the command line chooses for the benches that heed it.

    Attributes:
        minutes: How long `live-soak` runs; the bar is for ten.
    """

    minutes: float = 1.0


choices = Choices()


def skipped(name: str, what: str, why: str) -> list[BenchResult]:
    """What a bench returns that cannot run here."""
    return [BenchResult(name, what, 0.0, "", 0.0, skipped=why)]


@dataclass(frozen=True)
class Timings:
    """Seconds of several ways to do the same, taken in turns.

    Attributes:
        seconds: By the name of the way, one number per round.
    """

    seconds: Mapping[str, Sequence[float]]

    def median(self, way: str) -> float:
        """In seconds."""
        return statistics.median(self.seconds[way])

    def ratio(self, way: str, other: str) -> float:
        """The median over the rounds of one way's time over the other's; below 1 is faster.

        Within a round both meet the same disturbances: this is steadier than the ratio of the medians.
        """
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.seconds[way], self.seconds[other], strict=True)
        )

    @property
    def summary(self) -> str:
        """“ours 41 ms, bare 45 ms, medians of 20 rounds”."""
        rounds = len(next(iter(self.seconds.values())))
        medians = ", ".join(f"{way} {1000 * self.median(way):.3g} ms" for way in self.seconds)
        return f"{medians}, medians of {rounds} rounds"


def in_turns(ways: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: int = 2) -> Timings:
    """Time several ways to do the same in turns, so that a busy machine is fair to all.

    Each round starts with another one: whoever comes first meets the caches that the last one left.

    Args:
        warm_up: Rounds before those that count.
    """
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    order = list(ways)
    for number in range(warm_up + rounds):
        for way in order:
            start = time.perf_counter()
            ways[way]()
            taken = time.perf_counter() - start
            if number >= warm_up:
                seconds[way].append(taken)
        order = [*order[1:], order[0]]
    return Timings(seconds)
