"""The weights of an ONNX model, without the onnx library and without running the graph.

An ONNX file is a protocol buffer: fields of (number, type, value). We read the few that matter (onnx.proto, ModelProto
→ GraphProto → TensorProto and NodeProto) straight from the mapped file. The graph's nodes are in the order of
execution; they say which weights belong to which convolution, also where the exporter has dropped all names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.zoo.contents import Contents, DamagedFile, Region, map_file, view

_TYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip
_MOST_FIELDS = 3_000_000
_WEIGHTED = {"Conv": "conv", "Gemm": "linear", "MatMul": "linear", "BatchNormalization": "norm"}
_NORM_LEAVES = ("weight", "bias", "running_mean", "running_var")


@dataclass
class _Node:
    """One operation of the graph."""

    kind: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    constant: Tensor | None = None


class _Reader:
    """Reads fields from a mapped file, and counts them."""

    def __init__(self, path: Path, buffer: Any) -> None:
        self.path = path
        self.buffer = buffer
        self.left = _MOST_FIELDS
        self._external: dict[str, Any] = {}

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(field number, wire type, value or first byte, end of the value) of a message."""
        place = start
        while place < end:
            self.left -= 1
            if self.left < 0:
                raise DamagedFile("it has more fields than any network")
            key, place = self._varint(place, end)
            number, wire = key >> 3, key & 7
            if wire == 0:
                value, place = self._varint(place, end)
                yield number, wire, value, place
            elif wire in (1, 5, 2):
                size = 8 if wire == 1 else 4
                if wire == 2:
                    size, place = self._varint(place, end)
                if place + size > end:
                    raise DamagedFile("it ends in the middle (cut off?)")
                yield number, wire, place, place + size
                place += size
            else:
                raise DamagedFile("it is not a protocol buffer")

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value, shift = 0, 0
        while place < end and shift < 70:
            byte = self.buffer[place]
            value |= (byte & 0x7F) << shift
            place, shift = place + 1, shift + 7
            if byte < 0x80:
                return value, place
        raise DamagedFile("it ends in the middle (cut off?)")

    def text(self, start: int, end: int) -> str:
        if end - start > 4096:
            raise DamagedFile("it has a name of more than 4,096 bytes")
        return bytes(self.buffer[start:end]).decode("utf-8", "replace")

    def numbers(self, wire: int, start: int, end: int) -> list[int]:
        """A repeated integer field, packed or not."""
        if wire == 0:
            return [start]
        values, place = [], start
        while place < end:
            value, place = self._varint(place, end)
            values.append(value)
        return values

    def external(self, name: str) -> Any:
        """Another file with weights in the same folder, mapped."""
        if not name or name != Path(name).name or "\\" in name:
            raise DamagedFile(f"it asks for weights outside its own folder ({name[:80]})")
        if name not in self._external:
            other = self.path.with_name(name)
            if not other.is_file():
                raise DamagedFile(f"its weights are in {name}, which is not beside it")
            self._external[name] = map_file(other)
        return self._external[name]


def read_onnx(path: Path, buffer: Any) -> Contents:
    """The weights in the order in which the graph uses them."""
    reader = _Reader(path, buffer)
    graph = next(((a, b) for number, wire, a, b in reader.fields(0, len(buffer)) if number == 7 and wire == 2), None)
    if graph is None:
        raise DamagedFile("it is neither a format of weights that we know nor an ONNX model")
    tensors: dict[str, Tensor] = {}
    nodes: list[_Node] = []
    for number, wire, start, end in reader.fields(*graph):
        if number == 5 and wire == 2:
            name, tensor = _tensor(reader, start, end)
            tensors[name] = tensor
        elif number == 1 and wire == 2:
            nodes.append(_node(reader, start, end))
    if not nodes:
        raise DamagedFile("it is neither a format of weights that we know nor an ONNX model")
    table, strides = _table(nodes, tensors)
    facts: dict[str, Any] = {"strides": strides, "operations": sorted({node.kind for node in nodes})}
    activation = _activation(nodes)
    if activation:
        facts["activation"] = activation
    return Contents(path, "ONNX", table, facts=facts)


def _tensor(reader: _Reader, start: int, end: int) -> tuple[str, Tensor]:
    name, kind, shape = "", 0, list[int]()
    data: Region | None = None
    elsewhere: dict[str, str] = {}
    for number, wire, first, last in reader.fields(start, end):
        if number == 1:
            shape += reader.numbers(wire, first, last)
        elif number == 2 and wire == 0:
            kind = first
        elif number == 8 and wire == 2:
            name = reader.text(first, last)
        elif wire == 2 and (number == 9 or (number == 4 and kind == 1) or (number == 10 and kind == 11)):
            data = Region(reader.buffer, first, last - first)  # a packed list of floats is their bytes
        elif number == 7 and wire == 2 and kind == 7:
            values = torch.tensor([one - (1 << 64) if one >> 63 else one for one in reader.numbers(wire, first, last)])
            return name, values
        elif number == 13 and wire == 2:
            pair = [reader.text(a, b) for _, kind_, a, b in reader.fields(first, last) if kind_ == 2]
            if len(pair) == 2:
                elsewhere[pair[0]] = pair[1]
    if "location" in elsewhere:
        other = reader.external(elsewhere["location"])
        offset = int(elsewhere.get("offset", "0"))
        size = int(elsewhere.get("length", str(len(other) - offset)))
        if not 0 <= offset <= offset + size <= len(other):
            raise DamagedFile(f"its weights lie outside the file {elsewhere['location']}")
        data = Region(other, offset, size)
    return name, _shaped(data, kind, shape)


def _shaped(data: Region | None, kind: int, shape: list[int]) -> Tensor:
    dtype = _TYPES.get(kind)
    if dtype is None or data is None or data.size == 0:
        return torch.empty(0)
    flat = data.tensor(dtype, data.size // dtype.itemsize)
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return view(flat, 0, tuple(shape), tuple(reversed(strides)))


def _node(reader: _Reader, start: int, end: int) -> _Node:
    node = _Node()
    for number, wire, first, last in reader.fields(start, end):
        if wire != 2:
            continue
        if number == 1:
            node.inputs.append(reader.text(first, last))
        elif number == 2:
            node.outputs.append(reader.text(first, last))
        elif number == 4:
            node.kind = reader.text(first, last)
        elif number == 5:
            _attribute(reader, node, first, last)
    return node


def _attribute(reader: _Reader, node: _Node, start: int, end: int) -> None:
    name, values = "", list[int]()
    for number, wire, first, last in reader.fields(start, end):
        if number == 1 and wire == 2:
            name = reader.text(first, last)
        elif number in (3, 8):
            values += reader.numbers(wire, first, last)
        elif number == 5 and wire == 2:
            node.constant = _tensor(reader, first, last)[1]
    node.numbers[name] = values


def _table(nodes: list[_Node], tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Weights under names like a state dict's, and the stride of each convolution."""
    names = {name: name for name in tensors}
    for node in nodes:
        if node.kind == "Constant" and node.constant is not None and node.outputs:
            tensors[node.outputs[0]] = node.constant
            names[node.outputs[0]] = node.outputs[0]
        elif node.kind == "Identity" and node.inputs and node.outputs and node.inputs[0] in names:
            tensors[node.outputs[0]] = tensors[node.inputs[0]]  # exporters store equal tensors once
            names[node.outputs[0]] = node.outputs[0]
    users = [node for node in nodes if node.kind in _WEIGHTED and len(node.inputs) > 1 and node.inputs[1] in tensors]
    named = all(node.inputs[1].endswith(".weight") for node in users) and len({n.inputs[1] for n in users}) == len(
        users
    )
    table: dict[str, Tensor] = {}
    strides: dict[str, int] = {}
    for place, node in enumerate(users):
        base = node.inputs[1].removesuffix(".weight") if named else f"{_WEIGHTED[node.kind]}{place:05d}"
        leaves = _NORM_LEAVES if node.kind == "BatchNormalization" else ("weight", "bias")
        for leaf, name in zip(leaves, node.inputs[1:], strict=False):
            if name in tensors:
                table[f"{base}.{leaf}"] = _as_linear(node, tensors[name]) if leaf == "weight" else tensors[name]
        if node.kind == "MatMul":
            _add_bias(table, f"{base}.bias", node, nodes, tensors)
        if node.kind == "Conv":
            strides[base] = max(node.numbers.get("strides") or [1])
    return table, strides


def _activation(nodes: list[_Node]) -> str:
    """Whether norms read the sum of branch and shortcut ("pre") or a convolution ("post"), by the graph's edges.

    In the order of He et al. 2016 the first norm of every block reads an addition (or, in the first block, the stem's
    pooling); in that of 2015 every norm reads a convolution. "" where there are no norms, or no edges between them.
    """
    makers = {name: node for node in nodes for name in node.outputs}
    read = set[str]()
    for node in nodes:
        if node.kind == "BatchNormalization" and node.inputs:
            maker = makers.get(node.inputs[0])
            while maker is not None and maker.kind in _NOTHING and maker.inputs:
                maker = makers.get(maker.inputs[0])
            if maker is not None:
                read.add(maker.kind)
    if read & {"Add", "Sum"}:
        return "pre"
    return "post" if read == {"Conv"} else ""


_NOTHING = ("Identity", "Cast", "Dropout")


def _as_linear(node: _Node, weight: Tensor) -> Tensor:
    """Gemm without transB and MatMul have (in, out) where torch has (out, in)."""
    turned = node.kind == "MatMul" or (node.kind == "Gemm" and not any(node.numbers.get("transB", [0])))
    return weight.t() if turned and weight.dim() == 2 else weight


def _add_bias(table: dict[str, Tensor], key: str, node: _Node, nodes: list[_Node], tensors: dict[str, Tensor]) -> None:
    """The bias of a MatMul is the constant of the addition that follows."""
    for other in nodes:
        if other.kind == "Add" and node.outputs and node.outputs[0] in other.inputs:
            for name in other.inputs:
                if name in tensors:
                    table[key] = tensors[name]


def looks_like_onnx(head: bytes) -> bool:
    """A model starts with its format's version (field 1, a small number)."""
    return len(head) > 2 and head[0] == 0x08 and 1 <= head[1] <= 32 and head[2] in (0x12, 0x1A, 0x22, 0x28, 0x3A, 0x42)
