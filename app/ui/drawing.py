"""Small things that every painted widget needs: fonts with tabular figures, mixed colours, device pixels, pinches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLocale, QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QNativeGestureEvent
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALL = 0.9  # the size of captions against the system's text
# A ring shows where the keyboard is only once the keyboard is used.
KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)
WHEEL_STEP = 120  # eighths of a degree in one notch of a wheel (QWheelEvent.angleDelta)


def tabular(font: QFont) -> QFont:
    """The font with figures of equal width, so that numbers below each other line up."""
    result = QFont(font)
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


def resized(font: QFont, factor: float, *, bold: bool = False) -> QFont:
    """The font at a factor of its size, whether that is given in points or in pixels."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * factor)
    else:
        result.setPixelSize(max(1, round(font.pixelSize() * factor)))
    if bold:
        result.setWeight(QFont.Weight.DemiBold)
    return result


def mix(one: QColor, other: QColor, share: float) -> QColor:
    """The colour `share` of the way from one to the other, 0 to 1."""
    return QColor.fromRgbF(
        one.redF() + share * (other.redF() - one.redF()),
        one.greenF() + share * (other.greenF() - one.greenF()),
        one.blueF() + share * (other.blueF() - one.blueF()),
        one.alphaF() + share * (other.alphaF() - one.alphaF()),
    )


def luminance(colour: QColor) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2): what decides whether dark or light text stands out on it."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def snap(value: float, ratio: float) -> float:
    """The nearest place in logical pixels where a device pixel begins."""
    return math.floor(value * ratio + 0.5) / ratio


def elided(text: str, metrics: QFontMetricsF, width: float) -> str:
    """The text, shortened at its end where it is wider than `width`."""
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, width))


def number_text(value: float) -> str:
    """A measured value with three significant figures, as the user's country writes numbers."""
    value = float(value)  # Qt refuses whole numbers where it formats fractions
    if not math.isfinite(value):
        return str(value)
    locale = QLocale()
    value = value if abs(value) >= 1000 else float(f"{value:.3g}")
    if value != 0 and not 1e-3 <= abs(value) < 1e6:
        text = locale.toString(value, "e", 2)
    elif value == round(value):
        text = locale.toString(round(value))
    else:
        decimals = max(0, 2 - math.floor(math.log10(abs(value))))
        text = locale.toString(value, "f", min(decimals, 6))
    return text.replace("-", "−")


def image_from(pixels: NDArray[np.uint8]) -> QImage:
    """A `QImage` of its own memory from (H, W, 3) RGB or (H, W, 4) RGBA uint8 pixels.

    It has the format that paints fastest: RGB32, or premultiplied ARGB32 where there is alpha.
    """
    height, width, channels = pixels.shape
    data = (pixels if pixels.flags.c_contiguous else pixels.copy()).data
    opaque = channels == 3
    source = QImage.Format.Format_RGB888 if opaque else QImage.Format.Format_RGBA8888
    target = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    return QImage(data, width, height, width * channels, source).convertToFormat(target)


def watch_pinches(widget: QWidget) -> None:
    """Let a widget hear of two fingers on a touch screen (trackpads report without being asked)."""
    widget.grabGesture(Qt.GestureType.PinchGesture)


def pinch(event: QEvent, widget: QWidget) -> tuple[float, QPointF] | None:
    """By which factor two fingers zoom and where, in the widget's coordinates; None for any other event."""
    if isinstance(event, QNativeGestureEvent):
        if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            return math.exp(event.value()), event.position()
    elif isinstance(event, QGestureEvent):
        gesture = event.gesture(Qt.GestureType.PinchGesture)
        if isinstance(gesture, QPinchGesture):
            event.accept(gesture)
            return gesture.scaleFactor(), QPointF(widget.mapFromGlobal(gesture.centerPoint()))
    return None
