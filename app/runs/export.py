"""A run for other programs: CSV tables, and event files for TensorBoard. No torch, no Qt, no TensorBoard needed."""

from __future__ import annotations

import csv
import io
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.core.errors import RunError
from app.core.files import write_bytes, write_text
from app.runs.folder import read_outline
from app.runs.reader import RunReader
from app.runs.records import MEASURES, SCALARS, Mark
from app.runs.status import read_status
from app.runs.store import write_error

MOST_BLOCK_POINTS = 1000
"""Of each block's curve in TensorBoard, which grows slow with more; the CSV tables have every step."""
_TAGS = {
    "loss": "loss/train",
    "error": "error/train",
    "rate": "learning rate",
    "speed": "pictures per second",
    "parameter_gradient": "gradient of parameters",
    "output_gradient": "gradient at output",
    "update_ratio": "update to weight",
}


def export_csv(run: Path, folder: Path) -> list[Path]:
    """Write steps.csv, blocks.csv and evaluations.csv; the paths.

    `blocks.csv` has a row for each step and measure, and a column for each block.

    Raises:
        RunError: where the run cannot be read or the folder not be written.
    """
    new = RunReader(run).after(Mark())
    blocks = [block.name for block in read_outline(run).blocks]
    steps = new.steps.tolist()
    columns = [steps, new.epochs.tolist(), *(new.scalars[name].tolist() for name in SCALARS)]
    tables: dict[str, tuple[Sequence[str], Iterable[Sequence[Any]]]] = {
        "steps.csv": (("step", "epoch", *SCALARS), zip(*columns, strict=True)),
        "blocks.csv": (
            ("step", "measure", *blocks),
            (
                (step, measure, *values.tolist())
                for measure in MEASURES
                for step, values in zip(new.block_steps.tolist(), new.blocks[measure], strict=True)
            ),
        ),
        "evaluations.csv": (
            ("step", "epoch", "train_loss", "train_error", "test_loss", "test_error", "seconds"),
            (tuple(vars(row).values()) for row in new.evaluations),
        ),
    }
    paths = []
    for name, (header, rows) in tables.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        paths.append(folder / name)
        try:
            write_text(paths[-1], text.getvalue())
        except OSError as error:
            raise write_error(paths[-1], error) from error
    return paths


def export_tensorboard(run: Path, folder: Path) -> Path:
    """Write an event file that `tensorboard --logdir FOLDER` shows; its path.

    Raises:
        RunError: where the run cannot be read or the folder not be written.
    """
    started = read_status(run).started
    path = folder / f"events.out.tfevents.{int(started)}.{socket.gethostname()}.{run.name}"
    content = b"".join(_record(event) for event in _events(run, started))
    try:
        write_bytes(path, content)
    except OSError as error:
        raise write_error(path, error) from error
    return path


def _events(run: Path, started: float) -> Iterator[bytes]:
    yield _event(started, version="brain.Event:2")
    new = RunReader(run).after(Mark())
    times = {}
    for place, step in enumerate(new.steps.tolist()):
        times[step] = started + float(new.scalars["seconds"][place])
        values = [(_TAGS[name], float(new.scalars[name][place])) for name in SCALARS if name in _TAGS]
        yield _event(times[step], step=step, values=values)
    for row in new.evaluations:
        tested = [("loss/test", row.test_loss), ("error/test", row.test_error)]
        yield _event(times.get(row.step, started), step=row.step, values=tested)
    try:
        blocks = [block.name for block in read_outline(run).blocks]
    except RunError:
        return  # a run of another network's making, without an outline
    every = max(1, len(new.block_steps) // MOST_BLOCK_POINTS)
    for place in range(every - 1, len(new.block_steps), every):
        step = int(new.block_steps[place])
        values = [
            (f"{_TAGS[measure]}/{block}", float(value))
            for measure in MEASURES
            for block, value in zip(blocks, new.blocks[measure][place], strict=True)
        ]
        yield _event(times[step], step=step, values=values)


def _event(time: float, *, step: int = 0, version: str = "", values: Sequence[tuple[str, float]] = ()) -> bytes:
    """A protocol buffer of TensorFlow's `Event`: wall_time 1, step 2, file_version 3, summary 5."""
    parts = [b"\x09", struct.pack("<d", time)]
    if step:
        parts += [b"\x10", _varint(step)]
    if version:
        parts.append(_bytes_field(3, version.encode()))
    if values:
        summary = b"".join(
            _bytes_field(1, _bytes_field(1, tag.encode()) + b"\x15" + struct.pack("<f", value)) for tag, value in values
        )
        parts.append(_bytes_field(5, summary))
    return b"".join(parts)


def _bytes_field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _record(data: bytes) -> bytes:
    """TFRecord: length, its checksum, data, its checksum."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", _masked(crc32c(length))) + data + struct.pack("<I", _masked(crc32c(data)))


def _masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


_CRC_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum (RFC 3720), which neither zlib nor the standard library has."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF
