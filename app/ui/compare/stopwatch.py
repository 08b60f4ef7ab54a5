"""How long each model takes for a picture: the median of warm calls, taken in turns while nothing else is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.core.records import ForwardCost

LEAST, MOST = 3, 15  # calls of each model that count
BUDGET = 700.0  # milliseconds for each model, unless that makes fewer than LEAST calls

Ask = Callable[[str, Callable[[Any], None]], None]


@dataclass(frozen=True)
class Timing:
    """What was measured of one model.

    Attributes:
        median: Milliseconds of one picture, class alone.
        least, most: The quickest and the slowest of the calls.
        calls: How many; the one before them, which warms up, does not count.
        multiply_adds: Of one picture.
        over: Whether no more will come.
    """

    median: float
    least: float
    most: float
    calls: int
    multiply_adds: int
    over: bool


class Stopwatch(QObject):
    """Times some models in turns, so that a busy machine is as busy for each of them; one call is under way at most.

    What was measured stays until another set of models is to be measured: models are compared as of the same minute.

    Args:
        ask: Puts one call to the engine: (reference, then); `then` gets a ForwardCost, None where the model is not in
            memory, or an ExplorerError.

    Signals:
        timed(): there are other figures.
    """

    timed = Signal()

    def __init__(self, ask: Ask, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ask = ask
        self._models: tuple[str, ...] = ()
        self._times: dict[str, list[float]] = {}
        self._warm: set[str] = set()
        self._multiply_adds: dict[str, int] = {}
        self._gone: set[str] = set()
        self._running = self._under_way = False

    def timing(self, reference: str) -> Timing | None:
        """What is known of a model; None before its third call: one alone may have met another program's work."""
        times = self._times.get(reference, [])
        if len(times) < LEAST:
            return None
        over = reference in self._gone or self._has_enough(reference)
        return Timing(median(times), min(times), max(times), len(times), self._multiply_adds[reference], over)

    def measure(self, references: Iterable[str]) -> None:
        """Time these, or go on with them. Nothing is done for models that are measured already."""
        models = tuple(sorted(set(references)))
        if models != self._models:
            self._models = models
            self._times, self._warm, self._gone = {one: [] for one in models}, set(), set()
        self._running = True
        self._go_on()

    def pause(self) -> None:
        """Somebody waits for an answer: no further call until `measure`."""
        self._running = False

    def _next(self) -> str | None:
        """Whose turn it is; None where all are measured."""
        left = [one for one in self._models if one not in self._gone and not self._has_enough(one)]
        return min(left, key=lambda one: len(self._times[one]) + (one in self._warm), default=None)

    def _has_enough(self, reference: str) -> bool:
        times = self._times[reference]
        return len(times) >= MOST or (len(times) >= LEAST and sum(times) >= BUDGET)

    def _go_on(self) -> None:
        turn = self._next()
        if not self._running or self._under_way or turn is None:
            return
        self._under_way = True
        self._ask(turn, lambda outcome: self._take(turn, outcome))

    def _take(self, reference: str, outcome: object) -> None:
        self._under_way = False
        if reference in self._times:
            if not isinstance(outcome, ForwardCost):
                self._gone.add(reference)  # the lane says what is wrong with it
            elif reference not in self._warm:
                self._warm.add(reference)
            elif self._running:  # a call beside which somebody else's question waited is as good; one after it is cold
                self._times[reference].append(outcome.milliseconds)
                self._multiply_adds[reference] = outcome.multiply_adds
            if reference in self._gone or self._has_enough(reference) or len(self._times[reference]) == LEAST:
                self.timed.emit()
        self._go_on()
