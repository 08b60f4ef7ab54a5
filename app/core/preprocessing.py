"""What happens to a picture before a network sees it, as data, and its geometric half.

The geometric half (resize, centre crop) works on uint8 pixels and needs no torch, so the window does it: only
the crop crosses to the engine, and “what the network saw” is at hand without asking. The engine does the rest
(app/inference/preprocess.py: to float, minus mean, over deviation). Both halves together equal torchvision's
`weights.transforms()`, bit for bit, for every classification weight (tests/unit/test_preprocessing.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

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


# Enlarging the shorter side of a 100,000 × 1 picture to 256 would make 25 million columns of which the crop keeps
# 224. Beyond this aspect only those are made.
_LONGEST_ASPECT = 64


class TorchvisionTransforms(Protocol):
    """What can be read of torchvision's `weights.transforms()` for classification."""

    resize_size: list[int]
    crop_size: list[int]
    mean: list[float]
    std: list[float]
    interpolation: Any  # an InterpolationMode, whose value is its name


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

    @classmethod
    def from_torchvision(cls, transforms: TorchvisionTransforms) -> Preprocessing:
        """What `weights.transforms()` of a torchvision classification network does."""
        red, green, blue = transforms.mean
        deviation_red, deviation_green, deviation_blue = transforms.std
        return cls(
            transforms.resize_size[0],
            transforms.crop_size[0],
            (red, green, blue),
            (deviation_red, deviation_green, deviation_blue),
            transforms.interpolation.value,
        )

    def view(self, pixels: NDArray[np.uint8]) -> NetworkView:
        """Cut out what the network sees of a picture, (H, W, 3) uint8 RGB.

        Equal to torchvision's, bit for bit, up to an aspect of 64; beyond, a few pixels differ by one grey level,
        because the middle alone is resampled and its edges are rounded to a float.
        """
        import numpy as np
        from PIL import Image

        height, width = pixels.shape[:2]
        new_width, new_height = self._resized_size(width, height)
        left, top = _margin(new_width, self.crop), _margin(new_height, self.crop)
        scale_x, scale_y = width / new_width, height / new_height
        box = (
            left * scale_x,
            top * scale_y,
            (left + self.crop) * scale_x,
            (top + self.crop) * scale_y,
        )
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        if (new_width, new_height) != (width, height):
            if new_width > max(_LONGEST_ASPECT * new_height, self.crop):
                picture = self._resized_middle(picture, (box[0], 0, box[2], height), (self.crop, new_height))
                left = 0
            elif new_height > max(_LONGEST_ASPECT * new_width, self.crop):
                picture = self._resized_middle(picture, (0, box[1], width, box[3]), (new_width, self.crop))
                top = 0
            else:
                picture = picture.resize((new_width, new_height), self._filter)
        cut = picture.crop((left, top, left + self.crop, top + self.crop))
        return NetworkView(np.ascontiguousarray(np.asarray(cut)), box)

    def _resized_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after resizing, rounded as torchvision does."""
        if self.resize is None:
            return width, height
        if width <= height:
            return self.resize, int(self.resize * height / width)
        return int(self.resize * width / height), self.resize

    def _resized_middle(
        self, picture: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]
    ) -> Image.Image:
        """Resample a box of a picture; the pixels just outside take part, as in a resize of the whole."""
        left, top, right, bottom = box
        scale = max((right - left) / size[0], (bottom - top) / size[1], 1.0)
        reach = math.ceil(4 * scale)  # more than the widest filter looks at
        first_column, first_row = max(0, math.floor(left) - reach), max(0, math.floor(top) - reach)
        last_column = min(picture.width, math.ceil(right) + reach)
        last_row = min(picture.height, math.ceil(bottom) + reach)
        # Pillow rounds a box to single precision: close to the origin, that is nothing.
        near = picture.crop((first_column, first_row, last_column, last_row))
        box = (left - first_column, top - first_row, right - first_column, bottom - first_row)
        return near.resize(size, self._filter, box)

    @property
    def _filter(self) -> Image.Resampling:
        from PIL import Image

        return {
            "nearest": Image.Resampling.NEAREST,
            "bilinear": Image.Resampling.BILINEAR,
            "bicubic": Image.Resampling.BICUBIC,
        }[self.interpolation]

    @property
    def summary(self) -> str:
        """In words, for the status line: “224 × 224 centre crop”."""
        resized = f"shorter side to {self.resize}, " if self.resize not in (None, self.crop) else ""
        return f"{resized}{self.crop} × {self.crop} centre crop"


def _margin(length: int, crop: int) -> int:
    """Where a centred crop starts; negative where it is longer, with the larger half of the padding at the end."""
    if length < crop:
        return -((crop - length) // 2)
    return round((length - crop) / 2.0)  # as torchvision: half-way cases go to the even pixel
