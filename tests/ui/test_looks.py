"""Looks that a style sheet decides: tested by what is painted."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app import paths
from app.ui.lab.fact_table import Column, FactTable
from app.ui.pixels import frame_of
from app.ui.theme import theme
from app.ui.tokens import DARK, LIGHT, Tokens


@pytest.mark.parametrize(("scheme", "tokens"), [("dark", DARK), ("light", LIGHT)])
def test_a_ticked_box_has_a_tick_in_the_colour_that_stands_on_the_accent(
    qtbot: QtBot, scheme: str, tokens: Tokens
) -> None:
    drawing = (paths.assets() / "icon" / f"tick-{scheme}.svg").read_text(encoding="utf-8")
    assert re.findall(r'stroke="(#\w+)"', drawing) == [tokens.on_accent]
    theme().choose(scheme)
    box = QCheckBox("Train a twin")
    qtbot.addWidget(box)
    box.show()
    unticked = _colours(box)
    box.setChecked(True)
    ticked = _colours(box)
    assert tokens.accent in ticked and tokens.on_accent in ticked
    assert not {tokens.accent, tokens.on_accent} <= unticked


def test_headings_stand_over_their_columns(qtbot: QtBot) -> None:
    table = FactTable("facts", "Facts", [Column("HHH"), Column("HHH", number=True), Column("HHH", wide=True)])
    page = QWidget()
    qtbot.addWidget(page)
    QVBoxLayout(page).addWidget(table)
    table.show_lines([["HHH", "HHHHHH", "HHH"]])
    page.resize(400, 100)
    page.show()
    for column, side in ((0, 0), (1, 1), (2, 0)):
        place = QPoint(table.columnViewportPosition(column), 0)
        size = QSize(table.columnWidth(column), table.rowHeight(0))
        heading, cell = (
            _ink(page.grab(QRect(part.mapTo(page, place), size)).toImage())[side]
            for part in (table.horizontalHeader().viewport(), table.viewport())
        )
        assert abs(heading - cell) <= 1


def _colours(box: QCheckBox) -> set[str]:
    pixels = frame_of(box.grab().toImage(), "box").pixels
    return {"#{:02x}{:02x}{:02x}".format(*colour) for colour in np.unique(pixels.reshape(-1, 3), axis=0)}


def _ink(image: QImage) -> tuple[int, int]:
    """The first and the last column in which something is painted."""
    pixels = frame_of(image, "part").pixels.astype(int)
    columns = np.flatnonzero((abs(pixels - pixels[0, 0]).max(2) > 60).any(0))
    return int(columns[0]), int(columns[-1])
