"""Every format and every way of storing pixels comes out as upright, opaque (H, W, 3) uint8 RGB."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, features

from app.core.errors import PictureError
from app.core.records import Frame
from app.sources import pixels as pixels_module
from app.sources.files import read_picture, read_picture_bytes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")  # pytest undoes the filter that we set

WIDTH, HEIGHT = 80, 60


def gradient() -> Image.Image:
    """Red rises to the right, green downwards, blue is constant."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), np.full_like(x, 60)], axis=-1)
    return Image.fromarray(channels.astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def read(data: bytes) -> Frame:
    frame = read_picture_bytes(data, "test picture")
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.ndim == 3 and frame.pixels.shape[2] == 3
    assert frame.pixels.flags.c_contiguous and frame.pixels.flags.writeable
    return frame


def difference(frame: Frame, expected: Image.Image | NDArray[Any]) -> float:
    reference = np.asarray(expected)
    assert frame.pixels.shape == reference.shape
    return float(np.abs(frame.pixels.astype(np.float64) - reference).max())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_are_exact(kind: str) -> None:
    assert difference(read(encoded(gradient(), kind)), gradient()) == 0


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_are_close(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    frame = read(encoded(gradient(), kind, quality=95))
    assert difference(frame, gradient()) <= 24
    assert frame.notes == ()


def test_heic_through_pillow_heif() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    heif = pillow_heif.from_pillow(gradient())
    file = io.BytesIO()
    heif.save(file, quality=95)
    assert difference(read(file.getvalue()), gradient()) <= 24


def test_a_strip_is_no_border(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pixels do not depend on how the picture was cut into strips."""
    data = encoded(gradient().convert("RGBA"), "PNG")
    whole = read(data).pixels
    monkeypatch.setattr(pixels_module, "STRIP_PIXELS", 7 * WIDTH)
    assert np.array_equal(read(data).pixels, whole)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_modes_equal_pillows_own_conversion(mode: str) -> None:
    picture = gradient().convert(mode)
    assert difference(read(encoded(picture, "PNG")), picture.convert("RGB")) == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_tiff_modes_equal_pillows_own_conversion(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(gradient(), srgb, lab, outputMode="LAB")
        assert picture is not None
    else:
        picture = gradient().convert(mode)
    # YCbCr is met in TIFFs with JPEG inside; Pillow 11.3 cannot read the other kinds that it writes.
    options = {"compression": "jpeg", "quality": 95} if mode == "YCbCr" else {}
    frame = read(encoded(picture, "TIFF", **options))
    assert difference(frame, picture.convert("RGB")) <= (24 if mode == "YCbCr" else 0)
    assert any(mode in note for note in frame.notes) == (mode in ("CMYK", "LAB"))
    if mode == "LAB":  # eight bits of Lab are coarse, but the colours must be the colours
        assert np.abs(frame.pixels.astype(int) - np.asarray(gradient())).mean() < 3


def test_cmyk_jpegs_are_not_inverted() -> None:
    """Adobe stores CMYK upside down in JPEGs; white must come out white, red red."""
    white_and_red = Image.new("CMYK", (64, 32), (0, 0, 0, 0))
    white_and_red.paste((0, 255, 255, 0), (32, 0, 64, 32))
    data = encoded(white_and_red, "JPEG", quality=95)
    assert b"Adobe" in data
    frame = read(data)
    assert frame.pixels[16, 8].min() > 245
    assert frame.pixels[16, 56, 0] > 240 and frame.pixels[16, 56, 1:].max() < 15


# ---- transparency


def test_transparency_lies_on_white_and_is_noted() -> None:
    picture = Image.new("RGBA", (4, 1), (0, 0, 0, 255))
    for x, alpha in enumerate((0, 51, 204, 255)):
        picture.putpixel((x, 0), (0, 0, 0, alpha))
    for kind in ("PNG", "TIFF"):
        frame = read(encoded(picture, kind))
        assert frame.pixels[0, :, 0].tolist() == [255, 204, 51, 0]
        assert frame.notes == ("transparent parts shown on white",)


def test_grey_with_transparency() -> None:
    picture = Image.new("LA", (2, 1), (100, 255))
    picture.putpixel((1, 0), (100, 0))
    assert read(encoded(picture, "PNG")).pixels[0].tolist() == [[100] * 3, [255] * 3]


def test_an_opaque_alpha_channel_is_no_news() -> None:
    assert read(encoded(gradient().convert("RGBA"), "PNG")).notes == ()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry(kind: str) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    frame = read(encoded(picture, kind, transparency=0))
    assert frame.pixels[0].tolist() == [[255, 255, 255], [200, 100, 50]]
    assert "transparent parts shown on white" in frame.notes


# ---- more than 8 bits


def ramp(dtype: str, high: float) -> NDArray[Any]:
    return np.linspace(0, high, 256).reshape(16, 16).astype(dtype)


def as_rgb(levels: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(levels[..., None], 3, axis=-1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_keep_black_white_and_everything_between(kind: str) -> None:
    frame = read(encoded(Image.fromarray(ramp("uint16", 65535)), kind))
    assert difference(frame, as_rgb(np.arange(256).reshape(16, 16))) == 0
    assert "16 bits per channel reduced to 8" in frame.notes


def test_16_bits_big_endian() -> None:
    big = Image.frombytes("I;16B", (16, 16), ramp(">u2", 65535).tobytes())
    frame = read(encoded(big, "TIFF"))
    assert difference(frame, as_rgb(np.arange(256).reshape(16, 16))) == 0


def test_16_bit_colour_is_noted() -> None:
    cv2 = pytest.importorskip("cv2")
    colours = np.stack([ramp("uint16", 65535)] * 3, axis=-1)
    colours[..., 0] = 0  # blue: OpenCV's order
    _, data = cv2.imencode(".png", colours)
    frame = read(data.tobytes())
    assert np.abs(frame.pixels[..., 0].astype(int).ravel() - np.arange(256)).max() <= 1
    assert frame.pixels[..., 2].max() == 0
    assert frame.notes == ("16 bits per channel reduced to 8",)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (ramp("float32", 1), "0 to 1 "),
        (ramp("float32", 255), "0 to 255 "),
        (ramp("float32", 65535), "0 to 65535 "),
        (ramp("float32", 1000) - 700, "-700 to 300 stretched"),
        (ramp("float32", 3e38), "stretched" if np.float32(3e38) > 65535 else ""),
        (ramp("int32", 65535), "0 to 65535 "),
        (ramp("int32", 255), "0 to 255 "),
        (ramp("int32", 1e9) - 500, "stretched"),
    ],
)
def test_ranges_without_a_standard(values: NDArray[Any], says: str) -> None:
    frame = read(encoded(Image.fromarray(values), "TIFF"))
    assert difference(frame, as_rgb(np.arange(256).reshape(16, 16))) <= 1
    assert any(says in note for note in frame.notes), frame.notes


def test_values_that_are_not_finite_are_black() -> None:
    values = ramp("float32", 1)
    values[3, 3], values[4, 4], values[5, 5] = np.nan, np.inf, -np.inf
    frame = read(encoded(Image.fromarray(values), "TIFF"))
    assert frame.pixels[3, 3].max() == frame.pixels[4, 4].max() == frame.pixels[5, 5].max() == 0
    assert frame.pixels[15, 15].min() == 255
    assert "values that are not finite shown black" in frame.notes


@pytest.mark.parametrize("value", [np.nan, -3.0, 0.0])
def test_a_picture_of_one_value(value: float) -> None:
    read(encoded(Image.fromarray(np.full((4, 4), value, np.float32)), "TIFF"))


def test_white_is_zero_in_16_bits() -> None:
    options = {"tiffinfo": {262: 0}}
    frame = read(encoded(Image.fromarray(ramp("uint16", 65535)), "TIFF", **options))
    assert frame.pixels[0, 0, 0] == 255 and frame.pixels[15, 15, 0] == 0


# ---- orientation and frames


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = Image.Exif()
    exif[0x0112] = orientation
    # For each orientation: what a camera held so would have stored.
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    picture = gradient() if stored is None else gradient().transpose(stored)
    frame = read(encoded(picture, kind, exif=exif, quality=95))
    assert difference(frame, gradient()) <= 24
    assert any("orientation" in note for note in frame.notes) == (orientation != 1)


def test_an_impossible_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert difference(read(encoded(gradient(), "PNG", exif=exif)), gradient()) == 0


def test_damaged_exif_is_no_reason_to_refuse() -> None:
    data = encoded(gradient(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f", quality=95)
    assert difference(read(data), gradient()) <= 24


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_of_several(kind: str) -> None:
    first, second = Image.new("RGB", (20, 10), (250, 0, 0)), Image.new("RGB", (20, 10), (0, 0, 250))
    options = {"lossless": True} if kind == "WEBP" else {}
    frame = read(encoded(first, kind, save_all=True, append_images=[second, first], **options))
    assert frame.pixels[5, 5].tolist() == [250, 0, 0]
    assert frame.notes == ("the first of several frames",)


# ---- files


def test_a_frame_knows_its_file(tmp_path: Path) -> None:
    path = tmp_path / "Größe 2 ☃.png"
    gradient().save(path)
    frame = read_picture(path)
    assert (frame.name, frame.path, frame.size) == (path.name, str(path), (WIDTH, HEIGHT))


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really a png.jpg"
    path.write_bytes(encoded(gradient(), "PNG"))
    assert difference(read_picture(path), gradient()) == 0


def test_an_unknown_way_of_storing_pixels_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(pixels_module._BASES, "RGB")
    with pytest.raises(PictureError, match=r"not supported .RGB"):
        read(encoded(gradient(), "PNG"))


# ---- the reader's own sample of odd pictures


def corpus() -> Path:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "odd-images"
    if not folder.is_dir():
        pytest.skip("the odd pictures of the shared data are not here")
    return folder


@pytest.mark.parametrize("family", ["Landscape", "Portrait"])
def test_photographs_in_every_orientation_look_the_same(family: str) -> None:
    frames = [read_picture(corpus() / "exif-orientation" / f"{family}_{number}.jpg") for number in range(9)]
    small = [np.asarray(Image.fromarray(frame.pixels).resize((36, 36))).astype(float) for frame in frames]
    for number in range(1, 9):
        assert frames[number].size == frames[1].size
        assert np.abs(small[number] - small[1]).mean() < 6, number
