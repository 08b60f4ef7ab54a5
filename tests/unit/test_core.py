"""Errors that cross processes, registries, records, atomic files."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from app.core import errors
from app.core.files import replacing, write_text
from app.core.records import BlockInfo, Heatmap, NetworkOutline, Prediction
from app.core.registry import Registry

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ExplorerError)]


@pytest.mark.parametrize("kind", FAMILY)
def test_errors_survive_the_way_between_processes(kind: type[errors.ExplorerError]) -> None:
    error = pickle.loads(pickle.dumps(kind("cat.jpg is empty.", "Choose another.")))
    assert type(error) is kind
    assert (error.what, error.remedy, str(error)) == (
        "cat.jpg is empty.",
        "Choose another.",
        "cat.jpg is empty. Choose another.",
    )


def test_a_registry_finds_plug_ins_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("from app.core.registry import Registry\nshelf = Registry('tool', __name__)\n")
    (package / "hammer.py").write_text("from some_plugins import shelf\nshelf.register('hammer')('a hammer')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import some_plugins  # type: ignore[import-not-found]

    assert some_plugins.shelf.names() == ("hammer",)
    assert some_plugins.shelf.get("hammer") == "a hammer"
    with pytest.raises(errors.ExplorerError, match=r"no tool called “saw”.*hammer"):
        some_plugins.shelf.get("saw")
    with pytest.raises(ValueError, match="two plug-ins"):
        some_plugins.shelf.register("hammer")("another")
    sys.modules.pop("some_plugins")


def test_registry_names_its_own_error() -> None:
    registry: Registry[str] = Registry("colour", "app.core", errors.ModelError)
    with pytest.raises(errors.ModelError):
        registry.get("red")


def test_top_is_sorted_and_ties_go_to_the_lower_index() -> None:
    probabilities = np.array([0.1, 0.4, 0.1, 0.4], np.float32)
    assert Prediction(probabilities, probabilities).top(3) == (1, 3, 0)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([[0, 0]], "zero"),
        ([[1, 0]], "positive"),
        ([[1, -1]], "mixed"),
        ([[-1, 0]], "negative"),
        ([[np.nan, 1]], "not finite"),
        ([[np.inf, 1]], "not finite"),
    ],
)
def test_a_heatmap_knows_why_there_is_nothing_to_see(values: list[list[float]], state: str) -> None:
    assert Heatmap(np.array(values, np.float32), "grad-cam", "layer4.2", 0, signed=False).state == state


def test_outline_defaults_to_the_last_feature_map() -> None:
    blocks = (
        BlockInfo("relu", "stem", 0, 0, "none", 1),
        BlockInfo("layer1.0", "basic", 1, 1, "identity", 1),
        BlockInfo("fc", "head", 0, 0, "none", 1),
    )
    outline = NetworkOutline("cifar", "resnet8", "ResNet-8", blocks, 3)
    assert outline.default_block == "layer1.0"
    assert outline.block("layer1.0") is blocks[1]
    assert outline.block("layer9") is None
    assert [block.label for block in blocks] == ["stem", "stage 1, block 1", "head"]


def test_a_file_is_never_half_written(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "settings.json"
    write_text(target, "first")

    def fail_while_writing() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        fail_while_writing()
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["settings.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.write_text("")
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode
