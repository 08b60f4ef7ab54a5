"""What a file or a tree is that holds no weights of a network, in words, and what to do then."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from typing import Any

from torch import Tensor

from app.core.errors import ModelError
from app.zoo.contents import DamagedFile

_AGAIN = "Get the file again, and compare its size with what its source says."
_EXPORT = "Save it from its own program as ONNX or as a state dict of PyTorch."
_UNPACK = "Unpack it, and give the file of weights in it."

_SIGNS: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\x1f\x8b", 0, "it is compressed with gzip", _UNPACK),
    (b"7z\xbc\xaf", 0, "it is a 7-Zip archive", _UNPACK),
    (b"Rar!", 0, "it is a RAR archive", _UNPACK),
    (b"BZh", 0, "it is compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ", 0, "it is compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", 0, "it is compressed with zstd", _UNPACK),
    (b"\x89PNG", 0, "it is a PNG picture", "Drop it on the page Explore to classify it."),
    (b"\xff\xd8\xff", 0, "it is a JPEG picture", "Drop it on the page Explore to classify it."),
    (b"GIF8", 0, "it is a GIF picture", "Drop it on the page Explore to classify it."),
    (b"%PDF", 0, "it is a PDF document", "Give a file of weights."),
    (b"\x93NUMPY", 0, "it is a single NumPy array", "Give a file with all weights of a network, by name."),
    (b"GGUF", 0, "it is a GGUF file, which holds language models", "Give a file of weights of a residual network."),
    (
        b"\x89HDF",
        0,
        "it is an HDF5 file, as Keras writes (.h5), which we do not read",
        "Save the network as ONNX first (tf2onnx).",
    ),
    (b"TFL3", 4, "it is a model of TensorFlow Lite", _EXPORT),
    (b"V 1", 16, "it is a file of Torch 7 (Lua)", "Convert it with torchfile or the converter of its authors."),
    (b"MATLAB", 0, "it is a file of MATLAB", _EXPORT),
    (b"\x7fELF", 0, "it is a program", "Give a file of weights."),
    (b"MZ", 0, "it is a program", "Give a file of weights."),
)
_BY_ENDING = {
    ".caffemodel": "it is a model of Caffe",
    ".mlmodel": "it is a model of Core ML",
    ".pb": "it is a graph of TensorFlow",
    ".tflite": "it is a model of TensorFlow Lite",
    ".params": "it is a file of MXNet",
    ".weights": "it is a file of Darknet, as YOLO has",
    ".index": "it is a part of a checkpoint of TensorFlow",
    ".meta": "it is a part of a checkpoint of TensorFlow",
    ".engine": "it is an engine of TensorRT, made for one graphics card",
    ".trt": "it is an engine of TensorRT, made for one graphics card",
}
_OLD_TORCH = {"sys_info", "pickle", "storages", "tensors"}


def refuse_foreign(path: Path, head: bytes, size: int) -> None:
    """Raise for what is known to be something else.

    Args:
        head: The first 512 bytes.
        size: Of the whole file.

    Raises:
        DamagedFile: saying what it is, and what to do.
    """
    if size < 2:
        raise DamagedFile("it is empty" if not size else "it has a single byte", _AGAIN)
    if head.startswith(b"version https://git-lfs"):
        raise DamagedFile(
            "it is a Git LFS pointer, not the file itself",
            "Fetch the file with “git lfs pull” in its repository, or download it from its page.",
        )
    for sign, place, what, remedy in _SIGNS:
        if head[place : place + len(sign)] == sign:
            raise DamagedFile(what, remedy)
    if not any(head):
        raise DamagedFile("it begins with zeros: its download was not finished?", _AGAIN)
    if head[257:262] == b"ustar":
        raise _tar(path)
    if text := _text(head):
        raise _of_text(text)


def is_elsewhere(path: Path) -> bool:
    """Whether a file's ending is another program's: protocol buffers look alike."""
    return path.suffix.lower() in _BY_ENDING


def unknown(path: Path) -> DamagedFile:
    """The refusal of bytes that are no format of ours: by the file's ending, where that says something."""
    what = _BY_ENDING.get(path.suffix.lower(), "")
    if re.search(r"\.data-\d{5}-of-\d{5}$", path.name):
        what = "it is a part of a checkpoint of TensorFlow"
    if what:
        return DamagedFile(f"{what}, which we do not read", _EXPORT)
    known = "it is no format of weights that we know (PyTorch, TorchScript, safetensors, ONNX)"
    return DamagedFile(known, f"{_AGAIN} {_EXPORT}")


def no_file(path: Path) -> ModelError | None:
    """The refusal of a path that is no file or folder; None where it is one."""
    if path.is_file() or path.is_dir():
        return None
    if path.is_symlink() and not path.exists():
        target = path.readlink()
        return ModelError(f"{path} is a link to {target}, which is not there.", "Give the file itself.")
    if path.exists():
        return ModelError(
            f"{path} cannot be read as weights: it is a device, a pipe or a socket, not a file.", "Give a file."
        )
    return ModelError(f"There is no file {path}.", "Check the path.")


def _text(head: bytes) -> str:
    """The beginning as text, or "" where it is none."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", "replace").strip()
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return ""
        text = head[: error.start].decode("utf-8")
    odd = sum(not (one.isprintable() or one in "\r\n\t\f") for one in text)
    return text.strip("\ufeff \r\n\t") if not odd else ""


def _of_text(text: str) -> DamagedFile:
    first = text.splitlines()[0][:60] if text else ""
    low = text.lower()
    if low.startswith(("<!doctype html", "<html", "<head")) or "<html" in low:
        title = re.search(r"<title>(.{1,80}?)</title>", text, re.IGNORECASE | re.DOTALL)
        named = f" (“{title[1].strip()}”)" if title else ""
        return DamagedFile(
            f"it is a web page{named}, not a file of weights",
            "The download needed a login or a confirmation: get the file again with a browser, and compare its size.",
        )
    if low.startswith(("<?xml", "<error")):
        return DamagedFile(f"it is a server's answer in XML, not a file of weights: {_quoted(text)}", _AGAIN)
    if low.startswith(("{", "[")):
        return DamagedFile(f"it is text in JSON, not a file of weights: {_quoted(text)}", _AGAIN)
    if re.search(r"^(import|from) \w", text, re.MULTILINE):
        return DamagedFile("it is a Python script, not a file of weights", "Give the file that it loads or saves.")
    return DamagedFile(f"it is text, not a file of weights: “{first}”", _AGAIN)


def _quoted(text: str) -> str:
    short = re.sub(r"\s+", " ", re.sub(r"<\?xml.*?\?>", "", text)).strip()
    return f"“{short[:80]}{'…' if len(short) > 80 else ''}”"


def _tar(path: Path) -> DamagedFile:
    names: list[str] = []
    try:
        with tarfile.open(path) as archive:
            while len(names) < 16 and (member := archive.next()) is not None:
                names.append(member.name)
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return DamagedFile("it is a tar archive, and damaged", _AGAIN)
    if set(names) & _OLD_TORCH:
        return DamagedFile(
            "it is a file of torch 0.1 (a tar archive of “pickle”, “storages” and “tensors”), which we do not read",
            "Load it with torch.load on a machine where you trust it, and save its state dict again.",
        )
    shown = ", ".join(name[:60] for name in names[:3]) or "nothing"
    return DamagedFile(f"it is a tar archive of files ({shown})", _UNPACK)


def what_it_holds(tree: Any, format_: str) -> ModelError:
    """The refusal of a tree without a table of weights."""
    if isinstance(tree, Tensor):
        what = f"It holds one tensor of the shape {tuple(tree.shape)}, and no table of weights."
        return ModelError(what, "Give a file with a state dict.")
    if tree is None and "TorchScript" in format_:
        tree = {}
    if not isinstance(tree, dict | list):
        kind = "nothing" if tree is None else f"a plain {type(tree).__name__} ({str(tree)[:40]})"
        return ModelError(f"It holds {kind}, and no weights.", "Give a file with a state dict.")
    tensors = _tensors(tree)
    names = [name for name, _ in tensors]
    if not tree and "TorchScript" not in format_:
        return ModelError(
            "It holds an empty table.", "Give a file with a state dict: torch.save(model.state_dict(), …)."
        )
    if not tensors and "TorchScript" in format_:
        return ModelError(
            "Its TorchScript program has no parameters of its own: freezing or quantising made constants of them.",
            "Give the file from before torch.jit.freeze or the quantisation.",
        )
    if is_optimiser(tree):
        return ModelError("It holds an optimiser's state, and no weights of a network.", "Give the model's state dict.")
    if any("flat_param" in name for name in names):
        return ModelError(
            f"Its weights are flattened by FSDP ({names[0]}).",
            "Save it again with StateDictType.FULL_STATE_DICT, or gather its shards with torch.distributed.checkpoint.",
        )
    if any("fp32_flat_groups" in name or "zero_stage" in name for name in names[:8]):
        return ModelError(
            "It is a shard of DeepSpeed's optimiser, with the weights in flat pieces.",
            "Run zero_to_fp32.py, which DeepSpeed puts beside the shards, and give the file that it writes.",
        )
    if empty := [name for name, tensor in tensors if tensor.numel() == 0]:
        return ModelError(
            f"{len(empty)} of its {len(tensors)} tensors are empty ({empty[0]}): their numbers are in shards "
            "elsewhere, as DeepSpeed's stage 3 and FSDP keep them.",
            "Run zero_to_fp32.py in the checkpoint's folder (DeepSpeed), or save a full state dict (FSDP).",
        )
    if any("lora" in name.lower() for name in names):
        return ModelError(
            f"It holds LoRA's additions to another network ({names[0]}), not a network.", "Give the whole network."
        )
    if not tensors:
        keys = ", ".join(str(key)[:40] for key in list(tree)[:4]) if isinstance(tree, dict) else f"{len(tree)} values"
        return ModelError(f"It holds no tensors, only plain values ({keys}).", "Give a file with a state dict.")
    shown = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors[:3])
    return ModelError(
        f"It holds {len(tensors)} tensors, none of which is a convolution's weights ({shown}).",
        "Give a file with the state dict of a residual network.",
    )


def is_optimiser(tree: Any) -> bool:
    """Whether a tree is the state of one of torch's optimisers, alone or under one name."""
    if not isinstance(tree, dict):
        return False
    inner = [value for value in tree.values() if isinstance(value, dict)]
    return any({"state", "param_groups"} <= set(map(str, one)) for one in (tree, *inner))


def _tensors(tree: Any) -> list[tuple[str, Tensor]]:
    """Names and tensors anywhere in a tree, the first few thousand."""
    found: list[tuple[str, Tensor]] = []
    waiting: list[tuple[str, Any]] = [("", tree)]
    seen = set[int]()
    while waiting and len(found) < 5_000:
        name, node = waiting.pop(0)
        if isinstance(node, Tensor):
            found.append((name, node))
        elif isinstance(node, dict | list) and id(node) not in seen:
            seen.add(id(node))
            items = node.items() if isinstance(node, dict) else enumerate(node)
            waiting += [(f"{name}.{key}" if name else str(key), value) for key, value in list(items)[:5_000]]
    return found
