"""What is wrong with a file is said in words; nothing crashes, hangs or takes the machine's memory."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from app.core.errors import PictureError
from app.sources import decoding
from app.sources.files import read_picture, read_picture_bytes

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")  # pytest undoes the filter that we set

REPOSITORY = Path(__file__).parents[2]
ODD_PICTURES = REPOSITORY.parent / "shared" / "data" / "odd-images"
MOST_SECONDS = 10
MOST_MEGABYTES = 1000


def picture() -> Image.Image:
    y, x = np.mgrid[0:120, 0:160]
    grain = np.random.default_rng(1).integers(0, 16, (120, 160, 3))  # else PNG makes next to nothing of it
    return Image.fromarray((np.stack([x, y * 2, (x + y) // 2], axis=-1) // 2 + grain).astype(np.uint8))


def encoded(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture().save(file, kind, **options)
    return file.getvalue()


def failure(path: Path) -> PictureError:
    with pytest.raises(PictureError) as caught:
        read_picture(path)
    error = caught.value
    assert path.name in error.what
    assert error.remedy
    assert pickle.loads(pickle.dumps(error)).what == error.what
    return error


# ---- the file


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    assert "empty" in failure(path).what


def test_not_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear Sir or Madam,")
    error = failure(path)
    assert "not a picture" in error.what and "HEIC" in error.remedy


def test_a_web_page_saved_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_text("\n<!DOCTYPE html><html>")
    assert "web page" in failure(path).what


def test_a_folder_named_like_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    path.mkdir()
    assert "folder" in failure(path).what


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "not there" in failure(tmp_path / "gone.jpg").what


def test_an_impossible_name() -> None:
    with pytest.raises(PictureError, match="file name"):
        read_picture(Path("a\0b.jpg"))


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded("PNG"))
    if os.name == "posix" and os.geteuid() != 0:
        path.chmod(0)
    else:  # root may read everything

        def refuse(self: Path, *args: Any, **options: Any) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
    assert "permission" in failure(path).what


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOENT, "not there"), (errno.EIO, "could not be read"), (errno.ESTALE, "could not be")]
)
def test_a_file_that_vanishes_while_it_is_read(number: int, says: str) -> None:
    """A network folder that goes away, a memory card pulled out."""

    class Vanishing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 30:
                raise OSError(number, os.strerror(number))
            return super().read(size)

    with pytest.raises(PictureError, match=says):
        decoding.decode(Vanishing(encoded("PNG")), "card.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    assert "pipe" in failure(path).what


def test_a_file_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr(decoding, "MOST_BYTES", 1_000)
    assert "MB" in failure(path).what


@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="file names are always Unicode there")
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(encoded("PNG"))
    frame = read_picture(path)
    assert frame.name == "caf�.png"
    assert Path(frame.path).exists()


# ---- the data

FORMATS: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("BMP", {}),
    ("GIF", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("AVIF", {}),
]


@pytest.mark.parametrize(("kind", "options"), FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
def test_truncated(kind: str, options: dict[str, Any], share: float) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    data = encoded(kind, **options)
    with pytest.raises(PictureError) as caught:
        read_picture_bytes(data[: int(len(data) * share)], "half.pic")
    assert "half.pic" in caught.value.what
    assert "truncated" in caught.value.what or "damaged" in caught.value.what
    if kind in ("JPEG", "PNG", "WEBP") and share >= 0.5:
        assert "truncated" in caught.value.what


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_flipped_bytes_never_escape_as_something_else(kind: str, options: dict[str, Any]) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    original = encoded(kind, **options)
    generator = np.random.default_rng(7)
    decoded = refused = 0
    for _ in range(40):
        data = bytearray(original)
        for place in generator.integers(0, min(len(data), 400), 6):
            data[place] = generator.integers(0, 256)
        try:
            frame = read_picture_bytes(bytes(data), "flipped")
        except PictureError as error:
            refused += 1
            assert "flipped" in error.what
        else:
            decoded += 1
            assert frame.pixels.shape[2] == 3
    assert decoded + refused == 40 and refused > 0


def test_heic_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PictureError) as caught:
        read_picture_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "phone.heic")
    assert "pip install pillow-heif" in caught.value.remedy


def test_memory_that_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(decoding, "rgb_pixels", refuse)
    with pytest.raises(PictureError, match="memory"):
        read_picture_bytes(encoded("PNG"), "large.png")


# ---- too many pixels


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_bomb(side: int) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", zlib.compress(bytes(10**6)))


def bmp_bomb(side: int) -> bytes:
    information = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 10**6, 0, 0, 54) + information + bytes(1000)


def tiff_bomb(side: int) -> bytes:
    entries = [(256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    entries += [(278, 4, side), (279, 4, side)]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + directory + bytes(4)


def gif_bomb(side: int) -> bytes:
    side = min(side, 65535)
    screen = struct.pack("<HHBBB", side, side, 0xF0, 0, 0)
    return b"GIF89a" + screen + bytes(6) + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x08\x01\x00\x00;"


def webp_bomb(side: int) -> bytes:
    side = min(side, 16383)
    bits = (side - 1) | (side - 1) << 14
    chunk = b"\x2f" + struct.pack("<I", bits) + bytes(1001)
    body = b"WEBPVP8L" + struct.pack("<I", len(chunk)) + chunk
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_bomb(side: int) -> bytes:
    data = bytearray(encoded("JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", min(side, 65500), min(side, 65500))
    return bytes(data)


BOMBS = {
    "png": png_bomb,
    "bmp": bmp_bomb,
    "tif": tiff_bomb,
    "gif": gif_bomb,
    "webp": webp_bomb,
    "jpg": jpeg_bomb,
}


@pytest.mark.parametrize("suffix", BOMBS)
def test_100000_by_100000_pixels(suffix: str) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture_bytes(BOMBS[suffix](100_000), f"bomb.{suffix}")
    assert f"bomb.{suffix}" in caught.value.what
    assert f"at most {'256' if suffix == 'jpg' else '50'} megapixels" in caught.value.what
    assert "smaller" in caught.value.remedy


def test_just_over_the_limit_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: Image.Image) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(PictureError, match="7,100 × 7,100 pixels, 50 megapixels"):
        read_picture_bytes(png_bomb(7100), "poster.png")


def test_a_large_jpeg_is_read_at_half_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MOST_FULL_JPEG_PIXELS", 120 * 160 // 2)
    frame = read_picture_bytes(encoded("JPEG", quality=95), "large.jpg")
    assert frame.size == (80, 60)
    assert frame.notes == ("read at 1/2 of its size, 160 × 120",)
    small = np.asarray(picture().resize((80, 60), Image.Resampling.BOX)).astype(int)
    assert np.abs(frame.pixels - small).mean() < 6


def test_a_jpeg_of_countless_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes per scan, and the decoder goes over the whole picture for each."""
    data = encoded("JPEG", progressive=True)
    scans = decoding._jpeg_scans(io.BytesIO(data))
    assert 5 <= scans <= 20
    place = data.rindex(b"\xff\xda")
    empty_scan = data[place : place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")] + b"\0"
    many = data[:-2] + empty_scan * 200_000 + b"\xff\xd9"
    assert decoding._jpeg_scans(io.BytesIO(many)) == scans + 200_000
    with pytest.raises(PictureError, match=r"scans, which takes too long"):
        read_picture_bytes(many, "slow.jpg")


def test_a_thumbnail_is_no_scan() -> None:
    thumbnail = encoded("JPEG", progressive=True)
    exif = b"Exif\0\0" + thumbnail[:60_000]
    assert decoding._jpeg_scans(io.BytesIO(encoded("JPEG", exif=exif))) == 1
    progressive = encoded("JPEG", progressive=True)
    assert decoding._jpeg_scans(io.BytesIO(progressive + progressive)) == decoding._jpeg_scans(io.BytesIO(progressive))


# ---- time and memory, measured in a process of their own

HARNESS = """
import json, re, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))
from app.core.errors import PictureError
from app.sources.files import find_pictures, read_picture

def peak_bytes():
    # Linux keeps in ru_maxrss what the parent held when it forked; VmHWM begins anew with this program.
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text()).group(1))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

rows = []
for path in find_pictures([Path(argument) for argument in sys.argv[1:]]):
    started = time.perf_counter()
    try:
        outcome = list(read_picture(path).pixels.shape)
    except PictureError as error:
        outcome = str(error)
    peak = peak_bytes() / 1e6
    rows.append([path.name, outcome, time.perf_counter() - started, peak])
print(json.dumps(rows))
"""


def measured(*paths: Path) -> list[tuple[str, Any, float, float]]:
    """(file name, shape or message, seconds, peak of the process so far in MB) for each picture."""
    pytest.importorskip("resource", reason="limits on a process are a POSIX thing")
    ran = subprocess.run(
        [sys.executable, "-c", HARNESS, *map(str, paths)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows: list[tuple[str, Any, float, float]] = json.loads(ran.stdout)
    for name, _, seconds, peak in rows:
        assert seconds < MOST_SECONDS, name
        assert peak < MOST_MEGABYTES, name
    return rows


def test_the_corpus_of_odd_pictures() -> None:
    if not ODD_PICTURES.is_dir():
        pytest.skip("the odd pictures of the shared data are not here")
    rows = measured(ODD_PICTURES)
    assert len(rows) == sum(path.is_file() for path in ODD_PICTURES.rglob("*"))
    read = [outcome for _, outcome, _, _ in rows if isinstance(outcome, list)]
    refused = [outcome for _, outcome, _, _ in rows if isinstance(outcome, str)]
    assert len(read) >= 18 and len(refused) >= 18
    assert all("“" in message and message.endswith(".") for message in refused)


def test_bombs_and_the_largest_pictures_that_are_read(tmp_path: Path) -> None:
    for suffix, bomb in BOMBS.items():
        (tmp_path / f"bomb.{suffix}").write_bytes(bomb(100_000))
    side = 7000  # 49 megapixels
    blank = Image.new("RGBA", (side, side), (200, 30, 30, 128))
    blank.save(tmp_path / "large.png", compress_level=1)
    blank.save(tmp_path / "large.webp", lossless=True, quality=0, method=0)
    blank.convert("RGB").save(tmp_path / "large.jpg", progressive=True, subsampling=0)
    rows = {name: outcome for name, outcome, _, _ in measured(tmp_path)}
    assert [rows[f"bomb.{suffix}"][:1] for suffix in BOMBS] == ["“"] * len(BOMBS)
    assert [rows[f"large.{suffix}"] for suffix in ("png", "webp", "jpg")] == [[side, side, 3]] * 3
