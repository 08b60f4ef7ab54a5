"""Torch's own files: zip archives (1.6 and later), legacy pickles, TorchScript archives; and plain pickles of arrays.

`torch.load(weights_only=True)` would do for most, but not for TorchScript, not within a bound of memory, and it does
not say of a legacy file what it would have run. So the pickle is read symbolically (`app.zoo.pickles`) and the tensors
are made here, as views of the mapped file, each after its size was checked against the file's.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.zoo.contents import Contents, DamagedFile, Region
from app.zoo.pickles import Machine, Name, Reading, unsafe_names
from app.zoo.unfolding import Unfolding

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LARGEST_DIRECTORY = 32 << 20
_LARGEST_PICKLE = 128 << 20
_LARGEST_UNPACKED = 1 << 30
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
    "QInt8Storage": torch.int8,
    "QUInt8Storage": torch.uint8,
    "QInt32Storage": torch.int32,
}


def read_legacy(path: Path, buffer: mmap.mmap) -> Contents:
    """A file that `torch.save` of torch < 1.6 wrote, or any other pickle."""
    first = Machine().run(buffer)
    if first.value != LEGACY_MAGIC:
        return _unfolded(path, "Python pickle", first, _no_storage)
    version, system = Machine().run(buffer), Machine().run(buffer)
    if version.value != 1001 or not isinstance(system.value, dict):
        raise DamagedFile("its header is damaged")
    if system.value.get("little_endian") is False:
        raise DamagedFile("it was written by a machine with another byte order")
    body, keys = Machine().run(buffer), Machine().run(buffer)
    if not isinstance(keys.value, list):
        raise DamagedFile("its list of storages is damaged")
    storages: dict[str, Tensor] = {}
    if not unsafe_names(body):
        storages = _legacy_storages(buffer, keys.value, {one.key: one.dtype for one in map(_Stored, body.persistent)})

    def storage(key: Any) -> Tensor:
        stored = _Stored(key)
        if stored.key not in storages:
            raise DamagedFile("a tensor refers to a storage that the file does not have")
        flat = storages[stored.key]
        if stored.part is None:
            return flat
        start, count = stored.part  # torch before 0.4 could save a storage as a part of another
        if not 0 <= start <= start + count <= flat.numel():
            raise DamagedFile("a tensor refers to a part of a storage that is not there")
        return flat[start : start + count]

    return _unfolded(path, "PyTorch legacy pickle", body, storage)


def read_zip(path: Path, buffer: mmap.mmap) -> Contents:
    """An archive that `torch.save` of torch ≥ 1.6 or `torch.jit.save` wrote."""
    archive = _Archive(path, buffer)
    pickles = [name for name in archive.entries if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise DamagedFile(_what_archive(archive))
    folder = pickles[0].removesuffix("data.pkl")
    if archive.read(f"{folder}byteorder", 16, b"little") != b"little":
        raise DamagedFile("it was written by a machine with another byte order")
    reading = Machine().run(io.BytesIO(archive.read(pickles[0], _LARGEST_PICKLE)))
    script = f"{folder}constants.pkl" in archive.entries
    format_ = "TorchScript archive" if script else "PyTorch zip archive"

    def storage(key: Any) -> Tensor:
        stored = _Stored(key)
        region = archive.region(f"{folder}data/{stored.key}")
        count = region.size // stored.dtype.itemsize
        if stored.count > count:
            raise DamagedFile(f"a storage claims {stored.count:,} numbers where the file has {count:,}")
        return region.tensor(stored.dtype, stored.count)

    return _unfolded(path, format_, reading, storage, script=script)


def _unfolded(
    path: Path, format_: str, reading: Reading, storage: Callable[[Any], Tensor], *, script: bool = False
) -> Contents:
    unsafe = unsafe_names(reading, script=script)
    tree = None if unsafe else Unfolding(storage).tree(reading.value)
    return Contents(path, format_, tree, names_unsafe=unsafe)


def _no_storage(_key: Any) -> Tensor:
    raise DamagedFile("its pickle refers to storages that the file does not have")


class _Stored:
    """A persistent id: ('storage', type, key, where it lay, count of elements, part of another storage)."""

    def __init__(self, key: Any) -> None:
        if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage":
            raise DamagedFile("it refers to something that is not a storage")
        kind, self.key, self.count = key[1], key[2], key[4]
        if not isinstance(kind, Name) or kind.name not in _STORAGES:
            what = kind if isinstance(kind, Name) else type(kind).__name__  # lists in lists would be a text without end
            raise DamagedFile(f"it has a storage of the unknown type {what}")
        self.dtype = _STORAGES[kind.name]
        if not isinstance(self.key, str) or not isinstance(self.count, int) or not 0 <= self.count < 2**40:
            raise DamagedFile("it has a storage that lies about its size")
        self.part: tuple[int, int] | None = None
        if len(key) > 5 and isinstance(key[5], tuple) and len(key[5]) == 3:
            _, start, count = key[5]
            if not isinstance(start, int) or not isinstance(count, int):
                raise DamagedFile("it has a storage that lies about its size")
            self.part = (start, count)


def _legacy_storages(buffer: mmap.mmap, keys: list[Any], types: dict[str, torch.dtype]) -> dict[str, Tensor]:
    """The storages of a legacy file, one after another: a count of elements, then the elements."""
    storages: dict[str, Tensor] = {}
    place, end = buffer.tell(), len(buffer)
    for key in keys:
        if not isinstance(key, str) or key not in types:
            raise DamagedFile("it has a storage that nothing refers to")
        if place + 8 > end:
            raise DamagedFile("it ends in the middle (cut off?)")
        (count,) = struct.unpack("<q", buffer[place : place + 8])
        size = count * types[key].itemsize
        if count < 0 or place + 8 + size > end:
            raise DamagedFile("it ends in the middle (cut off?), or a tensor lies about its size")
        storages[key] = Region(buffer, place + 8, size).tensor(types[key], count)
        place += 8 + size
    return storages


class _Archive:
    """A zip archive of which nothing is unpacked unasked, and nothing larger than it may be."""

    def __init__(self, path: Path, buffer: mmap.mmap) -> None:
        self.path = path
        self.buffer = buffer
        _check_directory(buffer)
        try:
            with zipfile.ZipFile(path) as archive:
                self.entries = {entry.filename: entry for entry in archive.infolist()}
        except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError, struct.error) as error:
            raise DamagedFile(f"its table of contents is damaged, perhaps cut off ({error})") from error
        self._unpacked = 0

    def read(self, name: str, most: int, default: bytes | None = None) -> bytes:
        """An entry's bytes."""
        if name not in self.entries and default is not None:
            return default
        if name in self.entries and self.entries[name].file_size > most:  # also one that is not compressed is copied
            raise DamagedFile(f"its part {name} has {self.entries[name].file_size >> 20:,} MiB")
        region = self.region(name, most)
        return bytes(region.buffer[region.start : region.start + region.size])

    def region(self, name: str, most: int = _LARGEST_UNPACKED) -> Region:
        """Where an entry's bytes are: in the file itself, or unpacked where it is compressed."""
        if name not in self.entries:
            raise DamagedFile(f"its part {name} is missing")
        entry = self.entries[name]
        stored = entry.compress_type == zipfile.ZIP_STORED
        if not stored and entry.file_size > most:
            raise DamagedFile(f"its part {name} would unpack to {entry.file_size >> 20:,} MiB")
        region = self._stored(entry) if stored else self._unpack(entry)
        # Torch writes 0 where it was told to compute no checksums.
        if entry.CRC and zlib.crc32(memoryview(region.buffer)[region.start : region.start + region.size]) != entry.CRC:
            raise DamagedFile(f"its part {name} is damaged: the checksum does not match")
        return region

    def _stored(self, entry: zipfile.ZipInfo) -> Region:
        head = self.buffer[entry.header_offset : entry.header_offset + 30] if entry.header_offset >= 0 else b""
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            raise DamagedFile(f"its part {entry.filename} is not where the table of contents says")
        name_size, extra_size = struct.unpack("<HH", head[26:30])
        start = entry.header_offset + 30 + name_size + extra_size
        if start + entry.file_size > len(self.buffer):
            raise DamagedFile(f"its part {entry.filename} lies about its size, or the file is cut off")
        return Region(self.buffer, start, entry.file_size)

    def _unpack(self, entry: zipfile.ZipInfo) -> Region:
        self._unpacked += entry.file_size
        if self._unpacked > _LARGEST_UNPACKED:
            raise DamagedFile(f"it would unpack to more than {_LARGEST_UNPACKED >> 20:,} MiB")
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(entry) as file:
                data = bytearray(file.read(entry.file_size + 1))
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
            raise DamagedFile(f"its part {entry.filename} cannot be unpacked ({error})") from error
        if len(data) != entry.file_size:
            raise DamagedFile(f"its part {entry.filename} lies about its size")
        return Region(data, 0, len(data))


def _check_directory(buffer: mmap.mmap) -> None:
    """Refuse a table of contents so long that parsing it would take more than we give."""
    place = buffer.rfind(b"PK\x05\x06", max(0, len(buffer) - 66_000))
    if place < 0 or place + 22 > len(buffer):
        raise DamagedFile("its end is missing: it was cut off")
    (size,) = struct.unpack("<I", buffer[place + 12 : place + 16])
    if size == 0xFFFFFFFF:
        wide = buffer.rfind(b"PK\x06\x06", max(0, place - 66_000), place)
        size = struct.unpack("<Q", buffer[wide + 40 : wide + 48])[0] if wide >= 0 else 0
    if size > _LARGEST_DIRECTORY:
        raise DamagedFile(f"its table of contents claims {size >> 20:,} MiB")


def _what_archive(archive: _Archive) -> str:
    names = archive.entries
    if any(name.endswith("archive_format") or name.startswith("models/") for name in names):
        return "it is a torch.export archive, which holds a program"
    inner = [name for name in names if name.lower().endswith((".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".onnx"))]
    if inner:
        return f"it is an archive with files in it ({', '.join(inner[:3])}); unpack it, and give one of these"
    if names and all(name.endswith(".npy") for name in names):
        return "it is an archive of NumPy arrays (.npz), which we do not read; save it as a state dict first"
    if any(name.endswith(".weights.h5") for name in names):
        return "it is a file of Keras 3 (.keras), which we do not read; save it as ONNX first (tf2onnx)"
    if not names:
        return "it is an empty zip archive"
    return f"it is a zip archive without weights of PyTorch ({', '.join(list(names)[:3])})"
