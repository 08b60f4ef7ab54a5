"""One channel: its picture enlarged, its numbers, and the channels that speak most for the class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.core.anatomy import Mosaic
from app.ui.anatomy.mosaic import atlas_pixels
from app.ui.drawing import number_text
from app.ui.naming import named
from app.ui.prediction_bars import PredictionBars
from app.ui.theme import colour
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.anatomy import Values

WIDTH = 28 * GRID
TOP = 6


class ChannelCard(QFrame):
    """What is known of the chosen channel.

    Signals:
        channel_chosen(index): one of the channels that speak most for the class.
        pictures_wanted(index): the pictures of a data set that drive it hardest.
    """

    channel_chosen = Signal(int)
    pictures_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "channelCard", self.tr("The chosen channel"))
        self.setProperty("role", "card")
        self.setFixedWidth(WIDTH)
        self._channel = -1
        self._picture = _Enlarged()
        self.title = named(QLabel(), "channelTitle")
        self.title.setProperty("role", "strong")
        self.numbers = named(QLabel(), "channelNumbers")
        self.numbers.setProperty("role", "quiet")
        self.numbers.setWordWrap(True)
        self._top_caption = QLabel()
        self._top_caption.setProperty("role", "caption")
        self._top_caption.setWordWrap(True)
        self.bars = named(_ChannelBars(), "topChannels", self.tr("Channels that speak most for the class"))
        self.drivers = named(QPushButton(self.tr("Pictures that drive it …")), "channelPictures")
        self.drivers.setToolTip(self.tr("Find the pictures of a data set that drive this channel hardest"))
        self.drivers.setAccessibleName(self.drivers.toolTip())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID * 3 // 2, GRID, GRID * 3 // 2, GRID)
        for widget in (self.title, self._picture, self.numbers, self.drivers, self._top_caption, self.bars):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.bars.class_chosen.connect(self.channel_chosen)
        self.drivers.clicked.connect(lambda: self.pictures_wanted.emit(self._channel))
        self.show_channel("", None, -1)

    def show_channel(self, symbol: str, mosaic: Mosaic | None, channel: int, contribution: float | None = None) -> None:
        """Show one channel of a tensor; −1 for none."""
        known = mosaic is not None and 0 <= channel < len(mosaic.pixels)
        self._channel = channel if known else -1
        self.drivers.setEnabled(known)
        self._picture.setVisible(known)
        self.numbers.setVisible(True)
        if mosaic is None or not known:
            self.title.setText(self.tr("No channel chosen"))
            self.numbers.setText(self.tr("Click one of the mosaic’s pictures."))
            return
        self.title.setText(self.tr("Channel {0} of {1}").format(channel, symbol))
        lines = [self.tr("mean |a| {0}").format(number_text(float(mosaic.strength[channel])))]
        if contribution is not None:
            lines.append(self.tr("speaks {0} for the class").format(number_text(contribution)))
        height, width = (side * mosaic.factor for side in mosaic.pixels.shape[1:])
        lines.append(self.tr("{0} × {1} places").format(height, width))
        self.numbers.setText("\n".join(lines))
        self._picture.show_channel(mosaic, channel)

    def show_top(self, label: str, contribution: Values | None) -> None:
        """List the channels whose y · ∂z/∂y is greatest; None where nobody knows."""
        shown = contribution is not None and len(contribution) > 0
        self._top_caption.setVisible(shown)
        self.bars.setVisible(shown)
        if contribution is None or not shown:
            return
        self._top_caption.setText(self.tr("Most for {0}").format(label).upper())
        order = top_channels(contribution, TOP)
        total = float(contribution[contribution > 0].sum()) or 1.0
        rows = [(one, self.tr("channel {0}").format(one), max(0.0, float(contribution[one])) / total) for one in order]
        self.bars.set_rows(rows, -1)
        tip = self.tr("Share of all that speaks for {0} at this block: y · ∂z/∂y, summed over places").format(label)
        self._top_caption.setToolTip(tip)


class _ChannelBars(PredictionBars):
    """The same bars, for channels."""


def top_channels(contribution: Values, count: int) -> tuple[int, ...]:
    """The channels that speak most for the class, the most first; ties go to the lower index."""
    return tuple(int(one) for one in (-contribution).argsort(kind="stable")[:count])


def by_order(mosaic: Mosaic, order: str, contribution: Values | None) -> Sequence[int]:
    """The channels of a mosaic in an order: "index", "strength" or "class"."""
    if order == "strength":
        return mosaic.strongest(len(mosaic.pixels))
    if order == "class" and contribution is not None and len(contribution) == len(mosaic.pixels):
        return top_channels(contribution, len(contribution))
    return range(len(mosaic.pixels))


class _Enlarged(QWidget):
    """One channel, as large as the card."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("channelPicture")
        self._image = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH - 4 * GRID, 14 * GRID)

    def show_channel(self, mosaic: Mosaic, channel: int) -> None:
        from dataclasses import replace

        pixels = atlas_pixels(replace(mosaic, pixels=mosaic.pixels[channel : channel + 1]), 1)
        height, width = pixels.shape[:2]
        self._image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
        self.setAccessibleName(self.tr("channel {0}, enlarged").format(channel))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image.isNull():
            return
        with QPainter(self) as painter:
            factor = min(self.width() / self._image.width(), self.height() / self._image.height())
            rect = QRectF(0, 0, self._image.width() * factor, self._image.height() * factor)
            painter.drawImage(rect, self._image)
            painter.setPen(QPen(colour("text", 0.16), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
