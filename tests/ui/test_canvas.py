"""The canvas: what it paints where, and zoom and pan under real events."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.records import Heatmap
from app.render.overlay import colourise, composite, limits
from app.ui.canvas import Canvas
from app.ui.canvas_view import CanvasView
from app.ui.theme import colour, theme

WIDTH, HEIGHT = 800, 600
RED, BLUE = (200, 20, 20), (20, 20, 200)


@pytest.fixture
def canvas(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Canvas:
    monkeypatch.setattr("app.ui.canvas._SLOW_PAINT", 60.0)  # on a busy machine the next painting would be a rough one
    widget = Canvas()
    qtbot.addWidget(widget)
    widget.resize(WIDTH, HEIGHT)
    widget.show()
    return widget


def halves(width: int = 400, height: int = 200) -> NDArray[np.uint8]:
    """Red on the left, blue on the right."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:, : width // 2], pixels[:, width // 2 :] = RED, BLUE
    return pixels


def shot(canvas: Canvas) -> QImage:
    return canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def rgb(image: QImage, x: float, y: float) -> tuple[int, int, int]:
    return image.pixelColor(round(x), round(y)).getRgb()[:3]


def near(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 3) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def alike(one: QImage, other: QImage) -> bool:
    """Equal up to rounding: a kept painting is blended twice."""
    arrays = [
        np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine()).astype(int)
        for image in (one, other)
    ]
    return bool(np.abs(arrays[0] - arrays[1]).max() <= 2)


def wheel(canvas: Canvas, at: QPointF, turn: int) -> None:
    where, phase = QPointF(canvas.mapToGlobal(at)), Qt.ScrollPhase.NoScrollPhase
    held = Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(at, where, QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, held, phase, False)
    QApplication.sendEvent(canvas, event)


# --- what is painted ---


def test_a_picture_is_shown_whole_and_in_the_middle(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    rect = canvas.picture_rect()
    assert rect.width() / rect.height() == pytest.approx(2, abs=0.02)
    assert rect.center().x() == pytest.approx(WIDTH / 2, abs=1)
    assert rect.center().y() == pytest.approx(HEIGHT / 2, abs=1)
    image = shot(canvas)
    assert near(rgb(image, rect.left() + 30, rect.center().y()), RED)
    assert near(rgb(image, rect.right() - 30, rect.center().y()), BLUE)


def test_corners_are_round_and_a_shadow_lies_below(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    rect, image = canvas.picture_rect(), shot(canvas)
    ground = rgb(image, 1, 1)
    assert not near(rgb(image, rect.left() + 1, rect.top() + 1), RED, 20)
    assert near(rgb(image, rect.left() + 12, rect.top() + 12), RED)
    below = rgb(image, rect.center().x(), rect.bottom() + 6)
    assert sum(below) < sum(ground)


def test_a_second_painting_comes_from_the_cache_and_looks_the_same(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    first, second, third = shot(canvas), shot(canvas), shot(canvas)
    assert canvas._backdrop is not None
    assert alike(first, second)
    assert second == third


def test_the_heatmap_lies_over_its_box_only(canvas: Canvas) -> None:
    canvas.set_picture(halves(), (200, 0, 400, 200))
    green = np.full((8, 8, 4), (0, 255, 0, 255), np.uint8)
    canvas.set_heatmap(green)
    canvas.set_opacity(1.0)
    rect, image = canvas.picture_rect(), shot(canvas)
    assert near(rgb(image, rect.left() + 30, rect.center().y()), RED)
    assert near(rgb(image, rect.right() - 30, rect.center().y()), (0, 255, 0))
    canvas.set_opacity(0.5)
    assert near(rgb(shot(canvas), rect.right() - 30, rect.center().y()), (10, 138, 100))
    canvas.set_opacity(0.0)
    assert near(rgb(shot(canvas), rect.right() - 30, rect.center().y()), BLUE)
    canvas.set_opacity(1.0)
    canvas.set_heatmap(None)
    assert near(rgb(shot(canvas), rect.right() - 30, rect.center().y()), BLUE)


def test_a_box_that_reaches_outside_is_cut_at_the_picture(canvas: Canvas) -> None:
    canvas.set_picture(halves(), (-100, -200, 500, 400))
    canvas.set_heatmap(np.full((4, 4, 4), (0, 255, 0, 255), np.uint8))
    canvas.set_opacity(1.0)
    rect, image = canvas.picture_rect(), shot(canvas)
    assert near(rgb(image, rect.center().x(), rect.center().y()), (0, 255, 0))
    for x, y in ((rect.left() - 8, rect.center().y()), (rect.center().x(), rect.top() - 8)):
        assert rgb(image, x, y)[1] < 60


def test_the_window_shows_what_the_render_room_saves(canvas: Canvas) -> None:
    """The promise of app.render: a saved composite equals the window, up to how pixels are enlarged."""
    rng = np.random.default_rng(4)
    picture = np.full((200, 300, 3), 120, np.uint8)
    picture[:, ::3] = 90
    made = Heatmap(rng.random((7, 7)).astype(np.float32), "grad-cam", "layer4.2", 0, False)
    box = (50.0, 0.0, 250.0, 200.0)
    canvas.set_picture(picture, box)
    canvas.set_heatmap(colourise(made.values, limits=limits(made), name="inferno", signed=False, size=(320, 320)))
    canvas.set_opacity(0.6)
    canvas.set_zoom(1.0)
    saved = composite(picture, made, box, opacity=0.6, name="inferno")
    rect, image = canvas.picture_rect(), shot(canvas)
    assert (rect.width(), rect.height()) == (300, 200)
    differences = [
        abs(seen - int(kept))
        for y in range(20, 180, 7)
        for x in range(20, 280, 7)
        for seen, kept in zip(rgb(image, rect.left() + x, rect.top() + y), saved[y, x], strict=True)
    ]
    assert max(differences) <= 8
    assert sum(differences) / len(differences) < 1.5


def test_the_crop_square_is_outlined_and_the_rest_dimmed(canvas: Canvas) -> None:
    canvas.set_picture(halves(), (200, 0, 400, 200))
    canvas.set_crop_visible(True)
    rect, image = canvas.picture_rect(), shot(canvas)
    outside = rgb(image, rect.left() + 30, rect.center().y())
    assert outside[0] < 0.6 * RED[0]
    assert near(rgb(image, rect.right() - 30, rect.center().y()), BLUE)
    assert near(rgb(image, rect.center().x() + 1, rect.center().y()), colour("accent").getRgb()[:3], 40)
    canvas.set_crop_visible(False)
    assert near(rgb(shot(canvas), rect.left() + 30, rect.center().y()), RED)


def test_a_tiny_picture_is_enlarged_as_squares(canvas: Canvas) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = pixels[1, 1] = 255
    canvas.set_picture(pixels)
    rect, image = canvas.picture_rect(), shot(canvas)
    assert rgb(image, rect.center().x() - 4, rect.center().y() - 4) == (255, 255, 255)
    assert rgb(image, rect.center().x() + 4, rect.center().y() - 4) == (0, 0, 0)


def test_words_are_shown_without_a_picture_and_over_one(canvas: Canvas) -> None:
    empty = shot(canvas)
    canvas.set_message("Drop a picture here", "or open one")
    invited = shot(canvas)
    canvas.set_message("x.jpg is damaged", "Copy it again", trouble=True)
    broken = shot(canvas)
    assert empty != invited != broken
    assert "damaged" in canvas.accessibleDescription()
    canvas.set_picture(halves())
    over = shot(canvas)
    canvas.set_message("", "")
    assert shot(canvas) != over


def test_long_words_stay_inside_a_small_canvas(canvas: Canvas) -> None:
    canvas.resize(220, 180)
    canvas.set_message("word " * 40, "more words " * 60, trouble=True)
    shot(canvas)
    canvas.set_picture(halves())
    shot(canvas)


def test_a_drop_is_invited(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    before = shot(canvas)
    canvas.set_drop_active(True)
    assert not alike(shot(canvas), before)
    canvas.set_drop_active(False)
    assert alike(shot(canvas), before)


def test_both_schemes_paint_something_different(canvas: Canvas) -> None:
    for picture in (None, halves()):
        canvas.set_picture(picture)
        canvas.set_message("Title", "text")
        theme().choose("dark")
        dark = shot(canvas)
        theme().choose("light")
        assert shot(canvas) != dark


# --- progress ---


def test_quick_work_shows_nothing_and_slow_work_a_moving_line(canvas: Canvas, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.ui.busy_line.time.monotonic", lambda: now[0])
    canvas.set_picture(halves())
    idle = shot(canvas)
    canvas.set_busy(True)
    now[0] += 0.1
    assert alike(shot(canvas), idle)
    now[0] += 0.3
    first = shot(canvas)
    assert not alike(first, idle)
    now[0] += 0.2
    assert not alike(shot(canvas), first)
    canvas.set_busy(False)
    assert alike(shot(canvas), idle)


def test_known_progress_is_a_bar_that_does_not_move_by_itself(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(halves())
    canvas.set_busy(True, 0.25)
    quarter = shot(canvas)
    qtbot.wait(80)
    assert alike(shot(canvas), quarter)
    canvas.set_busy(True, 0.75)
    assert not alike(shot(canvas), quarter)


def test_nothing_moves_while_idle_or_hidden(canvas: Canvas) -> None:
    assert not canvas._busy.running
    canvas.set_busy(True)
    assert canvas._busy.running
    canvas.hide()
    assert not canvas._busy.running
    canvas.show()
    assert canvas._busy.running
    canvas.set_busy(False)
    assert not canvas._busy.running


# --- zoom and pan ---


def test_the_wheel_zooms_at_the_pointer(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    fitted = canvas.zoom
    canvas.set_zoom(5)
    at = QPointF(300, 320)
    view = canvas._view
    assert view is not None
    before = view.to_picture(at.x(), at.y())
    for _ in range(6):
        wheel(canvas, at, 120)
    after = canvas._view
    assert after is not None
    assert after.zoom == pytest.approx(view.zoom * 1.25**6)
    assert after.to_picture(at.x(), at.y()) == pytest.approx(before, abs=1e-6)
    assert not canvas.fitted
    for _ in range(20):
        wheel(canvas, at, -120)
    assert canvas.zoom == pytest.approx(min(1.0, fitted))


def test_keys_zoom_fit_and_show_every_pixel(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(halves())
    fitted = canvas.zoom
    with qtbot.waitSignal(canvas.zoom_changed):
        qtbot.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.zoom == 1
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.zoom == pytest.approx(1.25)
    qtbot.keyClick(canvas, Qt.Key.Key_Minus)
    assert canvas.zoom == pytest.approx(1)
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.zoom == fitted
    assert canvas.fitted


def test_dragging_moves_the_picture_and_a_double_click_fits_it(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(halves())
    canvas.set_zoom(8)
    before = canvas.picture_rect().topLeft()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(400, 300))
    qtbot.mouseMove(canvas, QPoint(430, 290))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=QPoint(430, 290))
    moved = canvas.picture_rect().topLeft() - before
    assert (moved.x(), moved.y()) == pytest.approx((30, -10), abs=1)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(400, 300))
    assert canvas.fitted


def test_arrows_move_only_where_there_is_more_to_see(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(halves())
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Left, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(canvas, event)
    assert not event.isAccepted()
    canvas.set_zoom(8)
    before = canvas.picture_rect().left()
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert canvas.picture_rect().left() == before + 64


def test_the_picture_never_leaves_the_widget(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(halves())
    canvas.set_zoom(8)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Down):
        for _ in range(80):
            qtbot.keyClick(canvas, key)
        seen = canvas.picture_rect().intersected(canvas.rect())
        assert seen.width() > WIDTH - 80 and seen.height() > HEIGHT - 80


def test_a_fitted_picture_follows_the_widgets_size_and_a_zoomed_one_keeps_its_middle(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    small = canvas.zoom
    canvas.resize(1200, 900)
    assert canvas.zoom > small and canvas.fitted
    canvas.set_zoom(8, QPointF(500, 450))
    view = canvas._view
    assert view is not None
    middle = view.to_picture(600, 450)
    canvas.resize(800, 700)
    after = canvas._view
    assert after is not None
    assert after.to_picture(400, 350) == pytest.approx(middle, abs=1)
    assert after.zoom == 8


def test_the_same_array_keeps_its_view_another_does_not(canvas: Canvas) -> None:
    pixels = halves()
    canvas.set_picture(pixels)
    canvas.set_zoom(5)
    canvas.set_picture(pixels, (0, 0, 200, 200))
    assert canvas.zoom == 5
    canvas.set_picture(halves(), keep_view=True)
    assert canvas.zoom == 5
    canvas.set_picture(halves(500, 200), keep_view=True)
    assert canvas.fitted
    canvas.set_zoom(5)
    canvas.set_picture(halves(500, 200))
    assert canvas.fitted


def test_without_a_picture_nothing_can_be_zoomed(canvas: Canvas, qtbot: QtBot) -> None:
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_0, Qt.Key.Key_1, Qt.Key.Key_Left):
        qtbot.keyClick(canvas, key)
    wheel(canvas, QPointF(10, 10), 120)
    canvas.fit()
    assert canvas.zoom == 1
    assert canvas.picture_rect().isEmpty()


# --- large pictures ---


def test_a_large_picture_is_coarse_at_once_and_smooth_soon(canvas: Canvas, qtbot: QtBot) -> None:
    stripes = np.zeros((2400, 3200, 3), np.uint8)
    stripes[:, ::2] = 200  # too fine to be seen: their mean is
    with qtbot.waitSignal(canvas._pyramid.ready, timeout=20_000):
        canvas.set_picture(stripes)
        assert not canvas.smooth
        assert canvas.picture_rect().width() > 600
        shot(canvas)
    assert canvas.smooth
    rect = canvas.picture_rect()
    assert near(rgb(shot(canvas), rect.center().x(), rect.center().y()), (100, 100, 100), 2)


@pytest.mark.parametrize("shape", [(1500, 1201), (2301, 2207), (90, 30_001)])
def test_levels_of_odd_sizes_are_means_and_keep_the_colours(
    qtbot: QtBot, canvas: Canvas, shape: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 40, (*shape, 3)).astype(np.uint8) + np.uint8(RED)
    with qtbot.waitSignal(canvas._pyramid.ready, timeout=20_000):
        canvas.set_picture(pixels)
    levels = canvas._pyramid._levels
    assert (levels[0].width(), levels[0].height()) == (shape[1], shape[0])
    height, width = shape[0] // 2, shape[1] // 2
    means = pixels[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    for x, y in ((0, 0), (width - 1, height - 1), (width // 3, height // 2)):
        assert near(levels[1].pixelColor(x, y).getRgb()[:3], tuple(means[y, x]), 1)
    for before, after in itertools.pairwise(levels):
        assert (after.width(), after.height()) == ((before.width() + 1) // 2, (before.height() + 1) // 2)
    shot(canvas)


def test_a_picture_that_was_replaced_meanwhile_does_not_come_back(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.set_picture(np.zeros((2000, 2000, 3), np.uint8))
    canvas.set_picture(halves())
    qtbot.wait(400)
    rect = canvas.picture_rect()
    assert near(rgb(shot(canvas), rect.left() + 30, rect.center().y()), RED)


def test_the_arrays_memory_may_go(canvas: Canvas, qtbot: QtBot) -> None:
    """A QImage over numpy memory must not outlive it."""
    import gc

    canvas.set_picture(halves())
    with qtbot.waitSignal(canvas._pyramid.ready, timeout=20_000):
        canvas.set_picture(np.full((2100, 2200, 3), RED, np.uint8))
    canvas.set_zoom(1.0)
    gc.collect()
    junk = [np.full((2100, 2200, 3), 7, np.uint8) for _ in range(3)]
    assert near(rgb(shot(canvas), WIDTH / 2, HEIGHT / 2), RED)
    del junk


# --- the view alone ---


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (32, 32), (8333, 6000)])
@pytest.mark.parametrize("widget", [(10, 10), (320, 240), (3800, 2000)])
def test_any_picture_fits_any_widget(size: tuple[int, int], widget: tuple[int, int]) -> None:
    view = CanvasView(*widget, *size).fit()
    left, top, right, bottom = view.to_widget((0, 0, *size))
    assert right > left and bottom > top
    if min(widget) > 100:
        assert left >= 0 and top >= 0 and right <= widget[0] and bottom <= widget[1]


def test_the_shadow_is_the_tokens_colour(canvas: Canvas) -> None:
    canvas.set_picture(halves())
    rect = canvas.picture_rect()
    image = canvas.grab().toImage()
    below = QColor(image.pixel(round(rect.center().x()), round(rect.bottom()) + 3))
    far = QColor(image.pixel(round(rect.center().x()), HEIGHT - 2))
    assert below.lightness() < far.lightness()
