"""The Evaluate tab: from the form to the figures, the cells, the mistakes and earlier evaluations."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from app.core.errors import CancelledError, DataError
from app.evaluation.data import labelled_set
from app.evaluation.measures import Calibration, ClassRow
from app.evaluation.records import EvaluationRequest, evaluations, list_records, read_verdicts, write_record
from app.ui.charts.export import csv_text
from app.ui.composition import Composition
from app.ui.evaluate.class_table import ClassModel
from app.ui.evaluate.confusion import ConfusionMatrix, name_step
from app.ui.evaluate.reliability import ReliabilityDiagram
from app.ui.evaluate.side_by_side import figures
from app.ui.models.evaluate_panel import EvaluatePanel
from tests.ui.judging_help import HeldJob, evaluation, show_panel
from tests.ui.prompt_engine import LABELS


@pytest.fixture
def panel(program: Composition) -> EvaluatePanel:
    found = show_panel(program, "evaluate")
    assert isinstance(found, EvaluatePanel)
    return found


def test_empty_it_says_what_to_do_and_asks_for_what_is_missing(panel: EvaluatePanel, jobs: list[HeldJob]) -> None:
    assert panel.empty.isVisibleTo(panel) and not panel.headline.isVisibleTo(panel)
    panel.work.button.click()
    assert not jobs and "Choose a model" in panel.notices.text


def test_a_dropped_folder_is_evaluated_and_shown(
    panel: EvaluatePanel,
    jobs: list[HeldJob],
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    record = evaluation(tmp_path / "data")
    assert panel.take_paths([tmp_path / "data" / "some.npz", tmp_path / "labels.csv"])
    assert not panel.take_paths([tmp_path / "picture.jpg"])
    panel.labels.edit.clear()
    panel.work.button.click()
    (job,) = jobs
    assert job.verb == "evaluation.evaluate"
    assert job.arguments == (EvaluationRequest("cifar10-resnet20", str(tmp_path / "data" / "some.npz")),)
    assert panel.work.button.text() == "Stop"
    job.progressed.emit(0.5)
    assert panel.work.bar.value() == 500 and "50 %" in panel.work.words.text()
    job.done.emit(record)
    assert panel.work.button.text() == "Evaluate"
    assert panel.headline.title.text() == "ResNet-20 on 40 pictures"
    figure = panel.headline._labels["top1"][1].text()
    assert figure == "17.50 %"
    qtbot.waitUntil(lambda: panel.confusion.size_in_classes == 10)
    assert panel.earlier.count() == 1
    assert "1 pictures could not be read" in panel.notices.text


def test_a_mismatch_is_said_in_the_page(panel: EvaluatePanel, jobs: list[HeldJob], tmp_path: Path) -> None:
    panel.data.set_path(tmp_path)
    panel.evaluate()
    jobs[0].failed.emit(DataError("None of the data's 2 classes is a class of M.", "Rename them."))
    assert panel.notices.text == "None of the data's 2 classes is a class of M. Rename them."
    assert panel.work.button.text() == "Evaluate"
    panel.evaluate()
    panel.work.button.click()
    assert jobs[1].cancelled and not panel.work.button.isEnabled()
    jobs[1].failed.emit(CancelledError("The evaluation was stopped.", "Nothing was recorded."))
    assert panel.work.words.text() == "The evaluation was stopped. Nothing was recorded."
    assert panel.work.button.text() == "Evaluate" and panel.work.button.isEnabled()


def test_closing_the_window_ends_the_job(
    panel: EvaluatePanel,
    jobs: list[HeldJob],
    program: Composition,
    tmp_path: Path,
) -> None:
    panel.data.set_path(tmp_path)
    panel.evaluate()
    program.window.closing.emit()
    assert jobs[0].closed


def test_a_cell_shows_its_pictures_and_a_picture_opens_in_explore(
    program: Composition,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    evaluation(tmp_path / "data")
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: panel.confusion.size_in_classes == 10)
    assert len(panel.gallery.strip.ids) == 7, "the mistakes"
    panel.show_cell(0, 0)
    assert panel.strip_sheet._title.text() == "class 0 called class 0"
    assert len(panel.gallery.strip.ids) == 3 and panel.back.isVisibleTo(panel)
    panel.gallery.strip.chosen.emit(1)
    qtbot.waitUntil(lambda: program.window.page == "explore")
    assert program.session.entry(program.session.current).name == "some.npz #30"
    panel.back.click()
    assert len(panel.gallery.strip.ids) == 7


def test_data_that_changed_are_not_shown_as_if_they_were_the_same(
    program: Composition,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    evaluation(tmp_path / "data")
    np.savez(tmp_path / "data" / "some.npz", x=np.zeros((40, 32, 32, 3), np.uint8), y=np.arange(40) % 10)
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: len(panel.gallery.strip.ids) == 7)
    panel.gallery.strip.chosen.emit(1)
    qtbot.waitUntil(lambda: "has changed" in panel.notices.text)
    assert program.window.page == "models"


def test_earlier_evaluations_of_a_labels_file_show_their_own_pictures(
    program: Composition, tmp_path: Path, qtbot: QtBot
) -> None:
    """Their numbers follow the lines of the file, which no longer count."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{number}.png")
    (folder / "labels.csv").write_text("1.png,dog\n0.png,cat\n")
    record = evaluation(tmp_path / "data", wrong=1)
    told = labelled_set(folder).as_told()
    old = dataclasses.replace(record, data=str(folder), layout=told.layout, fingerprint=told.fingerprint)
    write_record(old, read_verdicts(evaluations() / record.id))
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: len(panel.gallery.strip.ids) == 1)
    panel.gallery.strip.chosen.emit(1)
    qtbot.waitUntil(lambda: program.window.page == "explore" and program.session.current >= 0)
    assert program.session.entry(program.session.current).name == "1.png", "picture 0 was the first line's"


def test_two_evaluations_beside_each_other(program: Composition, tmp_path: Path, qtbot: QtBot) -> None:
    evaluation(tmp_path / "data", "one", wrong=7)
    evaluation(tmp_path / "data", "two", wrong=3, title="ResNet-56")
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: panel.earlier.count() == 2)
    panel.earlier.selectAll()
    assert panel.side_sheet.isVisibleTo(panel) and not panel.headline.isVisibleTo(panel)
    assert panel.side.columnCount() == 3
    qtbot.waitUntil(lambda: "both right 33" in panel.side_sheet.aside.text())
    # Three are wrong in both; of the first's seven, four are right in the other.
    assert "only the first 4" in panel.side_sheet.aside.text() or "only the second 4" in panel.side_sheet.aside.text()
    assert "neither 3" in panel.side_sheet.aside.text()
    records, _ = list_records()
    rows = dict(figures(records))
    assert rows["Same pictures"] == ["yes", "yes"]
    assert "17.50 %" in " ".join(rows["Top-1 error"])
    assert csv_text(panel.side.table()).startswith(",ResNet-20,ResNet-56")


def test_the_newest_is_shown_alone_whatever_was_chosen_before(
    program: Composition,
    jobs: list[HeldJob],
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    evaluation(tmp_path / "data", "one")
    evaluation(tmp_path / "a-folder-with-a-very-long-name" / "data", "two", wrong=3)
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: panel.earlier.count() == 2)
    panel.earlier.selectAll()
    bar = panel.board.verticalScrollBar()
    panel.data.set_path(tmp_path / "data" / "some.npz")
    panel.work.button.click()
    record = evaluation(tmp_path / "data", "three", wrong=5)
    bar.setValue(bar.maximum())
    jobs[0].done.emit(record)
    assert bar.value() == 0, "its figures are in sight"
    qtbot.waitUntil(lambda: panel.earlier.count() == 3)
    assert len(panel.earlier.selectedItems()) == 1 and panel.record is not None and panel.record.id == record.id
    assert panel.headline.isVisibleTo(panel) and not panel.side_sheet.isVisibleTo(panel)
    assert all(item.text().count("\n") == 2 for item in map(panel.earlier.item, range(3))), "the date has its own line"
    assert ".;" not in panel.notices.text


def test_removing_takes_two_presses(program: Composition, tmp_path: Path, qtbot: QtBot) -> None:
    evaluation(tmp_path / "data")
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: panel.earlier.count() == 1)
    qtbot.keyClick(panel.earlier, Qt.Key.Key_Delete)
    assert "again" in panel.notices.text and len(list_records()[0]) == 1
    qtbot.keyClick(panel.earlier, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: panel.earlier.count() == 0)
    assert list_records()[0] == [] and panel.empty.isVisibleTo(panel)


def test_cards_are_saved_as_tables_and_pictures(program: Composition, tmp_path: Path, qtbot: QtBot) -> None:
    evaluation(tmp_path / "data")
    panel = show_panel(program, "evaluate")
    assert isinstance(panel, EvaluatePanel)
    qtbot.waitUntil(lambda: panel.confusion.size_in_classes == 10)
    panel.confusion_sheet.save(tmp_path / "confusion.csv")
    panel.confusion_sheet.save(tmp_path / "confusion.png")
    panel.class_sheet.save(tmp_path / "classes.csv")
    panel.calibration_card.save(tmp_path / "calibration.csv")
    files = ("confusion.csv", "confusion.png", "classes.csv", "calibration.csv")
    qtbot.waitUntil(lambda: all((tmp_path / name).exists() for name in files))
    lines = (tmp_path / "confusion.csv").read_text().splitlines()
    assert len(lines) == 11 and lines[1].startswith("class 0,3,1,0")
    assert (tmp_path / "confusion.png").read_bytes()[:4] == b"\x89PNG"
    assert len((tmp_path / "calibration.csv").read_text().splitlines()) == 16
    assert "17.5" not in (tmp_path / "classes.csv").read_text().splitlines()[0]


def test_narrow_it_has_one_column(panel: EvaluatePanel) -> None:
    board = panel.board
    board.resize(700, 500)
    board.arrange()
    assert board.columns == 1
    board.resize(1100, 800)
    board.arrange()
    assert board.columns == 2


# --- the matrix


@pytest.fixture
def matrix(qtbot: QtBot) -> ConfusionMatrix:
    widget = ConfusionMatrix()
    qtbot.addWidget(widget)
    widget.resize(500, 500)
    counts = np.zeros((12, 12), np.int64)
    counts[:10, :10] = np.eye(10, dtype=np.int64) * 9
    counts[3, 5] = 1
    widget.set_matrix(counts, (*LABELS, "never", "seen"))
    widget.show()
    return widget


def centre(widget: ConfusionMatrix, row: int, column: int) -> QPointF:
    return widget.cell_rect(row, column).center()


def test_classes_that_never_occur_are_left_out(matrix: ConfusionMatrix) -> None:
    assert matrix.size_in_classes == 10
    assert matrix.words((3, 5)) == "class 3 called class 5: 1 of 10 (10.0 %)"
    assert matrix.words((3, 3)) == "class 3: 9 of 10 right (90.0 %)"


def test_a_click_chooses_a_cell_that_is_not_empty(matrix: ConfusionMatrix, qtbot: QtBot) -> None:
    with qtbot.waitSignal(matrix.cell_chosen) as caught:
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=centre(matrix, 3, 5).toPoint())
    assert caught.args == [3, 5]
    with qtbot.assertNotEmitted(matrix.cell_chosen):
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=centre(matrix, 3, 6).toPoint())


def test_names_of_many_classes_do_not_run_into_each_other() -> None:
    assert name_step(1.5, 14) * 1.5 >= 14 * 0.9
    assert name_step(1.5, 14, slanted=True) * 1.5 >= 14 * 2**0.5, "leaning, they need more"
    assert name_step(40, 14) == name_step(40, 14, slanted=True) == 1


def test_zoom_keeps_its_place_and_stays_inside(matrix: ConfusionMatrix) -> None:
    at = centre(matrix, 7, 2)
    matrix.zoom(2.0, at)
    assert matrix.across == pytest.approx(5.0)
    assert matrix.cell_at(at) == (7, 2)
    matrix.zoom(100.0, at)
    assert matrix.across == 4.0
    for _ in range(30):
        matrix.zoom(0.5)
    assert matrix.across == 10.0 and matrix.cell_at(centre(matrix, 0, 0)) == (0, 0)


def test_the_keyboard_goes_through_the_cells(matrix: ConfusionMatrix, qtbot: QtBot) -> None:
    matrix.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(matrix, key)
    assert "class 1: 9 of 9" in matrix.accessibleDescription() or "class 1" in matrix.accessibleDescription()
    qtbot.keyClick(matrix, Qt.Key.Key_Plus)
    assert matrix.across < 10
    qtbot.keyClick(matrix, Qt.Key.Key_Left)
    qtbot.keyClick(matrix, Qt.Key.Key_Down)
    with qtbot.assertNotEmitted(matrix.cell_chosen):
        qtbot.keyClick(matrix, Qt.Key.Key_Return)


def test_nothing_and_very_much_can_be_shown(qtbot: QtBot) -> None:
    widget = ConfusionMatrix()
    qtbot.addWidget(widget)
    widget.resize(400, 400)
    widget.grab()
    widget.set_matrix(np.eye(1000, dtype=np.int64), tuple(f"a rather long name of a class {n}" for n in range(1000)))
    widget.grab()
    widget.zoom(30)
    widget.grab()
    widget.set_matrix(None, ())
    assert widget.size_in_classes == 0
    widget.grab()


# --- the other two


def test_the_diagram_tells_each_bin(qtbot: QtBot) -> None:
    diagram = ReliabilityDiagram()
    qtbot.addWidget(diagram)
    diagram.grab()
    counts, confidence, accuracy = (0,) * 14 + (20,), (0.0,) * 14 + (0.97,), (0.0,) * 14 + (0.9,)
    diagram.set_calibration(Calibration(counts, confidence, accuracy, 0.07, 0.97))
    diagram.grab()
    told = diagram.readout(diagram.nearest(10) or 0)
    assert told is not None, "the only filled bin is the nearest"
    assert [row.value for row in told.rows] == ["90 %", "97 %", "20"]
    assert "7.00 %" in diagram.accessibleDescription()


def test_classes_are_sorted_with_unknown_shares_at_the_end() -> None:
    model = ClassModel()
    rows = (ClassRow(0, "b", 10, 9, 10, 9), ClassRow(1, "A", 10, 2, 5, 3), ClassRow(2, "c", 0, 0, 0, 1))
    model.set_rows(rows)

    def order() -> list[str]:
        return [model.row(place).label for place in range(3)]

    assert order() == ["A", "b", "c"], "the hardest first"
    model.sort(2, Qt.SortOrder.DescendingOrder)
    assert order() == ["b", "A", "c"]
    model.sort(0, Qt.SortOrder.AscendingOrder)
    assert order() == ["A", "b", "c"]
    assert model.data(model.index(2, 2)) == "–"
    assert model.data(model.index(1, 2)) == "90.0 %"
