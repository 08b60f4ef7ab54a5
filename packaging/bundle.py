"""Make the bundle: one folder with the program and everything it needs, in dist/.

    python packaging/bundle.py

Run it with the Python that has the program's libraries and PyInstaller. Writes build/about (inventory, licences),
runs PyInstaller, looks that what was left out is really asked for by nothing, and says what takes the room.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

import bundle_contents
import bundle_identity
import elf
import system_packages
from system_packages import SetupError, say

ROOT = bundle_contents.ROOT
DIST = ROOT / "dist"
WORK = ROOT / "build" / "pyinstaller"
ABOUT = ROOT / "build" / "about"
NEEDED_GIGABYTES = 12  # the bundle, PyInstaller's own copy of its tables, and room for a package


def main() -> int:
    """Build; the exit code."""
    try:
        folder = build()
    except SetupError as error:
        say(str(error))
        return 3
    print(room(folder))
    return 0


def build() -> Path:
    """The bundle's folder, built anew.

    Raises:
        SetupError: where something is missing, or PyInstaller fails.
    """
    started = time.monotonic()
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GIGABYTES:
        raise SetupError(f"Only {free:.1f} GB are free.", f"A bundle needs {NEEDED_GIGABYTES} GB: make room.")
    _provide_tools()
    say("Writing what the bundle knows of itself.")
    ABOUT.mkdir(parents=True, exist_ok=True)
    _run("the licences", sys.executable, str(ROOT / "packaging" / "licences.py"), str(ABOUT))
    inventory = _run("the inventory", sys.executable, str(ROOT / "main.py"), "selftest", "--inventory")
    (ABOUT / "inventory.json").write_text(inventory, encoding="utf-8")
    folder = DIST / bundle_identity.FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    say("Running PyInstaller.")
    paths = ["--distpath", str(DIST), "--workpath", str(WORK)]
    _run("PyInstaller", sys.executable, "-m", "PyInstaller", "--noconfirm", *paths, _recipe())
    check(folder)
    say(f"The bundle is in {folder}, after {time.monotonic() - started:.0f} s.")
    return folder


def _provide_tools() -> None:
    """On Linux PyInstaller wants objdump, and Python as a library, which Debian keeps in a package of its own."""
    if not sys.platform.startswith("linux"):
        return
    if shutil.which("objdump") is None:
        system_packages.install(("binutils",), "objdump, which PyInstaller looks into libraries with")
    library = str(sysconfig.get_config_var("INSTSONAME") or "")
    folder = Path(str(sysconfig.get_config_var("LIBDIR") or ""))
    if ".so" in library and not (folder / library).exists():
        try:
            ctypes.CDLL(library)
        except OSError:
            name = f"libpython{sys.version_info[0]}.{sys.version_info[1]}"
            system_packages.install((name,), "Python as a library, which goes into the bundle")


def check(folder: Path) -> None:
    """Look that nothing is missing that can be known without starting the program.

    Raises:
        SetupError: naming what is missing, and who asks for it.
    """
    if dangling := [path for path in folder.rglob("*") if path.is_symlink() and not path.exists()]:
        raise SetupError(f"Links lead nowhere: {', '.join(map(str, dangling))}.", "Mend bundle_contents.unneeded.")
    if found := dict(named(folder)):
        told = "; ".join(f"{name} by {file}" for name, file in found.items())
        raise SetupError(f"Libraries that were left out are asked for: {told}.", "Take them out of NAMED_BY_NOTHING.")
    if unknown := outside(folder) - known_outside():
        raise SetupError(
            f"The bundle wants libraries of the system that no package is known for: {', '.join(sorted(unknown))}.",
            "Add them to qt_libraries.DEBIAN_PACKAGES, or bundle them (bundle_contents.SYSTEMS_OWN).",
        )


def outside(folder: Path) -> frozenset[str]:
    """The sonames that files of the bundle link to and that are not in it: the system has to have them."""
    if not sys.platform.startswith("linux"):
        return frozenset()
    names = {path.name for path in folder.rglob("*")}
    wanted = {need for path in elf_files(folder) for need in elf.read(path).needed}
    return frozenset(wanted - names)


def known_outside() -> frozenset[str]:
    """The sonames that a Debian package is known for, glibc's own, and the GPU driver's."""
    import qt_libraries

    return frozenset(qt_libraries.DEBIAN_PACKAGES) | qt_libraries.GLIBC | {"libcuda.so.1"}


def elf_files(folder: Path) -> Iterator[Path]:
    """Every program and library in a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and elf.is_elf(path):
            yield path


def named(folder: Path) -> Iterator[tuple[str, str]]:
    """Those of NAMED_BY_NOTHING that some file in the bundle does name: (library, file)."""
    pattern = re.compile(b"|".join(re.escape(f"{name}.so".encode()) for name in bundle_contents.NAMED_BY_NOTHING))
    for path in elf_files(folder):
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            if (found := pattern.search(data)) is not None:
                yield found.group().decode(), path.name


def room(folder: Path) -> str:
    """What takes the room in the bundle, as a table in Markdown, in millions of bytes."""
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[group(path.relative_to(folder).as_posix())] += path.stat().st_size
    total = sum(sizes.values())
    lines = ["| part | MB | share |", "|---|---|---|"]
    lines += [f"| {name} | {size / 1e6:.0f} | {100 * size / total:.1f} % |" for name, size in sizes.most_common()]
    return "\n".join([*lines, f"| **all** | **{total / 1e6:.0f}** | |"])


def group(path: str) -> str:
    """The part of the bundle to which a file belongs."""
    path = path.removeprefix("_internal/")
    for start, name in (
        ("nvidia/cudnn", "cuDNN (convolutions on NVIDIA GPUs)"),
        ("nvidia/nccl", "NCCL (between GPUs)"),
        ("nvidia/cusparselt", "cuSPARSELt (linked by torch)"),
        ("nvidia/nvshmem", "NVSHMEM (linked by torch)"),
        ("nvidia/cu13/lib/libcublas", "cuBLAS"),
        ("nvidia/cu13/lib/libcufft", "cuFFT"),
        ("nvidia/", "the rest of CUDA (cuSPARSE, cuRAND, NVRTC, nvJitLink …)"),
        ("torch/lib/libtorch_cuda", "torch for CUDA"),
        ("torch/lib/libtorch_cpu", "torch for the CPU"),
        ("torch/", "the rest of torch"),
        ("PySide6/", "Qt and PySide6"),
        ("libQt6", "Qt and PySide6"),
        ("cv2/", "OpenCV with FFmpeg"),
        ("opencv", "OpenCV with FFmpeg"),
        ("models/", "the program's models and samples"),
        ("assets/", "the program's models and samples"),
        ("about/", "licence texts"),
    ):
        if path.startswith(start):
            return name
    return "Python and everything else"


def _recipe() -> str:
    return str(ROOT / "packaging" / "resnet_explorer.spec")


def _run(what: str, *command: str) -> str:
    log = ROOT / "build" / f"{what.removeprefix('the ').replace(' ', '-').lower()}.log"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        last = " ".join((done.stderr or done.stdout).strip().splitlines()[-2:])
        raise SetupError(f"{what} failed: {last}", f"All that was said is in {log}.")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
