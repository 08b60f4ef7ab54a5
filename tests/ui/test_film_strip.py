"""The film strip: 10,000 pictures, thumbnails on demand, choosing and removing."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.film_model import KEPT_THUMBNAILS
from app.ui.film_strip import THUMBNAIL, FilmStrip, thumbnail_rect
from app.ui.theme import colour, theme


@pytest.fixture
def strip(qtbot: QtBot) -> FilmStrip:
    widget = FilmStrip()
    qtbot.addWidget(widget)
    widget.resize(800, widget.sizeHint().height())
    widget.show()
    return widget


def fill(strip: FilmStrip, count: int) -> None:
    strip.add([(number, f"{number}.jpg") for number in range(count)])


def cell(strip: FilmStrip, picture_id: int) -> QRect:
    return strip.visualRect(strip.model().index_of(picture_id))  # type: ignore[attr-defined]


def shot(strip: FilmStrip) -> QImage:
    return strip.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def solid(name: str, width: int = 160, height: int = 120) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(name))
    return image


def test_a_click_chooses_and_set_current_does_not(strip: FilmStrip, qtbot: QtBot) -> None:
    fill(strip, 5)
    with qtbot.waitSignal(strip.chosen) as blocker:
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=cell(strip, 3).center())
    assert blocker.args == [3]
    with qtbot.assertNotEmitted(strip.chosen):
        strip.set_current(1)
        strip.set_current(-1)
    assert strip.current == -1


def test_arrows_go_through_the_pictures(strip: FilmStrip, qtbot: QtBot) -> None:
    fill(strip, 4)
    strip.set_current(0)
    chosen: list[int] = []
    strip.chosen.connect(chosen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(strip, key)
    assert chosen == [1, 2, 1, 3, 0]


def test_delete_asks_and_only_remove_removes(strip: FilmStrip, qtbot: QtBot) -> None:
    fill(strip, 3)
    with qtbot.assertNotEmitted(strip.removed):
        qtbot.keyClick(strip, Qt.Key.Key_Delete)  # nothing is current
    strip.set_current(1)
    with qtbot.waitSignal(strip.removed) as blocker:
        qtbot.keyClick(strip, Qt.Key.Key_Delete)
    assert blocker.args == [1]
    assert strip.ids == (0, 1, 2)
    with qtbot.assertNotEmitted(strip.chosen):
        strip.remove(1)
        strip.remove(99)
    assert strip.ids == (0, 2)


def test_letters_are_left_to_the_page(strip: FilmStrip, qtbot: QtBot) -> None:
    strip.add([(1, "apple.jpg"), (2, "heron.jpg")])
    strip.set_current(1)
    with qtbot.assertNotEmitted(strip.chosen):
        qtbot.keyClick(strip, Qt.Key.Key_H)


def test_only_what_is_in_sight_is_asked_for_and_once(strip: FilmStrip, qtbot: QtBot) -> None:
    wanted: list[int] = []
    strip.thumbnail_wanted.connect(wanted.append)
    fill(strip, 10_000)
    qtbot.waitUntil(lambda: len(wanted) > 0)
    qtbot.wait(120)
    assert wanted == list(strip.visible_rows())
    assert len(wanted) <= 12
    strip.set_current(5000)
    qtbot.waitUntil(lambda: 5000 in wanted)
    assert len(wanted) < 30
    assert len(set(wanted)) == len(wanted)


def test_a_thumbnail_covers_its_frame(strip: FilmStrip) -> None:
    fill(strip, 2)
    strip.set_thumbnail(0, solid("#22cc55"))
    strip.set_thumbnail(1, np.full((90, 160, 3), (204, 34, 85), np.uint8))
    image = shot(strip)
    for picture_id, name in ((0, "#22cc55"), (1, "#cc2255")):
        frame = thumbnail_rect(cell(strip, picture_id)).toRect()
        for point in (frame.center(), frame.center() + QPoint(-32, 0), frame.center() + QPoint(0, 20)):
            assert image.pixelColor(point) == QColor(name)


def test_the_current_picture_is_ringed_with_the_accent(strip: FilmStrip) -> None:
    fill(strip, 2)
    strip.set_current(1)
    image, ink = shot(strip), colour("accent")
    for picture_id, ringed in ((0, False), (1, True)):
        frame = thumbnail_rect(cell(strip, picture_id)).toRect()
        assert (image.pixelColor(frame.center().x(), frame.top() - 3) == ink) == ringed


def test_loading_error_and_label_look_different(strip: FilmStrip) -> None:
    fill(strip, 1)
    loading = shot(strip)
    strip.set_thumbnail(0, solid("#22cc55"))
    shown = shot(strip)
    strip.set_label(0, "heron")
    labelled = shot(strip)
    strip.set_error(0, "0.jpg is damaged")
    broken = shot(strip)
    assert len({loading.pixel(40, 30), shown.pixel(40, 30)}) == 2
    assert shown != labelled != broken
    index = strip.model().index(0, 0)
    assert index.data(Qt.ItemDataRole.ToolTipRole) == "0.jpg\n0.jpg is damaged"
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "0.jpg, 0.jpg is damaged"


def test_the_hint_shows_where_there_is_room(strip: FilmStrip) -> None:
    ground = shot(strip).pixel(760, 4)

    def inked() -> bool:
        image = shot(strip)
        return any(image.pixel(x, y) != ground for x in range(500, image.width()) for y in range(20, 45))

    fill(strip, 5)
    assert inked()
    strip.clear()
    fill(strip, 6)  # ends just before; too little room for the sentence
    strip.resize(620, strip.height())
    image = shot(strip)
    assert all(image.pixel(x, 30) == ground for x in range(520, image.width()))


def test_the_wheel_scrolls_sideways(strip: FilmStrip, qtbot: QtBot) -> None:
    fill(strip, 100)
    qtbot.waitUntil(lambda: strip.horizontalScrollBar().maximum() > 0)
    at, held = QPointF(200, 30), Qt.KeyboardModifier.NoModifier
    where, phase = QPointF(strip.mapToGlobal(at)), Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, where, QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, held, phase, False)
    QApplication.sendEvent(strip.viewport(), event)
    assert strip.horizontalScrollBar().value() > 50


def test_thumbnails_of_ten_thousand_pictures_do_not_pile_up(strip: FilmStrip, qtbot: QtBot) -> None:
    fill(strip, 10_000)
    thumbnail = solid("#22cc55", THUMBNAIL.width(), THUMBNAIL.height())
    for number in range(KEPT_THUMBNAILS + 50):
        strip.set_thumbnail(number, thumbnail)
    model = strip.model()
    kept = sum(model.index(row, 0).data(Qt.ItemDataRole.DecorationRole) is not None for row in range(1000))
    assert kept == KEPT_THUMBNAILS
    wanted: list[int] = []
    strip.thumbnail_wanted.connect(wanted.append)
    strip.set_current(20)
    qtbot.waitUntil(lambda: 20 in wanted)  # it made room for others and is asked for again


def test_ten_thousand_pictures_paint_like_thirty(strip: FilmStrip) -> None:
    """A ratio within one run."""

    def cost(count: int) -> float:
        strip.clear()
        fill(strip, count)
        target = QImage(strip.size(), QImage.Format.Format_RGB32)
        strip.render(target)
        times = []
        for _ in range(10):
            started = time.thread_time()
            strip.render(target)
            times.append(time.thread_time() - started)
        return min(times)

    few, many = cost(30), cost(10_000)
    assert many < 4 * few


def test_adding_twice_and_removing_keep_order(strip: FilmStrip) -> None:
    strip.add([(5, "five"), (3, "three")])
    strip.add([(3, "again"), (9, "nine")])
    assert strip.ids == (5, 3, 9)
    strip.remove(3)
    strip.set_label(9, "heron")
    assert strip.model().index(1, 0).data(Qt.ItemDataRole.ToolTipRole) == "nine\nheron"


def test_both_schemes_paint_something_different(strip: FilmStrip) -> None:
    fill(strip, 3)
    strip.set_current(1)
    dark = shot(strip)
    theme().choose("light")
    assert shot(strip) != dark
