"""What is painted around the data: hairlines and their labels, the crosshair, the scrub marker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph.functions as pg
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPaintEngine, QPainter, QPen, QPolygonF

from app.ui.charts.axes import Axis
from app.ui.drawing import snap
from app.ui.theme import colour
from app.ui.tokens import GRID

_BOLD = 1.75
_DASH, _GAP = 7.0, 4.5
_ASIDE = ((0.4, 0.0), (-0.4, 0.0), (0.0, 0.4), (0.0, -0.4))
Labels = Sequence[tuple[float, str]]
"""Places from 0 to 1, and texts."""


def draw_rows(painter: QPainter, rect: QRectF, area: QRectF, labels: Labels, *, lines: bool) -> None:
    """Paint labels to the left of the area, and hairlines across it."""
    half = QFontMetricsF(painter.font()).height() / 2
    ratio = painter.device().devicePixelRatio()
    line, quiet = QPen(colour("line"), 1 / ratio), QPen(colour("quiet"))
    for place, text in labels:
        height = snap(area.bottom() - place * area.height(), ratio) + 0.5 / ratio
        if lines:
            painter.setPen(line)
            painter.drawLine(QLineF(area.left(), height, area.right(), height))
        painter.setPen(quiet)
        box = QRectF(rect.left(), height - half, area.left() - rect.left() - GRID, 2 * half)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)


def draw_below(painter: QPainter, area: QRectF, labels: Labels) -> None:
    """Paint labels below the area, each where there is room for it."""
    metrics = QFontMetricsF(painter.font())
    painter.setPen(QPen(colour("quiet")))
    free = -1e9
    for place, text in labels:
        width = metrics.horizontalAdvance(text)
        left = area.left() + place * area.width() - width / 2
        left = min(max(left, area.left() - GRID / 2), area.right() + GRID - width)
        if left < free:
            continue
        free = left + width + GRID
        painter.drawText(QPointF(left, area.bottom() + GRID / 2 + metrics.ascent()), text)


def draw_crosshair(painter: QPainter, area: QRectF, place: float, token: str = "quiet") -> None:
    """Paint an upright hairline at a place in logical pixels."""
    ratio = painter.device().devicePixelRatio()
    place = snap(place, ratio) + 0.5 / ratio
    painter.setPen(QPen(colour(token), 1 / ratio))
    painter.drawLine(QLineF(place, area.top(), place, area.bottom()))


def draw_marker(painter: QPainter, area: QRectF, place: float) -> None:
    """Paint the scrub position at a place in logical pixels."""
    place = snap(place, painter.device().devicePixelRatio())
    painter.setPen(QPen(colour("text"), 1))
    painter.drawLine(QLineF(place, area.top(), place, area.bottom()))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour("text"))
    painter.drawEllipse(QPointF(place, area.top()), 3.0, 3.0)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_line(
    painter: QPainter,
    px: NDArray[Any],
    py: NDArray[Any],
    ink: QColor,
    *,
    bold: bool = False,
    dashed: bool = False,
) -> None:
    """Paint a line through places in logical pixels, one pixel wide or bold; NaN breaks it.

    Qt's raster engine strokes lines of more than a pixel many times slower (18 times, measured on a zigzag of 56
    points), and dashes slower still. So a bold line on an ordinary screen is the thin one four times, each a little
    aside, which looks the same; and dashes are cut by numpy.
    """
    pen = QPen(ink, 1.0)
    pen.setJoinStyle(Qt.PenJoinStyle.BevelJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if dashed and len(px) > 1:
        path = pg.arrayToQPath(*dashes(px, py), connect="pairs")
    else:
        path = pg.arrayToQPath(px, py, connect="finite")
    raster = painter.paintEngine().type() == QPaintEngine.Type.Raster
    if bold and raster and painter.device().devicePixelRatio() < 1.5:
        painter.setPen(pen)
        for right, down in _ASIDE:
            painter.translate(right, down)
            painter.drawPath(path)
            painter.translate(-right, -down)
        return
    if bold:
        pen.setWidthF(_BOLD)
    painter.setPen(pen)
    painter.drawPath(path)


def dashes(px: NDArray[Any], py: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A line cut into dashes: pairs of ends. Corners within a dash are kept."""
    lengths = np.hypot(np.diff(px), np.diff(py))
    broken = ~np.isfinite(lengths)
    along = np.concatenate(([0.0], np.cumsum(np.where(broken, 0.0, lengths))))
    period = _DASH + _GAP
    starts = np.arange(0.0, along[-1] + period, period)
    cuts = np.concatenate((starts, starts + _DASH))
    cuts = np.unique(np.concatenate((along, cuts[cuts < along[-1]])))
    middles = (cuts[:-1] + cuts[1:]) / 2
    kept = middles % period < _DASH
    # Each piece lies within one piece of the line: interpolating there alone keeps gaps gaps.
    piece = np.searchsorted(along, middles[kept], side="right") - 1
    piece = np.minimum(piece, len(lengths) - 1)
    ends = np.stack((cuts[:-1][kept], cuts[1:][kept]), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = (ends - along[piece, None]) / lengths[piece, None]
    whole = np.isfinite(lengths[piece]) & (lengths[piece] > 0)
    shares, piece = shares[whole], piece[whole]
    xs = px[piece, None] + shares * (px[piece + 1] - px[piece])[:, None]
    ys = py[piece, None] + shares * (py[piece + 1] - py[piece])[:, None]
    return xs.ravel(), ys.ravel()


def draw_odd(painter: QPainter, area: QRectF, places: NDArray[Any], upper: NDArray[np.bool_], ink: QColor) -> None:
    """Paint a small triangle for each value that the axis cannot show, on the lower edge or on the upper one.

    Args:
        places: In logical pixels.
        upper: Which of them belong on the upper edge: +∞.
    """
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    for place, above in zip(places.tolist(), upper.tolist(), strict=True):
        foot, tip = (area.top(), 5.0) if above else (area.bottom(), -5.0)
        painter.drawPolygon(QPolygonF([QPointF(place - 3, foot), QPointF(place + 3, foot), QPointF(place, foot + tip)]))
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_band(
    painter: QPainter, area: QRectF, edges: tuple[NDArray[Any], NDArray[Any], NDArray[Any]], ink: QColor
) -> None:
    """Paint the band between two lines.

    A filled path on paper; on a screen, numpy makes the picture, in a tenth of the time that Qt takes to fill a path
    of a thousand teeth.

    Args:
        edges: Places of the columns, ascending; of the upper line, and of the lower line, in logical pixels.
        ink: With its opacity.
    """
    across, top, bottom = edges
    if painter.paintEngine().type() != QPaintEngine.Type.Raster:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        around = np.concatenate((across, across[::-1])), np.concatenate((top, bottom[::-1]))
        painter.drawPath(pg.arrayToQPath(*around))
        return
    ratio = painter.device().devicePixelRatio()
    first = math.floor(max(across[0], area.left()) * ratio)
    last = max(first + 1, math.ceil(min(across[-1] + 1, area.right()) * ratio))
    starts = np.searchsorted(across * ratio, np.arange(first, last), side="right") - 1
    starts = np.maximum(starts, 0)
    tops = np.minimum.reduceat(top, starts).astype(np.float32) * ratio
    bottoms = np.maximum.reduceat(bottom, starts).astype(np.float32) * ratio
    bottoms = np.maximum(bottoms, tops + 1)  # a single value is a pixel high
    high, low = math.floor(tops.min()), math.ceil(bottoms.max())
    rows = np.arange(high, low, dtype=np.float32)[:, None]
    cover = np.clip(np.minimum(bottoms, rows + 1) - np.maximum(tops, rows), 0, 1)
    shares = np.arange(256) / 255 * ink.alphaF()
    parts = (1.0, ink.redF(), ink.greenF(), ink.blueF())
    alpha, red, green, blue = (np.rint(255 * part * shares).astype(np.uint32) for part in parts)
    table = alpha << 24 | red << 16 | green << 8 | blue
    pixels = table[(cover * 255).astype(np.uint8)]
    image = QImage(pixels.data, last - first, low - high, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    painter.drawImage(QPointF(first / ratio, high / ratio), image)


def points_in(area: QRectF, x: Axis, y: Axis, xs: NDArray[Any], ys: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values as places in the area, in logical pixels."""
    return area.left() + x.place(xs) * area.width(), area.bottom() - np.asarray(y.place(ys)) * area.height()
