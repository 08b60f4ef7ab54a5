"""Opens a file (or folder) of weights of any format that we know, by what is in it, not by its name."""

from __future__ import annotations

import json
import logging
import mmap
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch

from app.zoo.contents import Contents, DamagedFile, map_file, unreadable
from app.zoo.foreign import is_elsewhere, no_file, refuse_foreign, unknown
from app.zoo.onnx_file import looks_like_onnx, read_onnx
from app.zoo.pickles import PickleError
from app.zoo.torch_files import read_legacy, read_zip

log = logging.getLogger(__name__)

_LARGEST_HEADER = 32 << 20
_LARGEST_CONFIG = 16 << 20
_WHOLE_NAMES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.\w+)")


def read_contents(path: Path) -> Contents:
    """Everything in a file or folder of weights; nothing in it runs.

    Raises:
        ModelError: where it is not there, not weights, or damaged, with the reason.
    """
    try:
        if path.is_dir():
            path = _chosen(path)
        contents = _read(path)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), "Check that it is there and may be read.") from error
    except (DamagedFile, PickleError) as error:
        raise unreadable(path, str(error), getattr(error, "remedy", "")) from error
    # The formats are read by code of ours and of others that trusts no byte; whatever it stumbles over is the file's.
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError, MemoryError) as error:
        log.info("%s is damaged", path, exc_info=error)
        raise unreadable(path, "it is damaged: what it says of its parts does not fit together") from error
    return contents


def weight_files(path: Path) -> tuple[Path, ...]:
    """The files that `read_contents` takes the tensors of a file or folder from: several where it is in parts.

    Raises:
        ModelError: where they cannot be found.
    """
    try:
        path = _chosen(path) if path.is_dir() else path
        return tuple(path.with_name(name) for name in _part_names(path) or [path.name])
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), "Check that it is there and may be read.") from error
    except (DamagedFile, ValueError) as error:
        raise unreadable(path, str(error)) from error


def _read(path: Path) -> Contents:
    if problem := no_file(path):
        raise problem
    if path.suffix == ".distcp":
        path = path.parent
        _chosen(path)
    names = _part_names(path)
    return _with_configs(_read_one(path) if names is None else _read_shards(path, names))


def _part_names(path: Path) -> list[str] | None:
    """The names of all parts, of an index or one of its parts; None for a file that is whole."""
    if path.name.endswith(".index.json"):
        table = _json(path).get("weight_map")
        if not isinstance(table, dict) or not all(isinstance(name, str) for name in table.values()):
            raise DamagedFile("it is not an index of weights")
        return sorted(set(table.values()))
    shard = _SHARD.fullmatch(path.name)
    if shard and int(shard[3]) > 1:
        return [f"{shard[1]}-{n:05d}-of-{shard[3]}{shard[4]}" for n in range(1, int(shard[3]) + 1)]
    return None


def _read_one(path: Path) -> Contents:
    with path.open("rb") as file:
        head = file.read(512)
    refuse_foreign(path, head, path.stat().st_size)
    reader = _reader(head)
    if reader is None or (reader is read_onnx and is_elsewhere(path)):
        raise unknown(path)
    return reader(path, map_file(path))


def _reader(head: bytes) -> Callable[[Path, mmap.mmap], Contents] | None:
    if head.startswith(b"PK\x03\x04"):
        return read_zip
    if len(head) > 9 and head[8:9] == b"{" and 0 < struct.unpack("<Q", head[:8])[0] < 1 << 40:
        return _read_safetensors
    if looks_like_onnx(head):
        return read_onnx
    if head[:1] == b"\x80" or head[:1] in (b"(", b"]", b"}", b"c"):
        return read_legacy
    return None


def _read_safetensors(path: Path, buffer: mmap.mmap) -> Contents:
    (size,) = struct.unpack("<Q", buffer[:8])
    if size > min(_LARGEST_HEADER, len(buffer) - 8):
        raise DamagedFile("its header is longer than the file, or than any network's")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            table = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            facts = dict(file.metadata() or {})
    except safetensors.SafetensorError as error:
        raise DamagedFile(f"it is damaged ({error})") from error
    return Contents(path, "safetensors", table, ordered=False, facts=facts)


def _read_shards(path: Path, names: list[str]) -> Contents:
    if not names or len(names) > 1000:
        raise DamagedFile(f"it speaks of {len(names)} files")
    tree: dict[str, Any] = {}
    unsafe: tuple[str, ...] = ()
    format_ = ""
    for name in names:
        if name != Path(name).name or "\\" in name:
            raise DamagedFile(f"it asks for weights outside its own folder ({name[:80]})")
        part = path.with_name(name)
        if not part.is_file():
            raise DamagedFile(f"it has {len(names)} parts, and {name} is not beside it")
        contents = _read_one(part)
        if contents.names_unsafe:
            unsafe += contents.names_unsafe
        elif isinstance(contents.tree, dict):
            tree |= contents.tree
        format_ = contents.format
    return Contents(
        path, f"{format_}, {len(names)} parts", None if unsafe else tree, ordered=False, names_unsafe=unsafe
    )


def _with_configs(contents: Contents) -> Contents:
    """Adds what Hugging Face and timm keep in JSON files beside weights that are alone in their folder."""
    folder = contents.path.parent
    facts = dict(contents.facts)
    alone = contents.path.name in _WHOLE_NAMES or _SHARD.fullmatch(contents.path.name)
    for name in ("config.json", "preprocessor_config.json") if alone else ():
        if (folder / name).is_file():
            try:
                facts[name.removesuffix(".json")] = _json(folder / name)
            except DamagedFile:
                continue  # a damaged side file says nothing; the weights are what was asked for
    return Contents(
        contents.path, contents.format, contents.tree, contents.ordered, contents.names_unsafe, contents.notes, facts
    )


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_CONFIG:
        raise DamagedFile(f"{path.name} is larger than {_LARGEST_CONFIG >> 20} MiB")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path.name} is not JSON ({str(error)[:80]})") from error
    if not isinstance(table, dict):
        raise DamagedFile(f"{path.name} is not a table")
    return table


def _chosen(folder: Path) -> Path:
    """The weights in a folder: Hugging Face's names, or the only file of weights that is there."""
    for name in _WHOLE_NAMES:
        if (folder / name).is_file():
            return folder / name
    if (folder / ".metadata").is_file() or any(folder.glob("*.distcp")):
        raise unreadable(
            folder,
            "it is a checkpoint in shards of torch.distributed",
            "Make one file of it with “python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE”.",
        )
    endings = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".th", ".onnx")
    files = sorted(file for file in folder.iterdir() if file.name.lower().endswith(endings))
    if len(files) == 1:
        return files[0]
    found = f"it holds {len(files)} files of weights" if files else "it holds no file of weights"
    raise unreadable(folder, found, "Give the file itself.")
