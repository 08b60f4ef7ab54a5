"""The program's names, version and kinds of files, as each system wants to be told them. Standard library only."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

TITLE = "ResNet Explorer"
WINDOW = "ResNetExplorer"  # the executable without a console
TERMINAL = "resnet-explorer"  # the one with
FOLDER = "ResNetExplorer"  # that holds both
PACKAGE = "resnet-explorer"
IDENTIFIER = "io.github.resnet_explorer.ResNetExplorer"
SUMMARY = "Look inside residual networks"
DESCRIPTION = (
    "Drop a picture on the window: within a second it shows what a residual network says, and where it looked.",
    "Bypass blocks and watch the answer change, look at every stage and block, and train a residual network beside "
    "its plain twin. Everything is computed on your machine; nothing is sent anywhere.",
)
PUBLISHER = "The ResNet Explorer authors"


@dataclass(frozen=True)
class FileKind:
    """A kind of file that can be opened with the program.

    Attributes:
        name: For people.
        mime: Its MIME type.
        suffixes: Without a dot.
        ours: Whether systems do not know it, so that the package has to declare it.
    """

    name: str
    mime: str
    suffixes: tuple[str, ...]
    ours: bool = False


FILE_KINDS = (
    FileKind("PNG picture", "image/png", ("png",)),
    FileKind("JPEG picture", "image/jpeg", ("jpg", "jpeg")),
    FileKind("WebP picture", "image/webp", ("webp",)),
    FileKind("TIFF picture", "image/tiff", ("tif", "tiff")),
    FileKind("BMP picture", "image/bmp", ("bmp",)),
    FileKind("GIF picture", "image/gif", ("gif",)),
    FileKind("HEIF picture", "image/heif", ("heic", "heif")),
    FileKind("AVIF picture", "image/avif", ("avif",)),
    FileKind("Safetensors weights", "application/vnd.safetensors", ("safetensors",), ours=True),
    FileKind("PyTorch checkpoint", "application/vnd.pytorch", ("pth", "pt", "ckpt"), ours=True),
)


def version(root: Path = ROOT) -> str:
    """The program's version, read without importing it."""
    text = (root / "app" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found, "app/__init__.py has no version"
    return found.group(1)


def flavour(torch_version: str, cuda: str | None) -> str:
    """What the torch in the build environment computes on, for file names: "cpu", "cuda13.0", "rocm…", "mps".

    Args:
        torch_version: `torch.__version__`.
        cuda: `torch.version.cuda`.
    """
    if cuda:
        return f"cuda{cuda}"
    if local := re.search(r"\+(rocm[\d.]+)", torch_version):
        return local.group(1)
    return "mps" if sys.platform == "darwin" and platform.machine() == "arm64" else "cpu"


def file_name(flavour_name: str, suffix: str, *, system: str | None = None, machine: str | None = None) -> str:
    """The name of a released file: program, version, system, processor, flavour."""
    system = system or {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = (machine or platform.machine()).lower().replace("amd64", "x86_64")
    return f"{PACKAGE}-{version()}-{system}-{machine}-{flavour_name}{suffix}"


def info_plist() -> dict[str, Any]:
    """What macOS is told about the program."""
    return {
        "CFBundleName": TITLE,
        "CFBundleDisplayName": TITLE,
        "CFBundleExecutable": WINDOW,
        "CFBundleShortVersionString": version(),
        "LSMinimumSystemVersion": "13.0",
        "LSApplicationCategoryType": "public.app-category.education",
        "NSHighResolutionCapable": True,
        "NSCameraUsageDescription": (
            "The camera's picture is shown in the window, and the network on this Mac says what it sees. "
            "Nothing is recorded or sent."
        ),
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": kind.name,
                "CFBundleTypeExtensions": list(kind.suffixes),
                "CFBundleTypeMIMETypes": [kind.mime],
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "Alternate",
            }
            for kind in FILE_KINDS
        ]
        + [
            {
                "CFBundleTypeName": "Folder of pictures",
                "LSItemContentTypes": ["public.folder"],
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "None",
            }
        ],
    }


def version_resource() -> Any:
    """The version resource of the Windows executables, as PyInstaller's own type."""
    from PyInstaller.utils.win32 import versioninfo as win

    numbers = tuple(int(part) for part in re.findall(r"\d+", version())[:4])
    four = numbers + (0,) * (4 - len(numbers))
    texts = {
        "CompanyName": PUBLISHER,
        "FileDescription": TITLE,
        "FileVersion": version(),
        "InternalName": PACKAGE,
        "LegalCopyright": "MIT licence",
        "OriginalFilename": f"{WINDOW}.exe",
        "ProductName": TITLE,
        "ProductVersion": version(),
    }
    strings = [win.StringStruct(name, text) for name, text in texts.items()]
    return win.VSVersionInfo(
        ffi=win.FixedFileInfo(filevers=four, prodvers=four),
        kids=[
            win.StringFileInfo([win.StringTable("040904B0", strings)]),
            win.VarFileInfo([win.VarStruct("Translation", [1033, 1200])]),
        ],
    )
