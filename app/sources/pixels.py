"""Any picture that Pillow can hold, as (H, W, 3) uint8 RGB: opaque, sRGB.

The work goes strip by strip: beside Pillow's own copy (at most 4 bytes per pixel) and the result (3) nothing grows
with the picture, so that a large one with transparency, 16 bits and a colour profile costs no more than a plain one.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from app.core.errors import PictureError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageCms

STRIP_PIXELS = 1 << 15  # small enough for the cache, and for memory that need not come fresh from the system
TIFF_PHOTOMETRIC, TIFF_BITS = 262, 258
MIN_IS_WHITE = 0

Base = Literal["L", "RGB", "CMYK"]
_BASES: dict[str, Base] = {
    "1": "L",
    "L": "L",
    "LA": "L",
    "La": "L",
    "I;16": "L",
    "I;16L": "L",
    "I;16B": "L",
    "I;16N": "L",
    "I": "L",
    "F": "L",
    "P": "RGB",
    "PA": "RGB",
    "RGB": "RGB",
    "RGBA": "RGB",
    "RGBa": "RGB",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "LAB": "RGB",
    "CMYK": "CMYK",
}


def rgb_pixels(picture: Image.Image, name: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Convert a loaded picture.

    Args:
        picture: Of any mode, its colour profile in `info["icc_profile"]`.
        name: What to call it in an error.

    Returns:
        (H, W, 3) uint8 RGB, contiguous and writable; and what was done, one phrase each.

    Raises:
        PictureError: where the mode is none that Pillow documents.
    """
    import numpy as np

    if picture.mode not in _BASES:
        raise PictureError(
            f"“{name}” stores its pixels in a way that is not supported ({picture.mode}).",
            "Save it as an 8-bit RGB picture (PNG or JPEG) in another program.",
        )
    conversion = _plan(picture)
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top, strip in _strips(picture):
        pixels[top : top + strip.height] = conversion.rgb(strip)
    return pixels, tuple(conversion.notes)


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    width, height = picture.size
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = picture.crop((0, top, width, min(height, top + rows)))
        strip.info = picture.info  # which palette entry is transparent
        yield top, strip


@dataclass
class _Conversion:
    """How each strip of one picture becomes RGB.

    Attributes:
        base: The mode without transparency and with 8 bits: what a colour profile applies to.
        has_alpha: Whether there is transparency to look at.
        levels: For more than 8 bits: the values that become black and white; None otherwise.
        transform: From the embedded colour profile to sRGB; None where there is none or it is sRGB.
        notes: What was done, for `Frame.notes`.
    """

    base: Base
    has_alpha: bool
    levels: tuple[float, float] | None = None
    transform: ImageCms.ImageCmsTransform | None = None
    notes: list[str] = field(default_factory=list)

    def rgb(self, strip: Image.Image) -> NDArray[np.uint8]:
        """(rows, W, 3) of one strip."""
        import numpy as np

        alpha = None
        if self.levels is not None:
            strip = _eight_bits(strip, *self.levels)
        elif self.has_alpha:
            # Pillow converts premultiplied pixels and palettes with transparency to RGBA only.
            strip = strip if strip.mode in ("RGBA", "LA") else strip.convert("RGBA")
            alpha = strip.getchannel("A")
            if cast("tuple[int, int]", alpha.getextrema())[0] == 255:
                alpha = None
        if strip.mode != self.base:
            strip = strip.convert(self.base)
        strip = self._srgb(strip)
        if alpha is not None:
            strip = self._on_white(strip, alpha)
        return np.asarray(strip)

    def _srgb(self, strip: Image.Image) -> Image.Image:
        if self.transform is not None:
            from PIL import ImageCms

            converted = ImageCms.applyTransform(strip, self.transform)
            assert converted is not None  # only in place it returns nothing
            return converted
        return strip if strip.mode == "RGB" else strip.convert("RGB")

    def _on_white(self, strip: Image.Image, alpha: Image.Image) -> Image.Image:
        from PIL import Image

        note = "transparent parts shown on white"
        if note not in self.notes:
            self.notes.append(note)
        white = Image.new("RGB", strip.size, (255, 255, 255))
        white.paste(strip, mask=alpha)
        return white


def _plan(picture: Image.Image) -> _Conversion:
    mode, base = picture.mode, _BASES[picture.mode]
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    conversion = _Conversion(base, has_alpha)
    if mode.startswith("I") or mode == "F":
        conversion.has_alpha = False  # one grey value of a 16-bit PNG may be marked transparent: shown as it is
        conversion.levels = _levels(picture, conversion.notes)
    elif has_alpha and base == "L" and mode != "LA":
        conversion.base = "RGB"
    if mode in ("CMYK", "LAB", "HSV"):
        conversion.notes.append(f"converted from {mode}")
    profile = picture.info.get("icc_profile")
    if profile and mode != "LAB":
        _add_transform(conversion, bytes(profile))
    return conversion


# ---- more than 8 bits


def _levels(picture: Image.Image, notes: list[str]) -> tuple[float, float]:
    """Which values are black and white in a picture of 12, 16 or 32 bits or of floats.

    Where the format fixes the range, that is it. Integers of 32 bits and floats have no agreed range: 0 to 1, 0 to
    255 and 0 to 65535 are taken as such, anything else is stretched from its lowest value to its highest.
    """
    tags = getattr(picture, "tag_v2", {})
    if picture.mode.startswith("I;16"):
        bits = 12 if tags.get(TIFF_BITS) == (12,) else 16
        notes.append(f"{bits} bits per channel reduced to 8")
        low, high = 0.0, float((1 << bits) - 1)
    else:
        low, high = _range(picture, notes)
    return (high, low) if tags.get(TIFF_PHOTOMETRIC) == MIN_IS_WHITE else (low, high)


def _range(picture: Image.Image, notes: list[str]) -> tuple[float, float]:
    import numpy as np

    low, high, finite = np.inf, -np.inf, True
    for _, strip in _strips(picture):
        values = np.asarray(strip)
        usable = values[np.isfinite(values)]
        finite = finite and usable.size == values.size
        if usable.size:
            low, high = min(low, float(usable.min())), max(high, float(usable.max()))
    kind = "floating-point" if picture.mode == "F" else "32-bit"
    if not finite:
        notes.append("values that are not finite shown black")
    tops = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
    for top in tops:
        if low >= 0 and high <= top:
            notes.append(f"{kind} values 0 to {top:g} reduced to 8 bits")
            return 0.0, top
    if not low < high:  # one value everywhere, or none that is finite
        notes.append(f"{kind} values reduced to 8 bits")
        return (low - 1, low + 1) if low == high else (0.0, 1.0)
    notes.append(f"{kind} values {low:g} to {high:g} stretched to 8 bits")
    return low, high


def _eight_bits(strip: Image.Image, black: float, white: float) -> Image.Image:
    import numpy as np
    from PIL import Image

    values = np.asarray(strip).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # floats near the largest one; not finite ones are black
        values = np.where(np.isfinite(values), values, black)
        scaled = np.clip(values / (white - black) - black / (white - black), 0, 1) * 255
    return Image.fromarray(np.rint(np.nan_to_num(scaled)).astype(np.uint8))


# ---- colour profiles


class _ProfileError(Exception):
    """A colour profile that cannot be used; the message is a phrase for the notes."""


def _add_transform(conversion: _Conversion, profile: bytes) -> None:
    try:
        transform, name = _to_srgb(profile, conversion.base)
    except _ProfileError as error:
        conversion.notes.append(str(error))
        return
    if transform is not None:
        conversion.transform = transform
        conversion.notes.append(f"colours converted from “{name}” to sRGB")


@functools.lru_cache(maxsize=16)  # pictures of one folder share a camera, and its profile
def _to_srgb(profile: bytes, base: Base) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """The transform from an embedded profile to sRGB (None where it would change nothing), and the profile's name.

    Raises:
        _ProfileError: where the profile is damaged or meant for other colours.
    """
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        details = cast("Any", source.profile)
        space = str(details.xcolor_space).strip()
        if space != {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}[base]:
            raise _ProfileError(f"its colour profile is one for {space}, so it was ignored")
        name = str(details.profile_description or "unnamed profile").strip()
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, base, "RGB")
        return (None if _changes_nothing(transform, base) else transform), name
    except (OSError, ValueError, TypeError, UnicodeError, ImageCms.PyCMSError):
        raise _ProfileError("its colour profile is damaged and was ignored") from None


def _changes_nothing(transform: ImageCms.ImageCmsTransform, base: Base) -> bool:
    """Whether a transform moves no colour by more than rounding: most pictures say that they are sRGB already."""
    import numpy as np
    from PIL import Image, ImageCms

    if base == "CMYK":
        return False
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    axes = [steps] * len(base)
    probe = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(len(steps), -1, len(base))
    before = Image.fromarray(probe if base == "RGB" else probe[..., 0])
    after = ImageCms.applyTransform(before, transform)
    assert after is not None
    difference = np.asarray(after).astype(np.int16) - np.asarray(before.convert("RGB"))
    return bool(np.abs(difference).max() <= 2)
