"""The engine's long verbs of the Anatomy page, on the bundled model and a few pictures of noise."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.drivers import DriversRequest
from app.core.errors import AnatomyError, CancelledError, DataError
from app.core.lesions import Lesion
from app.core.records import Request
from app.core.sweeps import SweepRequest, read_sweep
from app.core.trust import meaning
from app.engine import anatomy, service
from app.engine.channel import Channel
from app.networks.hooks import watched

MODEL = "cifar10-resnet20"
NO_MAILBOX: Any = None  # nothing here follows a live source
COUNT = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(COUNT) % 10


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "noise.npz"
    np.savez(path, x_train=PIXELS[:5], y_train=LABELS[:5], x_test=PIXELS, y_test=LABELS)
    return str(path)


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    class Plain:
        value = 0

    made = Channel(Plain(), Plain(), NO_MAILBOX)
    monkeypatch.setattr(service._state, "channel", made)
    return made


def test_a_sweep_grows_on_the_disk_and_says_when_it_is_done(data: str, tmp_path: Path, channel: Channel) -> None:
    path = tmp_path / "a.sweep.json"
    request = SweepRequest((MODEL, MODEL), data, str(path), pictures=30, random=(3,), repeats=2)
    record = anatomy.sweep(request)
    assert read_sweep(path) == record
    assert (record.state, record.pictures, record.classes) == ("done", 30, 10)
    first, second = record.series
    assert first.points == second.points, "the same network, the same pictures, the same choices"
    assert first.kind == "residual"
    assert len(first.points) == 1 + 9 + 2
    assert all(point.pictures == 30 for point in first.points)
    service.load(MODEL)
    chosen = np.linspace(0, COUNT - 1, 30).round().astype(int)
    answers = service.classifier().predict(PIXELS[chosen]).argmax(1).numpy()
    assert first.whole.wrong == int((answers != LABELS[chosen]).sum())
    assert channel.done.value == 1


def test_a_stopped_sweep_keeps_what_it_has(data: str, tmp_path: Path, channel: Channel) -> None:
    path = tmp_path / "a.sweep.json"
    channel.cancelled.value = 1
    with pytest.raises(CancelledError):
        anatomy.sweep(SweepRequest((MODEL,), data, str(path)))
    assert read_sweep(path).state == "stopped"


def test_a_sweep_that_cannot_be_says_why(data: str, tmp_path: Path) -> None:
    path = str(tmp_path / "a.sweep.json")
    with pytest.raises(AnatomyError, match="no block layer9"):
        anatomy.sweep(SweepRequest((MODEL,), data, path, blocks=("layer9",)))
    with pytest.raises(DataError):
        anatomy.sweep(SweepRequest((MODEL,), str(tmp_path / "nothing"), path))


def test_paths_of_a_picture_and_of_a_set(data: str) -> None:
    request = Request(1, MODEL, PIXELS[0], target=4)
    one = anatomy.paths(request, paths_per_length=64)
    assert [length.length for length in one.lengths] == list(range(10))
    assert (one.pictures, one.lengths[3].samples) == (1, 64)
    assert sum(one.shares) == pytest.approx(1)
    assert 0 < one.effective_depth < 9
    many = anatomy.paths(request, data=data, pictures=40, paths_per_length=80)
    assert (many.pictures, many.lengths[0].samples) == (40, 80)
    assert b"torch" not in pickle.dumps(many)
    without = anatomy.paths(replace(request, lesions=(Lesion("bypass", "layer2.1"),)), paths_per_length=32)
    assert without.blocks == 8
    with pytest.raises(AnatomyError, match="no class 12"):
        anatomy.paths(replace(request, target=12))


@pytest.mark.parametrize("method", ["grad-cam", "guided-backprop"])
def test_trust(method: str, channel: Channel) -> None:
    request = Request(3, MODEL, PIXELS[1], method, target=2)
    service.load(MODEL)
    before = service.answer(request)
    record = anatomy.trust(request)
    after = service.answer(request)
    np.testing.assert_array_equal(before.heatmap.values, after.heatmap.values)
    assert b"torch" not in pickle.dumps(record)
    assert (record.id, record.model, record.method, record.target) == (3, MODEL, method, 2)
    assert [step.block for step in record.cascade] == [
        one.name for one in reversed(service.classifier().outline.blocks)
    ]
    assert all(-1 <= step.rank <= 1 for step in record.cascade)
    assert len(record.swaps) == 2
    assert 2 not in {swap.other for swap in record.swaps}
    for curve in (record.deletion, record.insertion):
        assert 0 <= curve.area <= 1
        assert len(curve.shares) == len(curve.probabilities) == len(curve.random)
    whole = before.prediction.probabilities[2]
    assert record.deletion.probabilities[0] == pytest.approx(whole, abs=1e-4)
    assert record.insertion.probabilities[-1] == pytest.approx(whole, abs=1e-4)
    sentences = meaning(record)
    assert len(sentences) == 4
    assert all(str(sentence).endswith(".") for sentence in sentences)
    channel.cancelled.value = 3
    with pytest.raises(CancelledError):
        anatomy.trust(request)


def test_drivers_are_the_pictures_with_the_greatest_activations(data: str) -> None:
    record = anatomy.drivers(DriversRequest(MODEL, data, "layer2.1", channels=(3, 0), count=4, pictures=0))
    classifier = service.classifier()
    kept = []
    with watched(classifier.network, {"layer2.1": kept.append}):
        classifier.predict(PIXELS)
    greatest = kept[0].amax((2, 3)).numpy()  # (N, C)
    assert [one.channel for one in record.channels] == [3, 0]
    for one in record.channels:
        order = np.argsort(-greatest[:, one.channel], kind="stable")[:4]
        np.testing.assert_allclose([driver.value for driver in one.drivers], greatest[order, one.channel], rtol=1e-4)
        best = one.drivers[0]
        np.testing.assert_array_equal(best.pixels, PIXELS[order[0]])
        assert best.label == classifier.labels[LABELS[order[0]]]
        row, column = (int(share * 16) for share in best.place)
        assert float(kept[0][order[0], one.channel, row, column]) == pytest.approx(best.value, rel=1e-4)
        assert one.mean == pytest.approx(greatest[:, one.channel].mean(), rel=1e-4)
    assert len(anatomy.drivers(DriversRequest(MODEL, data, "layer1.0")).channels) == 12
    for wrong in (DriversRequest(MODEL, data, "fc"), DriversRequest(MODEL, data, "layer1.0", channels=(99,))):
        with pytest.raises(AnatomyError):
            anatomy.drivers(wrong)
