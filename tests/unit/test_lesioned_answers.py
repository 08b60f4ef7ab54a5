"""The engine's answers of a changed network: the same with and without remembered prefixes, and nothing stays."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import Request
from app.engine import service

MODEL = "cifar10-resnet20"
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def ask(*lesions: Lesion, method: str | None = "grad-cam", block: str | None = None, pixels: object = PIXELS) -> object:
    return service.answer(Request(1, MODEL, pixels, method, block, lesions=lesions))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def loaded() -> None:
    service.hello("cpu")
    service.load(MODEL)


@pytest.mark.parametrize("method", [None, "grad-cam"])
@pytest.mark.parametrize("changed", ["layer1.0", "layer2.0", "layer3.2"])
def test_prediction_and_map_follow_and_come_back(method: str | None, changed: str) -> None:
    whole = ask(method=method)
    bypass = Lesion("bypass", changed)
    quick = ask(bypass, method=method)
    service._state.prefixes = type(service._state.prefixes)()
    fresh = ask(bypass, method=method)
    again = ask(method=method)
    assert not np.array_equal(quick.prediction.logits, whole.prediction.logits)
    np.testing.assert_array_equal(quick.prediction.logits, fresh.prediction.logits)
    np.testing.assert_array_equal(again.prediction.logits, whole.prediction.logits)
    if method is not None:
        np.testing.assert_array_equal(quick.heatmap.values, fresh.heatmap.values)
        np.testing.assert_array_equal(again.heatmap.values, whole.heatmap.values)
        assert not np.array_equal(quick.heatmap.values, whole.heatmap.values)


def test_another_picture_does_not_get_the_first_one_s_answer() -> None:
    bypass = Lesion("bypass", "layer2.1")
    ask()
    first = ask(bypass)
    other = ask(bypass, pixels=255 - PIXELS)
    assert not np.array_equal(first.prediction.logits, other.prediction.logits)
    np.testing.assert_array_equal(ask(bypass).prediction.logits, first.prediction.logits)


def test_a_second_lesion_before_the_first_is_not_started_too_late() -> None:
    late, early = Lesion("bypass", "layer3.1"), Lesion("bypass", "layer1.1")
    ask()
    ask(late)
    both = ask(late, early)
    service._state.prefixes = type(service._state.prefixes)()
    np.testing.assert_array_equal(both.prediction.logits, ask(late, early).prediction.logits)
    np.testing.assert_array_equal(ask(late, block="layer1.0").prediction.logits, ask(late).prediction.logits)


def test_the_engine_goes_on_after_a_lesion_that_cannot_be() -> None:
    whole = ask()
    with pytest.raises(AnatomyError, match="head"):
        ask(Lesion("bypass", "fc"))
    np.testing.assert_array_equal(ask().prediction.logits, whole.prediction.logits)
