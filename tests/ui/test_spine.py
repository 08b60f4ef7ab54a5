"""The spine under real mouse and key events, and what it paints."""

from __future__ import annotations

import itertools
import math
import time

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from app.core.records import NetworkOutline
from app.render.colormaps import lut
from app.ui.spine import Spine
from app.ui.theme import colour, theme
from tests.ui.outlines import RESNET50, cifar, googlenet, residual, vgg

WIDTH, HEIGHT = 1000, 88
R50 = residual(RESNET50, kind="bottleneck", title="ResNet-50")


@pytest.fixture
def spine(qtbot: QtBot) -> Spine:
    return made(qtbot, R50)


def made(qtbot: QtBot, outline: NetworkOutline | None, *, width: int = WIDTH, choose_head: bool = False) -> Spine:
    widget = Spine(choose_head=choose_head)
    qtbot.addWidget(widget)
    widget.resize(width, HEIGHT)
    widget.set_outline(outline)
    widget.show()
    return widget


def place(spine: Spine, name: str) -> QPoint:
    return spine.block_rect(name).center()


def shot(spine: Spine) -> QImage:
    return spine.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def colour_at(spine: Spine, name: str, *, dx: int = -8, dy: int = -8) -> QColor:
    """Of a block, beside its middle, where a bypassed block's diagonal does not run."""
    return shot(spine).pixelColor(place(spine, name) + QPoint(dx, dy))


def wheel(spine: Spine, at: QPoint, turn: QPoint, *, shift: bool = False) -> bool:
    held = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    where, phase = QPointF(spine.mapToGlobal(at)), Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(QPointF(at), where, QPoint(), turn, Qt.MouseButton.NoButton, held, phase, False)
    QApplication.sendEvent(spine, event)
    return event.isAccepted()


# --- pointer ---


def test_a_click_chooses_the_block_under_it(spine: Spine, qtbot: QtBot) -> None:
    for name in ("relu", "layer1.0", "layer3.4", "layer4.2"):
        with qtbot.waitSignal(spine.block_clicked) as blocker:
            qtbot.mouseClick(spine, Qt.MouseButton.LeftButton, pos=place(spine, name))
        assert blocker.args == [name]


def test_the_head_can_be_clicked_only_where_that_is_wanted(spine: Spine, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(spine.block_clicked):
        qtbot.mouseClick(spine, Qt.MouseButton.LeftButton, pos=place(spine, "fc"))
    other = made(qtbot, R50, choose_head=True)
    with qtbot.waitSignal(other.block_clicked) as blocker:
        qtbot.mouseClick(other, Qt.MouseButton.LeftButton, pos=place(other, "fc"))
    assert blocker.args == ["fc"]


def test_a_click_beside_the_blocks_or_with_another_button_chooses_nothing(spine: Spine, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(spine.block_clicked):
        qtbot.mouseClick(spine, Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
        qtbot.mouseClick(spine, Qt.MouseButton.RightButton, pos=place(spine, "layer1.0"))


def test_a_double_click_asks_for_a_bypass_and_does_not_click_twice(spine: Spine, qtbot: QtBot) -> None:
    clicks: list[str] = []
    spine.block_clicked.connect(clicks.append)
    at = place(spine, "layer3.2")
    with qtbot.waitSignal(spine.block_double_clicked) as blocker:
        qtbot.mouseClick(spine, Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseDClick(spine, Qt.MouseButton.LeftButton, pos=at)
        qtbot.mouseRelease(spine, Qt.MouseButton.LeftButton, pos=at)
    assert blocker.args == ["layer3.2"]
    assert clicks == ["layer3.2"]


def test_stem_and_head_cannot_be_bypassed(spine: Spine, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(spine.block_double_clicked):
        for name in ("relu", "fc"):
            qtbot.mouseDClick(spine, Qt.MouseButton.LeftButton, pos=place(spine, name))


def test_hovering_tells_the_block_and_then_that_there_is_none(spine: Spine, qtbot: QtBot) -> None:
    told: list[str] = []
    spine.block_hovered.connect(told.append)
    qtbot.mouseMove(spine, place(spine, "layer2.1"))
    qtbot.mouseMove(spine, place(spine, "layer2.1") + QPoint(2, 2))
    qtbot.mouseMove(spine, QPoint(3, 3))
    assert told == ["layer2.1", ""]


def test_dragging_scrolls_and_does_not_choose(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(1202))
    spine.set_zoom(10)
    before = spine.block_rect("layer2.100").left()
    with qtbot.assertNotEmitted(spine.block_clicked):
        qtbot.mousePress(spine, Qt.MouseButton.LeftButton, pos=QPoint(500, 40))
        qtbot.mouseMove(spine, QPoint(440, 40))
        qtbot.mouseMove(spine, QPoint(400, 40))
        qtbot.mouseRelease(spine, Qt.MouseButton.LeftButton, pos=QPoint(400, 40))
    assert spine.block_rect("layer2.100").left() == before - 100


def test_the_wheel_zooms_at_the_pointer(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(110))
    at = place(spine, "layer3.9")
    for _ in range(5):
        assert wheel(spine, at, QPoint(0, 120))
    assert spine.zoom > 2
    assert spine.block_rect("layer3.9").contains(at)
    for _ in range(9):
        wheel(spine, at, QPoint(0, -120))
    assert spine.zoom == 1
    assert not wheel(spine, at, QPoint(0, -120))  # nothing left to zoom: the page may scroll


def test_shift_with_the_wheel_scrolls(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(1202))
    spine.set_zoom(20)
    zoom, before = spine.zoom, spine.block_rect("layer2.100").left()
    wheel(spine, QPoint(500, 40), QPoint(0, -120), shift=True)
    assert spine.block_rect("layer2.100").left() < before
    wheel(spine, QPoint(500, 40), QPoint(120, 0))
    assert spine.block_rect("layer2.100").left() == before
    assert spine.zoom == zoom


def test_scrolling_ends_where_the_network_ends(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(110))
    spine.set_zoom(4)
    for _ in range(200):
        wheel(spine, QPoint(500, 40), QPoint(-120, 0))
    assert spine.block_rect("fc").right() <= WIDTH
    assert spine.block_rect("fc").left() > WIDTH - 100
    for _ in range(200):
        wheel(spine, QPoint(500, 40), QPoint(120, 0))
    assert 0 <= spine.block_rect("relu").left() < 100


# --- keyboard ---


def test_arrows_move_the_cursor_and_enter_chooses(spine: Spine, qtbot: QtBot) -> None:
    spine.set_selected("layer4.2")
    qtbot.keyClick(spine, Qt.Key.Key_Left)
    with qtbot.waitSignal(spine.block_clicked) as blocker:
        qtbot.keyClick(spine, Qt.Key.Key_Return)
    assert blocker.args == ["layer4.1"]
    assert "stage 4, block 2" in spine.accessibleName()


def test_home_end_and_stages(spine: Spine, qtbot: QtBot) -> None:
    seen = []
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_End, Qt.Key.Key_Up):
        qtbot.keyClick(spine, key)
        seen.append(spine.accessibleName().split(": ")[1])
    assert seen == [
        "stem", "stage 1, block 1", "stage 2, block 1", "stage 1, block 1", "head", "stage 4, block 1",
    ]  # fmt: skip


def test_the_cursor_stays_within_the_network(spine: Spine, qtbot: QtBot) -> None:
    qtbot.keyClick(spine, Qt.Key.Key_Home)
    qtbot.keyClick(spine, Qt.Key.Key_Left)
    assert spine.accessibleName().endswith("stem")
    qtbot.keyClick(spine, Qt.Key.Key_End)
    qtbot.keyClick(spine, Qt.Key.Key_Right)
    assert spine.accessibleName().endswith("head")


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_B])
def test_space_and_b_ask_for_a_bypass(spine: Spine, qtbot: QtBot, key: Qt.Key) -> None:
    spine.set_selected("layer2.3")
    with qtbot.waitSignal(spine.block_double_clicked) as blocker:
        qtbot.keyClick(spine, key)
    assert blocker.args == ["layer2.3"]


def test_zoom_keys(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(110))
    with qtbot.waitSignal(spine.zoom_changed):
        qtbot.keyClick(spine, Qt.Key.Key_Plus)
    assert spine.zoom == pytest.approx(1.25)
    qtbot.keyClick(spine, Qt.Key.Key_Plus)
    qtbot.keyClick(spine, Qt.Key.Key_Minus)
    assert spine.zoom == pytest.approx(1.25)
    qtbot.keyClick(spine, Qt.Key.Key_0)
    assert spine.zoom == 1


def test_the_cursor_is_scrolled_into_sight(qtbot: QtBot) -> None:
    spine = made(qtbot, cifar(1202))
    spine.set_zoom(30)
    qtbot.keyClick(spine, Qt.Key.Key_End)
    assert spine.rect().contains(spine.block_rect("fc"))
    spine.set_selected("layer2.100")
    assert spine.rect().contains(spine.block_rect("layer2.100"))


@pytest.mark.parametrize(("key", "taken"), [(Qt.Key.Key_Space, True), (Qt.Key.Key_Left, True), (Qt.Key.Key_V, False)])
def test_the_spine_keeps_its_keys_from_the_pages_shortcuts(spine: Spine, key: Qt.Key, taken: bool) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(spine, event)
    assert event.isAccepted() == taken


def test_ctrl_combinations_are_left_to_the_page(spine: Spine) -> None:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    event.ignore()
    QApplication.sendEvent(spine, event)
    assert not event.isAccepted()


# --- words ---


def test_the_tooltip_tells_kind_parameters_value_and_state(spine: Spine) -> None:
    spine.set_values({"layer3.2": 0.012345}, caption="gradient norm")
    spine.set_bypassed({"layer3.2"})
    text = spine.block_tip("layer3.2")
    for part in (
        "stage 3, block 3",
        "bottleneck",
        "identity shortcut",
        "parameters",
        "0.0123",
        "gradient norm",
        "bypassed",
    ):
        assert part in text
    assert "projection shortcut" in spine.block_tip("layer3.0")
    assert "not finite" not in text


def test_the_tooltip_is_shown_over_a_block(spine: Spine, qtbot: QtBot) -> None:
    at = place(spine, "layer2.0")
    QApplication.sendEvent(spine, QHelpEvent(QEvent.Type.ToolTip, at, spine.mapToGlobal(at)))
    assert "stage 2, block 1" in QToolTip.text()
    QToolTip.hideText()


def test_markup_in_a_name_is_shown_as_it_is(qtbot: QtBot) -> None:
    outline = residual((1,))
    odd = NetworkOutline("t", "t", "t", (outline.blocks[0], *outline.blocks[1:]), 1)
    spine = made(qtbot, odd)
    spine.set_values({"layer1.0": 1.0}, caption="<b>F(x)</b>")
    assert "&lt;b&gt;F(x)" in spine.block_tip("layer1.0")


def test_a_screen_reader_hears_the_focused_block(spine: Spine) -> None:
    assert spine.accessibleName() == "ResNet-50"
    spine.set_selected("layer1.0")
    assert spine.accessibleName() == "ResNet-50: stage 1, block 1"
    assert "projection shortcut" in spine.accessibleDescription()
    spine.set_bypassed({"layer1.0"})
    assert "bypassed" in spine.accessibleDescription()


def test_layers_are_called_layers(qtbot: QtBot) -> None:
    spine = made(qtbot, vgg())
    spine.set_selected("features.12")
    assert spine.accessibleName() == "VGG-16: stage 5, layer 3"


# --- painting ---


def test_measured_blocks_have_the_colours_of_the_map(spine: Spine) -> None:
    spine.set_values({"layer1.0": 0.0, "layer2.1": 0.5, "layer4.2": 1.0}, limits=(0, 1), lut_name="viridis")
    for name, level in (("layer1.0", 0), ("layer2.1", 128), ("layer4.2", 255)):
        assert colour_at(spine, name) == QColor(*(int(channel) for channel in lut("viridis")[level]))


def test_a_logarithmic_scale_gives_equal_ratios_equal_steps(spine: Spine) -> None:
    spine.set_values({"layer1.0": 1e-4, "layer2.1": 1e-2, "layer4.2": 1.0, "layer3.1": 0.0}, log=True)
    table = lut("inferno")
    assert colour_at(spine, "layer2.1") == QColor(*(int(channel) for channel in table[128]))
    assert colour_at(spine, "layer3.1") == QColor(*(int(channel) for channel in table[0]))


def test_values_that_are_missing_or_not_finite_leave_a_block_uncoloured(spine: Spine) -> None:
    plain = colour_at(spine, "layer2.0")
    spine.set_values({"layer2.0": math.nan, "layer2.1": math.inf, "layer1.0": 1.0, "nowhere": 3.0})
    assert colour_at(spine, "layer2.0") == plain
    assert "not finite" in spine.block_tip("layer2.0")
    spine.set_values(None)
    assert colour_at(spine, "layer1.0") != QColor(*(int(channel) for channel in lut("inferno")[128]))


def test_equal_values_do_not_divide_by_zero(spine: Spine) -> None:
    for log in (False, True):
        spine.set_values({"layer1.0": 3.0, "layer1.1": 3.0}, log=log)
        assert colour_at(spine, "layer1.0") == colour_at(spine, "layer1.1")
    spine.set_values({"layer1.0": -1.0, "layer1.1": 0.0}, log=True)
    shot(spine)


def test_selection_and_bypass_are_seen(spine: Spine) -> None:
    nothing = shot(spine)
    spine.set_selected("layer3.2")
    selected = shot(spine)
    spine.set_bypassed({"layer3.2"})
    bypassed = shot(spine)
    assert nothing != selected != bypassed
    assert spine.selected == "layer3.2"
    assert spine.bypassed == {"layer3.2"}
    assert colour_at(spine, "layer3.2", dx=-10, dy=0) == colour("raised")
    spine.set_bypassed(set())
    spine.set_selected(None)
    assert shot(spine) == nothing


def arcs(spine: Spine) -> int:
    """How many pixels above the blocks are not ground."""
    picture = shot(spine)
    rect = spine.block_rect("layer2.0") if spine.outline and spine.outline.block("layer2.0") else None
    top = rect.top() if rect else 30
    ground = picture.pixel(2, 2)
    return sum(picture.pixel(x, y) != ground for y in range(top - 4) for x in range(0, WIDTH, 3))


@pytest.mark.parametrize("depth", [20, 56, 110, 1202])
def test_only_residual_networks_have_arcs(qtbot: QtBot, depth: int) -> None:
    assert arcs(made(qtbot, cifar(depth))) > 50
    assert arcs(made(qtbot, cifar(depth, plain=True))) == 0


def test_projections_are_dashed(qtbot: QtBot) -> None:
    """The arc over a stage's first block has gaps; the arc over its second has none."""
    spine = made(qtbot, residual((2, 2)))
    picture, ground = shot(spine), shot(spine).pixel(2, 2)

    def covered(name: str) -> float:
        rect = spine.block_rect(name)
        columns = range(rect.left() + 4, rect.right() - 4)
        inked = [any(picture.pixel(x, y) != ground for y in range(rect.top() - 1)) for x in columns]
        return sum(inked) / len(inked)

    assert covered("layer1.0") < 0.9
    assert covered("layer1.1") == 1


@pytest.mark.parametrize(
    "outline", [cifar(8), R50, cifar(110), cifar(1202), cifar(56, plain=True), vgg(), googlenet(), None],
    ids=["8", "50", "110", "1202", "plain", "vgg", "googlenet", "none"],
)  # fmt: skip
@pytest.mark.parametrize("width", [60, 320, 1000])
def test_both_schemes_paint_something_different(qtbot: QtBot, outline: NetworkOutline | None, width: int) -> None:
    spine = made(qtbot, outline, width=width)
    theme().choose("dark")
    dark = shot(spine)
    theme().choose("light")
    light = shot(spine)
    assert dark != light
    for picture in (dark, light):
        assert len({picture.pixel(x, y) for x in range(0, width, 2) for y in range(0, HEIGHT, 2)}) > 3


def test_a_thumbnail_is_crisp_transparent_and_follows_the_network(qtbot: QtBot) -> None:
    one, other = (Spine.thumbnail(outline, QSize(160, 48), 2.0) for outline in (cifar(20), cifar(20, plain=True)))
    assert one.size() == QSize(320, 96)
    assert one.devicePixelRatio() == 2.0
    assert one.toImage().pixelColor(0, 0).alpha() == 0
    assert one.toImage() != other.toImage()


def test_compact_is_lower(spine: Spine) -> None:
    tall = spine.sizeHint().height()
    spine.set_compact(True)
    assert spine.sizeHint().height() <= tall - 32
    assert spine.sizeHint().height() % 8 == 0 and tall % 8 == 0


def test_a_new_network_forgets_the_old_ones_marks(spine: Spine) -> None:
    spine.set_selected("layer1.0")
    spine.set_bypassed({"layer1.1"})
    spine.set_outline(vgg())
    assert spine.selected is None
    assert spine.bypassed == frozenset()
    spine.set_outline(None)
    assert spine.block_rect("layer1.0").isEmpty()
    assert spine.accessibleDescription()


def test_names_that_do_not_exist_are_ignored(spine: Spine) -> None:
    spine.set_selected("nothing")
    spine.set_bypassed({"nothing", "layer1.0"})
    assert spine.selected is None
    assert spine.bypassed == {"layer1.0"}


def test_600_blocks_cost_little_more_than_a_few(qtbot: QtBot) -> None:
    """A ratio within one run: the heat strip of 600 blocks against 27 separate blocks, both 1000 pixels wide."""

    def cost(outline: NetworkOutline) -> float:
        spine = made(qtbot, outline)
        values = itertools.cycle((0.1, 0.5, 0.9))
        spine.set_values({block.name: next(values) for block in outline.blocks})
        target = QImage(spine.size(), QImage.Format.Format_RGB32)
        spine.render(target)
        times = []
        for _ in range(15):
            started = time.thread_time()
            spine.render(target)
            times.append(time.thread_time() - started)
        return min(times)

    assert cost(cifar(1202)) < 8 * cost(cifar(56))
