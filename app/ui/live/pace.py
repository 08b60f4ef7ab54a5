"""The numbers of live mode: rates, latencies, steadied predictions and their last half minute. No Qt, no clock.

Times are `time.monotonic()`, given by whoever calls.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.records import FloatMap, Prediction

RATE_SECONDS = 2.0
LATENCIES = 300  # the newest ones, over which percentiles are taken: 10 s at 30 per second
STALE = 5.0  # seconds; a picture older than this was held up by sleep or by an engine's death, and is no measurement
STRIP_SECONDS = 30.0
STEADYINGS = (0.0, 0.25, 0.5, 1.0)  # seconds


class Rate:
    """Events per second over the last `RATE_SECONDS`."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, now: float) -> None:
        """Count one event."""
        self._times.append(now)
        self._forget(now)

    def per_second(self, now: float) -> float:
        """0 where nothing happened lately."""
        self._forget(now)
        if len(self._times) < 2:
            return 0.0
        # From the first event until now, but no longer than to the next one due: a pause lowers the rate at once.
        span = self._times[-1] - self._times[0]
        usual = span / (len(self._times) - 1)
        return (len(self._times) - 1) / max(1e-6, span + max(0.0, now - self._times[-1] - usual))

    def _forget(self, now: float) -> None:
        while self._times and now - self._times[0] > RATE_SECONDS:
            self._times.popleft()


class Latencies:
    """Seconds from the moment when a picture was there to the moment when its heatmap was painted."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=LATENCIES)

    def add(self, seconds: float) -> None:
        """Count one picture; what was held up by sleep is left out."""
        if 0 <= seconds < STALE:
            self._seconds.append(seconds)

    def percentile(self, share: float) -> float | None:
        """The latency that `share` (0 to 1) of the pictures stay within; None before the first."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1 if share > 0 else 0)]

    @property
    def all(self) -> tuple[float, ...]:
        """Every latency that is kept."""
        return tuple(self._seconds)


class Steadied:
    """Predictions averaged over time: p ← p + (1 − exp(−Δt/τ)) (new − p), whatever the rate at which they come.

    Attributes:
        seconds: τ, the time constant; 0 for the raw predictions.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._mean: FloatMap | None = None
        self._last = 0.0

    def forget(self) -> None:
        """Begin anew: another source or another model."""
        self._mean = None

    def add(self, prediction: Prediction, now: float) -> Prediction:
        """The prediction with steadied probabilities; its logits stay those of the newest picture."""
        from app.core.records import Prediction

        new = prediction.probabilities
        if self.seconds <= 0 or self._mean is None or self._mean.shape != new.shape:
            self._mean = new
        else:
            share = 1 - math.exp(-max(0.0, now - self._last) / self.seconds)
            self._mean = (self._mean + share * (new - self._mean)).astype(new.dtype, copy=False)
        self._last = now
        return Prediction(prediction.logits, self._mean)

    def winner(self, now: float) -> int | None:
        """The class that is ahead, to be explained in the next picture.

        None where predictions are raw, and where the average is older than its time constant: with a slow engine the
        next picture may show something else, and is explained for its own winner.
        """
        if self._mean is None or self.seconds <= 0 or now - self._last > self.seconds:
            return None
        return int(self._mean.argmax())


@dataclass(frozen=True)
class Moment:
    """One point of the confidence strip.

    Attributes:
        time: Monotonic.
        winner: Index of the class that was ahead.
        probability: Its probability as it was shown, 0 to 1.
    """

    time: float
    winner: int
    probability: float


class Confidences:
    """Who was ahead, and by how much, over the last `STRIP_SECONDS`."""

    def __init__(self) -> None:
        self._moments: deque[Moment] = deque()

    def add(self, moment: Moment) -> None:
        """Add the newest."""
        self._moments.append(moment)
        while moment.time - self._moments[0].time > STRIP_SECONDS:
            self._moments.popleft()

    def clear(self) -> None:
        """Forget them all."""
        self._moments.clear()

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Oldest first."""
        return tuple(self._moments)
