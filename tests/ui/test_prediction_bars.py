"""The bars: what they show, and choosing a class by pointer and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from app.ui.prediction_bars import PredictionBars, percent
from app.ui.theme import colour, theme

ROWS = [
    (285, "Egyptian cat", 0.82),
    (281, "tabby", 0.11),
    (287, "lynx, catamount", 0.03),
    (283, "Persian cat", 0.01),
    (282, "tiger cat", 0.0),
]


@pytest.fixture
def bars(qtbot: QtBot) -> PredictionBars:
    widget = PredictionBars()
    qtbot.addWidget(widget)
    widget.resize(280, widget.sizeHint().height())
    widget.set_rows(ROWS, 285)
    widget.show()
    return widget


def shot(bars: PredictionBars) -> QImage:
    return bars.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def middle(bars: PredictionBars, place: int) -> QPoint:
    return bars.row_rect(place).center().toPoint()


def bar_length(bars: PredictionBars, place: int, token: str) -> int:
    """How many pixels of a row's bar have a token's colour."""
    image, rect, ink = shot(bars), bars.row_rect(place), colour(token).rgb()
    y = round(rect.bottom()) - 4
    return sum(image.pixel(x, y) == ink for x in range(bars.width()))


def test_bars_are_as_long_as_the_probabilities(bars: PredictionBars) -> None:
    assert bar_length(bars, 0, "accent") == pytest.approx(0.82 * 280, abs=2)
    assert bar_length(bars, 1, "bar") == pytest.approx(0.11 * 280, abs=2)
    assert bar_length(bars, 4, "bar") == 0


def test_the_explained_class_has_the_accent_wherever_it_is(bars: PredictionBars) -> None:
    bars.set_rows(ROWS, 281)
    assert bar_length(bars, 0, "accent") == 0
    assert bar_length(bars, 1, "accent") > 20


@pytest.mark.parametrize("place", range(5))
def test_a_click_chooses_the_class(bars: PredictionBars, qtbot: QtBot, place: int) -> None:
    with qtbot.waitSignal(bars.class_chosen) as blocker:
        qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=middle(bars, place))
    assert blocker.args == [ROWS[place][0]]


def test_the_right_button_and_an_empty_list_choose_nothing(bars: PredictionBars, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(bars.class_chosen):
        qtbot.mouseClick(bars, Qt.MouseButton.RightButton, pos=middle(bars, 1))
        bars.set_rows([], -1)
        qtbot.mouseClick(bars, Qt.MouseButton.LeftButton, pos=middle(bars, 1))
        qtbot.keyClick(bars, Qt.Key.Key_Return)


def test_up_down_and_enter(bars: PredictionBars, qtbot: QtBot) -> None:
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_Down)
    qtbot.keyClick(bars, Qt.Key.Key_Down)
    assert "lynx, catamount, 3.0 %, 3 of 5" in bars.accessibleName()
    with qtbot.waitSignal(bars.class_chosen) as blocker:
        qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert blocker.args == [287]
    for _ in range(9):
        qtbot.keyClick(bars, Qt.Key.Key_Up)
    with qtbot.waitSignal(bars.class_chosen) as blocker:
        qtbot.keyClick(bars, Qt.Key.Key_Space)
    assert blocker.args == [285]
    qtbot.keyClick(bars, Qt.Key.Key_End)
    assert "tiger cat" in bars.accessibleName()


def test_the_pages_shortcuts_do_not_take_the_bars_keys(bars: PredictionBars) -> None:
    for key, taken in ((Qt.Key.Key_Space, True), (Qt.Key.Key_Down, True), (Qt.Key.Key_W, False)):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        QApplication.sendEvent(bars, event)
        assert event.isAccepted() == taken


def test_the_tooltip_has_the_whole_label(bars: PredictionBars) -> None:
    long = "a label that is much too long for any inspector, " * 3
    bars.set_rows([(1, long, 0.123456), *ROWS[1:]], 281)
    at = middle(bars, 0)
    QApplication.sendEvent(bars, QHelpEvent(QEvent.Type.ToolTip, at, bars.mapToGlobal(at)))
    assert long in QToolTip.text()
    assert "12.346 %" in QToolTip.text()
    QToolTip.hideText()


@pytest.mark.parametrize("width", [96, 140, 200, 280, 600])
def test_long_labels_never_run_into_the_number(bars: PredictionBars, width: int) -> None:
    """Left of the number there is always a gap of the panel's colour."""
    bars.resize(width, bars.height())
    bars.set_rows([(1, "W" * 90, 0.99999), (2, "M" * 90, 0.5)], 1)
    metrics = bars.fontMetrics()
    for place, probability in ((0, 0.99999), (1, 0.5)):
        image, rect = shot(bars), bars.row_rect(place)
        start = width - metrics.horizontalAdvance(percent(probability))
        ground = image.pixel(width - 1, round(rect.top()) - 1 if place else round(rect.bottom()) + 3)
        gap = [
            all(image.pixel(x, y) == ground for y in range(round(rect.top()), round(rect.bottom()) - 13))
            for x in range(max(0, start - 6), start - 2)
        ]
        assert all(gap)


def test_the_explained_word_stays_when_the_label_is_shortened(bars: PredictionBars) -> None:
    from PySide6.QtGui import QFontMetricsF

    metrics = QFontMetricsF(bars.font())
    bars.set_rows([(1, "a rather long label for this width", 0.5)], 1)
    room = metrics.horizontalAdvance("a rather long label · explained")
    shown, dot = bars._shown_label(bars.rows[0], metrics, room)
    assert shown.endswith("explained") and "…" in shown and not dot
    tiny, tiny_dot = bars._shown_label(bars.rows[0], metrics, metrics.horizontalAdvance("explained"))
    assert tiny.startswith("a") and tiny_dot, "a dot says it where there is no room for the word"
    bars.resize(120, bars.height())
    bars.set_rows([(1, "a rather long label for this width", 0.5), (2, "other", 0.4)], 1)
    image = bars.grab().toImage()
    top = round(bars.row_rect(0).bottom()) - 12
    accent = colour("accent").rgb()
    assert any(image.pixel(x, y) == accent for x in range(image.width()) for y in range(top))


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.82, "82.0 %"), (0, "0.0 %"), (1, "100.0 %"), (0.0004, "< 0.1 %"), (0.0006, "0.1 %"),
        (0.99994, "> 99.9 %"), (0.99949, "99.9 %"),
    ],
)  # fmt: skip
def test_numbers_are_never_rounded_into_certainty(probability: float, text: str) -> None:
    assert percent(probability) == text


def test_an_empty_list_keeps_its_room(bars: PredictionBars) -> None:
    height = bars.sizeHint().height()
    bars.set_rows([], -1)
    assert bars.sizeHint().height() == height
    assert "Nothing" in bars.accessibleDescription()


def test_hover_and_both_schemes_are_seen(bars: PredictionBars, qtbot: QtBot) -> None:
    rest = shot(bars)
    qtbot.mouseMove(bars, middle(bars, 1))
    qtbot.mouseMove(bars, middle(bars, 1) + QPoint(3, 0))
    assert shot(bars) != rest
    theme().choose("light")
    assert shot(bars) != rest


def test_the_ring_shows_for_the_keyboard_only(bars: PredictionBars, qtbot: QtBot) -> None:
    rest = shot(bars)
    bars.setFocus(Qt.FocusReason.MouseFocusReason)
    assert shot(bars) == rest
    bars.clearFocus()
    bars.activateWindow()
    bars.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(bars.hasFocus)
    assert shot(bars) != rest
