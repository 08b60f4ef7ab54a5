"""The figures of live mode, in a corner of the canvas: how fast, how late, what was lost."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLocale, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.drawing import SMALL, resized, tabular
from app.ui.theme import colour, theme
from app.ui.tokens import GRID, RADIUS_SMALL


@dataclass(frozen=True)
class Measured:
    """What was measured lately.

    Attributes:
        shown: Pictures painted per second.
        classified: Answers per second.
        dropped: Pictures of the source that were never painted, since it was opened.
        usual, late: Seconds from a picture to its painted heatmap, at the 50th and the 95th percentile; None before
            the first.
    """

    shown: float
    classified: float
    dropped: int
    usual: float | None
    late: float | None


class Figures(QWidget):
    """A small card; it is looked through by the pointer."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setObjectName("liveFigures")
        self.setAccessibleName(self.tr("Figures of the live picture"))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._rows: tuple[tuple[str, str], ...] = ()
        theme().changed.connect(self.update)
        self.hide()

    def show_measured(self, measured: Measured) -> None:
        """Show the newest figures."""
        locale = QLocale()
        latency = "–"
        if measured.usual is not None and measured.late is not None:
            latency = f"{1000 * measured.usual:.0f} / {1000 * measured.late:.0f} ms"
        self._rows = (
            (self.tr("shown"), self.tr("{0} per s").format(locale.toString(measured.shown, "f", 1))),
            (self.tr("classified"), self.tr("{0} per s").format(locale.toString(measured.classified, "f", 1))),
            (self.tr("dropped"), locale.toString(measured.dropped)),
            (self.tr("picture to heatmap, p50 / p95"), latency),
        )
        self.setAccessibleDescription(", ".join(f"{name} {value}" for name, value in self._rows))
        metrics = QFontMetricsF(self._font())
        width = max(metrics.horizontalAdvance(f"{name}{value}") for name, value in self._rows) + 5 * GRID
        self.resize(round(width), round(len(self._rows) * metrics.height() + 2 * GRID))
        self.update()

    def place(self, picture: QRectF) -> None:
        """Stay in the picture's upper left corner."""
        parent = self.parentWidget()
        seen = picture.intersected(QRectF(parent.rect())) if parent is not None else picture
        self.move(round(seen.left()) + 2 * GRID, round(seen.top()) + 2 * GRID)

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """(what, how much) as it is shown."""
        return self._rows

    def _font(self) -> QFont:
        return tabular(resized(self.font(), SMALL))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("panel", 0.92))
            painter.drawRoundedRect(self.rect(), RADIUS_SMALL, RADIUS_SMALL)
            font = self._font()
            painter.setFont(font)
            height = QFontMetricsF(font).height()
            row = QRectF(1.5 * GRID, GRID, self.width() - 3 * GRID, height)
            for name, value in self._rows:
                painter.setPen(colour("quiet"))
                painter.drawText(row, Qt.AlignmentFlag.AlignLeft, name)
                painter.setPen(colour("text"))
                painter.drawText(row, Qt.AlignmentFlag.AlignRight, value)
                row.translate(0, height)
