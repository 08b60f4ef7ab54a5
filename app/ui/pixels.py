"""Between Qt's images and the program's pixels, (H, W, 3) uint8 RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QImage, QPainter

from app.core.records import Frame

if TYPE_CHECKING:
    from app.core.records import Pixels


def frame_of(image: QImage, name: str) -> Frame:
    """A picture that came through Qt (clipboard, drag), on white where it is transparent."""
    import numpy as np

    opaque = QImage(image.size(), QImage.Format.Format_RGB888)
    opaque.fill(0xFFFFFFFF)
    painter = QPainter(opaque)
    painter.drawImage(0, 0, image)
    painter.end()
    height, width, stride = opaque.height(), opaque.width(), opaque.bytesPerLine()
    buffer: Any = opaque.constBits()
    rows = np.frombuffer(buffer, np.uint8, height * stride).reshape(height, stride)
    return Frame(rows[:, : 3 * width].reshape(height, width, 3).copy(), name)


def image_of(pixels: Pixels) -> QImage:
    """A QImage with its own copy of the pixels."""
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
