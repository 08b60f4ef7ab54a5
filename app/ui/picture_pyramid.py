"""A picture at full size and at halves of it, so that painting a large one small is quick and smooth.

Halves of pictures beyond a megapixel are made on another thread; until they are there, a coarse selection of pixels
stands in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QImage

from app.ui.drawing import image_from

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AT_ONCE = 1_000_000  # pixels; halving these takes a few milliseconds
_COPIED = 4_000_000  # pixels; above, full size stays in the array it came in
_SMALLEST = 256  # pixels; a side below which halving further gains nothing
_BAND = 256  # rows halved at a time: the interpreter's lock is never held for long


class PicturePyramid(QObject):
    """The levels of one picture.

    Signals:
        ready(): Smooth levels have replaced the coarse stand-in.
    """

    ready = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pixels: NDArray[np.uint8] | None = None
        self._levels: list[QImage] = []
        self._coarse: QImage | None = None
        self._job: _Halving | None = None

    def set_pixels(self, pixels: NDArray[np.uint8] | None) -> None:
        """Take another picture, (H, W, 3) uint8 RGB, which must not be written to afterwards; or none."""
        self._pixels = pixels
        self._levels, self._coarse, self._job = [], None, None
        if pixels is None:
            return
        height, width = pixels.shape[:2]
        if height * width <= AT_ONCE:
            self._levels = [image_from(pixels)]
            while max(self._levels[-1].width(), self._levels[-1].height()) > 2 * _SMALLEST:
                self._levels.append(_half(self._levels[-1]))
            return
        step = math.ceil(math.sqrt(height * width / AT_ONCE))
        self._coarse = image_from(pixels[::step, ::step])
        self._levels = [_shared(pixels)]
        self._job = _Halving(pixels)
        self._job.relay.done.connect(self._on_done)
        QThreadPool.globalInstance().start(self._job)

    @property
    def complete(self) -> bool:
        """Whether every level is there."""
        return self._job is None

    def image_for(self, scale: float) -> QImage:
        """The level from which to paint at a scale, in device pixels per picture pixel."""
        if self._job is not None and self._coarse is not None and scale <= 0.5:
            return self._coarse
        level = 0 if scale >= 1 else math.floor(math.log2(1 / max(scale, 1e-9)) + 1e-9)
        return self._levels[min(level, len(self._levels) - 1)]

    @Slot(object, object)
    def _on_done(self, job: object, levels: list[QImage]) -> None:
        if job is self._job:
            self._job, self._coarse = None, None
            self._levels = levels
            self.ready.emit()


class _Relay(QObject):
    done = Signal(object, object)


class _Halving(QRunnable):
    """Makes the levels of a large picture on a thread of the pool."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        super().__init__()
        self.setAutoDelete(False)  # Python owns it
        self.relay = _Relay()
        self._pixels = pixels

    def run(self) -> None:
        height, width = self._pixels.shape[:2]
        levels = [_native(self._pixels) if height * width <= _COPIED else _shared(self._pixels)]
        rgb, side = self._pixels, max(height, width)
        while side > 2 * _SMALLEST:
            rgb = _halved(rgb)
            levels.append(_native(rgb))
            side = max(rgb.shape[:2])
        self.relay.done.emit(self, levels)


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of every 2 × 2 pixels; the last row or column of an odd size is averaged with what there is."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    result = np.empty(((height + 1) // 2, (width + 1) // 2, 3), np.uint8)
    for top in range(0, height, _BAND):
        band = Image.fromarray(np.ascontiguousarray(pixels[top : top + _BAND])).reduce(2)
        result[top // 2 : top // 2 + band.height] = np.asarray(band)
    return result


def _native(pixels: NDArray[np.uint8]) -> QImage:
    """As `image_from`, but in bands, in numpy: Qt would hold the interpreter's lock all the while."""
    import numpy as np

    height, width = pixels.shape[:2]
    blue_green_red = np.full((height, width, 4), 255, np.uint8)
    for top in range(0, height, _BAND):
        blue_green_red[top : top + _BAND, :, :3] = pixels[top : top + _BAND, :, ::-1]
    return _shared(blue_green_red)


def _half(image: QImage) -> QImage:
    return image.scaled(
        (image.width() + 1) // 2,
        (image.height() + 1) // 2,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


class _SharedImage(QImage):
    """A QImage over an array's memory that keeps the array alive."""

    array: NDArray[np.uint8]


def _shared(pixels: NDArray[np.uint8]) -> QImage:
    """Over (H, W, 3) RGB, or (H, W, 4) in the order in which RGB32 lies in memory."""
    import numpy as np

    array = np.ascontiguousarray(pixels)
    height, width, channels = array.shape
    form = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGB32
    image = _SharedImage(array.data, width, height, channels * width, form)
    image.array = array
    return image
