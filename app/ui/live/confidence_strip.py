"""Who was ahead over the last half minute, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QHelpEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.drawing import SMALL, elided, resized
from app.ui.live.pace import STRIP_SECONDS, Moment
from app.ui.prediction_bars import percent
from app.ui.theme import colour, theme
from app.ui.tokens import GRID, RADIUS_SMALL

_PLOT = 6 * GRID
_GAP = 3.0  # seconds without an answer, across which no line is drawn: the picture was frozen, or the engine died


class ConfidenceStrip(QWidget):
    """Time runs to the right, the newest at the right edge; a hairline marks where another class took the lead."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("confidenceStrip")
        self._moments: tuple[Moment, ...] = ()
        self._labels: Sequence[str] = ()
        self._now = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Probability of the winning class over the last {0} s").format(30))
        theme().changed.connect(self.update)

    def set_moments(self, moments: Sequence[Moment], labels: Sequence[str], now: float) -> None:
        """Show these, oldest first; `now` (monotonic) is the right edge."""
        self._moments, self._labels, self._now = tuple(moments), labels, now
        newest = self._moments[-1] if self._moments else None
        self.setAccessibleDescription("" if newest is None else self.words(newest))
        self.update()

    def words(self, moment: Moment) -> str:
        """One moment in words."""
        label = self._labels[moment.winner] if moment.winner < len(self._labels) else str(moment.winner)
        seconds = max(0.0, self._now - moment.time)
        return self.tr("{0} {1}, {2} s ago").format(label, percent(moment.probability), f"{seconds:.1f}")

    def sizeHint(self) -> QSize:
        return QSize(24 * GRID, round(_PLOT + GRID / 2 + QFontMetricsF(self._font()).height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(8 * GRID, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            time = self._now - (1 - event.pos().x() / max(1, self.width())) * STRIP_SECONDS
            near = min(self._moments, key=lambda moment: abs(moment.time - time), default=None)
            QToolTip.showText(event.globalPos(), "" if near is None else self.words(near), self)
            return True
        return super().event(event)

    def _font(self) -> QFont:
        return resized(self.font(), SMALL)

    def _x(self, time: float) -> float:
        return self.width() * (1 - (self._now - time) / STRIP_SECONDS)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            plot = QRectF(0, 0, self.width(), _PLOT)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("raised"))
            painter.drawRoundedRect(plot, RADIUS_SMALL, RADIUS_SMALL)
            clip = QPainterPath()
            clip.addRoundedRect(plot, RADIUS_SMALL, RADIUS_SMALL)
            painter.setClipPath(clip)
            for piece in self._pieces():
                self._paint_piece(painter, plot, piece)
            painter.setClipping(False)
            self._paint_labels(painter, plot)

    def _pieces(self) -> Iterator[list[Moment]]:
        """Stretches without a gap, thinned out to two points per pixel."""
        least = STRIP_SECONDS / max(1, 2 * self.width())
        piece: list[Moment] = []
        for moment in self._moments:
            if piece and moment.time - piece[-1].time > _GAP:
                yield piece
                piece = []
            if not piece or moment.time - piece[-1].time >= least or moment.winner != piece[-1].winner:
                piece.append(moment)
        if piece:
            yield piece

    def _paint_piece(self, painter: QPainter, plot: QRectF, piece: list[Moment]) -> None:
        reach = plot.height() - 3
        if len(piece) == 1:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent"))
            painter.drawEllipse(
                QPointF(self._x(piece[0].time), plot.bottom() - 1 - piece[0].probability * reach), 1.5, 1.5
            )
            return
        line = QPolygonF([QPointF(self._x(one.time), plot.bottom() - 1 - one.probability * reach) for one in piece])
        area = QPolygonF(
            [QPointF(line.first().x(), plot.bottom()), *line.toList(), QPointF(line.last().x(), plot.bottom())]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("accent", 0.22))
        painter.drawPolygon(area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour("accent"), 1.5))
        painter.drawPolyline(line)

    def _stretches(self) -> Iterator[tuple[float, float, int]]:
        """(from, to, winner): how long each class was ahead."""
        start: Moment | None = None
        for moment in self._moments:
            if start is not None and moment.winner != start.winner:
                yield start.time, moment.time, start.winner
                start = None
            start = start or moment
        if start is not None:
            yield start.time, self._moments[-1].time, start.winner

    def _paint_labels(self, painter: QPainter, plot: QRectF) -> None:
        font = self._font()
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for number, (start, stop, winner) in enumerate(self._stretches()):
            left, right = max(0.0, self._x(start)), self._x(stop)
            if number:
                painter.setPen(QPen(colour("quiet", 0.7), 1))
                painter.drawLine(QPointF(left, plot.top()), QPointF(left, plot.bottom()))
            room = right - left - GRID / 2
            if room < 3 * GRID or winner >= len(self._labels):
                continue
            painter.setPen(colour("quiet"))
            text = elided(self._labels[winner], metrics, room)
            painter.drawText(QPointF(left + (2 if number else 0), plot.bottom() + GRID / 2 + metrics.ascent()), text)
