"""Nothing in a file ever runs, whatever the file: it is refused with a reason, in bounded time and memory."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pytest
import torch

from app.zoo.checkpoints import inspect_file
from app.zoo.tables import find_tables
from tests.unit import hostile_files as hostile

CRAFTED = hostile.crafted()
VARIANTS = 200
MOST_SECONDS = 20.0  # of processor time: others may be using the machine
MOST_GROWTH = 2 << 30  # bytes


def _peak() -> int:
    """Bytes of the largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.mark.parametrize("name", sorted(CRAFTED))
def test_a_hostile_file_is_refused_with_a_reason_and_does_nothing(name: str, tmp_path: Path, canary: Path) -> None:
    (folder := tmp_path / "files").mkdir()
    file = CRAFTED[name](folder, canary)
    before, began = _peak(), time.process_time()
    report = inspect_file(file)
    assert time.process_time() - began < MOST_SECONDS
    assert _peak() - before < MOST_GROWTH
    assert not canary.exists()
    assert not report.accepted
    assert report.refusal and "Error:" not in report.refusal, report.refusal
    assert report.remedy


def test_a_part_that_is_too_large_is_refused_also_where_it_is_not_compressed(tmp_path: Path) -> None:
    report = inspect_file(hostile.stored_pickle(tmp_path))
    assert "data.pkl has 129 MiB" in report.refusal


def test_networks_in_networks_are_not_copied_without_end() -> None:
    names = [f"{'a.' * number}b.weight" for number in range(100)]
    assert len(find_tables(dict.fromkeys(names, torch.zeros(4, 3, 3, 3)))) <= 32


def test_some_hundred_damaged_variants_of_good_files(tmp_path: Path, canary: Path) -> None:
    good = hostile.good_files(tmp_path)
    file = tmp_path / "variant.pth"
    before = _peak()
    for number, data in enumerate(hostile.variants(good, canary, seed=5, count=VARIANTS)):
        file.write_bytes(data)
        began = time.process_time()
        report = inspect_file(file)
        assert time.process_time() - began < MOST_SECONDS, f"variant {number}"
        assert report.accepted or report.refusal, f"variant {number}"
    assert not canary.exists()
    assert _peak() - before < MOST_GROWTH


def test_the_good_files_themselves_are_accepted(tmp_path: Path) -> None:
    for number, data in enumerate(hostile.good_files(tmp_path)):
        (file := tmp_path / f"good{number}.pth").write_bytes(data)
        report = inspect_file(file)
        assert report.accepted, (number, report.refusal)
