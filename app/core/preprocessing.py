"""What happens to a picture before a network sees it, as data, and its geometric half.

The geometric half (resize, centre crop) works on uint8 pixels and needs no torch, so the window does it: only
the crop crosses to the engine, and “what the network saw” is at hand without asking. The engine does the rest
(to float, minus mean, over deviation). Both halves together equal `weights.transforms()` of torchvision, bit
for bit, for every classification weight (tests/unit/test_preprocessing.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # imported where they are used: the window is on screen before numpy and Pillow are
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Interpolation = Literal["nearest", "bilinear", "bicubic"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class NetworkView:
    """What the network really sees of a picture.

    Attributes:
        pixels: (S, S, 3) uint8 RGB, S = the crop.
        box: (left, top, right, bottom) of that square in the picture's own pixels; may reach outside it.
    """

    pixels: NDArray[np.uint8]
    box: tuple[float, float, float, float]


_LONGEST_ASPECT = 16


def _without_far_ends(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int, int]:
    """Cut a very long picture to its middle, and say how far in (x, y) the middle starts.

    Enlarging the shorter side of a 100,000 × 1 picture to 256 would make 25 million columns of which the crop
    keeps 224. No picture of ordinary shape is touched.
    """
    height, width = pixels.shape[:2]
    if width > _LONGEST_ASPECT * height:
        keep = _LONGEST_ASPECT * height
        left = (width - keep) // 2
        return pixels[:, left : left + keep], left, 0
    if height > _LONGEST_ASPECT * width:
        keep = _LONGEST_ASPECT * width
        top = (height - keep) // 2
        return pixels[top : top + keep], 0, top
    return pixels, 0, 0


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side, cut the centre, scale to [0, 1], subtract the mean, divide by the deviation.

    Attributes:
        resize: Length of the shorter side after resizing, in pixels; None to leave the size alone.
        crop: Side of the centre square, in pixels.
        mean: Per channel, RGB, on the scale [0, 1].
        deviation: Per channel, RGB, on the scale [0, 1].
        interpolation: How pixels are resampled; always antialiased.
    """

    resize: int | None
    crop: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    deviation: tuple[float, float, float] = IMAGENET_DEVIATION
    interpolation: Interpolation = "bilinear"

    def view(self, pixels: NDArray[np.uint8]) -> NetworkView:
        """Cut out what the network sees of a picture, (H, W, 3) uint8 RGB."""
        import numpy as np
        from PIL import Image

        pixels, offset_x, offset_y = _without_far_ends(pixels)
        height, width = pixels.shape[:2]
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        if self.resize is not None:
            picture = self._resized(picture, self.resize)
        new_width, new_height = picture.size
        # torchvision's center_crop: half-way cases go to the even pixel, as Python's round does.
        left = round((new_width - self.crop) / 2.0)
        top = round((new_height - self.crop) / 2.0)
        if new_width < self.crop or new_height < self.crop:
            # torchvision pads before it cuts, with the larger half at the end.
            left = -((self.crop - new_width) // 2) if new_width < self.crop else left
            top = -((self.crop - new_height) // 2) if new_height < self.crop else top
        cut = picture.crop((left, top, left + self.crop, top + self.crop))
        scale_x, scale_y = width / new_width, height / new_height
        box = (
            offset_x + left * scale_x,
            offset_y + top * scale_y,
            offset_x + (left + self.crop) * scale_x,
            offset_y + (top + self.crop) * scale_y,
        )
        return NetworkView(np.ascontiguousarray(np.asarray(cut)), box)

    def _resized(self, picture: Image.Image, side: int) -> Image.Image:
        from PIL import Image

        width, height = picture.size
        short, long = min(width, height), max(width, height)
        new_long = max(1, int(side * long / short))
        size = (side, new_long) if width <= height else (new_long, side)
        if size == picture.size:
            return picture
        filters = {
            "nearest": Image.Resampling.NEAREST,
            "bilinear": Image.Resampling.BILINEAR,
            "bicubic": Image.Resampling.BICUBIC,
        }
        return picture.resize(size, filters[self.interpolation])

    @property
    def summary(self) -> str:
        """In words, for the status line: “224 × 224 centre crop”."""
        resized = f"shorter side to {self.resize}, " if self.resize not in (None, self.crop) else ""
        return f"{resized}{self.crop} × {self.crop} centre crop"
