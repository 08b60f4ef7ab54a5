"""The numbers of live mode: rates, latencies, steadied predictions, the last half minute."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.records import Prediction
from app.ui.live.feed import Ready, at_most
from app.ui.live.pace import STALE, STRIP_SECONDS, Confidences, Latencies, Moment, Rate, Steadied


def prediction(*probabilities: float) -> Prediction:
    values = np.array(probabilities, np.float32)
    return Prediction(np.log(values), values)


def test_a_rate_is_that_of_the_last_seconds_and_falls_at_once_when_nothing_comes() -> None:
    rate = Rate()
    assert rate.per_second(0.0) == 0
    for number in range(91):
        rate.add(number / 30)
    assert rate.per_second(3.0) == pytest.approx(30, rel=0.01)
    assert rate.per_second(3.5) < 27
    assert rate.per_second(9.0) == 0


def test_percentiles_of_latencies_leave_out_what_slept() -> None:
    latencies = Latencies()
    assert latencies.percentile(0.95) is None
    for milliseconds in range(1, 101):
        latencies.add(milliseconds / 1000)
    latencies.add(STALE + 1)
    latencies.add(-1)
    assert latencies.percentile(0.5) == pytest.approx(0.050)
    assert latencies.percentile(0.95) == pytest.approx(0.095)
    assert latencies.percentile(1.0) == pytest.approx(0.100)


def test_steadied_predictions_do_not_depend_on_how_often_they_come() -> None:
    """After τ seconds of another opinion, 1 − 1/e of it is taken over, at 5 per second as at 50."""
    for count in (5, 50):
        steadied = Steadied(1.0)
        steadied.add(prediction(0.999, 0.001), 0.0)
        for number in range(1, count + 1):
            result = steadied.add(prediction(0.001, 0.999), number / count)
        assert float(result.probabilities[1]) == pytest.approx(0.632, abs=0.01)
        assert float(result.probabilities.sum()) == pytest.approx(1, abs=1e-5)
    assert steadied.winner(1.1) == 1
    assert steadied.winner(3.0) is None, "by now the picture may show something else"
    later = steadied.add(prediction(0.999, 0.001), 1000.0)
    assert float(later.probabilities[0]) == pytest.approx(0.999, abs=1e-3), "after a long sleep the old counts nothing"


def test_off_is_raw_and_another_model_starts_anew() -> None:
    steadied = Steadied(0.0)
    for values in ((0.9, 0.1), (0.2, 0.8)):
        np.testing.assert_array_equal(steadied.add(prediction(*values), 1.0).probabilities, np.float32(values))
    assert steadied.winner(1.0) is None, "raw: the network's own winner is explained"
    steadied.seconds = 1.0
    assert len(steadied.add(prediction(0.5, 0.3, 0.2), 2.0).probabilities) == 3
    steadied.forget()
    assert float(steadied.add(prediction(0.1, 0.9, 0.0001), 2.0).probabilities[1]) == pytest.approx(0.9)


def test_the_strip_keeps_half_a_minute() -> None:
    confidences = Confidences()
    for second in range(100):
        confidences.add(Moment(float(second), 0, 0.5))
    times = [moment.time for moment in confidences.moments]
    assert times[-1] == 99
    assert times[0] == 99 - STRIP_SECONDS


def test_large_frames_are_averaged_down_and_boxes_follow() -> None:
    small = np.zeros((480, 640, 3), np.uint8)
    assert at_most(small, 1_000_000) is small
    large = np.full((2160, 3840, 3), 100, np.uint8)
    large[:, ::2] = 200
    shown = at_most(large, 1_000_000)
    assert shown.shape[0] * shown.shape[1] <= 1_000_000
    assert shown.shape[1] / shown.shape[0] == pytest.approx(16 / 9, rel=0.01)
    assert abs(float(shown.mean()) - 150) < 1, "averaged, not picked"
    from app.sources.registry import StreamFrame

    box = Ready(StreamFrame(large, 0, 0.0, 0.0), shown).on_canvas((0, 0, 3840, 2160))
    assert box == pytest.approx((0, 0, shown.shape[1], shown.shape[0]))
