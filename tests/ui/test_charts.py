"""The charts: what the crosshair tells equals what was given, and no axis leaves anything out."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF
from pytestqt.qtbot import QtBot

from app.ui.charts import PLAIN, RESIDUAL, BlockChart, LineChart, Plot, SharedScale, StepHeatMap
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
