"""Opening an encoded picture safely: limits before anything is decoded, one door for everything that can go wrong."""

from __future__ import annotations

import binascii
import functools
import importlib
import importlib.util
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from app.core.errors import PictureError
from app.core.records import Frame
from app.sources.pixels import rgb_pixels

if TYPE_CHECKING:
    from PIL import Image

# Only these: Pillow knows forty more formats, some of which start other programs (EPS) or are hardly ever tested.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")  # and HEIF, through pillow-heif
READABLE = "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF and HEIC"

# The worst of these formats, WebP with transparency, takes 17 bytes per pixel while it is decoded: under 1 GB.
MOST_PIXELS = 50_000_000
# A JPEG takes 12 at the worst. Beyond that its decoder can leave out detail: photographs of 108 and 200 megapixels
# are read at half their size.
MOST_FULL_JPEG_PIXELS = 64_000_000
MOST_JPEG_PIXELS = 256_000_000
# Every scan of a JPEG goes over the whole picture: a few kilobytes of empty ones would keep the decoder busy for hours.
MOST_SCANNED_PIXELS = 2_000_000_000
# With several scans the decoder holds the coefficients of the whole picture, also when it leaves out detail.
MOST_COEFFICIENT_BYTES = 500_000_000
MOST_BYTES = 500_000_000

ORIENTATION = 0x0112  # EXIF and TIFF tag

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_JPEG_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])")  # not stuffing, not a restart

# What Pillow and the libraries behind it were seen or are documented to raise on damaged data. MemoryError: sizes that
# a damaged header asks for. RuntimeError: libheif, libwebp, libavif.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    EOFError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    AssertionError,
    struct.error,
    zlib.error,
    binascii.Error,
)


def decode(file: IO[bytes], name: str, *, path: str = "") -> Frame:
    """Decode the first frame of an encoded picture.

    Args:
        file: Open, seekable, at its start; stays open.
        name: What to call it on screen and in errors.
        path: Where it lives, for the frame.

    Raises:
        PictureError: whatever is wrong with the data, or while it is read.
    """
    head = file.read(64)
    size = file.seek(0, 2)
    file.seek(0)
    if size == 0:
        raise PictureError(f"“{name}” is empty (0 bytes).", "Copy or download it again from where it came from.")
    if size > MOST_BYTES:
        raise PictureError(
            f"“{name}” has {size / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} MB are read.",
            "Make it smaller with another program.",
        )
    kind = _sniff(head)
    with _explained(name, kind, _announced_size(head) > size), _open(file, kind) as picture:
        notes = _check_limits(picture, file, name)
        notes += _notes_before(picture)
        picture.load()
        upright = _upright(picture, notes)
        pixels, more = rgb_pixels(upright, name)
    return Frame(pixels, name, path, (*notes, *more))


# ---- Pillow


def _open(file: IO[bytes], kind: str) -> Image.Image:
    pillow = _pillow()
    formats: tuple[str, ...] = FORMATS
    if kind == "HEIC" and importlib.util.find_spec("pillow_heif"):
        importlib.import_module("pillow_heif").register_heif_opener()
        formats = ("HEIF",)
    picture: Image.Image = pillow.open(file, formats=formats)
    return picture


@functools.cache
def _pillow() -> Any:
    """Pillow's Image module with the plug-ins that it does not load unasked, without its thirty others."""
    image = importlib.import_module("PIL.Image")
    for plugin in ("Avif", "Tiff", "WebP"):
        importlib.import_module(f"PIL.{plugin}ImagePlugin")
    # Pillow refuses twice this number, also for frames and tiles larger than the picture said. Ours come first.
    vars(image)["MAX_IMAGE_PIXELS"] = MOST_JPEG_PIXELS // 2
    # Remarks on damaged metadata, of no use to whoever looks at the picture; they would go to standard error.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return image


def _sniff(head: bytes) -> str:
    """The format that the first bytes promise: one of FORMATS (HEIF as "HEIC"), "HTML", or ""."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        brands = [head[place : place + 4] for place in range(8, len(head), 4)]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
        if any(brand in _HEIF_BRANDS for brand in brands):
            return "HEIC"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "HTML" if text.startswith((b"<!doctype html", b"<html")) else ""


def _announced_size(head: bytes) -> int:
    """How long the file says that it is, in bytes; 0 where its format does not say. libwebp reports only “invalid”."""
    if head[:4] == b"RIFF" and len(head) >= 8:
        return 8 + int.from_bytes(head[4:8], "little")
    return 0


# ---- limits


def _check_limits(picture: Image.Image, file: IO[bytes], name: str) -> list[str]:
    """Refuse what would take too much memory or time; have large JPEGs decoded with less detail, and note it."""
    width, height = picture.size
    jpeg = picture.format in ("JPEG", "MPO")
    limit = MOST_JPEG_PIXELS if jpeg else MOST_PIXELS
    if width * height > limit:
        raise _too_large(name, f"{width:,} × {height:,} pixels", width * height, limit)
    if not jpeg:
        return []
    scans = _jpeg_scans(file)
    if scans > 1:
        layers = [(horizontal, vertical) for _, horizontal, vertical, _ in getattr(picture, "layer", ())]
        samples = sum(h * v for h, v in layers) / max((h * v for h, v in layers), default=1)
        if scans * width * height > MOST_SCANNED_PIXELS or 2 * samples * width * height > MOST_COEFFICIENT_BYTES:
            raise PictureError(
                f"“{name}” is a JPEG of {width:,} × {height:,} pixels in {scans} scans, "
                "which takes too long or too much memory to decode.",
                "Save it again as a baseline (not progressive) JPEG, or smaller.",
            )
    if width * height <= MOST_FULL_JPEG_PIXELS:
        return []
    scale = next(scale for scale in (2, 4, 8) if width * height <= MOST_FULL_JPEG_PIXELS * scale**2)
    picture.draft(None, (width // scale, height // scale))  # None: as it is stored
    return [f"read at 1/{scale} of its size, {width:,} × {height:,}"]


def _too_large(name: str, extent: str, pixels: int, limit: int) -> PictureError:
    return PictureError(
        f"“{name}” has {extent}, {pixels / 1e6:,.0f} megapixels; at most {limit / 1e6:,.0f} megapixels are read.",
        "Make it smaller with another program.",
    )


def _jpeg_scans(file: IO[bytes]) -> int:
    """How often a JPEG goes over the picture: 1 for a baseline one, about 10 for a progressive one."""
    position = file.tell()
    file.seek(0)
    scans = 1
    if not _has_one_scan(file.read(1 << 16)):
        file.seek(0)
        scans = sum(code == 0xDA for code, _ in _jpeg_segments(file.read()))
    file.seek(position)
    return scans


def _has_one_scan(head: bytes) -> bool:
    """Whether the first bytes prove it: not progressive, and the first scan has every component."""
    components = b""
    for code, start in _jpeg_segments(head):
        if code in (0xC0, 0xC1, 0xC9):
            components = head[start + 7 : start + 8]
        elif code == 0xDA:
            return components != b"" and head[start + 2 : start + 3] == components
    return False


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its length stands) of each segment, past the thumbnails within segments."""
    place = 2
    while found := _JPEG_MARKER.search(data, place):
        if found[1] == b"\xd9":  # the end; some cameras append a second picture or a film
            return
        yield found[1][0], found.end()
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")


# ---- metadata


def _notes_before(picture: Image.Image) -> list[str]:
    """What only the opened, not yet loaded picture tells."""
    notes = []
    # A second picture in a JPEG is a preview or a gain map, nothing that a user would call a frame.
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        notes.append("the first of several frames")
    if any(";16" in str(tile.args) for tile in getattr(picture, "tile", ())) and picture.mode[0] != "I":
        notes.append("16 bits per channel reduced to 8")
    if getattr(picture, "tag_v2", {}).get(ORIENTATION, 1) != 1:
        notes.append("turned by its orientation tag")  # Pillow does this itself for TIFF, while it loads
    return notes


def _upright(picture: Image.Image, notes: list[str]) -> Image.Image:
    """Turn and mirror as the EXIF orientation says."""
    from PIL.Image import Transpose

    try:
        orientation = picture.getexif().get(ORIENTATION, 1)
    except _DECODER_ERRORS:
        notes.append("its EXIF data is damaged and was ignored")
        return picture
    methods: dict[Any, Transpose] = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    if orientation not in methods:
        return picture
    notes.append("turned by its EXIF orientation")
    info = picture.info  # a transposed copy has it too, but not its colour profile in every version
    turned = picture.transpose(methods[orientation])
    turned.info = info
    return turned


# ---- what went wrong


@contextmanager
def _explained(name: str, kind: str, shortened: bool) -> Iterator[None]:
    """Turn whatever a decoder raises into a PictureError."""
    from PIL import Image, UnidentifiedImageError

    try:
        yield
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        pixels = int((re.findall(r"\((\d+) pixels\)", str(error)) or [0])[0])
        limit = MOST_JPEG_PIXELS if kind == "JPEG" else MOST_PIXELS
        raise _too_large(name, "too many pixels", pixels, limit) from None
    except UnidentifiedImageError:
        raise _not_readable(name, kind, shortened) from None
    except _DECODER_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable_file(name, error) from error
        if isinstance(error, MemoryError):
            raise PictureError(
                f"There is not enough memory to read “{name}”, or it is damaged.",
                "Close other programs, or make the picture smaller.",
            ) from error
        # “decoder error -2” and the like tell the user nothing
        detail = "" if str(error).startswith("decoder error") else str(error)
        raise _damaged(name, kind, shortened or _says_truncated(error), detail) from error


def _says_truncated(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, EOFError) or any(
        sign in text for sign in ("truncated", "end of file", "end-of-file", "not enough")
    )


def _damaged(name: str, kind: str, truncated: bool, detail: str = "") -> PictureError:
    if truncated:
        return PictureError(
            f"“{name}” is truncated: the end of the file is missing.",
            "Copy or download it again from where it came from.",
        )
    reason = f" ({detail.rstrip('.')})" if detail else ""
    return PictureError(
        f"“{name}” is a damaged {kind or 'picture'} file{reason}.",
        "Copy or download it again, or open and save it in another program.",
    )


def _not_readable(name: str, kind: str, shortened: bool) -> PictureError:
    from PIL import features

    if kind == "HEIC" and not importlib.util.find_spec("pillow_heif"):
        return PictureError(
            f"“{name}” is a HEIC picture, and the package that reads them is not installed.",
            "Install it with “pip install pillow-heif”, or convert the picture to JPEG.",
        )
    if kind == "AVIF" and not features.check("avif"):
        return PictureError(
            f"“{name}” is an AVIF picture, and this Pillow was built without AVIF.",
            "Install Pillow 11.3 or later with pip, or convert the picture to JPEG.",
        )
    if kind == "HTML":
        return PictureError(f"“{name}” is a web page, not a picture.", "Save the picture itself, and open that.")
    if kind:
        return _damaged(name, kind, shortened)
    return PictureError(
        f"“{name}” is not a picture in a format that can be read.",
        f"Convert it to JPEG or PNG; {READABLE} are read.",
    )


def unreadable_file(name: str, error: OSError) -> PictureError:
    """What to say when the file system, not the picture, is the trouble."""
    if isinstance(error, FileNotFoundError):
        return PictureError(f"“{name}” is not there (any more).", "Check whether it was moved, renamed or deleted.")
    if isinstance(error, PermissionError):
        return PictureError(f"There is no permission to read “{name}”.", "Change its permissions, or copy it.")
    if isinstance(error, IsADirectoryError):
        return PictureError(f"“{name}” is a folder, not a picture.", "Open the folder to read the pictures in it.")
    reason = error.strerror or str(error)
    return PictureError(f"“{name}” could not be read: {reason}.", "Check the disk or the connection, and try again.")
