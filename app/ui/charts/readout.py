"""The little box beside the crosshair: every series' value at that place."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from app.ui.charts.colours import series_colour
from app.ui.drawing import elided
from app.ui.theme import colour
from app.ui.tokens import GRID, RADIUS_SMALL

MOST_ROWS = 12


@dataclass(frozen=True)
class Row:
    """One value.

    Attributes:
        colour: The series' token; "" for none.
        label: The series.
        value: As it is written.
    """

    colour: str
    label: str
    value: str


@dataclass(frozen=True)
class Readout:
    """What the crosshair tells.

    Attributes:
        title: Where it is: “step 12,400”.
        rows: The values.
    """

    title: str
    rows: tuple[Row, ...]

    @property
    def text(self) -> str:
        """In one line, for screen readers."""
        return f"{self.title}: " + ", ".join(f"{row.label} {row.value}".strip() for row in self.rows)


def draw_readout(painter: QPainter, told: Readout, area: QRectF, place: float) -> QRectF:
    """Paint the box to the right of `place`, or to the left where there is no room; where it is."""
    metrics = QFontMetricsF(painter.font())
    rows = told.rows[:MOST_ROWS]
    line = metrics.height()
    values = max((metrics.horizontalAdvance(row.value) for row in rows), default=0.0)
    labels = max((metrics.horizontalAdvance(row.label) for row in rows), default=0.0)
    swatch = 2.0 * GRID if any(row.colour for row in rows) else 0.0
    room = area.width() - 4 * GRID
    labels = min(labels, max(4.0 * GRID, room - swatch - values - 4 * GRID))
    width = max(swatch + labels + 1.5 * GRID + values, metrics.horizontalAdvance(told.title)) + 2 * GRID
    height = line * (1 + len(rows)) + 1.5 * GRID
    left = place + GRID if place + GRID + width <= area.right() + GRID else place - GRID - width
    left = max(area.left() - 4 * GRID, left)
    box = QRectF(round(left), round(area.top()), round(width), round(height))
    painter.setPen(QPen(colour("line"), 1))
    painter.setBrush(colour("raised", 0.94))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_SMALL, RADIUS_SMALL)
    baseline = box.top() + 0.75 * GRID + metrics.ascent()
    painter.setPen(colour("quiet"))
    painter.drawText(QPointF(box.left() + GRID, baseline), told.title)
    for row in rows:
        baseline += line
        if row.colour:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(series_colour(row.colour))
            painter.drawRoundedRect(QRectF(box.left() + GRID, baseline - metrics.ascent() / 2, GRID, 3.0), 1.5, 1.5)
        painter.setPen(colour("quiet"))
        painter.drawText(QPointF(box.left() + GRID + swatch, baseline), elided(row.label, metrics, labels))
        painter.setPen(colour("text"))
        end = box.right() - GRID - metrics.horizontalAdvance(row.value)
        painter.drawText(QPointF(end, baseline), row.value)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    return box
