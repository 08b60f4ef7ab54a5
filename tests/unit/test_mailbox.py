"""The newest crop of a live source: what the engine takes is what the window put last."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import CancelledError, EngineError
from app.core.records import Request
from app.engine import service
from app.engine.channel import Channel
from app.engine.mailbox import LARGEST_SIDE, SLOTS, Mailbox


def crop(value: int, side: int = 32) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_the_newest_is_taken_whatever_its_size() -> None:
    mailbox = Mailbox.create(multiprocessing.get_context("spawn"))
    for number in range(1, 3 * SLOTS):
        side = 32 + number
        assert mailbox.put(crop(number, side)) == number
        taken, pixels = mailbox.take()
        assert taken == number == mailbox.taken.value
        assert pixels.shape == (side, side, 3) and (pixels == number).all()
    mailbox.put(crop(7, LARGEST_SIDE))
    assert (mailbox.take()[1] == 7).all()
    with pytest.raises(EngineError, match="600 × 600"):
        mailbox.put(crop(0, LARGEST_SIDE + 1))


def test_no_crop_is_torn_while_the_next_are_written() -> None:
    mailbox = Mailbox.create(multiprocessing.get_context("spawn"))
    mailbox.put(crop(1, 224))
    ended = threading.Event()

    def write() -> None:
        value = 1
        while not ended.is_set():
            value = value % 250 + 1
            mailbox.put(crop(value, 224))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            _, pixels = mailbox.take()
            assert (pixels == pixels[0, 0, 0]).all()
    finally:
        ended.set()
        writer.join()


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    monkeypatch.setattr(service, "_state", service._State())
    channel = Channel.create(multiprocessing.get_context("spawn"))
    service.listen(channel)
    return channel


def test_a_question_is_answered_about_the_newest_and_once(channel: Channel) -> None:
    bundled = sorted(path.name for path in (Path(__file__).parents[2] / "models").iterdir() if path.is_dir())
    model = next(name for name in bundled if "20" in name)
    side = service.load(model).preprocessing.crop
    request = Request(1, model, None)  # type: ignore[arg-type]
    for value in (10, 60, 200):
        channel.mailbox.put(crop(value, side))
    found = service.answer_newest(request, False)
    assert found is not None and found[0] == 3
    expected = service.answer(Request(2, model, crop(200, side))).prediction.logits
    assert np.array_equal(found[1].prediction.logits, expected)
    assert service.answer_newest(request, False) is None, "there is nothing new"
    again = service.answer_newest(request, True)
    assert again is not None and again[0] == 3
    channel.mailbox.put(crop(90, side))
    channel.cancelled.value = 1
    with pytest.raises(CancelledError):
        service.answer_newest(request, False)
