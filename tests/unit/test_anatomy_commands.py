"""`anatomy` and `lesion` on the command line, and the figures drawn from records."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.commands import anatomy, lesion
from app.core.paths import PathLength, PathRecord, log10_paths
from app.core.sweeps import SweepPoint, SweepRecord, SweepRequest, SweepSeries, read_sweep, write_sweep
from app.render.sweep_figure import paths_figure, sweep_figure

MODEL = "cifar10-resnet20"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path: Path) -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "noise.npz", x_test=pixels, y_test=np.arange(20) % 10)
    return str(tmp_path / "noise.npz")


def run(command: object, *words: str) -> Result:
    return CliRunner().invoke(command, list(words))  # type: ignore[arg-type]


def test_anatomy_as_json_and_as_a_table(tmp_path: Path) -> None:
    figure = tmp_path / "paths.svg"
    done = run(anatomy.command, MODEL, "--device", "cpu", "--paths", "--figure", str(figure), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert len(found["blocks"]) == 11
    assert sum(block["multiply_adds"] for block in found["blocks"]) == found["multiply_adds"] == 40_551_040
    assert found["parameters"] == 269_722
    assert sum(one["share"] for one in found["paths"]["lengths"]) == pytest.approx(1)
    ElementTree.fromstring(figure.read_text(encoding="utf-8"))
    table = run(anatomy.command, MODEL, "--device", "cpu", "--bypass", "layer2.1")
    assert table.exit_code == 0
    assert "stage 2, block 2" in table.stdout
    assert "0.000" in next(line for line in table.stdout.splitlines() if line.startswith("stage 2, block 2"))
    wrong = run(anatomy.command, MODEL, "--device", "cpu", "--bypass", "layer9.9")
    assert wrong.exit_code == 2
    assert "no block" in wrong.stderr


def test_lesion_counts_records_and_draws(tmp_path: Path, home: Path, data: str) -> None:
    figure, table = tmp_path / "a.svg", tmp_path / "a.csv"
    words = (MODEL, "--data", data, "--blocks", "layer1.0,layer2.0", "--random", "2", "--repeats", "2")
    done = run(lesion.command, *words, "--device", "cpu", "--figure", str(figure), "--csv", str(table), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    (series,) = found["series"]
    assert [point["blocks"] for point in series["points"][:3]] == [[], ["layer1.0"], ["layer2.0"]]
    assert [point["random"] for point in series["points"][3:]] == [True, True]
    (record,) = (home / "data" / "sweeps").iterdir()
    assert read_sweep(record).state == "done"
    ElementTree.fromstring(figure.read_text(encoding="utf-8"))
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 5
    assert rows[2]["shortcut"] == "padding"
    again = run(lesion.command, "--read", str(record))
    assert again.exit_code == 0
    assert "stage 1, block 1" in again.stdout and "2 at random" in again.stdout
    table_lines = run(lesion.command, "--read", str(record), "--markdown").stdout.splitlines()
    assert len(table_lines) == 2 + 3 + 1
    assert table_lines[4].split(" | ")[1:3] == ["stage 2, block 1", "padding"]
    for bad in ((), (MODEL,), (MODEL, "--data", data, "--blocks", "fc"), ("--read", data)):
        assert run(lesion.command, *bad).exit_code == 2


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder per class with three pictures, one of which is damaged."""
    for name in ("cat", "dog"):
        (tmp_path / "val" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32), "red").save(tmp_path / "val" / name / "a.png")
    (tmp_path / "val" / "dog" / "b.png").write_bytes(b"no picture")
    return tmp_path / "val"


def test_a_sweep_says_which_pictures_it_could_not_count(folders: Path) -> None:
    words = (MODEL, "--data", str(folders), "--blocks", "layer1.0", "--device", "cpu")
    done = run(lesion.command, *words)
    assert done.exit_code == 1, done.output
    assert "on 2 pictures of" in done.stdout
    assert "1 pictures could not be read and are not counted" in done.stdout
    found = json.loads(run(lesion.command, *words, "--json").stdout)
    assert (found["pictures"], found["unread"]) == (2, 1)
    again = run(lesion.command, "--read", found["request"]["path"])
    assert again.exit_code == 0 and "1 pictures could not be read" in again.stdout


def test_paths_over_no_readable_picture_are_refused(folders: Path) -> None:
    for file in folders.rglob("*.png"):
        file.write_bytes(b"no picture")
    done = run(anatomy.command, MODEL, "--paths", "--data", str(folders), "--device", "cpu")
    assert done.exit_code == 2, done.output
    assert "No picture of" in done.stderr


@pytest.mark.parametrize("option", ["--csv", "--figure"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    option: str, tmp_path: Path, data: str, home: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    place = str(tmp_path / "file" / "result")
    done = run(lesion.command, MODEL, "--data", data, option, place, "--device", "cpu")
    assert done.exit_code == 2, done.output
    assert f"{place} cannot be written" in done.stderr
    assert not (home / "data" / "sweeps").exists() or not list((home / "data" / "sweeps").iterdir())
    if option == "--figure":
        for words in (("--paths",), ("--responses", "--data", data)):
            done = run(anatomy.command, MODEL, *words, option, place, "--device", "cpu")
            assert done.exit_code == 2, done.output
            assert f"{place} cannot be written" in done.stderr


def test_a_table_has_the_same_ends_of_lines_everywhere(tmp_path: Path) -> None:
    request = SweepRequest(("r",), "d", str(tmp_path / "record"))
    series = SweepSeries("r", "R", "residual", (), (), (), (SweepPoint((), wrong=1, pictures=10),))
    write_sweep(SweepRecord(request, "done", "", 1.0, 10, 10, "CPU", (series,)))
    assert run(lesion.command, "--read", request.path, "--csv", str(tmp_path / "a.csv")).exit_code == 0
    assert "\r" not in (tmp_path / "a.csv").read_bytes().decode()


def test_figures_show_what_the_records_say() -> None:
    points = (
        SweepPoint((), wrong=10, pictures=100),
        SweepPoint(("a",), wrong=20, pictures=100),
        SweepPoint(("b",), refused="No."),
        SweepPoint(("a", "b"), random=True, wrong=80, pictures=100),
    )
    labels = ("stage 1, block 1", "stage 2, block 1")
    both = tuple(
        SweepSeries(kind, f"<{kind}>", kind, ("a", "b"), labels, ("identity", "padding"), points)
        for kind in ("residual", "plain")
    )
    record = SweepRecord(SweepRequest(("r", "p"), "d", "p"), "done", "", 1.0, 100, 10, "CPU", both)
    text = sweep_figure(record)
    tree = ElementTree.fromstring(text)
    circles = list(tree.iter("{http://www.w3.org/2000/svg}circle"))
    assert len([one for one in circles if one.get("r") == "4"]) == 2
    assert len([one for one in circles if one.get("r") == "2.4"]) == 2
    assert "&lt;plain&gt; (10.00 % as it is)" in text
    assert sweep_figure(record) == text
    lengths = tuple(PathLength(k, log10_paths(4, k), 0.5**k, 0.01, 8) for k in range(5))
    assert "effective depth 1.3 of 4 blocks" in paths_figure(PathRecord(1, "m", 4, 1, lengths), "M")
    nothing = PathRecord(1, "m", 1, 1, (PathLength(0, 0.0, 0.0, 0.0, 1),))
    assert "No gradient" in paths_figure(nothing, "M")
