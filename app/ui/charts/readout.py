"""The little box beside the crosshair: every series' value at that place."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.ui.charts.colours import series_colour
from app.ui.drawing import elided
from app.ui.theme import colour, theme
from app.ui.tokens import GRID, RADIUS_SMALL

MOST_ROWS = 16
_SPACING = 1.2
_WIDEST_LABEL = 30.0 * GRID


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


class Bubble(QWidget):
    """The box, above everything else in its window: it may reach beyond its chart. The pointer passes through it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("chartReadout")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._told: Readout | None = None
        self._owner: QWidget | None = None
        theme().changed.connect(self.hide)  # a new style sheet may bring another font; the next move shows it anew
        self.hide()

    def tell(self, owner: QWidget, told: Readout, font: QFont, at: QPoint) -> None:
        """Show values beside a place of the window, on the side where there is more room."""
        self._owner = owner
        self.setFont(font)
        if told != self._told:
            self._told = told
            self.update()
        width, height = self._size(told)
        window = owner.window().size()
        left = at.x() + GRID if at.x() < window.width() / 2 else at.x() - GRID - width
        left = min(max(0, left), max(0, window.width() - width))
        self.setGeometry(left, min(max(0, at.y()), max(0, window.height() - height)), width, height)
        if not self.isVisible():
            self.show()
            self.raise_()

    def leave(self, owner: QWidget) -> None:
        """Hide it, if it still tells what `owner` told."""
        if self._owner is owner:
            self._owner = None
            self.hide()

    def _size(self, told: Readout) -> tuple[int, int]:
        metrics = QFontMetricsF(self.font())
        rows = told.rows[:MOST_ROWS]
        self._values = max((metrics.horizontalAdvance(row.value) for row in rows), default=0.0)
        labels = max((metrics.horizontalAdvance(row.label) for row in rows), default=0.0)
        self._swatch = 2.0 * GRID if any(row.colour for row in rows) else 0.0
        self._labels = min(labels, _WIDEST_LABEL)
        inner = max(self._swatch + self._labels + 2 * GRID + self._values, metrics.horizontalAdvance(told.title))
        return round(inner + 2.5 * GRID), round(metrics.height() * (1 + _SPACING * len(rows)) + 1.5 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._told is None:
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint(painter, self._told, QFontMetricsF(self.font()))

    def _paint(self, painter: QPainter, told: Readout, metrics: QFontMetricsF) -> None:
        box = QRectF(self.rect())
        painter.setPen(QPen(colour("line"), 1))
        painter.setBrush(colour("raised", 0.96))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_SMALL, RADIUS_SMALL)
        baseline, left = 0.75 * GRID + metrics.ascent(), 1.25 * GRID
        painter.setPen(colour("quiet"))
        painter.drawText(QPointF(left, baseline), told.title)
        for row in told.rows[:MOST_ROWS]:
            baseline += _SPACING * metrics.height()
            if row.colour:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(series_colour(row.colour))
                painter.drawRoundedRect(QRectF(left, baseline - metrics.ascent() / 2, 1.25 * GRID, 3.0), 1.5, 1.5)
            painter.setPen(colour("quiet"))
            painter.drawText(QPointF(left + self._swatch, baseline), elided(row.label, metrics, self._labels))
            painter.setPen(colour("text"))
            end = box.right() - 1.25 * GRID - metrics.horizontalAdvance(row.value)
            painter.drawText(QPointF(end, baseline), row.value)


def bubble_of(widget: QWidget) -> Bubble:
    """The one of the window that a widget is in."""
    window = widget.window()
    found = window.findChild(Bubble, "chartReadout", Qt.FindChildOption.FindDirectChildrenOnly)
    return found if isinstance(found, Bubble) else Bubble(window)
