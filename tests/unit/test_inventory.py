"""What the program consists of, and that a bundle would notice what it lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import components, inventory, paths

ROOT = Path(__file__).resolve().parents[2]


def test_every_module_of_the_tree_is_listed() -> None:
    listed = set(inventory.modules())
    for path in (ROOT / "app").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        assert name in listed


def test_every_registry_is_listed_with_its_plug_ins() -> None:
    found = inventory.plug_ins()
    kinds = {"explanation method", "network family", "data set", "source", "bench"}
    assert kinds <= found.keys()
    assert all(found[kind] for kind in kinds)  # other tests may have left small registries of their own
    assert "grad-cam" in found["explanation method"]


def test_differences_name_what_is_missing_and_what_is_new() -> None:
    assert inventory.differences({"source": ("a", "b")}, {"source": ("b", "c"), "module": ("m",)}) == (
        "module m was not expected",
        "source a is missing",
        "source c was not expected",
    )
    assert inventory.differences({"source": ("a",)}, {"source": ("a",)}) == ()


def test_only_a_bundle_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inventory.recorded() is None
    (tmp_path / "about").mkdir()
    (tmp_path / "about" / inventory.FILE).write_text(json.dumps({"source": ["a"]}))
    monkeypatch.setattr(paths, "about", lambda: tmp_path / "about")
    assert inventory.recorded() == {"source": ("a",)}


def test_every_library_has_a_version_and_a_licence() -> None:
    found = components.of_environment()
    names = {one.name for one in found}
    assert {"torch", "torchvision", "captum", "PySide6_Essentials", "numpy", "Qt", "FFmpeg", "Python"} <= names
    assert all(one.licence for one in found)
    assert all(one.version or one.part_of for one in found)
    assert not {"pytest", "ruff", "mypy"} & names, "what only the tests need is not part of the program"


def test_libraries_that_a_bundle_leaves_out_are_not_in_its_list() -> None:
    names = {one.name for one in components.of_environment(frozenset({"Triton", "pillow_heif"}))}
    assert "triton" not in names
    assert not {"x265", "pillow_heif"} & names, "nor what they bring inside"


def test_the_list_of_a_bundle_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "about", lambda: tmp_path)
    written = (components.Component("x", "1.0", "MIT"), components.Component("Qt", "", "LGPL", part_of="x"))
    components.write(tmp_path / components.FILE, written)
    assert components.components() == written
    assert "Qt in x: LGPL" in components.text(written, engine="torch 2.x, CPU")
