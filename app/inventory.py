"""What the program consists of: its modules, and the plug-ins of every registry. No torch of its own, no Qt.

A bundle carries the inventory of the source tree that it was built from; its `selftest` compares. So a plug-in that
the packaging lost shows as a failure instead of as a shorter list.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import app
from app import paths
from app.core.registry import Registry

FILE = "inventory.json"


def modules() -> tuple[str, ...]:
    """Every module of the program that can be imported here, by its dotted name; none of them is imported for it."""
    return tuple(sorted(_below("app", list(app.__path__))))


def plug_ins() -> dict[str, tuple[str, ...]]:
    """The names in every registry, by the kind of plug-in.

    Imports all of the program but its window: whatever cannot be imported raises ImportError, which is what a
    `selftest` wants to know.
    """
    for name in modules():
        if not name.startswith("app.ui"):  # the window has no registries, and importing it would bring Qt
            importlib.import_module(name)
    return {registry.kind: registry.names() for registry in Registry.every}


def taken() -> dict[str, tuple[str, ...]]:
    """The whole inventory: the plug-ins by kind, and the modules under "module"."""
    return {**plug_ins(), "module": modules()}


def recorded() -> dict[str, tuple[str, ...]] | None:
    """The inventory that this bundle was built with; None outside a bundle."""
    path = paths.about() / FILE
    if not path.is_file():
        return None
    values: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return {kind: tuple(names) for kind, names in values.items()}


def differences(expected: dict[str, tuple[str, ...]], found: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """One phrase for each thing that is in one inventory alone; empty where both are the same."""
    phrases = []
    for kind in sorted(expected.keys() | found.keys()):
        before, now = set(expected.get(kind, ())), set(found.get(kind, ()))
        phrases += [f"{kind} {name} is missing" for name in sorted(before - now)]
        phrases += [f"{kind} {name} was not expected" for name in sorted(now - before)]
    return tuple(phrases)


def write(path: Path) -> None:
    """Write the inventory of this program, for a bundle."""
    path.write_text(json.dumps(taken(), indent=1) + "\n", encoding="utf-8")


def _below(package: str, folders: list[str]) -> list[str]:
    names = [package]
    for one in pkgutil.iter_modules(folders, f"{package}."):
        if not one.ispkg:
            names.append(one.name)
            continue
        # A package's folder is found without importing it: app.networks imports torch, app.ui imports Qt.
        inner = one.name.rpartition(".")[2]
        names += _below(one.name, [str(Path(folder) / inner) for folder in folders])
    return names
