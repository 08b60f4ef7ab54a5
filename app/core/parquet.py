"""Writing tables as Apache Parquet: flat columns, plain encoding, no compression. Why not pyarrow: docs/decisions/0007.

After the format's specification (parquet-format 2.10): row groups of column chunks, each one data page, then the file's
metadata in Thrift's compact protocol. Every column may have gaps (None).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import BinaryIO, Literal

Cell = int | float | str | None
Kind = Literal["integer", "number", "text"]

MAGIC = b"PAR1"
GROUP = 20_000  # rows; what is held in memory at once
_TYPES = {"integer": 2, "number": 5, "text": 6}  # INT64, DOUBLE, BYTE_ARRAY
_OPTIONAL, _UTF8, _PLAIN, _RLE, _UNCOMPRESSED, _DATA_PAGE = 1, 0, 0, 3, 0, 0


@dataclass(frozen=True)
class Column:
    """A column's name and what is in it."""

    name: str
    kind: Kind


def write_parquet(
    file: BinaryIO, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, group: int = GROUP
) -> int:
    """Write rows as they come, in constant memory; how many there were.

    Args:
        rows: One cell per column each.
        group: Rows per row group.
    """
    file.write(MAGIC)
    position, total = len(MAGIC), 0
    groups: list[list[object]] = []
    waiting: list[Sequence[Cell]] = []

    def flush() -> None:
        nonlocal position
        chunks: list[object] = []
        began = position
        for place, column in enumerate(columns):
            page = _page(column, [row[place] for row in waiting])
            chunks.append(_chunk(column, position, len(page), len(waiting)))
            file.write(page)
            position += len(page)
        groups.append([(1, chunks), (2, _I64(position - began)), (3, _I64(len(waiting)))])

    for row in rows:
        waiting.append(row)
        total += 1
        if len(waiting) == group:
            flush()
            waiting = []
    if waiting:
        flush()
    schema: list[object] = [[(4, b"table"), (5, len(columns))]]
    for column in columns:
        element: list[object] = [(1, _TYPES[column.kind]), (3, _OPTIONAL), (4, column.name.encode())]
        schema.append(element + ([(6, _UTF8)] if column.kind == "text" else []))
    footer = _struct([(1, 1), (2, schema), (3, _I64(total)), (4, groups), (6, b"ResNet Explorer")])
    file.write(footer + struct.pack("<I", len(footer)) + MAGIC)
    return total


def _page(column: Column, cells: Sequence[Cell]) -> bytes:
    """One data page with its header: which cells are there (run lengths), then those, one after the other."""
    runs = b"".join(
        _varint(len(list(run)) << 1) + bytes([there]) for there, run in groupby(c is not None for c in cells)
    )
    present = [cell for cell in cells if cell is not None]
    if column.kind == "integer":
        values = struct.pack(f"<{len(present)}q", *(int(cell) for cell in present))
    elif column.kind == "number":
        values = struct.pack(f"<{len(present)}d", *(float(cell) for cell in present))
    else:
        texts = [str(cell).encode("utf-8", "replace") for cell in present]
        values = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    body = struct.pack("<I", len(runs)) + runs + values
    data_page: list[object] = [(1, len(cells)), (2, _PLAIN), (3, _RLE), (4, _RLE)]
    return _struct([(1, _DATA_PAGE), (2, len(body)), (3, len(body)), (5, data_page)]) + body


def _chunk(column: Column, offset: int, size: int, count: int) -> list[object]:
    facts: list[object] = [
        (1, _TYPES[column.kind]),
        (2, [_PLAIN, _RLE]),
        (3, [column.name.encode()]),
        (4, _UNCOMPRESSED),
        (5, _I64(count)),
        (6, _I64(size)),
        (7, _I64(size)),
        (9, _I64(offset)),
    ]
    return [(2, _I64(offset)), (3, facts)]


# Thrift's compact protocol: a struct is a list of (field number, value); bytes, int and _I64 are plain values, and a
# list that does not begin with such a pair is a list.


@dataclass(frozen=True)
class _I64:
    value: int
    kind: int = field(default=6, init=False)


def _struct(fields: Sequence[object]) -> bytes:
    out = bytearray()
    before = 0
    for one in fields:
        assert isinstance(one, tuple)
        number, value = one
        out.append((number - before) << 4 | _kind(value))
        out += _value(value)
        before = number
    return bytes(out) + b"\0"


def _kind(value: object) -> int:
    if isinstance(value, bytes):
        return 8
    if isinstance(value, _I64):
        return 6
    if isinstance(value, list):
        return 12 if _is_struct(value) else 9
    return 5


def _is_struct(value: list[object]) -> bool:
    return bool(value) and isinstance(value[0], tuple)


def _value(value: object) -> bytes:
    if isinstance(value, bytes):
        return _varint(len(value)) + value
    if isinstance(value, _I64):
        return _varint(_zigzag(value.value))
    if isinstance(value, int):
        return _varint(_zigzag(value))
    assert isinstance(value, list)
    if _is_struct(value):
        return _struct(value)
    kind = _kind(value[0]) if value else 12
    head = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + _varint(len(value))
    return head + b"".join(_value(one) for one in value)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
