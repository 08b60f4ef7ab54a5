"""What a Linux library or program asks of others: the sonames that it links to, and the glibc that it needs.

Reads ELF files of 64 bits, little endian, without any tool of the system's. Standard library only.
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass
from pathlib import Path

_DYNAMIC, _LOAD = 2, 1
_NEEDED, _STRINGS, _SONAME = 1, 5, 14
_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


@dataclass(frozen=True)
class Links:
    """One ELF file's relations.

    Attributes:
        soname: How others name it; "" for a program.
        needed: The sonames of the libraries that the loader loads with it.
        glibc: The newest version of glibc whose symbols it names, as (major, minor); (0, 0) for none.
    """

    soname: str
    needed: tuple[str, ...]
    glibc: tuple[int, int]


def is_elf(path: Path) -> bool:
    """Whether a file is an ELF file that `read` can read."""
    try:
        with path.open("rb") as file:
            return file.read(6) == b"\x7fELF\x02\x01"
    except OSError:
        return False


def read(path: Path) -> Links:
    """The relations of an ELF file; empty ones where it links to nothing.

    Raises:
        ValueError: where it is not an ELF file, or a damaged one.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is not an ELF file of 64 bits")
        try:
            return _links(data)
        except (struct.error, IndexError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def _links(data: mmap.mmap) -> Links:
    table, entry, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    loads, dynamic = [], None
    for number in range(count):
        kind, _flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, table + number * entry)
        if kind == _LOAD:
            loads.append((address, offset, size))
        elif kind == _DYNAMIC:
            dynamic = (offset, size)
    if dynamic is None:
        return Links("", (), (0, 0))
    tags = []
    for place in range(dynamic[0], dynamic[0] + dynamic[1], 16):
        tag, value = struct.unpack_from("<QQ", data, place)
        if tag == 0:
            break
        tags.append((tag, value))
    address = next(value for tag, value in tags if tag == _STRINGS)
    strings = next(address - start + offset for start, offset, size in loads if start <= address < start + size)

    def text(value: int) -> str:
        return data[strings + value : data.find(b"\0", strings + value)].decode("utf-8", "replace")

    # Names of versions lie in the same table of strings as the symbols' names, near the beginning of the file.
    size = next((value for tag, value in tags if tag == 10), 0)
    versions = [(int(major), int(minor)) for major, minor in _GLIBC.findall(data[strings - 1 : strings + size])]
    return Links(
        next((text(value) for tag, value in tags if tag == _SONAME), ""),
        tuple(text(value) for tag, value in tags if tag == _NEEDED),
        max(versions, default=(0, 0)),
    )
