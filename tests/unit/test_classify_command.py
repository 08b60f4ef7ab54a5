"""`classify`: tables that nobody else writes meanwhile, JSON, and the names of maps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.commands.classify import command
from app.evaluation import batch_export
from app.evaluation.batch_lock import BatchBusyError, alone
from app.evaluation.batch_store import BatchStore

METHOD = "saliency"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures and a file that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 32), "red").save(folder / name)
    (folder / "broken.png").write_bytes(b"no picture")
    return folder


def classify(*words: str | Path) -> Result:
    return CliRunner().invoke(command, [*map(str, words), "--model", "cifar10-resnet20", "--device", "cpu"])


def test_a_table_is_ours_until_it_is_written_and_the_working_file_gone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, busy = tmp_path / "tables" / "t.csv", []
    original = batch_export.export

    def export(table: BatchStore, path: Path, **options: int) -> int:
        with pytest.raises(BatchBusyError), alone(table.path):
            pass
        busy.append(table.path)
        return original(table, path, **options)

    monkeypatch.setattr(batch_export, "export", export)
    done = classify(folder, "--out", out)
    assert done.exit_code == 1 and "2 pictures classified, 1 could not be read" in done.stdout, done.output
    assert len(busy) == 1 and [file.name for file in out.parent.iterdir()] == ["t.csv"]
    with alone(busy[0]):
        done = classify(folder, "--out", out, "--resume")
    assert done.exit_code == 2 and "Another window or command" in done.stderr
    assert len(out.read_text(encoding="utf-8").splitlines()) == 4, "the finished table is as it was"


def test_a_table_is_told_as_json(folder: Path, tmp_path: Path) -> None:
    done = classify(folder, "--out", tmp_path / "t.csv", "--json")
    expected = {"table": str(tmp_path / "t.csv"), "classified": 2, "failed": 1, "notices": []}
    assert done.exit_code == 1 and json.loads(done.stdout) == expected


@pytest.mark.parametrize("words", [("--top", "3"), ("--layer", "layer3.2"), ("--target", "cat"), ("--explain", METHOD)])
def test_what_a_table_does_not_have_is_refused(words: tuple[str, str], folder: Path, tmp_path: Path) -> None:
    done = classify(folder, "--out", tmp_path / "t.csv", *words)
    assert done.exit_code == 2 and words[0] in done.stderr and "A table" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["pictures"]


def test_maps_of_long_and_of_nearly_equal_names(tmp_path: Path) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "maps"
    folder.mkdir()
    for stem in ("ä" * 125 + "x", "ä" * 125 + "y", "Cat", "CAT", "cat"):
        Image.new("RGB", (32, 32), "red").save(folder / f"{stem}.png")
    done = classify(folder, "--explain", METHOD, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    maps = [Path(entry["explanation"]["npy"]) for entry in json.loads(done.stdout)]
    assert all(path.is_file() for path in maps)
    assert len({path.name.casefold() for path in maps}) == len(list(folder.iterdir())), "also where case does not count"
