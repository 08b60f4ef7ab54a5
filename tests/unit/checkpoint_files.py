"""Writes one state dict in every way in which people write them: wrappers, prefixes, formats, other authors' names."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

State = dict[str, Tensor]

PREFIXES = (
    "",
    "module.",
    "model.",
    "net.",
    "backbone.",
    "_orig_mod.",
    "module.model.",
    "encoder.",
    "_orig_mod.module.",
)


def wrappers() -> dict[str, Callable[[State], Any]]:
    """Ways to put a state dict into a file, by name."""

    def other(state: State) -> State:
        return {name: tensor + 1 for name, tensor in state.items()}

    table: dict[str, Callable[[State], Any]] = {"bare": lambda state: state}
    for key in ("state_dict", "model", "model_state_dict", "net", "params", "weights", "model_state"):
        table[key] = lambda state, key=key: {key: state, "epoch": 3, "best_acc1": 71.5}
    table["state_dict_ema"] = lambda state: {"state_dict": other(state), "state_dict_ema": state, "arch": "resnet"}
    table["model_ema"] = lambda state: {"model": other(state), "model_ema": state, "epoch": 90}
    table["optimizer beside"] = lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3, 3, 3, 3)}}, "param_groups": [{"lr": 0.1}]},
        "lr_scheduler": {"last_epoch": 3},
    }
    table["lightning"] = lambda state: {
        "epoch": 1,
        "global_step": 100,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": {f"model.{name}": tensor for name, tensor in state.items()},
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 2}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 0.1, "batch_size": 128},
    }
    table["swa averaged"] = lambda state: {
        "n_averaged": torch.tensor(5),
        **{f"module.{name}": tensor for name, tensor in state.items()},
    }
    return table


def save_zip(tree: Any, path: Path) -> None:
    """As torch ≥ 1.6 saves."""
    torch.save(tree, path)


def save_legacy(tree: Any, path: Path) -> None:
    """As torch before 1.6 saved, on a GPU: every storage says cuda:0."""
    torch.save(tree, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"))


PICKLES: dict[str, Callable[[Any, Path], None]] = {"zip": save_zip, "legacy": save_legacy}


def _own(state: State) -> State:
    return {name: tensor.clone().contiguous() for name, tensor in state.items()}


def save_safetensors(state: State, folder: Path) -> Path:
    """One file."""
    safetensors.torch.save_file(_own(state), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def save_shards(state: State, folder: Path, *, pickled: bool = False) -> Path:
    """Three parts and an index, as Hugging Face splits large models."""
    ending, base = (".bin", "pytorch_model") if pickled else (".safetensors", "model")
    parts: list[State] = [{}, {}, {}]
    for place, (name, tensor) in enumerate(_own(state).items()):
        parts[place * 3 // len(state)][name] = tensor
    index: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        name = f"{base}-{number:05d}-of-00003{ending}"
        torch.save(part, folder / name) if pickled else safetensors.torch.save_file(part, folder / name)
        index |= dict.fromkeys(part, name)
    file = folder / f"{base}{ending}.index.json"
    file.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": index}))
    return file


def save_torchscript(network: nn.Module, folder: Path, side: int) -> Path:
    """As `torch.jit.save` writes a traced network."""
    traced = torch.jit.trace(network.eval(), torch.zeros(1, 3, side, side))  # type: ignore[no-untyped-call]
    torch.jit.save(traced, folder / "network.ts")  # type: ignore[no-untyped-call]
    return folder / "network.ts"


def save_onnx(network: nn.Module, folder: Path, side: int, *, named: bool = True) -> Path:
    """The initialisers and nodes that an exporter writes, by hand: the onnx library is not needed to test reading.

    Args:
        named: Whether initialisers keep the names of the state dict; exporters often number them.
    """
    with torch.no_grad(), _Graph(network, named=named) as graph:
        network.eval()(graph.follow(torch.zeros(2, 3, side, side), "input"))
    nodes, tensors = graph.nodes, graph.tensors
    file = folder / "network.onnx"
    file.write_bytes(_number(1, 8) + _field(2, b"pytorch") + _field(7, nodes + _field(2, b"main") + tensors))
    return file


class _Graph(TorchDispatchMode):
    """Writes every operation of a forward pass down as an ONNX node, with the names of what it reads and gives."""

    _KINDS = (
        ("convolution", "Conv"), ("batch_norm", "BatchNormalization"), ("addmm", "Gemm"), ("relu", "Relu"),
        ("max_pool2d", "MaxPool"), ("add", "Add"), ("mean", "GlobalAveragePool"), ("avg_pool2d", "AveragePool"),
    )  # fmt: skip

    def __init__(self, network: nn.Module, *, named: bool) -> None:
        super().__init__()
        self.nodes = self.tensors = b""
        self._kept: list[Tensor] = []  # while a tensor lives, its id is its own
        self._names: dict[int, str] = {}
        self._weights = {
            tensor.data_ptr(): (key if named else f"onnx::{7 * place}", tensor)
            for place, (key, tensor) in enumerate(network.state_dict().items())
        }
        self._written = set[str]()

    def follow(self, tensor: Tensor, name: str) -> Tensor:
        self._names[id(tensor)] = name
        self._kept.append(tensor)
        return tensor

    def __torch_dispatch__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        kind = next((onnx for part, onnx in self._KINDS if part in str(function)), "Other")
        reads = [one for one in args if isinstance(one, Tensor)]
        if kind == "Gemm":
            reads = [reads[1], reads[2], reads[0]]
        inputs = [name for name in map(self._name_of, reads) if name]
        first = result[0] if isinstance(result, tuple) else result
        if not isinstance(first, Tensor) or first.data_ptr() in self._weights or not inputs:
            return result
        self.follow(first, f"x{len(self._kept)}")
        attributes = b""
        if kind == "Conv":
            attributes = _field(5, _field(1, b"strides") + b"".join(_number(8, one) for one in args[3]))
        elif kind == "Gemm":
            attributes = _field(5, _field(1, b"transB") + _number(3, 1))
        node = b"".join(_field(1, one.encode()) for one in inputs)
        node += _field(2, self._names[id(first)].encode()) + _field(4, kind.encode()) + attributes
        self.nodes += _field(1, node)
        return result

    def _name_of(self, tensor: Tensor) -> str:
        if id(tensor) in self._names:
            return self._names[id(tensor)]
        name, whole = self._weights.get(tensor.data_ptr(), ("", tensor))
        if name and name not in self._written:
            self._written.add(name)
            self.tensors += _field(5, _onnx_tensor(name, whole.detach()))
        return name


def _onnx_tensor(name: str, tensor: Tensor) -> bytes:
    data = tensor.float().contiguous().numpy().tobytes()
    shape = b"".join(_number(1, size) for size in tensor.shape)
    return shape + _number(2, 1) + _field(8, name.encode()) + _field(9, data)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return out + struct.pack("B", value)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


# Other authors' names for the same network. Keys are those of torchvision's ResNets; see `renamed`.

_LEAVES = {"weight": "weight", "bias": "bias", "running_mean": "running_mean", "running_var": "running_var"}


def renamed(state: Mapping[str, Tensor], rules: list[tuple[str, str]]) -> State:
    """The state with every key rewritten by the first rule (pattern, replacement) that fits it wholly."""
    out: State = {}
    for name, tensor in state.items():
        for pattern, replacement in rules:
            if re.fullmatch(pattern, name):
                out[re.sub(pattern, replacement, name)] = tensor
                break
        else:
            out[name] = tensor
    return out


def hugging_face(state: Mapping[str, Tensor], *, bottleneck: bool) -> State:
    """`microsoft/resnet-*`: resnet.encoder.stages.S.layers.B.layer.C.convolution."""
    del bottleneck  # both kinds number the convolutions of a block from 0
    out: State = {}
    for name, tensor in state.items():
        if name.startswith("fc."):
            out[f"classifier.1.{name[3:]}"] = tensor
            continue
        if match := re.fullmatch(r"(conv|bn)1\.(.*)", name):
            part = "convolution" if match[1] == "conv" else "normalization"
            out[f"resnet.embedder.embedder.{part}.{match[2]}"] = tensor
        elif match := re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(.*)", name):
            part = "convolution" if match[3] == "conv" else "normalization"
            where = f"resnet.encoder.stages.{int(match[1]) - 1}.layers.{match[2]}"
            out[f"{where}.layer.{int(match[4]) - 1}.{part}.{match[5]}"] = tensor
        elif match := re.fullmatch(r"layer(\d)\.(\d+)\.downsample\.(\d)\.(.*)", name):
            part = "convolution" if match[3] == "0" else "normalization"
            where = f"resnet.encoder.stages.{int(match[1]) - 1}.layers.{match[2]}"
            out[f"{where}.shortcut.{part}.{match[4]}"] = tensor
        else:
            raise AssertionError(name)
    return out


AUTHORS: dict[str, list[tuple[str, str]]] = {
    # pytorch-cifar: shortcut, linear.
    "kuangliu": [(r"(.*)\.downsample\.(.*)", r"\1.shortcut.\2"), (r"fc\.(.*)", r"linear.\1")],
    # weiaicunzai/pytorch-cifar100: everything in Sequentials.
    "weiaicunzai": [
        (r"conv1\.(.*)", r"conv1.0.\1"),
        (r"bn1\.(.*)", r"conv1.1.\1"),
        (r"layer(\d)\.(\d+)\.conv1\.(.*)", r"conv\g<1>_x.\2.residual_function.0.\3"),
        (r"layer(\d)\.(\d+)\.bn1\.(.*)", r"conv\g<1>_x.\2.residual_function.1.\3"),
        (r"layer(\d)\.(\d+)\.conv2\.(.*)", r"conv\g<1>_x.\2.residual_function.3.\3"),
        (r"layer(\d)\.(\d+)\.bn2\.(.*)", r"conv\g<1>_x.\2.residual_function.4.\3"),
        (r"layer(\d)\.(\d+)\.conv3\.(.*)", r"conv\g<1>_x.\2.residual_function.6.\3"),
        (r"layer(\d)\.(\d+)\.bn3\.(.*)", r"conv\g<1>_x.\2.residual_function.7.\3"),
        (r"layer(\d)\.(\d+)\.downsample\.(.*)", r"conv\g<1>_x.\2.shortcut.\3"),
    ],
    # open_lth: blocks in one list, model.prefix in front.
    "open_lth": [
        (r"conv1\.(.*)", r"conv.\1"),
        (r"bn1\.(.*)", r"bn.\1"),
        (r"layer(\d)\.(\d+)\.downsample\.(.*)", r"blocks.\1\2.shortcut.\3"),
        (r"layer(\d)\.(\d+)\.(.*)", r"blocks.\1\2.\3"),
    ],
    # mmpretrain / mmdetection.
    "mmpretrain": [(r"fc\.(.*)", r"head.fc.\1"), (r"(.+)", r"backbone.\1")],
    # detectron2-like: res2 … res5, conv1.norm, shortcut.norm.
    "detectron2": [
        (r"conv1\.(.*)", r"backbone.stem.conv1.\1"),
        (r"bn1\.(.*)", r"backbone.stem.conv1.norm.\1"),
        (r"layer1\.(\d+)\.conv(\d)\.(.*)", r"backbone.res2.\1.conv\2.\3"),
        (r"layer2\.(\d+)\.conv(\d)\.(.*)", r"backbone.res3.\1.conv\2.\3"),
        (r"layer3\.(\d+)\.conv(\d)\.(.*)", r"backbone.res4.\1.conv\2.\3"),
        (r"layer4\.(\d+)\.conv(\d)\.(.*)", r"backbone.res5.\1.conv\2.\3"),
        (r"layer1\.(\d+)\.bn(\d)\.(.*)", r"backbone.res2.\1.conv\2.norm.\3"),
        (r"layer2\.(\d+)\.bn(\d)\.(.*)", r"backbone.res3.\1.conv\2.norm.\3"),
        (r"layer3\.(\d+)\.bn(\d)\.(.*)", r"backbone.res4.\1.conv\2.norm.\3"),
        (r"layer4\.(\d+)\.bn(\d)\.(.*)", r"backbone.res5.\1.conv\2.norm.\3"),
        (r"layer1\.(\d+)\.downsample\.0\.(.*)", r"backbone.res2.\1.shortcut.\2"),
        (r"layer2\.(\d+)\.downsample\.0\.(.*)", r"backbone.res3.\1.shortcut.\2"),
        (r"layer3\.(\d+)\.downsample\.0\.(.*)", r"backbone.res4.\1.shortcut.\2"),
        (r"layer4\.(\d+)\.downsample\.0\.(.*)", r"backbone.res5.\1.shortcut.\2"),
        (r"layer1\.(\d+)\.downsample\.1\.(.*)", r"backbone.res2.\1.shortcut.norm.\2"),
        (r"layer2\.(\d+)\.downsample\.1\.(.*)", r"backbone.res3.\1.shortcut.norm.\2"),
        (r"layer3\.(\d+)\.downsample\.1\.(.*)", r"backbone.res4.\1.shortcut.norm.\2"),
        (r"layer4\.(\d+)\.downsample\.1\.(.*)", r"backbone.res5.\1.shortcut.norm.\2"),
        (r"fc\.(.*)", r"roi_free_head.linear.\1"),
    ],
    # fastai: body and head as Sequentials of a learner ("model" beside "opt").
    "sequential": [
        (r"conv1\.(.*)", r"0.0.\1"),
        (r"bn1\.(.*)", r"0.1.\1"),
        (r"layer1\.(.*)", r"0.4.\1"),
        (r"layer2\.(.*)", r"0.5.\1"),
        (r"layer3\.(.*)", r"0.6.\1"),
        (r"layer4\.(.*)", r"0.7.\1"),
        (r"fc\.(.*)", r"1.2.\1"),
    ],
    # Everything has its author's own words.
    "words": [
        (r"conv1\.(.*)", r"input_convolution.\1"),
        (r"bn1\.(.*)", r"input_batchnorm.\1"),
        (r"layer(\d)\.(\d+)\.conv(\d)\.(.*)", r"group_\1.unit_\2.branch.c\3.\4"),
        (r"layer(\d)\.(\d+)\.bn(\d)\.(.*)", r"group_\1.unit_\2.branch.b\3.\4"),
        (r"layer(\d)\.(\d+)\.downsample\.0\.(.*)", r"group_\1.unit_\2.skip.conv.\3"),
        (r"layer(\d)\.(\d+)\.downsample\.1\.(.*)", r"group_\1.unit_\2.skip.norm.\3"),
        (r"fc\.(.*)", r"softmax_head.\1"),
    ],
    # TensorFlow's and Keras' leaves.
    "keras leaves": [
        (r"(.*)\.?bn(\d)\.weight", r"\1.bn\2.gamma"),
        (r"(.*)\.?bn(\d)\.bias", r"\1.bn\2.beta"),
        (r"(.*)\.?bn(\d)\.running_mean", r"\1.bn\2.moving_mean"),
        (r"(.*)\.?bn(\d)\.running_var", r"\1.bn\2.moving_variance"),
    ],
    # DataParallel around the features only.
    "mid-key module": [
        (r"(layer\d)\.(.*)", r"features.module.\1.\2"),
        (r"(conv1|bn1)\.(.*)", r"features.module.\1.\2"),
    ],
    # MoCo v1/v2, SimCLR with a linear head trained on top.
    "encoder_q": [(r"(.+)", r"module.encoder_q.\1")],
}
