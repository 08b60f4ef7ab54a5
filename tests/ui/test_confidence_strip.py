"""The last half minute, drawn."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.ui.live.confidence_strip import ConfidenceStrip
from app.ui.live.pace import STRIP_SECONDS, Moment
from app.ui.theme import colour

LABELS = ("cat", "dog")


def accents(strip: ConfidenceStrip) -> np.ndarray:
    """(columns,) how many pixels of the accent's hue are in each column of the plot."""
    image = strip.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    pixels = rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
    wanted = np.array(colour("accent").getRgb()[:3])
    return (np.abs(pixels - wanted).max(axis=2) < 60).sum(axis=0)


def shown(qtbot: QtBot, moments: list[Moment], now: float) -> ConfidenceStrip:
    strip = ConfidenceStrip()
    qtbot.addWidget(strip)
    strip.resize(300, strip.sizeHint().height())
    strip.set_moments(moments, LABELS, now)
    strip.show()
    return strip


def test_time_runs_to_the_right_and_gaps_stay_empty(qtbot: QtBot) -> None:
    now = 100.0
    early = [Moment(now - 25 + number / 10, 0, 0.5) for number in range(50)]
    late = [Moment(now - 5 + number / 10, 1, 0.9) for number in range(50)]
    columns = accents(shown(qtbot, early + late, now))
    per_second = 300 / STRIP_SECONDS
    assert columns[round(6 * per_second)] > 0
    assert columns[round(28 * per_second)] > 0
    assert columns[round(11 * per_second) : round(24 * per_second)].sum() == 0, "nothing was measured there"


def test_a_single_answer_is_seen_and_said(qtbot: QtBot) -> None:
    strip = shown(qtbot, [Moment(90.0, 1, 0.75)], 100.0)
    assert accents(strip).sum() > 0
    assert strip.accessibleDescription() == "dog 75.0 %, 10.0 s ago"


def test_nothing_measured_is_no_trouble(qtbot: QtBot) -> None:
    assert accents(shown(qtbot, [], 100.0)).sum() == 0
