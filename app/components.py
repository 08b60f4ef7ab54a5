"""What the program is made of: libraries, versions, licences, for About and for the list in the installers.

In a bundle this is a file that was written when it was built (`packaging/licences.py`); elsewhere it is read from the
installed distributions.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata as metadata
import json
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from app import __version__, paths

FILE = "components.json"
DISTRIBUTION = "resnet-explorer"


@dataclass(frozen=True)
class Component:
    """One library.

    Attributes:
        name: As its makers write it.
        version: Of this one.
        licence: Its name, such as “BSD-3-Clause”.
        address: Its home page; may be empty.
        part_of: The distribution that brings it inside, such as OpenCV's FFmpeg; "" for a distribution itself.
        note: What its licence asks that is not plain from its name; may be empty.
    """

    name: str
    version: str
    licence: str
    address: str = ""
    part_of: str = ""
    note: str = ""


# What the distributions bring inside them without metadata of its own. Versions as their wheels say are in the
# licence texts beside the list.
INSIDE = (
    Component(
        "Qt",
        "",
        "LGPL-3.0-only",
        "https://www.qt.io",
        "PySide6_Essentials",
        "The libraries lie beside the program as files of their own and may be replaced by others of the same version.",
    ),
    Component("ICU", "", "Unicode-3.0", "https://icu.unicode.org", "PySide6_Essentials"),
    Component(
        "FFmpeg",
        "",
        "LGPL-2.1-or-later",
        "https://ffmpeg.org",
        "opencv-python-headless",
        "Shared libraries, built without the parts under the GPL.",
    ),
    Component("OpenBLAS", "", "BSD-3-Clause", "https://www.openblas.net", "numpy, opencv-python-headless"),
    Component("libgfortran, libquadmath", "", "GPL-3.0 with the GCC runtime exception", "https://gcc.gnu.org", "numpy"),
    Component("libheif, libde265", "", "LGPL-3.0", "https://github.com/strukturag/libheif", "pillow_heif"),
    Component(
        "x265",
        "",
        "GPL-2.0-or-later",
        "https://bitbucket.org/multicoreware/x265_git",
        "pillow_heif",
        "libheif links to it in order to write HEIF; this program only reads it.",
    ),
    Component(
        "libjpeg-turbo, libtiff, libwebp, OpenJPEG, Little CMS, FreeType, HarfBuzz", "", "permissive", "", "pillow"
    ),
)
CUDA_NOTE = "NVIDIA's licence for CUDA permits its redistribution with a program, not its modification."


def components() -> tuple[Component, ...]:
    """What this program is made of, in the order of names."""
    path = paths.about() / FILE
    if path.is_file():
        return tuple(Component(**values) for values in json.loads(path.read_text(encoding="utf-8")))
    return of_environment()


def of_environment(without: frozenset[str] = frozenset()) -> tuple[Component, ...]:
    """The distributions that the program needs, as they are installed here, and what they bring inside.

    Args:
        without: Distributions that are not wanted in the list, as a bundle leaves them out.
    """
    found = [Component("Python", platform.python_version(), "PSF-2.0", "https://www.python.org")]
    missing = {_normal(one) for one in without}
    names = [one for one in required() if _normal(one) not in missing]
    for name in names:
        data = metadata.metadata(name)
        note = CUDA_NOTE if name.startswith(("nvidia-", "cuda-")) else ""
        found.append(Component(data["Name"], data["Version"], licence_of(data), _address(data), note=note))
    here = {_normal(one) for one in names}
    found += [one for one in INSIDE if any(_normal(part) in here for part in one.part_of.split(", "))]
    return tuple(sorted(found, key=lambda one: one.name.casefold()))


def required(root: str = DISTRIBUTION) -> tuple[str, ...]:
    """The distributions that one needs on this machine, directly or not; not the one itself, nor what is missing."""
    from packaging.requirements import Requirement

    seen: dict[str, str] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    done: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = one = waiting.pop()
        if one in done:
            continue
        done.add(one)
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        seen[_normal(name)] = name
        for words in wanted:
            needed = Requirement(words)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
                waiting.append((needed.name, frozenset(needed.extras)))
    return tuple(name for key, name in sorted(seen.items()) if key != _normal(root))


def licence_of(data: metadata.PackageMetadata) -> str:
    """A distribution's licence in a few words: its SPDX expression, else its classifiers, else its first line."""
    if expression := _field(data, "License-Expression"):
        return expression
    classifiers = [
        str(one).rpartition(" :: ")[2] for one in data.get_all("Classifier") or [] if "License ::" in str(one)
    ]
    classifiers = [one for one in classifiers if one not in ("OSI Approved", "License")]
    if classifiers:
        return ", ".join(classifiers)
    first = _field(data, "License").strip().split("\n")[0]
    return first if first and len(first) < 60 else "see its text"


def text(components: tuple[Component, ...], *, engine: str = "") -> str:
    """Program, machine and libraries as plain text, to be copied into a report.

    Args:
        engine: What the engine says of itself: torch's version and the device; "" where it is not up.
    """
    lines = [f"ResNet Explorer {__version__}", f"Python {platform.python_version()}, {platform.platform()}"]
    lines += [f"engine: {engine}"] if engine else []
    lines += ["", *(f"{one.name} {one.version or f'in {one.part_of}'}: {one.licence}" for one in components)]
    return "\n".join(lines) + "\n"


def write(path: Path, components: tuple[Component, ...]) -> None:
    """Write a list for a bundle to carry."""
    values = [dataclasses.asdict(one) for one in components]
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _address(data: metadata.PackageMetadata) -> str:
    for entry in data.get_all("Project-URL") or []:
        label, _, address = str(entry).partition(",")
        if label.strip().lower() in (
            "homepage",
            "home",
            "source",
            "repository",
            "github",
            "source code",
            "source-code",
        ):
            return address.strip()
    return _field(data, "Home-page")


def _field(data: metadata.PackageMetadata, name: str) -> str:
    return str(data[name]) if name in data else ""
