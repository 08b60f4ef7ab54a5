"""ImageNet's own lists: which class each number of its development kits means. No torch, no SciPy.

The kits count the classes in an order of their own; `meta.mat` (2012) or `map_clsloc.txt` (later years) beside a list
says which WordNet id each number is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.core.errors import DataError

MOST_BYTES = 64_000_000  # unpacked; the real file has 3 MB
CELL, STRUCT, CHAR = 1, 2, 4  # MATLAB's classes of arrays
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q", 16: "B", 17: "H"}
_MATRIX, _COMPRESSED = 14, 15


def class_ids(beside: Path) -> dict[int, str]:
    """The WordNet id of each number, from a kit's table beside a file of labels; empty where there is none.

    Raises:
        DataError: where there is a table that cannot be read.
    """
    for folder in (beside.parent, beside.parent.parent / "data", beside.parent / "data"):
        if (folder / "map_clsloc.txt").is_file():
            return _from_text(folder / "map_clsloc.txt")
        if (folder / "meta.mat").is_file():
            return _from_matlab(folder / "meta.mat")
    return {}


def _from_text(path: Path) -> dict[int, str]:
    """Lines such as “n02119789 1 kit_fox”."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        return {int(row[1]): row[0] for row in rows if len(row) >= 2}
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _from_matlab(path: Path) -> dict[int, str]:
    """`synsets`, a list of records with ILSVRC2012_ID and WNID."""
    try:
        content = path.read_bytes()
        order = {b"IM": "<", b"MI": ">"}[content[126:128]]
        arrays = dict(_array(order, data) for kind, data in _elements(order, content[128:]) if kind == _MATRIX)
        rows = arrays["synsets"]
        found = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in rows}
    except (OSError, KeyError, ValueError, TypeError, IndexError, struct.error, zlib.error) as error:
        raise _unreadable(path, error) from error
    return found


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read as ImageNet's table of classes ({error}).", "Get the development kit again."
    )


def _elements(order: str, content: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, data) of each element; what is compressed is unpacked. The MAT-file format, level 5, section 1."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(order + "II", content, place)
        if kind >> 16:  # four bytes or fewer share the tag's eight
            kind, size = kind & 0xFFFF, kind >> 16
            data, place = content[place + 4 : place + 4 + size], place + 8
        else:
            data, place = content[place + 8 : place + 8 + size], place + 8 + size
            place += 0 if kind == _COMPRESSED else -size % 8
        if len(data) < size:
            raise ValueError("it is cut off")
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            data = unpacker.decompress(data, MOST_BYTES)
            if unpacker.unconsumed_tail:
                raise ValueError("it is larger than such a table can be")
            yield from _elements(order, data)
        else:
            yield kind, data


def _array(order: str, content: bytes) -> tuple[str, Any]:
    """(name, value): a text, a number, a list of numbers, or a list of records."""
    parts = list(_elements(order, content))
    kind = parts[0][1][0 if order == "<" else 3]
    name = parts[2][1].decode("ascii", "replace")
    if kind == STRUCT:
        return name, _records(order, parts[3:])
    if kind == CELL or len(parts) < 4:
        return name, None
    letter = _NUMBERS.get(parts[3][0])
    if letter is None:
        return name, None
    data = parts[3][1]
    count = len(data) // struct.calcsize(letter)
    values = struct.unpack_from(f"{order}{count}{letter}", data)
    if kind == CHAR:
        return name, "".join(map(chr, values))
    return name, values[0] if count == 1 else list(values)


def _records(order: str, parts: list[tuple[int, bytes]]) -> list[dict[str, Any]]:
    (length,) = struct.unpack_from(order + "i", parts[0][1])
    if not 0 < length <= 64:
        raise ValueError("its fields have no names")
    text = parts[1][1]
    fields = [text[at : at + length].split(b"\0")[0].decode("ascii", "replace") for at in range(0, len(text), length)]
    values = [_array(order, data)[1] for kind, data in parts[2:] if kind == _MATRIX]
    if not fields or len(values) % len(fields):
        raise ValueError("its records are not whole")
    return [dict(zip(fields, values[at : at + len(fields)], strict=True)) for at in range(0, len(values), len(fields))]
