"""The pipeline from many files to batches: order, bounded memory, bad pictures, giving up early."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import PictureError
from app.core.preprocessing import Preprocessing
from app.core.records import Frame
from app.inference import folder
from app.inference.folder import Prepared, in_batches, prepared

PREPROCESSING = Preprocessing(8, 8)


def number_of(path: Path) -> int:
    return int(path.stem)


def read(path: Path) -> Frame:
    """A picture of one grey, its file's number; the first ones take longest; every tenth is damaged."""
    number = number_of(path)
    time.sleep(0.003 * max(0, 5 - number % 7))
    if number % 10 == 9:
        raise PictureError(f"“{path.name}” is damaged.", "Copy it again.")
    return Frame(np.full((20, 30, 3), number, np.uint8), path.name, str(path))


def paths(count: int) -> list[Path]:
    return [Path(f"{number}.jpg") for number in range(count)]


def run(count: int, **options: object) -> list[Prepared]:
    settings: dict[str, object] = {"read": read, "preprocessing": PREPROCESSING, "ahead": 6, **options}
    return list(prepared(paths(count), **settings))  # type: ignore[arg-type]


def test_pictures_come_in_order_and_bad_ones_are_entries() -> None:
    results = run(45)
    assert [result.path for result in results] == paths(45)
    for result in results:
        number = number_of(result.path)
        if number % 10 == 9:
            assert isinstance(result.error, PictureError)
            assert result.view is None
            assert result.frame is None
        else:
            assert result.error is None
            assert result.view is not None
            assert (result.view.pixels == number).all()
            assert result.frame is None, "whole pictures are not kept unless asked for"


def test_whole_pictures_where_they_are_asked_for() -> None:
    results = run(5, keep_frames=True)
    assert [result.frame is not None and result.frame.size for result in results] == [(30, 20)] * 5


@pytest.mark.parametrize(("keep_frames", "most"), [(False, 6), (True, folder.READERS)])
def test_only_so_many_wait_in_memory(keep_frames: bool, most: int) -> None:
    started: list[int] = []

    def counting(path: Path) -> Frame:
        started.append(number_of(path))
        return read(Path("1.jpg"))

    waiting = prepared(paths(200), read=counting, preprocessing=PREPROCESSING, ahead=6, keep_frames=keep_frames)
    for taken in range(1, 21):
        next(waiting)
        time.sleep(0.005)  # time in which an unbounded reader would run away
        assert len(started) <= taken + most
    waiting.close()


def test_paths_are_consumed_lazily() -> None:
    def endless() -> Iterator[Path]:
        number = 0
        while True:
            yield Path(f"{number % 9}.jpg")
            number += 1

    waiting = prepared(endless(), read=read, preprocessing=PREPROCESSING, ahead=4)
    assert len([next(waiting) for _ in range(20)]) == 20
    waiting.close()


def test_pictures_are_read_while_the_network_computes() -> None:
    """With reading and computing of the same length, both together take little longer than one of them."""
    seconds, count = 0.01, 30

    def slow(path: Path) -> Frame:
        time.sleep(seconds)
        return read(Path("5.jpg"))

    began = time.perf_counter()
    for _ in prepared(paths(count), read=slow, preprocessing=PREPROCESSING, ahead=8):
        time.sleep(seconds)  # the network's part
    assert time.perf_counter() - began < 1.6 * seconds * count


def test_giving_up_stops_the_readers() -> None:
    started: list[Path] = []

    def slow(path: Path) -> Frame:
        started.append(path)
        time.sleep(0.01)
        return read(Path("5.jpg"))

    before = threading.active_count()
    waiting = prepared(paths(1000), read=slow, preprocessing=PREPROCESSING, ahead=50)
    next(waiting)
    waiting.close()
    assert threading.active_count() == before
    assert len(started) < 20


def test_faults_in_the_program_are_not_taken_for_bad_pictures() -> None:
    def broken(_path: Path) -> Frame:
        raise KeyError("a fault in the program")

    before = threading.active_count()
    with pytest.raises(KeyError, match="a fault in the program"):
        list(prepared(paths(30), read=broken, preprocessing=PREPROCESSING, ahead=6))
    assert threading.active_count() == before


def test_nothing_at_all() -> None:
    assert run(0) == []
    assert list(in_batches([], 4)) == []


def test_batches_hold_so_many_readable_pictures() -> None:
    results = run(45)
    batches = list(in_batches(results, 8))
    assert [picture for batch in batches for picture in batch] == results
    readable = [sum(picture.error is None for picture in batch) for batch in batches]
    assert readable == [8, 8, 8, 8, 8, 1]


def test_a_folder_of_bad_pictures_is_told_bit_by_bit() -> None:
    bad = [Prepared(path, error=PictureError("It is damaged.")) for path in paths(100)]
    assert [len(batch) for batch in in_batches(bad, 8)] == [32, 32, 32, 4]


def test_large_pictures_that_are_kept_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "MOST_KEPT_BYTES", 3 * 20 * 30 * 3)
    results = run(9, keep_frames=True)
    assert [len(batch) for batch in in_batches(results, 8)] == [3, 3, 3]
