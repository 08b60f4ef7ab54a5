"""Embedded colour profiles are converted to sRGB; a profile that cannot be used is noted, never a failure."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.sources.files import read_picture_bytes

D50 = (0.9642, 1.0, 0.8249)
# The primaries of sRGB, adapted to D50 as ICC wants them (IEC 61966-2-1, Bradford).
SRGB_PRIMARIES = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _description(text: str) -> bytes:
    raw = text.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(raw)) + raw + bytes(4 + 4 + 2 + 1 + 67)


def profile(space: str, gamma: float, name: str) -> bytes:
    """A version 2 display profile: the primaries of sRGB (or grey) with a pure gamma curve."""
    tags = {b"desc": _description(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(D50)}
    if space == "GRAY":
        tags[b"kTRC"] = _gamma(gamma)
    else:
        for channel, primary in zip(b"rgb", SRGB_PRIMARIES, strict=True):
            tags[bytes([channel]) + b"XYZ"] = _xyz(primary)
            tags[bytes([channel]) + b"TRC"] = _gamma(gamma)
    place = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for signature, content in tags.items():
        table += signature + struct.pack(">II", place + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", place + len(data), b"none", 0x02400000, b"mntr", space.encode(), b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(struct.pack(">i", round(v * 65536)) for v in D50)
    return header.ljust(128, b"\0") + table + data


def png(picture: Image.Image, icc: bytes) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", icc_profile=icc)
    return file.getvalue()


def srgb_of_linear(value: float) -> float:
    return 255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_linear_light_becomes_srgb(mode: str) -> None:
    picture = Image.new("RGB", (8, 8), (128, 20, 255))
    picture = picture.quantize(2) if mode == "P" else picture.convert(mode)
    frame = read_picture_bytes(png(picture, profile("RGB ", 1.0, "straight line")), "linear")
    expected = [srgb_of_linear(value / 255) for value in (128, 20, 255)]
    assert np.abs(frame.pixels[4, 4] - np.array(expected)).max() <= 2
    assert frame.notes == ("colours converted from “straight line” to sRGB",)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile(mode: str) -> None:
    sixteen_bits = Image.fromarray(np.full((8, 8), 60 * 257, np.uint16))
    picture = sixteen_bits if mode == "I;16" else Image.new("L", (8, 8), 60).convert(mode)
    frame = read_picture_bytes(png(picture, profile("GRAY", 1.0, "grey line")), "grey")
    assert np.abs(frame.pixels[4, 4] - srgb_of_linear(60 / 255)).max() <= 2


def test_transparency_is_shown_on_white_after_the_conversion() -> None:
    picture = Image.new("RGBA", (2, 1), (128, 128, 128, 255))
    picture.putpixel((1, 0), (128, 128, 128, 0))
    frame = read_picture_bytes(png(picture, profile("RGB ", 1.0, "straight line")), "both")
    assert abs(int(frame.pixels[0, 0, 0]) - srgb_of_linear(128 / 255)) <= 2
    assert frame.pixels[0, 1].tolist() == [255, 255, 255]


def test_srgb_itself_changes_nothing() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frame = read_picture_bytes(png(Image.fromarray(colours), icc), "srgb")
    assert np.array_equal(frame.pixels, colours)
    assert frame.notes == ()


@pytest.mark.parametrize("icc", [b"no profile at all", profile("RGB ", 1.0, "cut off")[:200], b"\0" * 128])
def test_a_damaged_profile_is_noted(icc: bytes) -> None:
    picture = Image.new("RGB", (8, 8), (128, 20, 255))
    frame = read_picture_bytes(png(picture, icc), "damaged profile")
    assert frame.pixels[4, 4].tolist() == [128, 20, 255]
    assert frame.notes == ("its colour profile is damaged and was ignored",)


def test_a_profile_for_other_colours_is_noted() -> None:
    frame = read_picture_bytes(png(Image.new("L", (8, 8), 60), profile("RGB ", 1.0, "line")), "grey with RGB profile")
    assert frame.pixels[4, 4].tolist() == [60, 60, 60]
    assert frame.notes == ("its colour profile is one for RGB, so it was ignored",)


def test_a_cmyk_jpeg_with_a_useless_profile() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(file, "JPEG", icc_profile=b"rubbish")
    frame = read_picture_bytes(file.getvalue(), "cmyk")
    assert frame.pixels.min() > 250
    assert frame.notes == ("converted from CMYK", "its colour profile is damaged and was ignored")
