"""The Lab's page “The paper”: lines for every network, what can be done with them, measuring, ImageNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from app import paths
from app.core.responses import LayerResponse, ResponseRecord, write_responses
from app.ui.composition import Composition
from app.ui.lab.claims import ClaimsView
from app.ui.lab.page import LabPage
from tests.ui.judging_help import HeldJob
from tests.ui.runs_help import make_run, make_twins


def lab(program: Composition) -> LabPage:
    program.window.show_page("lab")
    page = program.window.pages.currentWidget()
    assert isinstance(page, LabPage)
    return page


def view(page: LabPage) -> ClaimsView:
    found = page.panels.show_panel("paper")
    assert isinstance(found, ClaimsView)
    return found


def line(found: ClaimsView, row: int) -> list[str]:
    items = (found.depths.table.item(row, column) for column in range(found.depths.table.columnCount()))
    return [item.text() if item else "" for item in items]


def test_runs_are_laid_beside_the_paper(program: Composition, qtbot: QtBot) -> None:
    make_twins(paths.user_runs() / "pair", data="cifar10")
    page = lab(program)
    qtbot.waitUntil(lambda: len(page.index.runs) == 2)
    found = view(page)
    qtbot.waitUntil(lambda: found.depths.claims[0].row is not None)
    assert line(found, 0) == ["ResNet-20", "8.75 %", "14.0 %", "12.0 %", "20", "1", "?"]
    assert line(found, 1)[:4] == ["Plain-20", "a curve", "14.0 %", "12.0 %"]
    assert line(found, 10) == ["ResNet-1202", "7.93 %", "–", "–", "–", "–", "nobody trained it here"]
    table = found.depths.table
    assert table.height() >= sum(table.rowHeight(row) for row in range(table.rowCount()))  # nothing scrolls inside
    told = found.depths.chart.readout(1.0)
    assert told is not None and "20 layers" in told.text and "8.75" in told.text and "nan" not in told.text
    told = found.depths.chart.readout(2.0)
    assert told is not None and "7.51" in told.text and "–" in told.text and "nan" not in told.text


def test_a_run_that_comes_later_is_read_then(program: Composition, qtbot: QtBot) -> None:
    page = lab(program)
    found = view(page)
    assert found.depths.claims[6].row is None
    make_run(paths.user_runs() / "late", data="cifar10", depth=56)
    page.index.look()
    qtbot.waitUntil(lambda: found.depths.claims[6].row is not None)
    assert line(found, 6)[0:3] == ["ResNet-56", "6.97 %", "14.0 %"]


def test_a_run_of_another_length_is_in_the_table_and_not_in_the_chart(
    program: Composition,
    qtbot: QtBot,
) -> None:
    make_twins(paths.user_runs() / "pair", data="cifar10")
    make_run(paths.user_runs() / "short", steps=5, data="cifar10", depth=56)
    page = lab(program)
    qtbot.waitUntil(lambda: len(page.index.runs) == 3)
    found = view(page).depths
    qtbot.waitUntil(lambda: found.claims[6].row is not None)
    assert [item.text() if (item := found.table.item(6, column)) else "" for column in (0, 4)] == ["ResNet-56", "5"]
    columns = dict(zip(found.chart.table().header, found.chart.table().columns, strict=True))
    trained = next(values for name, values in columns.items() if name.startswith("here: ResNet, training"))
    assert trained[0] == 12.0 and np.isnan(trained[3])
    assert found.findChild(QLabel, "depthChartTitle").text() == "Error by depth, after 20 steps"


def test_a_line_leads_to_its_run_and_twin(program: Composition, qtbot: QtBot) -> None:
    residual, plain = make_twins(paths.user_runs() / "pair", data="cifar10")
    make_run(paths.user_runs() / "other")
    page = lab(program)
    qtbot.waitUntil(lambda: len(page.index.runs) == 3)
    found = view(page)
    qtbot.waitUntil(lambda: found.depths.claims[0].row is not None)
    found.depths.table.setCurrentCell(1, 0)
    assert found.depths.go.text() == "Show in charts"
    qtbot.mouseClick(found.depths.go, Qt.MouseButton.LeftButton)
    assert page.table.ticked == (residual, plain)
    assert page.table.current == residual
    assert page.panels.current is not found


def test_what_nobody_trained_is_put_into_the_form(program: Composition, qtbot: QtBot) -> None:
    page = lab(program)
    found = view(page)
    assert not found.depths.go.isEnabled()
    found.depths.table.setCurrentCell(8, 0)
    assert found.depths.go.text() == "Prepare it"
    assert not found.depths.copy_command.isEnabled()
    qtbot.mouseClick(found.depths.go, Qt.MouseButton.LeftButton)
    experiment = page.panel.form.experiment
    assert experiment is not None
    assert (experiment.depth, experiment.twin, experiment.data, experiment.warm_up) == (110, True, "cifar10", True)


def test_the_table_is_copied(program: Composition, qtbot: QtBot) -> None:
    found = view(lab(program))
    qtbot.mouseClick(found.depths.copy_table, Qt.MouseButton.LeftButton)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == 12 and lines[7].startswith("ResNet-56\t6.97 %\t–")


def test_responses_are_measured_and_then_drawn(
    program: Composition,
    qtbot: QtBot,
    jobs: list[HeldJob],
    tmp_path: Path,
) -> None:
    found = view(lab(program)).responses
    assert not found.work.button.isEnabled()
    found.data.set_path(tmp_path / "some.npz")
    assert found.work.button.isEnabled()
    found.pictures.setValue(500)
    qtbot.mouseClick(found.work.button, Qt.MouseButton.LeftButton)
    assert jobs[0].verb == "anatomy.responses"
    assert jobs[0].arguments == ("cifar10-resnet20", str(tmp_path / "some.npz"), 500)
    layers = tuple(LayerResponse(name, 3, value) for name, value in (("a", 1.0), ("b", 3.0), ("c", 2.0)))
    record = ResponseRecord("cifar10-resnet20", "ResNet-20", True, "some.npz", 500, layers)
    write_responses(paths.responses(), record)
    jobs[0].done.emit(record)
    qtbot.waitUntil(lambda: bool(found.records))
    assert found.chart.table().columns[1].tolist() == [1, 3, 2]
    found.sorted.setChecked(True)
    assert found.chart.table().columns[1].tolist() == [3, 2, 1]
    item = found.table.item(0, 2)
    assert item is not None and item.text() == "2.000"


def test_a_broken_record_is_told_and_the_others_are_drawn(program: Composition, qtbot: QtBot) -> None:
    layers = (LayerResponse("a", 3, 1.0),)
    write_responses(paths.responses(), ResponseRecord("m", "A net", True, "some.npz", 5, layers))
    (paths.responses() / "broken.responses.json").write_text("[]", encoding="utf-8")
    page = lab(program)
    found = view(page)
    qtbot.waitUntil(lambda: bool(found.responses.records))
    qtbot.waitUntil(page.notices.isVisible)
    assert "broken.responses.json" in page.notices.text


def test_imagenet_says_that_nobody_had_the_pictures_and_leads_to_evaluate(
    program: Composition,
    qtbot: QtBot,
) -> None:
    found = view(lab(program)).imagenet
    qtbot.waitUntil(lambda: found.table.rowCount() == 6)
    texts = [item.text() if (item := found.table.item(2, column)) else "" for column in range(6)]
    assert texts == ["ResNet-50", "22.85", "24.70", "23.87", "19.14", "nobody had the pictures"]
    item = found.table.item(1, 0)
    assert item is not None and "option B" in item.toolTip()
    qtbot.mouseClick(found.go, Qt.MouseButton.LeftButton)
    assert program.window.page == "models"
    button = program.window.pages.currentWidget().findChild(object, "models-tab-evaluate")
    assert button is not None and button.isChecked()


def test_the_box_for_a_count_has_room_for_its_text(program: Composition) -> None:
    box = view(lab(program)).responses.pictures
    edit = box.findChild(QLineEdit)
    assert edit is not None
    assert edit.width() > edit.fontMetrics().horizontalAdvance("1000 pictures")
