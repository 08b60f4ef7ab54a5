"""Around a chart: files that hold what was shown, a legend that hides and shows, a menu, a note."""

from __future__ import annotations

import csv
import io
import re
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.charts import PLAIN, RESIDUAL, BlockChart, ChartCard, LineChart, StepHeatMap, series_tokens
from app.ui.charts.export import csv_text
from app.ui.charts.legend import LegendEntry
from app.ui.charts.plot import Plot, Table
from app.ui.theme import theme

STEPS = np.arange(1, 2001)


def line_chart() -> LineChart:
    chart = LineChart("loss", "Training loss", y_title="loss", log=True)
    chart.add_series("residual", "residual-20", colour=RESIDUAL)
    chart.add_series("plain", "plain-20", colour=PLAIN)
    chart.append("residual", STEPS, 1 / STEPS)
    chart.append("plain", STEPS[:1000:10], 2 / STEPS[:1000:10])
    return chart


def block_chart() -> BlockChart:
    chart = BlockChart("blocks", "Gradient", y_title="gradient norm")
    chart.add_series("residual", "residual-20", colour=RESIDUAL)
    chart.set_values("residual", np.array([0.1, 0.0, np.nan, np.inf, 0.5], np.float32))
    return chart


def heat_map() -> StepHeatMap:
    chart = StepHeatMap("map", "Gradient", value_title="gradient norm")
    chart.append(STEPS, np.exp(-STEPS[:, None] / 500 - np.arange(20)))
    return chart


def carded(qtbot: QtBot, chart: Plot, **options: object) -> ChartCard:
    card = ChartCard(chart, "Training loss", **options)  # type: ignore[arg-type]
    qtbot.addWidget(card)
    card.resize(560, 300)
    card.show()
    qtbot.waitExposed(card)
    return card


@pytest.mark.parametrize("make", [line_chart, block_chart, heat_map])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_pictures_are_written_and_hold_the_chart(qtbot: QtBot, tmp_path: Path, make: type[Plot], scheme: str) -> None:
    theme().choose(scheme)
    card = carded(qtbot, make())
    card.save(tmp_path / "chart.png")
    image = QImage(str(tmp_path / "chart.png"))
    assert (image.width(), image.height()) == (2 * card.width(), 2 * card.height())
    colours = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert image.pixelColor(2, 2).name() == theme().tokens.panel
    assert len(colours) > 8
    card.save(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "Training loss" in text
    if isinstance(card.chart, LineChart):
        assert theme().tokens.accent in text
        assert "<image" not in text, "lines stay lines"


def test_a_table_of_lines_comes_back_as_it_was(qtbot: QtBot, tmp_path: Path) -> None:
    card = carded(qtbot, line_chart())
    card.save(tmp_path / "chart.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "chart.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["step", "residual-20: loss", "plain-20: loss"]
    assert [int(row[0]) for row in rows[1:]] == STEPS.tolist()
    assert [float(row[1]) for row in rows[1:]] == (1 / STEPS).tolist()
    assert [float(row[2]) for row in rows[1:] if row[2]] == (2 / STEPS[:1000:10]).tolist()


def test_a_table_of_blocks_keeps_what_no_axis_can_show(qtbot: QtBot) -> None:
    card = carded(qtbot, block_chart())
    card.copy_data()
    rows = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4", "5"]
    assert [row[1] for row in rows[1:]] == [str(float(np.float32(0.1))), "0.0", "", "inf", "0.5"]


def test_32_bit_numbers_are_written_with_their_own_digits() -> None:
    assert csv_text(Table(("x",), (np.array([0.1, 3e-9], np.float32),))).splitlines()[1:] == ["0.1", "3e-09"]


def test_a_table_of_a_map_has_its_columns(qtbot: QtBot, tmp_path: Path) -> None:
    card = carded(qtbot, heat_map())
    card.save(tmp_path / "map.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "map.csv").read_text(encoding="utf-8"))))
    assert len(rows[0]) == 22
    assert sum(int(row[1]) for row in rows[1:]) == len(STEPS)
    assert float(rows[1][2]) == pytest.approx(np.exp(-1 / 500))


def test_files_are_written_in_the_background(qtbot: QtBot, tmp_path: Path) -> None:
    background = Background()
    card = carded(qtbot, line_chart(), background=background)
    for name in ("a.png", "a.svg", "a.csv"):
        with qtbot.waitSignal(card.said, timeout=5000):
            card.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    background.close()


def test_a_folder_that_is_not_there_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    card = carded(qtbot, line_chart())
    (tmp_path / "file").write_text("", encoding="utf-8")
    with qtbot.waitSignal(card.failed) as heard:
        card.save(tmp_path / "file" / "chart.csv")
    assert isinstance(heard.args[0], ExplorerError)


def test_the_legend_hides_and_shows_a_series_everywhere(qtbot: QtBot) -> None:
    chart = line_chart()
    card = carded(qtbot, chart)
    entry = card.findChild(LegendEntry, "legend-plain")
    assert entry is not None
    before = chart.grab().toImage()
    qtbot.mouseClick(entry, Qt.MouseButton.LeftButton)
    assert not next(one for one in chart.entries() if one.key == "plain").visible
    qtbot.waitUntil(lambda: chart.grab().toImage() != before)
    assert chart.table().header == ("step", "residual-20: loss")
    told = chart.readout(100)
    assert told is not None and [row.label for row in told.rows] == ["residual-20"]
    qtbot.keyClick(entry, Qt.Key.Key_Space)
    assert chart.entries()[1].visible
    chart.add_series("plain", "another name", colour=PLAIN)
    assert entry.text() == "another name"
    chart.remove_series("plain")
    assert [one.key for one in chart.entries()] == ["residual"]


def test_the_menu_changes_the_axis(qtbot: QtBot) -> None:
    chart = line_chart()
    card = carded(qtbot, chart)
    button = card.findChild(QToolButton, "lossMenu")
    assert button is not None
    menu = button.menu()
    menu.aboutToShow.emit()
    actions = {action.objectName(): action for action in menu.actions()}
    assert actions["chartLog"].isChecked()
    actions["chartLog"].trigger()
    assert not chart.log
    assert {"chartSavePng", "chartSaveSvg", "chartSaveCsv", "chartCopyPicture", "chartCopyData"} <= set(actions)
    actions["chartCopyPicture"].trigger()
    assert not QGuiApplication.clipboard().image().isNull()


def test_the_note_is_folded_away_behind_a_button(qtbot: QtBot) -> None:
    card = carded(qtbot, line_chart())
    button, text = card.findChild(QToolButton, "lossNote"), card.findChild(QLabel, "lossNoteText")
    assert button is not None and text is not None
    assert not button.isVisible()
    card.set_note("The paper says …")
    assert button.isVisible() and not text.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert text.isVisible()
    card.set_note("")
    assert not button.isVisible() and not text.isVisible()


def test_every_control_can_be_named(qtbot: QtBot) -> None:
    card = carded(qtbot, line_chart())
    for button in card.findChildren(QToolButton):
        assert button.objectName() and button.accessibleName() and button.toolTip()
    for entry in card.findChildren(LegendEntry):
        assert entry.objectName() and entry.accessibleName() and entry.toolTip()
    assert card.chart.accessibleName()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_series_can_be_told_apart(scheme: str) -> None:
    from app.ui.charts import series_colour

    theme().choose(scheme)
    colours = [series_colour(token) for token in series_tokens()]
    for place, one in enumerate(colours):
        for other in colours[:place]:
            distance = sum((a - b) ** 2 for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)) ** 0.5
            assert distance > 40, (one.name(), other.name())
    assert series_colour("further-99").isValid()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal from Python 3.12 on")
def test_redraws_lose_no_references(qtbot: QtBot) -> None:
    chart = line_chart()
    carded(qtbot, chart)

    def redraw(times: int) -> None:
        for number in range(times):
            chart.append("residual", np.array([int(STEPS[-1]) + redraw.made + 1]), np.array([0.1]))
            redraw.made += 1
            chart.repaint()
            if number % 20 == 0:
                QApplication.processEvents()

    redraw.made = 0  # type: ignore[attr-defined]
    redraw(20)
    before = sys.getrefcount(None), sys.getrefcount(True)
    redraw(200)
    assert abs(sys.getrefcount(None) - before[0]) < 400
    assert abs(sys.getrefcount(True) - before[1]) < 400


def test_names_of_files_come_from_the_title(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(_parent: object, _title: str, name: str, _kinds: str) -> tuple[str, str]:
        asked.append(name)
        return str(tmp_path / "mine"), ""

    monkeypatch.setattr("app.ui.charts.card.QFileDialog.getSaveFileName", ask)
    card = carded(qtbot, line_chart())
    card.set_title("Gradient norm: block × step")
    button = card.findChild(QToolButton, "lossMenu")
    assert button is not None
    next(one for one in button.menu().actions() if one.objectName() == "chartSaveCsv").trigger()
    assert asked == ["gradient-norm-block-step.csv"]
    assert (tmp_path / "mine.csv").exists()
    assert not re.search(r"[×: ]", asked[0])


def test_a_series_beside_another_has_no_switch_and_is_hidden_with_it(qtbot: QtBot) -> None:
    chart = LineChart("some", "Some", y_title="loss")
    card = ChartCard(chart, "Loss")
    qtbot.addWidget(card)
    chart.add_series("a", "A, train", colour="accent", short="A")
    chart.add_series("a/test", "A, test", colour="accent", dashed=True, kind="evaluations", beside="a")
    switches = card.findChildren(LegendEntry)
    assert [one.text() for one in switches] == ["A"]
    switches[0].click()
    assert [one.visible for one in chart.entries()] == [False, False]
    switches[0].click()
    assert [one.visible for one in chart.entries()] == [True, True]


def test_a_legend_without_room_beside_the_title_has_a_row_of_its_own(qtbot: QtBot) -> None:
    chart = LineChart("some", "Some", y_title="loss")
    card = ChartCard(chart, "A title of some length")
    qtbot.addWidget(card)
    for place in range(4):
        chart.add_series(str(place), f"a network {place}", colour="accent")
    card.resize(1200, 300)
    card.show()
    title, switch = card.findChild(QLabel, "someTitle"), card.findChildren(LegendEntry)[0]
    assert title is not None

    def below() -> bool:
        return switch.mapTo(card, QPoint(0, 0)).y() >= title.geometry().bottom()

    qtbot.waitUntil(lambda: not below())
    card.resize(480, 300)
    qtbot.waitUntil(below)
    rows = {one.mapTo(card, QPoint(0, 0)).y() for one in card.findChildren(LegendEntry)}
    assert len(rows) == 1, "there, all of it has room in one row"
    card.resize(1200, 300)
    qtbot.waitUntil(lambda: not below())
