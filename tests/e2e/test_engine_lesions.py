"""Lesions outlive the engine: a request carries them, and so does a measurement."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from app.core.lesions import Lesion
from app.core.records import Request
from app.engine.client import EngineClient

pytestmark = pytest.mark.e2e

MODEL = "cifar10-resnet20"
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
LESIONS = (
    Lesion("bypass", "layer2.1"),
    Lesion("gate", "layer1.1", alpha=0.5),
    Lesion("swap", "layer3.1", other="layer3.2"),
)


def test_an_engine_that_is_killed_comes_back_with_the_lesions() -> None:
    client = EngineClient("cpu")
    try:
        client.load(MODEL).result(120)
        whole = client.answer(Request(1, MODEL, PIXELS)).result(60)
        request = Request(2, MODEL, PIXELS, "grad-cam", lesions=LESIONS)
        before = client.answer(request).result(60)
        measured = client.run("anatomy.measure", request).result(60)
        first = client.pid
        assert first is not None
        os.kill(first, getattr(signal, "SIGKILL", signal.SIGTERM))
        after = client.answer(request).result(120)
        again = client.run("anatomy.measure", request).result(60)
        assert client.pid != first
    finally:
        client.close()
    assert not np.allclose(before.prediction.logits, whole.prediction.logits)
    np.testing.assert_array_equal(after.prediction.logits, before.prediction.logits)
    np.testing.assert_array_equal(after.heatmap.values, before.heatmap.values)
    for one, other in zip(measured.blocks, again.blocks, strict=True):
        assert (one.ratio, one.multiply_adds) == (pytest.approx(other.ratio), other.multiply_adds)
    assert again.block("layer2.1").ratio == 0
