"""Icons: all of them draw, follow the theme and the screen, and survive being copied."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.ui.icons import icon, icon_names
from app.ui.theme import colour, theme


def image(made: QIcon, side: int = 24, ratio: float = 1.0, **states: object) -> QImage:
    return made.pixmap(QSize(side, side), ratio, **states).toImage().convertToFormat(QImage.Format.Format_ARGB32)


def coverage(picture: QImage) -> float:
    points = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
    return sum(picture.pixelColor(*point).alphaF() for point in points) / len(points)


@pytest.mark.parametrize("name", icon_names())
def test_every_icon_draws_within_its_square(name: str, qtbot: QtBot) -> None:
    picture = image(icon(name), 48)
    assert 0.02 < coverage(picture) < 0.5
    rim = [picture.pixelColor(x, y).alpha() for x in range(48) for y in (0, 47)]
    rim += [picture.pixelColor(x, y).alpha() for y in range(48) for x in (0, 47)]
    assert max(rim) == 0


def test_icons_are_different(qtbot: QtBot) -> None:
    same = {("explore", "search")}
    pictures = {name: image(icon(name)) for name in icon_names()}
    alike = {(a, b) for a in pictures for b in pictures if a < b and pictures[a] == pictures[b]}
    assert alike == same


def test_names_that_the_pages_need_exist(qtbot: QtBot) -> None:
    needed = "explore anatomy lab models help open camera paste eye save copy settings undo warning"
    assert set(needed.split()) <= set(icon_names())
    with pytest.raises(KeyError):
        icon("nothing")


def strongest(picture: QImage) -> tuple[int, ...]:
    points = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]
    return max(points, key=lambda point: point.alpha()).getRgb()[:3]


def test_one_icon_follows_the_scheme(qtbot: QtBot) -> None:
    made = icon("stop", token="text")
    dark = strongest(image(made, 48))
    assert dark == colour("text").getRgb()[:3]
    theme().choose("light")
    assert strongest(image(made, 48)) == colour("text").getRgb()[:3] != dark


def test_checked_and_disabled_look_different(qtbot: QtBot) -> None:
    made = icon("stop")
    assert strongest(image(made, 48, mode=QIcon.Mode.Normal, state=QIcon.State.On)) == colour("accent").getRgb()[:3]
    faded = image(made, 48, mode=QIcon.Mode.Disabled, state=QIcon.State.Off)
    assert max(faded.pixelColor(x, y).alpha() for x in range(48) for y in range(48)) < 120


def test_icons_are_sharp_at_any_resolution(qtbot: QtBot) -> None:
    picture = image(icon("explore"), 16, 3.0)
    assert (picture.width(), picture.height()) == (48, 48)
    assert picture != image(icon("explore"), 16, 1.0).scaled(48, 48)


def test_copies_live_on_their_own(qtbot: QtBot) -> None:
    originals = [icon(name) for name in icon_names()]
    copies = [QIcon(original) for original in originals]
    for copy in copies:
        copy.addPixmap(QPixmap(4, 4))  # makes Qt clone the engine, as the original is still there
    gc.collect()
    assert all(not copy.pixmap(20, 20).isNull() for copy in copies)


def test_a_button_shows_it(qtbot: QtBot) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    button.resize(40, 40)
    empty = button.grab().toImage()
    button.setIcon(icon("lab"))
    gc.collect()
    assert button.grab().toImage() != empty
