"""A real engine process: it answers, it dies, it comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from app.core.errors import CancelledError, EngineError, ExplanationError, ModelError
from app.core.records import Answer, Request
from app.engine.client import MOST_DEATHS, EngineClient

pytestmark = pytest.mark.e2e

MODEL = "cifar10-resnet20"


class Engine:
    """A client and the states that it went through."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.client = EngineClient("cpu", lambda state, _info: self.states.append(state))
        self._count = 0

    def request(self, method: str | None = "grad-cam", seed: int = 0, **others: object) -> Request:
        self._count += 1
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        return Request(self._count, MODEL, pixels, method, **others)  # type: ignore[arg-type]

    def answer(self, *args: object, **others: object) -> Answer:
        return self.client.answer(self.request(*args, **others)).result(60)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    made.client.load(MODEL).result(60)
    yield made
    made.client.close()


def _kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def test_it_introduces_itself(engine: Engine) -> None:
    info = engine.client.start().result(60)
    assert info.device == "cpu"
    assert {"grad-cam", "integrated-gradients", "occlusion"} <= {method.name for method in info.methods}
    assert info.pid != os.getpid()


def test_what_the_engine_says_brings_no_torch_into_the_window() -> None:
    """Reading an answer must not import torch, as reading a torch.Tensor or a TorchVersion would."""
    program = """
import sys
import numpy as np
from app.core.records import Request
from app.engine.client import EngineClient

if __name__ == "__main__":
    client = EngineClient("cpu")
    client.start().result()
    client.load("cifar10-resnet20").result()
    client.answer(Request(1, "cifar10-resnet20", np.zeros((32, 32, 3), np.uint8), "grad-cam")).result()
    client.close()
    print([name for name in ("torch", "torchvision", "captum") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_prediction_and_map_are_those_of_the_network_itself(engine: Engine) -> None:
    import torch

    from app.inference.preprocess import normalised
    from app.zoo.loading import load_model

    request = engine.request()
    answer = engine.client.answer(request).result(60)
    model = load_model(MODEL)
    with torch.inference_mode():
        logits = model.network(normalised(request.pixels[None], model.preprocessing, torch.device("cpu")))[0]
    np.testing.assert_allclose(answer.prediction.logits, logits.numpy(), rtol=1e-3, atol=1e-3)
    assert answer.prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert answer.heatmap is not None
    assert answer.heatmap.values.shape == (8, 8)
    assert answer.heatmap.block == "layer3.2"
    assert answer.heatmap.target == answer.prediction.top(1)[0]


def test_any_block_and_class_can_be_explained(engine: Engine) -> None:
    answer = engine.answer(block="layer1.0", target=7)
    assert answer.heatmap is not None
    assert answer.heatmap.values.shape == (32, 32)
    assert answer.heatmap.target == 7


def test_errors_cross_with_their_kind(engine: Engine) -> None:
    with pytest.raises(ExplanationError, match="no block “layer9”"):
        engine.answer(block="layer9")
    with pytest.raises(ExplanationError, match="no class 10"):
        engine.answer(target=10)
    with pytest.raises(ModelError, match="no model called “nonsense”"):
        engine.client.load("nonsense").result(60)
    assert engine.answer().heatmap is not None, "an error leaves the engine as it was"


def test_a_slow_method_tells_its_progress_and_stops_when_told(engine: Engine) -> None:
    engine.answer("occlusion")
    assert engine.client.done == pytest.approx(1, abs=0.2)
    request = engine.request("occlusion")
    engine.client.cancel(request.id)
    with pytest.raises(CancelledError):
        engine.client.answer(request).result(60)
    assert engine.answer().id > request.id


def test_killed_in_the_middle_it_comes_back_and_repeats_the_request(engine: Engine) -> None:
    before = engine.answer(seed=5)
    old = engine.client.pid
    engine.states.clear()
    future = engine.client.answer(engine.request("occlusion", seed=5))
    _kill(old)
    start = time.monotonic()
    answer = future.result(60)
    assert engine.client.pid != old
    assert engine.states == ["died", "starting", "ready"]
    np.testing.assert_array_equal(answer.prediction.logits.argmax(), before.prediction.logits.argmax())
    assert time.monotonic() - start < 30, "measured: 3 s on two idle cores"


def test_three_deaths_on_one_request_end_the_repeating() -> None:
    engine = Engine()
    try:
        engine.client.load(MODEL).result(60)
        killed: list[int] = []

        def kill_each() -> None:
            while len(killed) < MOST_DEATHS:
                pid = engine.client.pid
                if pid is not None and pid not in killed:
                    killed.append(pid)
                    _kill(pid)
                time.sleep(0.005)

        killer = threading.Thread(target=kill_each, daemon=True)
        killer.start()
        with pytest.raises(EngineError, match=f"died {MOST_DEATHS} times"):
            engine.client.answer(engine.request("occlusion")).result(120)
        killer.join(10)
        assert engine.answer().heatmap is not None, "the next request starts a new engine"
    finally:
        engine.client.close()


def test_closing_ends_a_busy_engine() -> None:
    engine = Engine()
    engine.client.load(MODEL).result(60)
    pid = engine.client.pid
    future = engine.client.answer(engine.request("occlusion"))
    engine.client.close()
    assert future.cancelled() or future.exception() is not None or future.result().id
    assert pid is not None
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except OSError:
            return
        time.sleep(0.1)
    pytest.fail("the engine outlived its client")
