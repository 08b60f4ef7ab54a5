"""The colour scale: the map's own colours, its ends in words."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.render.colormaps import DIVERGING, colour_map_names, lut
from app.ui.colour_scale import ColourScale
from app.ui.drawing import number_text
from app.ui.theme import theme


@pytest.fixture
def scale(qtbot: QtBot) -> ColourScale:
    widget = ColourScale()
    qtbot.addWidget(widget)
    widget.resize(512, widget.sizeHint().height())
    widget.show()
    return widget


def shot(scale: ColourScale) -> QImage:
    return scale.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


@pytest.mark.parametrize("name", [*colour_map_names(), DIVERGING])
def test_the_bar_has_the_maps_colours_in_order(scale: ColourScale, name: str) -> None:
    scale.set_scale(name, 0.0, 1.0, "evidence")
    image = shot(scale)
    for level in (20, 80, 128, 200, 240):
        seen, expected = image.pixelColor(2 * level, 6), QColor(*(int(channel) for channel in lut(name)[level]))
        near = zip(seen.getRgb()[:3], expected.getRgb()[:3], strict=True)
        assert all(abs(one - other) <= 6 for one, other in near)


def test_the_scale_is_told_in_words(scale: ColourScale) -> None:
    scale.set_scale(DIVERGING, -2.4, 2.4, "evidence for and against")
    assert "evidence for and against, from −2.40 to 2.40" in scale.accessibleDescription()
    scale.set_scale(None)
    assert scale.accessibleDescription() == "no heatmap"
    assert scale.toolTip() == ""


def test_zero_is_marked_on_a_signed_scale(scale: ColourScale) -> None:
    scale.set_scale(DIVERGING, 0.0, 1.0)
    without = shot(scale)
    scale.set_scale(DIVERGING, -1.0, 3.0)
    image = shot(scale)
    assert image.pixelColor(128, 6).lightness() < without.pixelColor(128, 6).lightness() - 60
    assert image.pixelColor(140, 6) == without.pixelColor(140, 6)


@pytest.mark.parametrize("width", [40, 64, 120, 300])
def test_captions_are_shortened_and_both_schemes_differ(scale: ColourScale, width: int) -> None:
    scale.resize(width, scale.height())
    scale.set_scale("inferno", 0.0, 123456.7, "a caption that is much too long for such a narrow bar")
    dark = shot(scale)
    theme().choose("light")
    assert shot(scale) != dark


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1, "1"), (0.5, "0.500"), (0.0312, "0.0312"), (-2.4, "−2.40"), (12345.6, "12346"), (7e-6, "7.00e−06"),
        (float("nan"), "nan"), (3e9, "3.00e+09"), (0.99999, "1"),
    ],
)  # fmt: skip
def test_numbers_have_three_figures(value: float, text: str) -> None:
    assert number_text(value) == text
