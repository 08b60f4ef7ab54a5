"""What a file of weights holds, whatever its format: nested tables with tensors and plain values as leaves."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.core.errors import ModelError

LARGEST_FILE = 8 << 30


class DamagedFile(ValueError):
    """The bytes are not what the format asks for.

    Args:
        why: In words that follow “because”.
        remedy: What to do; "" for getting the file again.
    """

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.remedy = remedy


@dataclass(frozen=True, eq=False)
class Contents:
    """A file, read without running anything in it.

    Attributes:
        path: The file.
        format: Its format in words.
        tree: Nested dicts and lists; leaves are tensors (mostly views of the mapped file) and plain values.
        ordered: Whether the order of the keys is the order in which the network was defined.
        names_unsafe: What reading it the usual way would have imported or called beyond containers of data.
        notes: What the user should know.
        facts: Plain values from beside the file, such as Hugging Face's `config.json`.
    """

    path: Path
    format: str
    tree: Any
    ordered: bool = True
    names_unsafe: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def unreadable(path: Path, why: str, remedy: str = "") -> ModelError:
    """The error for a file that cannot be read as weights."""
    return ModelError(f"{path} cannot be read as weights: {why.rstrip('.')}.", remedy or "Get the file again.")


def map_file(path: Path) -> mmap.mmap:
    """Map a file into memory, privately: nothing is read until it is needed, and nothing is ever written back.

    Raises:
        DamagedFile: where it is empty or larger than any network that we take in.
        OSError: where it cannot be opened.
    """
    size = path.stat().st_size
    if size == 0:
        raise DamagedFile("it is empty")
    if size > LARGEST_FILE:
        raise DamagedFile(f"it is larger than {LARGEST_FILE >> 30} GiB")
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


@dataclass(frozen=True)
class Region:
    """A stretch of a mapped file (or of bytes in memory).

    Attributes:
        buffer: The mapped file.
        start: First byte.
        size: How many bytes.
    """

    buffer: mmap.mmap | bytearray
    start: int
    size: int

    def tensor(self, dtype: torch.dtype, count: int) -> Tensor:
        """The first `count` numbers as a flat tensor that shares the memory.

        Raises:
            DamagedFile: where the region is too short.
        """
        if count < 0 or count * dtype.itemsize > self.size:
            raise DamagedFile(f"a tensor claims {count:,} numbers where the file has {self.size:,} bytes")
        if count == 0:
            return torch.empty(0, dtype=dtype)
        return torch.frombuffer(self.buffer, dtype=dtype, count=count, offset=self.start)


def view(flat: Tensor, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """A tensor of that shape over a flat one, after checking that it stays inside and does not repeat itself.

    Raises:
        DamagedFile: where it lies about its size.
    """
    numbers = (offset, *shape, *stride)
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one < 2**48 for one in numbers):
        raise DamagedFile("a tensor has a shape that is not made of whole numbers")
    if len(shape) != len(stride) or len(shape) > 8:
        raise DamagedFile("a tensor has a shape that does not fit its strides")
    count, last = 1, offset
    for size, step in zip(shape, stride, strict=True):
        count *= size
        last += max(size - 1, 0) * step
    if count and (last >= flat.numel() or count > flat.numel()):
        raise DamagedFile(f"a tensor claims {count:,} numbers where the file has {flat.numel():,}")
    return flat.as_strided(shape, stride, offset) if count else torch.empty(shape, dtype=flat.dtype)


def count_tensors(tree: Any) -> int:
    """How many tensors there are in a tree; a shared branch counts once."""
    count, seen, waiting = 0, set[int](), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tensor):
            count += 1
        elif isinstance(node, Mapping | list | tuple) and id(node) not in seen:
            seen.add(id(node))
            waiting.extend(node.values() if isinstance(node, Mapping) else node)
    return count
