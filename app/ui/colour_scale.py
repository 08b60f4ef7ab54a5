"""What the heatmap's colours mean: the colour map from its least to its greatest value."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QFont, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.drawing import SMALL, elided, image_from, luminance, number_text, resized, tabular
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

_BAR = 10.0


class ColourScale(QWidget):
    """A horizontal bar with the values of its ends, and between them what was measured."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("colourScale")
        self._colours: QImage | None = None
        self._low = self._high = 0.0
        self._caption = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)
        self._describe()

    def set_scale(self, name: str | None, low: float = 0.0, high: float = 1.0, caption: str = "") -> None:
        """Show a scale, or an empty bar.

        Args:
            name: A colour map of `app.render.colormaps`, the diverging one for signed values; None for no scale.
            low, high: The values of the first and the last colour.
            caption: What was measured ("share of the winning score").
        """
        if name is None:
            self._colours = None
        else:
            from app.render.colormaps import lut

            self._colours = image_from(lut(name)[None])
        self._low, self._high, self._caption = low, high, caption
        self._describe()
        self.update()

    def sizeHint(self) -> QSize:
        height = _BAR + GRID / 2 + QFontMetricsF(self._font()).height()
        return QSize(24 * GRID, round(height) + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(8 * GRID, self.sizeHint().height())

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.LanguageChange):
            self.updateGeometry()
            self._describe()
        super().changeEvent(event)

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("Colour scale"))
        text = self.tr("no heatmap")
        if self._colours is not None:
            text = self.tr("{0}, from {1} to {2}").format(
                self._caption or self.tr("value"), number_text(self._low), number_text(self._high)
            )
        self.setAccessibleDescription(text)
        self.setToolTip("" if self._colours is None else text[:1].upper() + text[1:])

    def _font(self) -> QFont:
        return tabular(resized(self.font(), SMALL))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self._paint(painter)

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0, 1, self.width(), _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._brush(bar))
        painter.drawRoundedRect(bar, _BAR / 2, _BAR / 2)
        # The darkest colours would melt into a dark panel, the lightest into a light one.
        painter.setPen(QPen(colour("text", 0.16), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(bar.adjusted(0.5, 0.5, -0.5, -0.5), _BAR / 2, _BAR / 2)
        if self._low < 0 < self._high and self._colours is not None:
            zero = bar.left() + bar.width() * -self._low / (self._high - self._low)
            painter.setPen(
                QPen(colour("ground", 0.75) if luminance(colour("ground")) < 0.5 else colour("text", 0.6), 1)
            )
            painter.drawLine(QLineF(zero, bar.top() + 1, zero, bar.bottom() - 1))
        if self._colours is not None:
            self._paint_texts(painter, bar)

    def _brush(self, bar: QRectF) -> QBrush:
        if self._colours is None:
            return QBrush(colour("raised"))
        # Four device pixels per colour at most: smooth enlargement, as in the map itself.
        brush = QBrush(
            self._colours.scaled(
                max(1, round(bar.width() * self.devicePixelRatioF())),
                1,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )
        brush.setTransform(QTransform(1 / self.devicePixelRatioF(), 0, 0, bar.height(), bar.left(), bar.top()))
        return brush

    def _paint_texts(self, painter: QPainter, bar: QRectF) -> None:
        font = self._font()
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        painter.setPen(colour("quiet"))
        row = QRectF(0, bar.bottom() + GRID / 2, self.width(), metrics.height())
        low, high = number_text(self._low), number_text(self._high)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(row, Qt.AlignmentFlag.AlignRight, high)
        # The caption stays in the middle, so both ends must leave it the same room.
        side = max(metrics.horizontalAdvance(low), metrics.horizontalAdvance(high)) + GRID
        middle = row.adjusted(side, 0, -side, 0)
        painter.drawText(middle, Qt.AlignmentFlag.AlignHCenter, elided(self._caption, metrics, middle.width()))
