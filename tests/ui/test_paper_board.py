"""The board beside the paper: only what the folders say, and every way in which a run is not the paper's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.core.errors import RunError
from app.runs.folder import CONFIG, DATA, SUMMARY, write_json
from app.runs.records import Evaluation
from app.runs.status import FILE_NAME as STATUS
from app.runs.store import RunWriter
from app.training.claims import read_row
from app.training.config import Experiment
from app.ui.background import Background
from app.ui.lab.paper import PaperBoard, note


def run(folder: Path, *, train: float, test: float, steps: int = 64_000, **changes: object) -> Path:
    folder.mkdir(parents=True)
    write_json(folder / CONFIG, {**dataclasses.asdict(Experiment()), **changes})
    write_json(folder / DATA, {"train_pictures": 50_000, "test_pictures": 10_000})
    write_json(folder / SUMMARY, {"steps": steps})
    write_json(folder / STATUS, {"state": "finished", "step": steps, "steps": steps, "started": 1.0, "beat": 2.0})
    writer = RunWriter(folder)
    writer.evaluated(Evaluation(steps // 2, 1, 1.0, 50.0, 1.0, 60.0, 1.0))
    writer.evaluated(Evaluation(steps, 2, 0.1, train, 0.2, test, 2.0))
    writer.close()
    return folder


@pytest.fixture
def board(qtbot: QtBot) -> Iterator[PaperBoard]:
    background = Background()
    one = PaperBoard(background)
    qtbot.addWidget(one)
    one.resize(700, 200)
    one.show()
    yield one
    background.close()


def cells(board: PaperBoard, row: int) -> list[str]:
    found = []
    for column in range(6):
        label = board.findChild(QLabel, f"paperCell{row}-{column}")
        assert label is not None
        found.append(label.text())
    return found


def shown(qtbot: QtBot, board: PaperBoard, *folders: Path) -> None:
    board.show_runs(folders)
    qtbot.waitUntil(lambda: len(board.rows) == len(folders), timeout=5000)


def test_a_run_by_the_recipe_is_laid_beside_table_6(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    shown(qtbot, board, run(tmp_path / "a", train=0.5, test=9.0))
    assert cells(board, 1) == ["ResNet-20", "0.50 %", "9.00 %", "8.75 %", "+0.25", "nothing: trained as in section 4.2"]


def test_a_shortened_schedule_is_told(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    shown(qtbot, board, run(tmp_path / "a", train=15, test=16.84, steps=3890, precision="bfloat16"))
    assert re.search(r"shortened schedule, 3,?890 of 64,?000 steps", cells(board, 1)[5])
    assert "precision bfloat16 instead of float32" in cells(board, 1)[5]
    assert cells(board, 1)[4] == "+8.09"


def test_what_the_paper_did_not_train_has_no_number_beside_it(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    shapes = run(tmp_path / "a", train=1, test=2, data="shapes")
    plain = run(tmp_path / "b", train=1, test=2, shortcut="none", depth=56)
    shown(qtbot, board, shapes, plain)
    assert cells(board, 1)[3:5] == ["–", "–"]
    assert "data set shapes instead of cifar10" in cells(board, 1)[5]
    assert cells(board, 2)[3:5] == ["a curve", "–"]


def test_depths_are_compared_where_they_were_trained_equally_long(
    qtbot: QtBot, board: PaperBoard, tmp_path: Path
) -> None:
    depth = board.findChild(QLabel, "paperDepth")
    assert depth is not None
    assert "Tick runs" in depth.text()
    one = run(tmp_path / "a", train=6.0, test=10, shortcut="none", depth=20)
    two = run(tmp_path / "b", train=11.0, test=14, shortcut="none", depth=56)
    shown(qtbot, board, two, one)
    assert depth.text() == (
        "Plain networks: training error 6.00 % with 20 layers, 11.0 % with 56 layers. In figure 6 it rises with depth."
    )
    assert cells(board, 1)[5] == "nothing: trained as in section 4.2"
    short = run(tmp_path / "c", train=12.0, test=14, shortcut="none", depth=44, steps=100)
    shown(qtbot, board, one, two, short)
    assert "cannot be compared" in depth.text()


def test_a_run_that_cannot_be_read_is_told_and_the_others_are_shown(
    qtbot: QtBot, board: PaperBoard, tmp_path: Path
) -> None:
    told: list[object] = []
    board.failed.connect(told.append)
    board.show_runs([tmp_path / "gone", run(tmp_path / "a", train=1, test=9)])
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert isinstance(told[0], RunError)
    assert len(board.rows) == 1


def test_the_table_can_be_copied(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    shown(qtbot, board, run(tmp_path / "a", train=0.5, test=9.0))
    board.copy()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[1].startswith("ResNet-20,64000,0.5,9,8.75,")


def test_a_living_run_is_not_called_finished(tmp_path: Path) -> None:
    folder = run(tmp_path / "a", train=30, test=35, steps=5000)
    (folder / SUMMARY).unlink()
    write_json(folder / STATUS, {"state": "running", "step": 5000, "steps": 64_000, "started": 1.0, "beat": 2.0})
    row = read_row(folder)
    assert (row.finished, row.steps, row.planned, row.test_error) == (False, 5000, 64_000, 35)


def test_nothing_is_concluded_from_a_run_that_is_not_over(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    folder = run(tmp_path / "a", train=30, test=35, steps=5000)
    write_json(folder / STATUS, {"state": "running", "step": 5000, "steps": 64_000, "started": 1.0, "beat": 2.0})
    shown(qtbot, board, folder)
    assert cells(board, 1)[4] == "–"
    assert "still training" in cells(board, 1)[5]


def test_what_all_runs_have_in_common_is_said_once(qtbot: QtBot, board: PaperBoard, tmp_path: Path) -> None:
    one = run(tmp_path / "a", train=1, test=9, precision="bfloat16")
    two = run(tmp_path / "b", train=1, test=9, depth=32, precision="bfloat16", steps=100)
    shown(qtbot, board, one, two)
    depth = board.findChild(QLabel, "paperDepth")
    assert depth is not None
    assert depth.text().startswith("All of them: precision bfloat16 instead of float32.")
    assert cells(board, 1)[5] == "only what is said below"
    assert "bfloat16" not in cells(board, 2)[5]


@pytest.mark.parametrize("chart", ["loss", "errors", "rate", "blocks", "map"])
def test_charts_that_the_paper_speaks_of_have_a_note_with_its_place(chart: str) -> None:
    text = note(chart, "output_gradient")
    assert "He et al. 2015" in text
    assert any(word in text for word in ("figure", "section", "table"))


def test_the_caveat_about_vanishing_gradients_is_there() -> None:
    assert "unlikely" in note("blocks", "output_gradient")
    assert note("speed") == ""
