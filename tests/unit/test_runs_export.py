"""Runs for other programs: CSV, TensorBoard, a thinned copy."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import RunError
from app.core.records import BlockInfo, NetworkOutline
from app.runs.export import crc32c, export_csv, export_tensorboard
from app.runs.folder import describe, write_outline
from app.runs.reader import RunReader
from app.runs.records import MEASURES, Evaluation
from app.runs.status import Status
from app.runs.store import RunWriter
from app.runs.thin import thin
from tests.unit.test_runs import BLOCKS, row


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    names = [f"layer1.{number}" for number in range(BLOCKS)]
    blocks = tuple(BlockInfo(name, "basic", 1, place, "identity", 20) for place, name in enumerate(names))
    write_outline(folder, NetworkOutline("cifar", "resnet8", "ResNet-8", blocks, 30))
    writer = RunWriter(folder)
    writer.extend(row(step) for step in range(1, 41))
    writer.evaluated(Evaluation(40, 4, 1.0, 50.0, 1.5, 60.0, 4.0))
    writer.happened(40, "finished", "40 steps.")
    writer.close()
    (folder / "config.json").write_text("{}")
    (folder / "checkpoint.safetensors").write_bytes(b"large")
    (folder / "status.json").write_text(json.dumps(vars(Status(state="finished", started=1000.0, beat=2000.0))))
    return folder


def test_csv_tables_hold_every_number(run: Path, tmp_path: Path) -> None:
    steps, blocks, evaluations = export_csv(run, tmp_path / "out")
    table = list(csv.DictReader(steps.open()))
    assert [float(line["loss"]) for line in table] == [1 / step for step in range(1, 41)]
    table = list(csv.DictReader(blocks.open()))
    assert len(table) == 40 * len(MEASURES)
    line = next(line for line in table if line["step"] == "7" and line["measure"] == "output_gradient")
    assert float(line["layer1.3"]) == 1010.0
    assert float(next(csv.DictReader(evaluations.open()))["test_error"]) == 60.0


def read_records(path: Path) -> list[bytes]:
    content, records = path.read_bytes(), []
    while content:
        length, check = struct.unpack("<QI", content[:12])
        assert check == masked(content[:8])
        data = content[12 : 12 + length]
        assert struct.unpack("<I", content[12 + length : 16 + length])[0] == masked(data)
        records.append(data)
        content = content[16 + length :]
    return records


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_the_checksum_is_the_standards() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, B.4
    assert crc32c(bytes(32)) == 0x8A9136AA


def test_event_files_are_well_formed(run: Path, tmp_path: Path) -> None:
    records = read_records(export_tensorboard(run, tmp_path / "board"))
    assert b"brain.Event:2" in records[0]
    assert len(records) == 1 + 40 + 1 + 40


def test_tensorboard_reads_the_numbers_back(run: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    path = export_tensorboard(run, tmp_path / "board")
    board = reader.EventAccumulator(str(path), size_guidance={"scalars": 0})
    board.Reload()
    losses = board.Scalars("loss/train")
    assert [event.step for event in losses] == list(range(1, 41))
    np.testing.assert_allclose([event.value for event in losses], [1 / step for step in range(1, 41)], rtol=1e-6)
    assert losses[9].wall_time == pytest.approx(1001.0)
    assert [event.value for event in board.Scalars("gradient at output/layer1.3")][6] == 1010.0
    assert board.Scalars("error/test")[0].value == 60.0


def test_a_thinned_copy_keeps_the_story(run: Path, tmp_path: Path) -> None:
    copy = thin(run, tmp_path / "copy", most_steps=10, most_block_steps=5)
    assert not (copy / "checkpoint.safetensors").exists()
    reader = RunReader(copy)
    assert reader.scalar("loss").steps.tolist() == [1, *range(4, 41, 4)]
    assert reader.blocks("update_ratio").steps.tolist() == [1, *range(8, 41, 8)]
    assert reader.evaluations() == RunReader(run).evaluations()
    assert reader.events() == RunReader(run).events()
    assert describe(copy).status.state == "finished"
    with pytest.raises(RunError, match="not empty"):
        thin(run, copy)
    with pytest.raises(RunError):
        thin(tmp_path / "nowhere", tmp_path / "copy2")
