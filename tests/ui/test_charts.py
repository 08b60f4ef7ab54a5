"""The charts: what the crosshair tells equals what was given, and no axis leaves anything out."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from pytestqt.qtbot import QtBot

from app.ui.charts import (
    PLAIN,
    RESIDUAL,
    BarChart,
    BlockChart,
    LineChart,
    Plot,
    ReliabilityChart,
    SharedScale,
    StepColumns,
    StepHeatMap,
)
from app.ui.charts.frame import dashes
from app.ui.charts.readout import bubble_of
from app.ui.theme import theme

STEPS = np.arange(1, 5001)


def shown(qtbot: QtBot, chart: Plot) -> Plot:
    qtbot.addWidget(chart)
    chart.resize(480, 240)
    chart.show()
    qtbot.waitExposed(chart)
    return chart


def point_at(chart: Plot, place: float, y: float = 0.5) -> QPoint:
    """A point in the chart's area."""
    area, x, _ = chart.layout_in(QRectF(chart.rect()))
    across = area.left() + x.place_one(place) * area.width()
    return QPoint(round(across), round(area.top() + y * area.height()))


def loss_chart(qtbot: QtBot, **options: object) -> LineChart:
    chart = LineChart("loss", "Training loss", y_title="loss", **options)  # type: ignore[arg-type]
    shown(qtbot, chart)
    chart.add_series("residual", "residual-20", colour=RESIDUAL)
    chart.add_series("plain", "plain-20", colour=PLAIN)
    return chart


def test_the_crosshair_tells_the_values_that_were_given(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.set_smoothing(0)
    chart.append("residual", STEPS, STEPS * 0.25)
    chart.append("plain", STEPS, STEPS * 0.5)
    with qtbot.waitSignal(chart.hovered) as heard:
        qtbot.mouseMove(chart, point_at(chart, 2500))
    step = heard.args[0]
    assert abs(step - 2500) < 20
    told = chart.readout(step)
    assert told is not None
    assert [(row.label, row.value.replace(",", "")) for row in told.rows] == [
        ("residual-20", f"{step * 0.25:.3g}" if step * 0.25 < 1000 else f"{round(step * 0.25)}"),
        ("plain-20", f"{round(step * 0.5)}"),
    ]


@pytest.mark.parametrize("log", [False, True])
def test_the_axis_holds_every_value_however_short(qtbot: QtBot, log: bool) -> None:
    values = np.full(5000, 0.5)
    values[1234], values[4321] = 700.0, 0.003
    chart = loss_chart(qtbot, log=log)
    chart.append("residual", STEPS, values)
    _, _, y = chart.layout_in(QRectF(chart.rect()))
    assert y.high >= 700
    assert y.low <= 0.003


def test_a_heat_map_tells_the_mean_of_a_column(qtbot: QtBot) -> None:
    chart = StepHeatMap("map", "Gradient norm", value_title="gradient norm")
    shown(qtbot, chart)
    values = STEPS[:, None] * np.array([1.0, 2.0, 3.0, 4.0])
    chart.append(STEPS, values)
    qtbot.mouseMove(chart, point_at(chart, 100, 0.6))
    told = chart.readout(100)
    assert told is not None
    assert told.rows[0].label == "block 3"
    assert told.title == "mean of steps 97 to 100"
    assert told.rows[1].value == f"{np.mean([97, 98, 99, 100]) * 3:.3g}"


def test_two_maps_share_one_scale(qtbot: QtBot) -> None:
    scale = SharedScale()
    one = StepHeatMap("one", "One", value_title="norm", scale=scale)
    two = StepHeatMap("two", "Two", value_title="norm", scale=scale)
    for chart, factor in ((one, 1.0), (two, 1e-4)):
        shown(qtbot, chart)
        chart.append(STEPS[:10], np.full((10, 3), factor))
    assert one.scale == two.scale
    assert one.scale.low <= 1e-4
    assert one.scale.high >= 1.0
    two.set_scale(None)
    assert one.scale.low > 0.1
    assert two.scale.high < 0.01


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_chart_paints_in_both_schemes(qtbot: QtBot, scheme: str) -> None:
    theme().choose(scheme)
    line = loss_chart(qtbot)
    line.append("residual", STEPS, 1 / STEPS)
    blocks = BlockChart("blocks", "Gradient", y_title="norm")
    blocks.add_series("residual", "residual", colour=RESIDUAL)
    blocks.set_values("residual", np.array([1.0, 0.0, np.nan, np.inf, 0.1]))
    for chart in (line, shown(qtbot, blocks)):
        image = chart.grab().toImage()
        assert len({image.pixelColor(x, y).name() for x in range(0, 480, 3) for y in range(0, 240, 3)}) > 5


def test_the_readout_floats_while_the_pointer_is_there(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.append("residual", STEPS, 1 / STEPS)
    qtbot.mouseMove(chart, point_at(chart, 100))
    bubble = bubble_of(chart)
    qtbot.waitUntil(bubble.isVisible)
    assert "residual-20" in chart.accessibleDescription()
    theme().choose("light")
    assert not bubble.isVisible(), "its size belongs to another font"
    qtbot.mouseMove(chart, point_at(chart, 200))
    qtbot.waitUntil(bubble.isVisible)
    chart.hide()
    assert not bubble.isVisible()


def test_linked_crosshairs_are_silent(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.append("residual", STEPS, 1 / STEPS)
    heard: list[object] = []
    chart.hovered.connect(heard.append)
    chart.show_hover(1000)
    assert chart.hover == 1000
    chart.show_hover(None)
    assert chart.hover is None
    assert heard == []


def test_keys_move_the_crosshair_and_enter_scrubs(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.append("residual", STEPS[::50], 1 / STEPS[::50])
    qtbot.keyClick(chart, Qt.Key.Key_Home)
    assert chart.hover == 1
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.hover == 51
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.hover == 1
    qtbot.keyClick(chart, Qt.Key.Key_End)
    assert chart.hover == 4951
    with qtbot.waitSignal(chart.picked) as picked:
        qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert picked.args == [4951]
    qtbot.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.hover is None


def test_a_click_scrubs_and_what_comes_after_fades(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.append("residual", STEPS, 1 / STEPS)
    point = point_at(chart, 2000)
    qtbot.mouseMove(chart, point)
    with qtbot.waitSignal(chart.picked) as picked:
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=point)
    assert abs(picked.args[0] - 2000) < 20
    chart.show_hover(None)
    before = chart.grab().toImage()
    chart.set_marker(2000)
    after = chart.grab().toImage()
    area, _, _ = chart.layout_in(QRectF(chart.rect()))
    changed = [x for x in range(480) if any(before.pixel(x, y) != after.pixel(x, y) for y in range(240))]
    assert min(changed) >= point.x() - 5
    assert max(changed) > area.right() - 10


def test_a_dragged_range_is_zoomed_and_a_double_click_shows_everything(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    values = np.ones(5000)
    values[4000] = 1000.0
    chart.append("residual", STEPS, values)
    start, end = point_at(chart, 1000), point_at(chart, 2000)
    qtbot.mousePress(chart, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(chart, start + QPoint(20, 0))
    qtbot.mouseMove(chart, end)
    with qtbot.waitSignal(chart.zoomed):
        qtbot.mouseRelease(chart, Qt.MouseButton.LeftButton, pos=end)
    assert chart.zoom is not None
    assert chart.zoom == (pytest.approx(1000, abs=20), pytest.approx(2000, abs=20))
    _, _, y = chart.layout_in(QRectF(chart.rect()))
    assert y.high < 1000, "limits follow what is visible"
    qtbot.mouseDClick(chart, Qt.MouseButton.LeftButton, pos=end)
    assert chart.zoom is None


def test_a_resumed_run_is_cut_and_goes_on(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    chart.append("residual", STEPS, np.full(5000, 2.0))
    chart.cut("residual", 3000)
    chart.append("residual", np.arange(3001, 3011), np.full(10, 5.0))
    told = chart.readout(3005)
    assert told is not None
    assert told.rows[0].value.startswith("5")
    assert chart.x_axis().high == 3010
    chart.set_total(64_000)
    assert chart.x_axis().high == 64_000


def test_values_that_no_axis_can_show_are_marked(qtbot: QtBot) -> None:
    chart = BlockChart("blocks", "Gradient", y_title="norm")
    shown(qtbot, chart)
    chart.add_series("residual", "residual", colour=RESIDUAL)
    chart.set_values("residual", np.array([1.0, 1.0, 1.0, 1.0, 1.0]))
    area, x, _ = chart.layout_in(QRectF(chart.rect()))
    whole = chart.grab().toImage()
    chart.set_values("residual", np.array([1.0, 0.0, np.nan, np.inf, 1.0]))
    marked = chart.grab().toImage()
    for block, edge in ((2, area.bottom() - 2), (3, area.bottom() - 2), (4, area.top() + 2)):
        place = round(area.left() + x.place_one(block) * area.width())
        assert marked.pixelColor(place, round(edge)).name() == theme().tokens.accent
        assert whole.pixelColor(place, round(edge)).name() != theme().tokens.accent
        told = chart.readout(block)
        assert told is not None
        assert told.rows[0].value == {2: "0", 3: "nan", 4: "inf"}[block]


def test_a_map_marks_what_is_not_finite_and_leaves_the_future_empty(qtbot: QtBot) -> None:
    chart = StepHeatMap("map", "Gradient", value_title="norm")
    shown(qtbot, chart)
    values = np.ones((100, 4))
    values[:, 2] = np.nan
    values[:, 3] = 0.0
    chart.append(np.arange(1, 101), values)
    chart.set_total(200)
    area, _, _ = chart.layout_in(QRectF(chart.rect()))
    image = chart.grab().toImage()

    def at(across: float, row: int) -> str:
        point = QPoint(round(area.left() + across * area.width()), round(area.top() + (row + 0.5) / 4 * area.height()))
        return image.pixelColor(point).name()

    assert at(0.2, 2) == theme().tokens.plain
    assert at(0.2, 3) == theme().tokens.ground
    assert at(0.2, 0) == at(0.2, 1) != theme().tokens.panel
    assert {at(0.8, row) for row in range(4)} == {theme().tokens.panel}


def test_a_map_follows_a_table_that_somebody_else_fills(qtbot: QtBot) -> None:
    chart = StepHeatMap("map", "Gradient", value_title="norm")
    shown(qtbot, chart)
    columns = StepColumns()
    columns.append(STEPS[:100], np.full((100, 3), 0.01))
    chart.show_columns(columns)
    one = chart.grab().toImage()
    columns.clear()
    columns.append(STEPS[:100], np.full((100, 3), 0.01) * np.array([1, 5, 10]))
    chart.refresh_columns()
    assert chart.grab().toImage() != one


def test_bars_stand_on_zero_and_tell_their_values(qtbot: QtBot) -> None:
    chart = BarChart("sweep", "Error per deleted block", y_title="error", unit="%")
    shown(qtbot, chart)
    chart.add_series("error", "block deleted", colour=RESIDUAL)
    chart.set_values("error", np.array([10.0, 90.0, 12.0, np.nan]))
    chart.set_reference(8.0, "whole network")
    area, x, y = chart.layout_in(QRectF(chart.rect()))
    assert (y.low, y.high) == (0.0, 100.0)
    told = chart.readout(2)
    assert told is not None
    assert [(row.label, row.value) for row in told.rows] == [("block deleted", "90 %"), ("whole network", "8 %")]
    image = chart.grab().toImage()
    high = round(area.bottom() - 0.5 * area.height())
    filled = [image.pixelColor(round(area.left() + x.place_one(block) * area.width()), high) for block in (1, 2, 3)]
    assert filled[0] == filled[2] != filled[1]


def test_a_reliability_diagram_tells_its_bins(qtbot: QtBot) -> None:
    chart = ReliabilityChart("calibration", "Calibration")
    shown(qtbot, chart)
    assert chart.is_empty()
    edges = np.linspace(0, 1, 5)
    chart.set_bins(
        edges, np.array([np.nan, 0.4, 0.6, 0.9]), np.array([np.nan, 0.3, 0.5, 0.95]), np.array([0, 5, 9, 99])
    )
    told = chart.readout(chart.nearest(90) or 0)
    assert told is not None
    assert told.title == "75 % – 100 %"
    assert [row.value for row in told.rows] == ["95 %", "90 %", "99"]
    assert chart.nearest(0) == 37.5, "empty bins are passed over"
    chart.grab()
    with pytest.raises(ValueError, match="edges"):
        chart.set_bins(edges, np.ones(3), np.ones(4), np.ones(4))


def test_one_peak_in_64000_steps_is_seen(qtbot: QtBot) -> None:
    chart = loss_chart(qtbot)
    steps = np.arange(1, 64_001)
    values = np.full(64_000, 1.0)
    values[20_000] = 9.0
    chart.append("residual", steps, values)
    area, x, y = chart.layout_in(QRectF(chart.rect()))
    image = chart.grab().toImage()
    across = round(area.left() + x.place_one(20_001) * area.width())
    height = round(area.bottom() - y.place_one(7.1) * area.height())
    ground = image.pixelColor(across + 20, height)
    assert any(image.pixelColor(across + aside, height) != ground for aside in (-1, 0, 1))


def test_dashes_follow_the_line_and_leave_its_gaps() -> None:
    px, py = np.array([0.0, 100.0, 100.0, np.nan, 200.0, 300.0]), np.array([0.0, 0.0, 50.0, np.nan, 0.0, 0.0])
    xs, ys = dashes(px, py)
    assert len(xs) % 2 == 0
    lengths = np.hypot(xs[1::2] - xs[::2], ys[1::2] - ys[::2])
    assert lengths.sum() == pytest.approx(250 * 7 / 11.5, abs=8)
    assert np.isfinite(xs).all()
    inside = (xs[::2] + xs[1::2]) / 2
    assert not ((inside > 101) & (inside < 199)).any(), "a gap stays a gap"
