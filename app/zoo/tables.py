"""Finds the table of weights in a file: under which wrapper, behind which prefix, and which of several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor

from app.zoo.contents import DamagedFile

_NOT_WEIGHTS = re.compile(r"(optim|scheduler|scaler|exp_avg|momentum|amp$|opt$|loops|callbacks|rng)", re.IGNORECASE)
_AVERAGED = re.compile(r"ema|averaged|swa|teacher|target|momentum_encoder|encoder_k", re.IGNORECASE)
_DEEPEST = 8
_MOST_TABLES = 12
_MOST_PARTS = 32  # of one table: networks in networks in networks are copied for each
_MOST_TENSORS = 100_000  # in one table, with all tables in it
_MOST_LETTERS = 8 << 20  # of all names in it
_INSIDE = ("module", "_orig_mod")


@dataclass(frozen=True, eq=False)
class Table:
    """A flat table of tensors.

    Attributes:
        where: Keys from the file's root to it, joined by dots; "" for the root.
        prefix: What every key begins with, and is left away.
        tensors: By key, in the file's order.
        notes: What the user should know.
    """

    where: str
    prefix: str
    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """In words."""
        where = self.where or "the file itself"
        return f"{where}, keys after “{self.prefix}”" if self.prefix else where


def find_tables(tree: Any) -> list[Table]:
    """The tables that may hold a network, the likeliest first.

    Raises:
        DamagedFile: where one of them is larger than any network's, as few bytes can say.
    """
    found: list[Table] = []
    for where, flat in _flat_tables(tree):
        if any(set(flat) == set(table.tensors) and table.where == where for table in found):
            continue
        found += [Table(where, prefix, tensors) for prefix, tensors in islice(_parts(flat), _MOST_PARTS)]
        if len(found) >= _MOST_TABLES:
            break
    named = [table for table in found if _AVERAGED.search(f"{table.where}.{table.prefix}")]
    plain = [table for table in found if table not in named]
    if named and plain:
        # Weights averaged over training steps are the ones that authors evaluate (timm, torchvision's references).
        note = f"It holds averaged weights ({named[0].title}) and plain ones ({plain[0].title}); the averaged are used."
        ema = [
            table for table in named if re.search(r"ema|averaged|swa", f"{table.where}.{table.prefix}", re.IGNORECASE)
        ]
        rest = [table for table in found if table not in ema]
        return [*(Table(t.where, t.prefix, t.tensors, (note,)) for t in ema), *rest]
    return found


def others_beside(table: Table, tables: list[Table]) -> tuple[str, ...]:
    """A note where the file holds other networks of about the same size, of which this one was taken."""
    if table.notes:  # averaged weights beside plain ones are told already
        return ()
    size = _convolutions(table.tensors)
    parts = [one for one in tables if one is not table and one.where == table.where and one.prefix and table.prefix]
    apart = [
        one for one in parts if not one.prefix.startswith(table.prefix) and not table.prefix.startswith(one.prefix)
    ]
    alike = [one.prefix.rstrip(".") for one in apart if 2 * size >= _convolutions(one.tensors) >= size / 2]
    if not alike:
        return ()
    return (f"It holds several networks; “{table.prefix.rstrip('.')}” is used, and not “{'”, “'.join(alike[:3])}”.",)


def _flat_tables(tree: Any) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every dict with weights below it, flattened; inner ones after the outer ones that they are in, unless wrapped."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    seen = set[int]()
    while waiting:
        path, node = waiting.pop(0)
        if isinstance(node, list) and len(node) <= 16:
            node = {str(place): one for place, one in enumerate(node)}
        if not isinstance(node, dict) or len(path) > _DEEPEST or id(node) in seen:
            continue
        seen.add(id(node))
        if {"state", "param_groups"} <= set(map(str, node)):
            continue  # an optimiser's
        children = {
            str(key): value
            for key, value in node.items()
            if not _NOT_WEIGHTS.search(str(key)) or isinstance(value, Tensor)
        }
        inner = {key: value for key, value in children.items() if isinstance(value, dict | list)}
        holders = [key for key, value in inner.items() if _convolutions(value) >= 3]
        whole = _holds_convolution(children) or (len(holders) != 1 and sum(map(_convolutions, inner.values())) > 0)
        if whole:
            yield ".".join(path), _flatten(children)
        waiting += [((*path, key), inner[key]) for key in holders]


def _holds_convolution(table: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Tensor) and value.dim() == 4 for value in table.values())


def _convolutions(node: Any) -> int:
    count, waiting, seen = 0, [(node, 0)], set[int]()
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, Tensor):
            count += one.dim() == 4
        elif isinstance(one, dict | list) and depth < _DEEPEST and id(one) not in seen:
            seen.add(id(one))
            values = one.values() if isinstance(one, dict) else one
            waiting += [(value, depth + 1) for value in values]
    return count


def _flatten(table: Mapping[str, Any]) -> dict[str, Tensor]:
    """Every tensor below a table by its path, in the file's order.

    What a file names twice is there twice: eight tables of which each holds the next one under twenty names make 20⁸
    paths in a few hundred bytes. So all names are counted, also those that lead to no tensor.
    """
    flat: dict[str, Tensor] = {}
    letters = 0

    def take(part: Mapping[Any, Any], prefix: str, depth: int) -> None:
        nonlocal letters
        for key, value in part.items():
            name = str(key)
            letters += len(prefix) + len(name) + 1
            if letters > _MOST_LETTERS or len(flat) > _MOST_TENSORS:
                raise DamagedFile("it names more tensors than any network has", "Get the file from another source.")
            if isinstance(value, Tensor):
                flat[f"{prefix}{name}"] = value
            elif isinstance(value, dict) and depth < _DEEPEST and not _NOT_WEIGHTS.search(name):
                take(value, f"{prefix}{name}.", depth + 1)

    take(table, "", 0)
    return flat


def _parts(flat: dict[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The table without its common prefix, and, where several networks share it, each of them."""
    tensors = {_without_wrappers(key): tensor for key, tensor in flat.items()}
    if len(tensors) < len(flat):
        tensors = flat
    prefix = _common_prefix(list(tensors))
    whole = {key[len(prefix) :]: tensor for key, tensor in tensors.items()}
    yield prefix, whole
    groups: dict[str, dict[str, Tensor]] = {}
    for key, tensor in whole.items():
        first, dot, rest = key.partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = tensor
    networks = {name: group for name, group in groups.items() if _starts_a_network(group)}
    for name, group in networks.items():
        for inner, part in _parts(group) if len(group) < len(whole) else ():
            yield f"{prefix}{name}.{inner}", part


def _starts_a_network(group: Mapping[str, Tensor]) -> bool:
    convs = [tensor for tensor in group.values() if tensor.dim() == 4]
    return len(convs) >= 3 and any(conv.shape[1] == 3 for conv in convs)


def _without_wrappers(key: str) -> str:
    """Wrappers of torch (DataParallel, compile) also in the middle of a key: features.module.0 -> features.0."""
    parts = key.split(".")
    return ".".join(part for part in parts if part not in _INSIDE) or key


def _common_prefix(keys: list[str]) -> str:
    """Whole leading parts that all keys share."""
    first = [key.split(".")[:-1] for key in keys]
    count = 0
    while all(len(parts) > count for parts in first) and len({parts[count] for parts in first}) == 1:
        count += 1
    return "".join(f"{part}." for part in first[0][:count]) if first else ""
