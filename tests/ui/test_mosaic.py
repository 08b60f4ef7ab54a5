"""The mosaic of channels and the drawing of a block: every channel in its place, every step where it belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from app.core.anatomy import Mosaic
from app.core.lesions import Lesion
from app.core.records import Request
from app.render.colormaps import lut
from app.ui.anatomy.block_diagram import BlockDiagram
from app.ui.anatomy.block_panel import BlockPanel
from app.ui.anatomy.channel_card import by_order, top_channels
from app.ui.anatomy.diagram_geometry import lay_out, rectified
from app.ui.anatomy.mosaic import COLUMNS, MosaicView, atlas_pixels, colours_of
from app.ui.background import Background
from tests.ui.anatomy_records import CHANNELS, mosaic, opened, step
from tests.ui.outlines import googlenet, residual
from tests.ui.prompt_engine import outline

REQUEST = Request(1, "r20", np.zeros((32, 32, 3), np.uint8))


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background()
    yield made
    made.close()


def test_the_atlas_has_every_channel_in_its_place() -> None:
    pixels = np.zeros((70, 2, 3), np.uint8)
    pixels[33] = 255  # second row, second column
    sheet = atlas_pixels(Mosaic(pixels, 0.0, 1.0, 1, np.zeros(70, np.float32)), 2)
    assert sheet.shape == (3 * 4, COLUMNS * 6, 4)
    bright = lut("inferno")[-1][::-1]
    assert (sheet[4:8, 6:12, :3] == bright).all()
    assert not (sheet[4:8, 0:6, :3] == bright).all() and not (sheet[0:4, 6:12, :3] == bright).all()


@pytest.mark.parametrize(("low", "high", "name", "ends"), [(0, 3, "inferno", (0, 3)), (-1, 3, "diverging", (-3, 3))])
def test_zero_is_neutral_where_there_are_both_signs(
    low: float, high: float, name: str, ends: tuple[float, float]
) -> None:
    assert colours_of(low, high) == (name, *ends)


def test_zero_has_the_middle_colour() -> None:
    pixels = np.full((1, 1, 1), 64, np.uint8)  # −1 + 64 · 4 / 255 = 0.004
    sheet = atlas_pixels(Mosaic(pixels, -1.0, 3.0, 1, np.zeros(1, np.float32)), 1)
    middle = lut("diverging")[127].astype(int)[::-1]
    assert np.abs(sheet[0, 0, :3].astype(int) - middle).max() <= 4


def test_2048_channels_are_scrolled_and_chosen_by_key(qtbot: QtBot, background: Background) -> None:
    view = MosaicView("mosaic", background)
    qtbot.addWidget(view)
    view.resize(500, 300)
    view.show()
    view.show_mosaic("y", mosaic(2048, 7))
    qtbot.waitUntil(lambda: view.drawn)
    assert view.verticalScrollBar().maximum() > 2000
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.viewport().rect().contains(view.cell_rect(2047).center())
    with qtbot.waitSignal(view.channel_chosen) as chosen:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert chosen.args == [2047]
    assert "channel 2047" in view.accessibleDescription()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.verticalScrollBar().value() == 0


def test_a_click_chooses_the_channel_that_is_seen_there(qtbot: QtBot, background: Background) -> None:
    view = MosaicView("mosaic", background)
    qtbot.addWidget(view)
    view.resize(500, 300)
    view.show()
    made = mosaic(40)
    view.show_mosaic("y", made, made.strongest(40))
    with qtbot.waitSignal(view.channel_chosen) as chosen:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.cell_rect(1).center())
    assert chosen.args == [made.strongest(2)[1]]


def test_channels_come_in_three_orders() -> None:
    made, contribution = mosaic(), np.array([0, 5, -1, 7, 0, 0, 0, 0], np.float32)
    assert list(by_order(made, "index", contribution)) == list(range(CHANNELS))
    assert by_order(made, "strength", contribution)[0] == int(made.strength.argmax())
    assert list(by_order(made, "class", contribution))[:2] == [3, 1] == list(top_channels(contribution, 2))
    assert list(by_order(mosaic(3), "class", contribution)) == [0, 1, 2], "another tensor has other channels"


@pytest.mark.parametrize("across", ["identity", "padding", "projection"])
def test_every_step_of_a_block_is_drawn_once_and_none_lies_on_another(across: str) -> None:
    network = residual((2, 2), across=across)  # type: ignore[arg-type]
    block = opened(network, REQUEST, "layer2.0")
    for width in (400, 700, 1400):
        drawing = lay_out(block, width)
        boxes = drawing.boxes
        bare = {index for index, one in enumerate(block.steps) if one.symbol == "s(x)"}
        assert sorted(box.step for box in boxes) == [index for index in range(len(block.steps)) if index not in bare]
        for one in boxes:
            for other in boxes:
                if one is not other:
                    apart = one.right <= other.left or other.right <= one.left
                    assert apart or one.top + one.height <= other.top or other.top + other.height <= one.top
        assert drawing.width <= width or width == 400
        assert drawing.addition is not None and drawing.wired
        assert bool(drawing.shortcut) == (across == "projection")
    assert rectified(block)


def test_a_plain_block_has_no_shortcut_and_no_addition() -> None:
    drawing = lay_out(opened(residual((2, 2), plain=True), REQUEST, "layer2.0"), 900)
    assert not drawing.wired and drawing.addition is None


def test_an_inception_blocks_branches_run_below_each_other() -> None:
    network = googlenet()
    block = opened(network, REQUEST, "inception3a")
    inner = [
        step("convolution", "trunk", path=f"inception3a.branch{branch}.conv{place}")
        for branch in (1, 2)
        for place in range(branch)
    ]
    block = replace(block, steps=(block.steps[0], *inner, block.steps[-1]))
    drawing = lay_out(block, 900)
    assert [len(row) for row in drawing.rows] == [1, 2]
    assert drawing.rows[0][0].top < drawing.rows[1][0].top and drawing.joined


def test_steps_are_chosen_by_pointer_and_key(qtbot: QtBot) -> None:
    diagram = BlockDiagram()
    qtbot.addWidget(diagram)
    diagram.resize(900, 240)
    diagram.set_block(opened(outline(), REQUEST, "layer2.1"))
    diagram.show()
    assert diagram.drawing is not None
    box = diagram.drawing.rows[0][1]
    with qtbot.waitSignal(diagram.step_chosen) as chosen:
        place = QPoint(round(box.left + box.width / 2), round(box.middle))
        qtbot.mouseClick(diagram, Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [2]
    with qtbot.waitSignal(diagram.step_chosen) as chosen:
        qtbot.keyClick(diagram, Qt.Key.Key_Right)
        qtbot.keyClick(diagram, Qt.Key.Key_Return)
    assert chosen.args == [3]
    assert "1 × 8 × 8 × 8" in diagram.step_words(1) and "576 parameters" in diagram.step_words(1)


def test_x_branch_and_sum_stand_side_by_side(qtbot: QtBot, background: Background) -> None:
    panel = BlockPanel(background)
    qtbot.addWidget(panel)
    panel.resize(1000, 700)
    panel.show()
    panel.set_block(opened(outline(), REQUEST, "layer2.1"), "cat")
    shown = [view.caption.text() for view in panel._views if view.isVisible()]
    assert [text.split("   ")[0] for text in shown] == ["x", "F(x)", "F(x) + s(x)"]
    panel.diagram.step_chosen.emit(1)
    assert [view.caption.text().split("   ")[0] for view in panel._views if view.isVisible()] == ["conv1"]
    panel.together.click()
    assert sum(view.isVisible() for view in panel._views) == 3
    panel._views[2].mosaic.channel_chosen.emit(6)
    assert panel.channel.title.text() == "Channel 6 of F(x) + s(x)"
    assert "speaks 3 for the class" in panel.channel.numbers.text()
    assert "CAT" in panel.channel._top_caption.text()


def test_the_stem_shows_its_filters(qtbot: QtBot, background: Background) -> None:
    panel = BlockPanel(background)
    qtbot.addWidget(panel)
    panel.show()
    panel.set_block(opened(outline(), REQUEST, "relu"), "cat")
    assert panel.first_filters.isVisible()
    panel.first_filters.click()
    assert panel.filters.isVisible() and not panel._views[0].isVisible()
    panel.set_block(opened(outline(), REQUEST, "layer2.1"), "cat")
    assert not panel.first_filters.isVisible() and panel._views[0].isVisible()


def test_a_gate_is_told_beside_the_branch(qtbot: QtBot, background: Background) -> None:
    panel = BlockPanel(background)
    qtbot.addWidget(panel)
    gated = replace(REQUEST, lesions=(Lesion("gate", "layer2.1", alpha=0.25),))
    panel.set_block(opened(outline(), gated, "layer2.1"), "cat")
    assert "F(x) counts 25 %" in panel.subtitle.text()
    panel.grab()  # the drawing of a gated branch
