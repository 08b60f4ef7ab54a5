"""Cards: written and read back, checked, listed and found."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from app import paths
from app.core.errors import ModelError
from app.core.preprocessing import Preprocessing
from app.zoo import cards
from app.zoo.cards import Accuracy, Architecture, Card, Training, Weights, find_card, read_card, write_card


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of the user's, and no bundled models."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundled_models", lambda: tmp_path / "bundled")
    return paths.user_models()


def make_card(folder: Path, name: str = "my-net", **changes: Any) -> Card:
    card = Card(
        id=name,
        title="Mine “quoted” · ünïcode",
        kind="mine",
        architecture=Architecture("cifar", "resnet20", 3, {"shortcut": "B", "width": 8, "gate": 0.5}),
        labels=("cat", "dog", "a name, with a comma"),
        preprocessing=Preprocessing(None, 32, (0.1, 0.2, 0.3), (1.0, 0.5, 0.25), "bicubic"),
        weights=Weights("weights.safetensors", "0" * 64, mebibytes=1.5),
        folder=folder / name,
        source="a colleague",
        licence="MIT",
        training=Training("CIFAR-10", "train it", "abc", 7, "cpu", "2026-01-01"),
        accuracy=(
            Accuracy("measured", "test", 91.25, 99.5, 10, (90.0, 92.0), command="evaluate"),
            Accuracy("published", "test", 91.0, source="a paper"),
        ),
        limits="tiny pictures only",
        parameters=1000,
        gflops=0.04,
    )
    return dataclasses.replace(card, **changes)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    card = make_card(tmp_path)
    assert read_card(write_card(card)) == card


def test_a_card_without_optional_parts_is_read_as_it_was_written(tmp_path: Path) -> None:
    card = make_card(tmp_path, training=Training(), accuracy=(), licence="", source="", limits="")
    assert read_card(write_card(card)) == card


NONSENSE: list[tuple[str, Any, str]] = [
    ("id", "Has Space", "id"),
    ("id", "../../etc", "id"),
    ("title", 3, "title"),
    ("kind", "theirs", "kind"),
    ("kind", "published", "kind"),
    ("parameters", -1, "parameters"),
    ("parameters", True, "parameters"),
    ("architecture", "resnet20", "architecture"),
    ("architecture.classes", 0, "architecture.classes"),
    ("architecture.classes", "three", "architecture.classes"),
    ("architecture.classes", 4, "labels.names"),
    ("architecture.options", [1], "architecture.options"),
    ("architecture.options.shortcut", ["B"], "architecture.options.shortcut"),
    ("labels.names", "cat", "labels.names"),
    ("labels.names", ["cat", 2, "dog"], "labels.names"),
    ("preprocessing.crop", 0, "preprocessing.crop"),
    ("preprocessing.crop", 10**9, "preprocessing.crop"),
    ("preprocessing.resize", "big", "preprocessing.resize"),
    ("preprocessing.mean", [0.1, 0.2], "preprocessing.mean"),
    ("preprocessing.mean", [0.1, 0.2, float("nan")], "preprocessing.mean"),
    ("preprocessing.deviation", [0.1, 0.2, 0.0], "preprocessing.deviation"),
    ("preprocessing.interpolation", "magic", "preprocessing.interpolation"),
    ("weights.file", "../weights.safetensors", "weights.file"),
    ("weights.file", "/etc/passwd", "weights.file"),
    ("weights.file", "..", "weights.file"),
    ("weights.sha256", "xyz", "weights.sha256"),
    ("training.seed", -1, "training.seed"),
    ("accuracy", [{"origin": "dreamt", "data": "x", "top1": 1}], "accuracy[0].origin"),
    ("accuracy", [{"origin": "measured", "data": "x", "top1": 101}], "accuracy[0].top1"),
    ("accuracy", 91.0, "accuracy"),
]


@pytest.mark.parametrize(("field", "value", "named"), NONSENSE)
def test_nonsense_is_refused_by_file_and_field(field: str, value: Any, named: str, tmp_path: Path) -> None:
    path = write_card(make_card(tmp_path))
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    inner = table
    *outer, last = field.split(".")
    for name in outer:
        inner = inner[name]
    inner[last] = value
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_card(path)
    assert str(path) in caught.value.what
    assert f"{named} " in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    "field", ["id", "title", "kind", "architecture", "labels", "preprocessing", "weights", "weights.sha256"]
)
def test_a_missing_field_is_named(field: str, tmp_path: Path) -> None:
    path = write_card(make_card(tmp_path))
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    inner = table
    *outer, last = field.split(".")
    for name in outer:
        inner = inner[name]
    del inner[last]
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    with pytest.raises(ModelError, match="is missing") as caught:
        read_card(path)
    assert field in caught.value.what


@pytest.mark.parametrize("content", [b"", b"id = ", b"\xff\xfe\x00", b"[" * 5000, b"x" * (5 << 20)])
def test_what_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_card(path)
    assert str(path) in caught.value.what


def test_class_names_may_be_in_a_file_beside_the_card(tmp_path: Path) -> None:
    path = write_card(make_card(tmp_path))
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table["labels"] = {"file": "names.txt"}
    path.write_text(tomli_w.dumps(table), encoding="utf-8")
    (path.parent / "names.txt").write_text("eins\nzwei\ndrei\n\n", encoding="utf-8")
    assert read_card(path).labels == ("eins", "zwei", "drei")
    (path.parent / "names.txt").write_text("eins\nzwei\n", encoding="utf-8")
    with pytest.raises(ModelError, match="2 class names"):
        read_card(path)


def test_one_damaged_card_does_not_hide_the_others(library: Path) -> None:
    write_card(make_card(library, "good"))
    (library / "bad").mkdir()
    (library / "bad" / "card.toml").write_text("id = 3")
    found = cards.read_library()
    assert "good" in [card.id for card in found.cards]
    assert len(found.problems) == 1
    assert "bad" in found.problems[0].what
    with pytest.raises(ModelError, match="not valid"):
        find_card("bad")


def test_two_models_of_one_name_are_told(library: Path) -> None:
    write_card(make_card(library, "one"))
    write_card(dataclasses.replace(make_card(library, "one"), folder=library / "two"))
    found = cards.read_library()
    assert sum(card.id == "one" for card in found.cards) == 1
    assert "Two models" in found.problems[0].what


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("mine", "mine"),
        ("resnet50:V1", "resnet50:V1"),
        ("resnet50:v1", "resnet50:V1"),
        ("resnet50", "resnet50:V2"),
        ("ResNet50", "resnet50:V2"),
        ("resnet18", "resnet18:V1"),
        ("ResNet50_Weights.IMAGENET1K_V1", "resnet50:V1"),
        ("ResNet50_Weights.DEFAULT", "resnet50:V2"),
        ("resnet50:IMAGENET1K_V1", "resnet50:V1"),
    ],
)
def test_a_model_is_found_by_the_names_that_people_use(reference: str, expected: str, library: Path) -> None:
    write_card(make_card(library, "mine"))
    assert find_card(reference).id == expected


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(ModelError) as caught:
        find_card("resnet5O")
    assert "resnet50" in caught.value.remedy


def test_published_weights_are_available_when_torch_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    card = find_card("resnet18")
    assert not card.available
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "resnet18-f37072fd.pth").touch()
    assert card.available
    assert card.weights_path == folder / "resnet18-f37072fd.pth"


@pytest.mark.parametrize(
    ("reference", "is_file"),
    [("resnet50", False), ("resnet50:V1", False), ("x.pth", True), ("./x", True), ("a/b", True), ("X.PT", True)],
)
def test_a_file_is_told_from_a_name(reference: str, is_file: bool) -> None:
    assert cards.looks_like_file(reference) is is_file


def test_the_window_can_list_models_without_torch() -> None:
    code = "import sys; from app.zoo.cards import list_cards; assert list_cards(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.root(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
