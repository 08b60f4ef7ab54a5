"""Qt's system libraries on Linux: which are missing, found by asking the loader and by starting Qt.

PySide6's wheels bring Qt, but not what Qt takes from the system: OpenGL, X11, fonts, the message bus. A bare Debian
has none of it; a desktop usually lacks only libxcb-cursor0. Standard library only.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import system_packages
from system_packages import SetupError, say

# What PySide6-Essentials 6.11 links to, by the names in Debian 12 (also valid in 13 and in Ubuntu from 22.04).
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libXext.so.6": "libxext6",
    "libbrotlicommon.so.1": "libbrotli1",
    "libbrotlidec.so.1": "libbrotli1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libdrm.so.2": "libdrm2",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libzstd.so.1": "libzstd1",
}
# What every Linux system with glibc has.
GLIBC = frozenset(
    f"lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1", "resolv.so.2")
) | {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
# As a package's dependencies name them: Debian from 13 and Ubuntu from 24.04 renamed some for 64 bits of time.
ALTERNATIVES = {"libglib2.0-0": "libglib2.0-0 | libglib2.0-0t64"}
FONT_PACKAGE = "fonts-dejavu-core"

OFFSCREEN = ("QtWidgets.abi3.so", "QtSvg.abi3.so", "QtNetwork.abi3.so", "Qt/plugins/platforms/libqoffscreen.so")
X11 = ("Qt/plugins/platforms/libqxcb.so",)
WAYLAND = ("Qt/plugins/platforms/libqwayland.so",)

_PROBE = """
import PySide6.QtGui, PySide6.QtSvg, PySide6.QtWidgets
application = PySide6.QtWidgets.QApplication([])
print("fonts", len(PySide6.QtGui.QFontDatabase.families()))
"""


def ensure(python: Path, *, window: bool) -> None:
    """Make sure that Qt starts: as root with apt by installing what is missing, else by saying what to install.

    Args:
        python: The Python that has PySide6.
        window: Whether a window shall be shown on this session's display; else Qt only has to draw in memory.

    Raises:
        SetupError: where something is missing and we may not install it, or Qt does not start for another reason.
    """
    if platform.system() != "Linux":
        return
    qt = _qt_folder(python)
    missing = missing_libraries(qt, OFFSCREEN)
    if system_packages.may_install():
        missing |= missing_libraries(qt, X11)  # a display may come later: xvfb-run, ssh -X
    elif window:
        missing |= _missing_for_display(qt, os.environ)
    if missing:
        _provide(missing)
    fonts = _start(python)
    if fonts == 0:
        system_packages.install((FONT_PACKAGE,), "fonts (Qt would draw boxes in place of letters)")


def missing_libraries(qt: Path, files: tuple[str, ...]) -> frozenset[str]:
    """The libraries that the loader does not find for some files of PySide6, by their sonames.

    Args:
        qt: The folder of the package PySide6.
        files: Shared objects in it; ones that this version does not have are passed over.
    """
    paths = [str(qt / name) for name in files if (qt / name).exists()]
    if not paths or shutil.which("ldd") is None:
        return frozenset()
    listed = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False)
    return not_found(listed.stdout)


def not_found(listing: str) -> frozenset[str]:
    """The sonames that ldd reports as not found."""
    return frozenset(re.findall(r"^\s*(\S+) => not found", listing, re.MULTILINE))


def packages_for(sonames: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The Debian packages that hold some libraries, and the libraries of which we do not know the package."""
    known = {DEBIAN_PACKAGES[name] for name in sonames if name in DEBIAN_PACKAGES}
    return tuple(sorted(known)), tuple(sorted(sonames - DEBIAN_PACKAGES.keys()))


def _missing_for_display(qt: Path, surroundings: Mapping[str, str]) -> frozenset[str]:
    """What this session's display needs; nothing where one of two possible ways to it is complete."""
    ways = [X11] if surroundings.get("DISPLAY") else []
    if surroundings.get("WAYLAND_DISPLAY"):
        ways.append(WAYLAND)
    missing = [missing_libraries(qt, way) for way in ways]
    return min(missing, key=len, default=frozenset())


def _provide(missing: frozenset[str]) -> None:
    packages, unknown = packages_for(missing)
    if unknown:
        raise SetupError(
            f"This system lacks libraries that Qt needs: {', '.join(sorted(missing))}.",
            "Install the packages that hold them with the system's package manager, then run this again.",
        )
    if shutil.which("apt-get") is None:
        for manager in ("dnf", "zypper"):  # these find a package by what it provides
            if shutil.which(manager):
                wanted = " ".join(f"'{name}()(64bit)'" for name in sorted(missing))
                raise SetupError(
                    "This system lacks libraries that Qt needs.",
                    f"Install them with “sudo {manager} install {wanted}”, then run this again.",
                )
    system_packages.install(packages, "libraries that Qt needs")


def _qt_folder(python: Path) -> Path:
    """Where PySide6 is installed; found without importing it, which would need its libraries."""
    question = "import importlib.util as u; print(u.find_spec('PySide6').submodule_search_locations[0])"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SetupError("PySide6 is not installed in .venv.", "Remove the folder .venv and run this again.")
    return Path(answer.stdout.strip())


def _start(python: Path) -> int:
    """Start Qt without a screen, and count the font families that it finds."""
    surroundings = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    for name in ("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH"):
        if surroundings.pop(name, None):
            say(f"The variable {name} points to another Qt; the check goes without it.")
    answer = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, env=surroundings, check=False)
    found = re.search(r"^fonts (\d+)$", answer.stdout, re.MULTILINE)
    if answer.returncode or not found:
        reason = (answer.stderr.strip().splitlines() or [f"it ended with {answer.returncode}"])[-1]
        raise SetupError(f"Qt does not start: {reason}.", "Remove the folder .venv and run this again.")
    return int(found.group(1))
