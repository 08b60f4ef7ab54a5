"""Files that mean harm, and good files that were damaged: for the tests and for `tests/bench/fuzz_checkpoints.py`."""

from __future__ import annotations

import io
import json
import os
import pickle
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from app.networks.registry import build
from tests.unit import checkpoint_files as files

Maker = Callable[[Path, Path], Path]  # (folder, canary) -> the file


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path, function: Any = os.mkdir) -> None:
        self.path, self.function = path, function

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return self.function, (str(self.path),)


def small_state() -> files.State:
    """A whole network of 78,000 numbers, without statistics: nothing is tried on it."""
    torch.manual_seed(0)
    return build("cifar", "resnet8", classes=10, options={"shortcut": "B"}).state_dict()


def opcodes(canary: Path) -> dict[str, bytes]:
    """Pickle programs that make the canary, each with other instructions."""
    path = str(canary).encode()
    text = b"X" + struct.pack("<I", len(path)) + path
    mkdir = b"X\x02\x00\x00\x00osX\x05\x00\x00\x00mkdir"
    return {
        "reduce": b"cos\nmkdir\n(S'" + path + b"'\ntR.",
        "inst": b"(S'" + path + b"'\nios\nmkdir\n.",
        "obj": b"(cos\nmkdir\nS'" + path + b"'\no.",
        "stack global": b"\x80\x04" + mkdir + b"\x93" + text + b"\x85R.",
        "new object": b"\x80\x02cos\nmkdir\n" + text + b"\x85\x81.",
        "new object ex": b"\x80\x04cos\nmkdir\n" + text + b"\x85}\x92.",
        "dotted name": b"\x80\x04X\x07\x00\x00\x00pathlibX\x08\x00\x00\x00os.mkdir\x93" + text + b"\x85R.",
        "eval": b'cbuiltins\neval\n(S\'__import__("os").mkdir("' + path + b"\")'\ntR.",
        "getattr": b"c__builtin__\ngetattr\n(cos\npath\nS'os'\ntR.",
        "build": b"ccollections\nOrderedDict\n)R(cos\nmkdir\n" + text + b"d.",
        "apply": b"c__builtin__\napply\n(cos\nmkdir\n(S'" + path + b"'\nttR.",
        "import": b"c__builtin__\n__import__\n(S'os'\ntR.",
        "numpy object": b"cnumpy\nload\n(S'" + path + b"'\ntR.",
        "torch load": b"ctorch\nload\n(S'" + path + b"'\ntR.",
        "subprocess": b"csubprocess\ncall\n((lp0\nS'mkdir'\naS'" + path + b"'\natR.",
        "extension": b"\x82\x01.",
        "a class of torch": b"ctorch.nn.modules.conv\nConv2d\n(I3\nI3\nI3\ntR.",
        "a storage that is a function": b"(S'storage'\ncos\nmkdir\nS'0'\nS'cpu'\nI4\ntQ.",
    }


def _with_pickle(data: bytes, folder: Path, inner: str = "archive") -> Path:
    """A zip as torch writes, with another pickle in it."""
    torch.save(small_state(), folder / "good.pth")
    target = folder / "hostile.pth"
    with zipfile.ZipFile(folder / "good.pth") as good, zipfile.ZipFile(target, "w") as bad:
        for entry in good.infolist():
            content = good.read(entry)
            bad.writestr(entry.filename, data if entry.filename.endswith("/data.pkl") else content)
        bad.writestr(f"{inner}/code/run.py", b"import os; os.mkdir('canary')")
    return target


def _written(data: bytes, folder: Path, name: str = "hostile.pth") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def _legacy(folder: Path, canary: Path, place: int) -> Path:
    """The canary in one of the pickles of a legacy file: magic, version, system, state, keys."""
    good = folder / "good.pth"
    files.save_legacy(small_state(), good)
    data = good.read_bytes()
    parts, start = [], 0
    for _ in range(5):
        stream = io.BytesIO(data[start:])
        for _opcode in pickletools.genops(stream):
            pass
        parts.append(data[start : start + stream.tell()])
        start += stream.tell()
    parts[place] = opcodes(canary)["reduce"]
    return _written(b"".join(parts) + data[start:], folder)


def _bomb(folder: Path, name: str, size: int) -> Path:
    torch.save(small_state(), folder / "good.pth")
    target = folder / "bomb.pth"
    with (
        zipfile.ZipFile(folder / "good.pth") as good,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bad,
    ):
        for entry in good.infolist():
            if entry.filename.endswith(name):
                with bad.open(entry.filename, "w", force_zip64=True) as out:
                    for _ in range(size >> 20):
                        out.write(bytes(1 << 20))
            else:
                bad.writestr(entry.filename, good.read(entry), zipfile.ZIP_STORED)
    return target


def _lying_zip(folder: Path) -> Path:
    """Entries whose sizes in the table of contents are a hundred times the truth."""
    torch.save(small_state(), folder / "good.pth")
    data = bytearray((folder / "good.pth").read_bytes())
    place = 0
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        size = struct.unpack_from("<I", data, place + 24)[0]
        struct.pack_into("<II", data, place + 20, size * 100 & 0x7FFFFFFF, size * 100 & 0x7FFFFFFF)
        place += 4
    return _written(bytes(data), folder)


def _lying_tensors(folder: Path, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> Path:
    """A legacy file in which a tensor claims another shape than its storage has."""
    state = small_state()
    good = folder / "good.pth"
    torch.save({name: _Shaped(tensor, shape, stride, offset) if name == "layer1.0.conv1.weight" else tensor
                for name, tensor in state.items()}, good)  # fmt: skip
    return good


class _Shaped:
    """Pickles as a tensor of any shape over the storage of another."""

    def __init__(self, tensor: torch.Tensor, shape: tuple[int, ...], stride: tuple[int, ...], offset: int) -> None:
        self.arguments = (tensor.untyped_storage(), offset, shape, stride)
        self.tensor = tensor

    def __reduce__(self) -> Any:
        storage = torch.storage.TypedStorage(wrap_storage=self.arguments[0], dtype=torch.float32, _internal=True)
        return torch._utils._rebuild_tensor_v2, (storage, *self.arguments[1:], False, {})


def _safetensors(folder: Path, header: bytes, body: bytes = b"") -> Path:
    return _written(struct.pack("<Q", len(header)) + header + body, folder, "hostile.safetensors")


def _header(**entries: Any) -> bytes:
    return json.dumps(entries).encode()


def _many_layers(folder: Path, blocks: int) -> Path:
    """A small file with a network of very many blocks: they share their weights."""
    conv, norm = torch.zeros(16, 16, 3, 3), torch.ones(16)
    state: files.State = {"conv1.weight": torch.zeros(16, 3, 3, 3)}
    for number in range(blocks):
        for part in (1, 2):
            state[f"blocks.{number}.conv{part}.weight"] = conv
            for leaf in ("weight", "bias", "running_mean", "running_var"):
                state[f"blocks.{number}.bn{part}.{leaf}"] = norm
    state["fc.weight"] = torch.zeros(10, 16)
    torch.save(state, folder / "deep.pth")
    return folder / "deep.pth"


def _wide(folder: Path) -> Path:
    """A network that needs a hundred thousand million multiply-adds for one small picture."""
    conv, norm = torch.zeros(1).expand(3000, 3000, 3, 3), torch.full((3000,), 2.0)
    state: files.State = {"conv1.weight": torch.zeros(1).expand(3000, 3, 3, 3)}
    for name in ("conv1", "layer1.0.conv1", "layer1.0.conv2"):
        state[f"{name}.weight"] = conv if "layer" in name else state["conv1.weight"]
        bn = name.replace("conv", "bn")
        for leaf in ("weight", "bias", "running_mean", "running_var"):
            state[f"{bn}.{leaf}"] = norm
    state["fc.weight"] = torch.zeros(1).expand(10, 3000)
    torch.save(state, folder / "wide.pth")
    return folder / "wide.pth"


def _laughs() -> bytes:
    """Lists in lists in lists: 2 to the power of 60 elements in a few hundred bytes."""
    data = b"\x80\x02]q\x00"
    for number in range(60):
        data += b"](h" + bytes([number]) + b"h" + bytes([number]) + b"eq" + bytes([number + 1])
    return data + b"."


def _multiplied(folder: Path, *, names: int = 20, levels: int = 7, tensors: bool = True) -> Path:
    """A network beside tables that each hold the next one under many names: 20⁷ names in some hundred bytes."""
    inner: dict[str, Any] = {"weight": torch.zeros(4, 4, 3, 3)} if tensors else {"epoch": 1}
    for _ in range(levels):
        inner = {f"n{number}": inner for number in range(names)}
    return _saved({**small_state(), "more": inner}, folder)


def _long_names(folder: Path) -> Path:
    """Ten thousand tensors below a table whose name has a million letters."""
    inner = dict.fromkeys(map(str, range(10_000)), torch.zeros(1))
    return _saved({**small_state(), "x" * 1_000_000: inner}, folder)


def _shared(value: bytes, each: bytes, folder: Path) -> Path:
    """A list of a value and of ten thousand objects that are made of it, by small programs."""
    return _written(b"\x80\x02](" + value + b"q\x000" + each * 10_000 + b"e.", folder)


def _endless(folder: Path, *, kind: bool) -> Path:
    """A tensor whose storage is named by tuples in tuples: 2⁶⁰ parts to hash, or to write down."""
    tuples = b"X\x01\x00\x00\x00a\x85" + b"2\x86" * 60
    plain = b"X\x01\x00\x00\x000"
    stored = (tuples + plain) if kind else (b"ctorch\nFloatStorage\n" + tuples)
    storage = b"(X\x07\x00\x00\x00storage" + stored + b"X\x03\x00\x00\x00cpuK\x04tQ"
    return _with_pickle(
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x04\x85K\x01\x85\x89}tR.", folder
    )


def stored_pickle(folder: Path) -> Path:
    """An archive whose pickle is larger than any, and not compressed; the disk hardly notices."""
    file, size = folder / "stored.pth", (129 << 20) + 1
    name = b"archive/data.pkl"
    sizes = struct.pack("<IIIHH", 0, size, size, len(name), 0)
    head = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 0, 0, 0) + sizes + name
    entry = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 0, 0, 0) + sizes + bytes(10) + struct.pack("<I", 0) + name
    with file.open("wb") as out:
        out.write(head + b"\x80\x02X" + struct.pack("<I", size - 8))
        out.seek(len(head) + size - 1)
        out.write(b".")
        out.write(entry + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(head) + size, 0))
    return file


def _saved(value: Any, folder: Path) -> Path:
    torch.save(value, folder / "saved.pth")
    return folder / "saved.pth"


def crafted() -> dict[str, Maker]:
    """Files that were made to do harm, by name."""
    table: dict[str, Maker] = {}
    for name in opcodes(Path("canary")):
        table[f"pickle, {name}"] = lambda folder, canary, name=name: _written(opcodes(canary)[name], folder)
        table[f"zip, {name}"] = lambda folder, canary, name=name: _with_pickle(opcodes(canary)[name], folder)
    for place, part in enumerate(("magic", "version", "system", "state", "keys")):
        table[f"legacy, canary as {part}"] = lambda folder, canary, place=place: _legacy(folder, canary, place)
    table["canary beside good weights"] = lambda folder, canary: (
        torch.save({"state_dict": small_state(), "epoch": Canary(canary)}, folder / "x.pth") or folder / "x.pth"  # type: ignore[func-returns-value]
    )
    table["canary as a key"] = lambda folder, canary: _written(
        pickle.dumps({(1, Canary(canary)): 1}, protocol=2), folder
    )
    table["bomb in the pickle"] = lambda folder, _canary: _bomb(folder, "/data.pkl", 200 << 20)
    table["bomb in a storage"] = lambda folder, _canary: _bomb(folder, "/data/0", 1100 << 20)
    table["zip that lies about sizes"] = lambda folder, _canary: _lying_zip(folder)
    table["zip with a huge table of contents"] = lambda folder, _canary: _written(
        b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(8) + struct.pack("<II", 1 << 31, 0) + bytes(2), folder
    )
    table["laughs"] = lambda folder, _canary: _written(_laughs(), folder)
    table["tables multiplied"] = lambda folder, _canary: _multiplied(folder)
    table["tables multiplied, without tensors"] = lambda folder, _canary: _multiplied(folder, tensors=False)
    megabyte = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
    table["a text encoded ten thousand times"] = lambda folder, _canary: _shared(
        megabyte, b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R", folder
    )
    entries = b"".join(b"M" + struct.pack("<H", number) + b"N" for number in range(20_000))
    table["ten thousand objects of one state"] = lambda folder, _canary: _shared(
        b"}(" + entries + b"u", b"cargparse\nNamespace\n)\x81h\x00b", folder
    )
    table["ten thousand sets of one list"] = lambda folder, _canary: _shared(
        b"](" + b"N" * 20_000 + b"e", b"c__builtin__\nset\nh\x00\x85R", folder
    )
    table["a storage named by tuples in tuples"] = lambda folder, _canary: _endless(folder, kind=False)
    table["a storage of a type of tuples in tuples"] = lambda folder, _canary: _endless(folder, kind=True)
    table["a name of a million letters before each"] = lambda folder, _canary: _long_names(folder)
    table["deep nesting"] = lambda folder, _canary: _written(
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", folder
    )
    table["a text of 2^62 bytes"] = lambda folder, _canary: _written(
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x.", folder
    )
    table["an integer of a megabyte"] = lambda folder, _canary: _written(
        b"\x80\x02\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b".", folder
    )
    table["four million instructions"] = lambda folder, _canary: _written(
        b"\x80\x02" + b"N0" * 2_000_000 + b"N.", folder
    )
    table["huge shape"] = lambda folder, _canary: _lying_tensors(folder, (1 << 40, 16, 3, 3), (144, 9, 3, 1))
    table["shape of stride 0"] = lambda folder, _canary: _lying_tensors(folder, (1 << 30, 16, 3, 3), (0, 9, 3, 1))
    table["offset past the end"] = lambda folder, _canary: _lying_tensors(
        folder, (16, 16, 3, 3), (144, 9, 3, 1), 1 << 40
    )
    table["negative shape"] = lambda folder, _canary: _lying_tensors(folder, (-16, 16, 3, 3), (144, 9, 3, 1))
    table["negative stride"] = lambda folder, _canary: _lying_tensors(folder, (16, 16, 3, 3), (-144, 9, 3, 1))
    table["safetensors, endless header"] = lambda folder, _canary: _written(
        struct.pack("<Q", 1 << 39) + b"{" + bytes(100), folder, "x.safetensors"
    )
    entry = {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 16]}
    table["safetensors, huge shape"] = lambda folder, _canary: _safetensors(folder, _header(a=entry), bytes(16))
    outside = {"dtype": "F32", "shape": [4], "data_offsets": [1 << 40, (1 << 40) + 16]}
    table["safetensors, outside the file"] = lambda folder, _canary: _safetensors(folder, _header(a=outside), bytes(16))
    twice = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    table["safetensors, overlapping"] = lambda folder, _canary: _safetensors(
        folder, _header(a=twice, b=twice), bytes(16)
    )
    table["safetensors, deep header"] = lambda folder, _canary: _safetensors(folder, b'{"a":' + b"[" * 200_000)
    table["onnx, endless number"] = lambda folder, _canary: _written(
        b"\x08\x08\x12" + b"\xff" * 10_000, folder, "x.onnx"
    )
    table["onnx, a name of a gigabyte"] = lambda folder, _canary: _written(
        b"\x08\x08" + b"\x3a\xff\xff\xff\xff\x03" + bytes(100), folder, "x.onnx"
    )
    far = files._field(13, files._field(1, b"location") + files._field(2, b"../../../../etc/passwd"))
    table["onnx, weights in another folder"] = lambda folder, _canary: _written(
        files._number(1, 8)
        + files._field(2, b"x")
        + files._field(7, files._field(5, files._field(8, b"w") + far) + files._field(1, files._field(4, b"Conv"))),
        folder,
        "x.onnx",
    )
    table["index that points elsewhere"] = lambda folder, _canary: _written(
        json.dumps({"weight_map": {"a": "../../../etc/passwd"}}).encode(), folder, "model.safetensors.index.json"
    )
    table["index that is nested too deep"] = lambda folder, _canary: _written(
        b'{"weight_map":' * 100_000, folder, "model.safetensors.index.json"
    )
    table["very many blocks"] = lambda folder, _canary: _many_layers(folder, 3_000)
    table["very wide"] = lambda folder, _canary: _wide(folder)
    for name, data in {
        "nothing": b"", "one byte": b"\x80", "zeros": bytes(4096), "a web page": b"<!DOCTYPE html><html>",
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100), "git lfs": b"version https://git-lfs.github.com/spec/v1\n",
        "gzip": b"\x1f\x8b\x08" + bytes(50), "numpy": b"\x93NUMPY\x01\x00" + bytes(50),
        "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(50),
        "text": b"hello, world\n" * 10, "the start of a zip": b"PK\x03\x04" + bytes(60),
        "a program": b"\x7fELF" + bytes(60),
    }.items():  # fmt: skip
        table[f"wrong magic, {name}"] = lambda folder, _canary, data=data: _written(data, folder)
    return table


def good_files(folder: Path) -> list[bytes]:
    """One small file of each format."""
    state = small_state()
    network = build("cifar", "resnet8", classes=10, options={"shortcut": "B"})
    files.save_zip({"state_dict": state}, folder / "a.pth")
    files.save_legacy({"state_dict": state}, folder / "b.pth")
    torch.save({name: tensor.numpy() for name, tensor in state.items()}, folder / "c.pth", pickle_protocol=2)
    return [
        file.read_bytes()
        for file in (
            folder / "a.pth",
            folder / "b.pth",
            folder / "c.pth",
            files.save_safetensors(state, folder),
            files.save_onnx(network, folder, 32),
            files.save_torchscript(network, folder, 32),
        )
    ]


def variants(good: list[bytes], canary: Path, *, seed: int, count: int) -> Iterator[bytes]:
    """So many damaged variants of good files, the same for the same seed; some with a canary put in."""
    programs = list(opcodes(canary).values())
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        yield damaged(rng.choice(good), good, programs, rng)


_EXTREMES = [0, 1, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1, 1 << 40]


def damaged(whole: bytes, good: list[bytes], programs: list[bytes], rng: random.Random) -> bytes:
    """A file with one to sixteen faults: flipped, cut, repeated, extreme numbers, programs, other files' ends."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        size = len(data)
        if size < 16:
            break
        ends = rng.random() < 0.7  # structure is at both ends; the middle is numbers
        place = rng.choice((rng.randrange(min(size, 4096)), size - 1 - rng.randrange(min(size, 4096))))
        place = place if ends else rng.randrange(size)
        kind = rng.randrange(9)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.randrange(256)
        elif kind == 2:
            del data[rng.randrange(size) :]
        elif kind == 3:
            del data[place : place + rng.choice((1, 2, 8, 64, 4096))]
        elif kind == 4:
            data[place:place] = rng.randbytes(rng.choice((1, 2, 8, 64, 1000)))
        elif kind == 5:
            wide = rng.choice((("<I", 4), ("<Q", 8), (">I", 4)))
            value = rng.choice(_EXTREMES) & ((1 << (8 * wide[1])) - 1)
            data[place : place + wide[1]] = struct.pack(wide[0], value)
        elif kind == 6:
            other = rng.randrange(size)
            length = rng.choice((4, 32, 512))
            data[place : place + length] = data[other : other + length]
        elif kind == 7:
            data[place:place] = rng.choice(programs)
        else:
            other_file = rng.choice(good)
            data[place:] = other_file[rng.randrange(len(other_file)) :]
    return bytes(data)
