"""From what the pickle machine read to nested tables with tensors and plain values as leaves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.zoo.contents import DamagedFile, view
from app.zoo.pickles import Made, Name, Persistent, attributes

_TENSOR_MAKERS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
_WRAPPERS = ("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter")
_PATHS = ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
_DEEPEST = 64
_LONGEST_NUMBER = 4096  # bits
_MOST_NODES = 2_000_000
_MOST_REPEATED = 64 << 20  # bytes
_MOST_SIZES = 64  # of a tensor's shape
_ENTRY = 200  # bytes, about, of a table's or a list's


class Unfolding:
    """Turns records of calls into values. Shared parts stay shared, so that small files stay small.

    Args:
        storage: Gives the flat tensor of a persistent id.
    """

    def __init__(self, storage: Callable[[Any], Tensor]) -> None:
        self._storage = storage
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # while an object lives, its id is its own
        self._storages: dict[Any, Tensor] = {}
        self._copied: set[int] = set()
        self._repeated = 0

    def tree(self, value: Any, depth: int = 0) -> Any:
        """The value with every record in it replaced.

        Raises:
            DamagedFile: where a tensor lies, or the nesting is deeper than any checkpoint's.
        """
        if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
            raise DamagedFile(f"it has a number of {value.bit_length():,} bits, as no checkpoint has")
        if value is None or isinstance(value, str | bytes | int | float | bool):
            return value
        if depth > _DEEPEST or len(self._kept) > _MOST_NODES:
            raise DamagedFile("it is nested deeper than any checkpoint")
        if id(value) in self._done:
            return self._done[id(value)]
        self._kept.append(value)
        self._done[id(value)] = None  # a value inside itself
        if isinstance(value, dict):
            table: dict[Any, Any] = {}
            self._done[id(value)] = table
            for key, one in value.items():
                if isinstance(key, int):
                    self.tree(key)
                table[str(key) if isinstance(key, Name) else key] = self.tree(one, depth + 1)
            return table
        if isinstance(value, list | tuple):
            values: list[Any] = []
            self._done[id(value)] = values
            values.extend(self.tree(one, depth + 1) for one in value)
            return values
        result = self._made(value, depth) if isinstance(value, Made) else None
        if isinstance(value, Name | bytearray):  # of anything else the text could be without end
            result = str(value)
        self._done[id(value)] = result
        return result

    def _made(self, made: Made, depth: int) -> Any:
        module, name, arguments = made.name.module, made.name.name, made.arguments
        if module.startswith("torch") and name in _TENSOR_MAKERS:
            return self._tensor(name, arguments)
        if module.startswith("torch") and name == "_rebuild_qtensor":
            raise DamagedFile("its weights are quantised to 8 bits, with scales; give those from before")
        if module.startswith("torch") and name in _WRAPPERS and arguments:
            return self.tree(arguments[0], depth + 1)
        if module == "torch._tensor" and len(arguments) > 2 and isinstance(arguments[2], tuple):
            return self._made(Made(Name("torch._utils", getattr(arguments[0], "name", "")), arguments[2]), depth)
        if module.split(".")[0] == "numpy":
            return self._numpy(made)
        if name == "encode" and arguments and isinstance(arguments[0], str):
            self._copy(arguments[0], len(arguments[0]))
            return arguments[0].encode("latin-1", "replace")
        if name in _PATHS:
            for part in arguments:
                self._copy(part, len(part) if isinstance(part, str) else 0)
            return "/".join(part for part in arguments if isinstance(part, str))
        if name in ("Size", "set", "frozenset", "deque", "tuple", "list"):
            first = arguments[0] if arguments and isinstance(arguments[0], list | tuple) else ()
            self._copy(first, _ENTRY * len(first))
            return self.tree([*first, *made.elements], depth + 1)
        state = made.state[0] if isinstance(made.state, tuple) and made.state else made.state
        for source in (state, *arguments[-1:]):
            self._copy(source, _ENTRY * len(source) if isinstance(source, dict) else 0)
        known = attributes(made)
        if name in ("dict", "defaultdict", "Counter") and arguments and isinstance(arguments[-1], dict):
            known = {**arguments[-1], **known}
        if known:
            return self.tree(known, depth + 1)
        return self.tree(made.elements, depth + 1) if made.elements else None

    def _copy(self, source: Any, size: int) -> None:
        """Count what is copied again: a value of a megabyte may stand in thousands of objects, of some bytes each.

        Raises:
            DamagedFile: where that becomes too much.
        """
        if id(source) in self._copied:
            self._repeated += size
        self._copied.add(id(source))
        if self._repeated > _MOST_REPEATED:
            raise DamagedFile("it repeats its values more often than any checkpoint")

    def _tensor(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if len(arguments) < 4 or not isinstance(arguments[0], Persistent):
            raise DamagedFile("it has a tensor without a storage")
        key, offset = arguments[0].id, arguments[1]
        shape, stride = (self._sizes(one) for one in arguments[2:4])
        whole = key if isinstance(key, tuple) else ()
        # Of tuples in tuples even the hash would take without end.
        parts = [part for one in whole for part in (one if isinstance(one, tuple) else (one,))]
        if not parts or not all(isinstance(part, str | int | Name | None) for part in parts):
            raise DamagedFile("it has a tensor whose storage is damaged")
        if key not in self._storages:
            self._storages[key] = self._storage(key)
        flat = self._storages[key]
        if name == "_rebuild_tensor_v3" and len(arguments) > 6 and isinstance(arguments[6], Name):
            dtype = getattr(torch, arguments[6].name, None)
            if not isinstance(dtype, torch.dtype) or flat.numel() * flat.itemsize % dtype.itemsize:
                raise DamagedFile(f"it has a tensor of the unknown type {arguments[6]}")
            flat = flat.view(dtype)
        return view(flat, offset, shape, stride)

    def _sizes(self, sizes: Any) -> tuple[int, ...]:
        if isinstance(sizes, Made) and sizes.name.name == "Size" and sizes.arguments:
            sizes = sizes.arguments[0]
        if not isinstance(sizes, list | tuple) or len(sizes) > _MOST_SIZES:
            raise DamagedFile("a tensor has a shape that is not made of whole numbers")
        return tuple(sizes)

    def _numpy(self, made: Made) -> Any:
        """An array as a tensor, a scalar as a number; anything else of numpy's as None."""
        arguments = made.arguments
        try:
            if made.name.name == "scalar" and len(arguments) == 2:
                value = np.frombuffer(self._bytes(arguments[1]), _dtype(arguments[0]), 1)[0].item()
                return value if isinstance(value, int | float | bool | str) else None
            if made.name.name == "_frombuffer" and len(arguments) >= 3:
                return _array(self._bytes(arguments[0]), _dtype(arguments[1]), arguments[2], arguments[3:4] == ("F",))
            if made.name.name == "_reconstruct" and isinstance(made.state, tuple) and len(made.state) == 5:
                _, shape, dtype, fortran, data = made.state
                if not isinstance(data, list):
                    return _array(self._bytes(data), _dtype(dtype), shape, bool(fortran))
        except (ValueError, TypeError, IndexError) as error:
            raise DamagedFile(f"it has a damaged array ({error})") from error
        return None

    def _bytes(self, value: Any) -> bytes:
        """Bytes as protocol 2 writes them too: _codecs.encode(text, "latin1")."""
        if isinstance(value, Made) and value.name.name == "encode" and value.arguments:
            value = value.arguments[0]
        if not isinstance(value, str | bytes | bytearray):
            raise ValueError("its data are not bytes")
        self._copy(value, len(value))
        return value.encode("latin-1") if isinstance(value, str) else bytes(value)


def _array(data: bytes, dtype: np.dtype[Any], shape: Any, fortran: bool) -> Tensor | None:
    if dtype.kind not in "fiub" or (dtype.kind == "f" and dtype.itemsize > 8):
        return None
    if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError("its shape is not made of whole numbers")
    array = np.frombuffer(bytearray(data), dtype).reshape(shape, order="F" if fortran else "C")
    native = array.astype(dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "u" and native.dtype.itemsize > 1:
        native = native.astype(np.int64)
    return torch.from_numpy(np.ascontiguousarray(native)).reshape(shape)


def _dtype(made: Any) -> np.dtype[Any]:
    """numpy.dtype('f4', False, True) with the state (3, '<', …)."""
    if isinstance(made, Name):
        return np.dtype(made.name)
    code = made.arguments[0] if isinstance(made, Made) and made.arguments else None
    if isinstance(code, Name):
        code = code.name
    if not isinstance(code, str) or not code.strip("<>=|")[:1].isalpha() or len(code) > 12:
        raise ValueError("its type is not a number's")
    dtype = np.dtype(code)
    order = made.state[1] if isinstance(made.state, tuple) and len(made.state) > 1 else "="
    big = order == ">" or (order in "=|" and sys.byteorder == "big") if isinstance(order, str) else False
    return dtype.newbyteorder(">" if big else "<")
