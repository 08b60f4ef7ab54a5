"""What live mode measures while it runs, put together from `pace`."""

from __future__ import annotations

import time

from app.core.records import Answer, Prediction
from app.ui.live.figures import Measured
from app.ui.live.pace import Confidences, Latencies, Moment, Rate, Steadied


class Measuring:
    """Hears of frames, answers and paintings; tells rates, latencies and the last half minute.

    Attributes:
        steadied: The averaged predictions.
        confidences: The last half minute.
        latencies: From a picture to its painted heatmap.
        shown, classified: How many frames were painted and how many answers came, since the source was opened.
        overtaken: Frames that were set on the canvas, and another one before they were painted.
    """

    def __init__(self) -> None:
        self.steadied = Steadied()
        self.clear()

    def clear(self) -> None:
        """Another source: nothing was measured yet."""
        self.confidences = Confidences()
        self.latencies = Latencies()
        self.overtaken = self.shown = self.classified = 0
        self._shown, self._classified = Rate(), Rate()
        self._unpainted = False
        self._captured: dict[int, float] = {}  # when the picture of an answer was there, by the answer's id
        self._heatmap: float | None = None  # when the picture of the unpainted heatmap was there
        self.forget()

    def forget(self) -> None:
        """Another model: its predictions are not averaged with those of the one before."""
        self.steadied.forget()
        self.confidences.clear()

    def frame_set(self) -> None:
        """Another frame is on the canvas, and will be painted."""
        self.overtaken += self._unpainted
        self._unpainted = True

    def answer(self, answer: Answer, captured: float) -> Prediction:
        """The engine answered about a picture that was there at `captured`; the steadied prediction."""
        self.classified += 1
        self._classified.add(time.monotonic())
        self._captured[answer.id] = captured
        steadied = self.steadied.add(answer.prediction, captured)
        best = steadied.top(1)[0]
        self.confidences.add(Moment(captured, best, float(steadied.probabilities[best])))
        return steadied

    def heatmap_set(self, answer: Answer) -> None:
        """This answer's heatmap is on the canvas, and will be painted."""
        self._heatmap = self._captured.pop(answer.id, None)
        self._captured = {one: captured for one, captured in self._captured.items() if one > answer.id}

    def painted(self, now: float) -> None:
        """What was set is on screen."""
        if self._unpainted:
            self._unpainted = False
            self.shown += 1
            self._shown.add(now)
        if self._heatmap is not None:
            self.latencies.add(now - self._heatmap)
            self._heatmap = None

    def measured(self, now: float, dropped: int) -> Measured:
        """The figures; `dropped` by the feed."""
        return Measured(
            self._shown.per_second(now),
            self._classified.per_second(now),
            dropped + self.overtaken,
            self.latencies.percentile(0.5),
            self.latencies.percentile(0.95),
        )
