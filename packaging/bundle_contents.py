"""What goes into the bundle and what stays out, as plain lists: the spec file reads them, the tests check them.

Standard library only, so that it can be read without PyInstaller.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import elf

ROOT = Path(__file__).resolve().parents[1]

# Modules that nothing in the program reaches at run time; each was blocked while the program classified, explained
# with every method and trained (docs/packaging.md), so that a wrong entry shows in the bundle's selftest.
EXCLUDED_MODULES = {
    "triton": "only torch.compile wants it; 0.9 GB",
    "matplotlib": "captum draws with it what we draw ourselves; hooks/without_matplotlib.py stands in for it",
    "contourpy": "matplotlib's",
    "kiwisolver": "matplotlib's",
    "fontTools": "matplotlib's",
    "dateutil": "matplotlib's",
    "pyparsing": "matplotlib's",
    "torch.utils.tensorboard": "wants the package tensorboard",
    "torch.utils.benchmark": "measures torch itself",
    "torch.utils.bottleneck": "measures torch itself",
    "torch.contrib": "writes for tensorboard",
    "cuda": "only torch.compile's code generators want CUDA's Python bindings",
    "tkinter": "another window system",
    "_tkinter": "another window system",
    "IPython": "a shell",
    "jupyter_client": "a shell",
    "pytest": "tests",
    "_pytest": "tests",
    "pytestqt": "tests",
    "mypy": "checks",
    "mypyc": "checks",
    "ruff": "checks",
    "importlinter": "checks",
    "grimp": "checks",
    "pip": "installs",
    "setuptools": "installs",
    "pkg_resources": "installs",
    "wheel": "installs",
    "torchcam": "bench: another library that ours is compared with",
    "pytorch_grad_cam": "bench: another library that ours is compared with",
    "sklearn": "nothing's",
    "scipy": "optional in torch, torchvision and pyqtgraph; nothing that we call wants it",
    "pandas": "optional in captum",
    "numpy.f2py": "compiles Fortran",
    "pyqtgraph.examples": "examples",
    "pyqtgraph.opengl": "three-dimensional plots; wants PyOpenGL",
    "pyqtgraph.jupyter": "a shell",
    "PySide6.QtQml": "Qt Quick",
    "PySide6.QtQuick": "Qt Quick",
    "PySide6.QtQuickWidgets": "Qt Quick",
    "PySide6.QtDesigner": "a tool",
    "PySide6.QtUiTools": "a tool",
    "PySide6.QtHelp": "a tool",
    "PySide6.QtSql": "databases; Python's sqlite3 is used",
}


@dataclass(frozen=True)
class LeftOut:
    """Files that are not taken along.

    Attributes:
        pattern: Of their path inside the bundle, with / on every system; * also matches /.
        why: One phrase.
    """

    pattern: str
    why: str


# CUDA's libraries that stay out. For those marked "named by nothing" the build searches every file of the bundle for
# their names, and fails where one has come into use (bundle_checks.py).
NAMED_BY_NOTHING = (
    "libcusolverMg",
    "libnvrtc.alt",
    "libnvrtc-builtins.alt",
    "libcufftw",
    "libnvblas",
    "libcheckpoint",
    "libpcsamplingutil",
    "libnvtx3interop",
)

LEFT_OUT = (
    *(
        LeftOut(f"nvidia/*/{name}.so*", "named by no other library, neither linked nor loaded")
        for name in NAMED_BY_NOTHING
    ),
    LeftOut("nvidia/*/libnvperf_*", "CUPTI loads it to profile; the program never profiles"),
    LeftOut(
        "nvidia/cudnn/lib/libcudnn_adv.so*",
        "RNNs and the CTC loss are all that torch calls of it; cuDNN loads it at the first such call",
    ),
    LeftOut("nvidia/cudnn/lib/libcudnn_ext.so*", "torch calls none of its functions; cuDNN loads it at the first call"),
    LeftOut(
        "torch/lib/libtorch_cuda_linalg.so",
        "svd, eigh, solve … on the GPU; torch loads it at the first of them, and the program does none",
    ),
    LeftOut("nvidia/*/libcusolver.so*", "only libtorch_cuda_linalg links to it"),
    LeftOut("nvidia/nvshmem/lib/nvshmem_*", "networks between machines"),
    LeftOut("nvidia/*/libcufile_rdma*", "networks between machines"),
    LeftOut("nvidia/*.a", "for linking"),
    LeftOut("nvidia/*.bc", "for compiling"),
    LeftOut("nvidia/*/include/*", "for compiling"),
    LeftOut("torch/include/*", "for compiling"),
    LeftOut("torch/share/*", "for compiling"),
    LeftOut("torch/test/*", "tests"),
    LeftOut("torch/bin/protoc*", "for compiling"),
    LeftOut("torch/bin/*test*", "tests"),
    LeftOut("torch/*.lib", "for linking"),
    LeftOut("torch/*.a", "for linking"),
    LeftOut("torch/*.pyi", "for type checkers"),
    LeftOut("torch/utils/model_dump/*", "a tool"),
    LeftOut("torch/lib/libshm_windows/*", "of another system"),
    LeftOut("torchvision/*.pyi", "for type checkers"),
    LeftOut("captum/insights/*", "a web page"),
    LeftOut("cv2/data/*.xml", "face detectors; nothing uses them"),
    LeftOut("cv2/*.pyi", "for type checkers"),
    LeftOut("pyqtgraph/icons/peegee/*", "pyqtgraph's own icon"),
    LeftOut("pyqtgraph/colors/maps/*", "the program has its own colour maps"),
    LeftOut("numpy/*/tests/*", "tests"),
    LeftOut("*/tests/*", "tests"),
    LeftOut("PySide6/Qt/translations/*", "the program is in English so far and loads none"),
    LeftOut("PySide6/translations/*", "the program is in English so far and loads none"),
    LeftOut("PySide6/Qt/qml/*", "Qt Quick"),
    LeftOut("PySide6/Qt/plugins/platforminputcontexts/*virtualkeyboard*", "Qt Quick's keyboard"),
    LeftOut("PySide6/Qt/plugins/platforms/*eglfs*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/platforms/*linuxfb*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/platforms/*vkkhrdisplay*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/platforms/*vnc*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/platforms/*minimalegl*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/egldeviceintegrations/*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/generic/*", "for machines without a window system"),
    LeftOut("PySide6/Qt/plugins/platformthemes/*gtk3*", "would bring GTK; the program has its own looks"),
    LeftOut("PySide6/Qt/plugins/sqldrivers/*", "databases"),
    LeftOut("PySide6/Qt/plugins/networkinformation/*", "nothing asks whether there is a network"),
    LeftOut("PySide6/Qt/plugins/qmltooling/*", "Qt Quick"),
    LeftOut("PySide6/Qt/plugins/designer/*", "a tool"),
    *(
        LeftOut(f"PySide6/*Qt6{name}*", "a part of Qt that nothing uses")
        for name in (
            "Qml",
            "Quick",
            "Designer",
            "Help",
            "Labs",
            "Lottie",
            "Sql",
            "UiTools",
            "VirtualKeyboard",
            "WaylandCompositor",
            "EglFS",
            "EglFs",
            "Pdf",
        )
    ),
)

# Libraries of a Linux system that PyInstaller would copy from the build machine, and that the system must bring
# itself: they fit its drivers, its fonts and its configuration (packaging/qt_libraries.py has their packages).
SYSTEMS_OWN = re.compile(
    r"^lib(EGL|GL|GLX|GLdispatch|OpenGL|X11|X11-xcb|Xau|Xdmcp|Xext|xcb|dbus-1|systemd|fontconfig|freetype|glib-2\.0"
    r"|gthread-2\.0|gio-2\.0|gobject-2\.0|gmodule-2\.0|wayland-[a-z]+|gssapi_krb5|krb5|k5crypto|krb5support|com_err"
    r"|drm|gbm|udev|selinux|mount|blkid|cap|gcrypt|gpg-error|keyutils|resolv)\.so"
)


def why_left_out(path: str) -> str:
    """Why a file stays out of the bundle; "" where it goes in.

    Args:
        path: Inside the bundle's contents, as PyInstaller names it.
    """
    name = path.replace("\\", "/")
    for one in LEFT_OUT:
        if fnmatch.fnmatchcase(name, one.pattern):
            return one.why
    if "/" not in name and SYSTEMS_OWN.match(name):
        return "the system's own"
    return ""


def unneeded(entries: Iterable[tuple[str, str, str]]) -> frozenset[str]:
    """Of the bundle's libraries, those that nothing in it asks for any more once others were left out.

    PyInstaller finds what each file links to before we leave files out: without Qt's GTK theme, all of GTK is still
    there. Only libraries at the top count, where it puts the build machine's own; and links to what is not there.

    Args:
        entries: (path in the bundle, source, kind) as in PyInstaller's tables; a link's source is its target.
    """
    entries = list(entries)
    here = {path.replace("\\", "/") for path, _, _ in entries}
    files = {path: Path(source) for path, source, kind in entries if kind != "SYMLINK"}
    links = {path: source for path, source, kind in entries if kind == "SYMLINK"}
    top = {path: file for path, file in files.items() if "/" not in path and ".so" in path}
    wanted: set[str] = set()
    waiting = [file for path, file in files.items() if path not in top or path.startswith("libpython")]
    while waiting:
        file = waiting.pop()
        for name in elf.read(file).needed if elf.is_elf(file) else ():
            if name in top and name not in wanted:
                wanted.add(name)
                waiting.append(top[name])
    dead = {path for path, target in links.items() if target not in here or target.startswith(("nvidia/", "torch/"))}
    return frozenset(dead | {path for path in top if path not in wanted and not path.startswith("libpython")})


def app_modules(root: Path = ROOT) -> tuple[str, ...]:
    """Every module of the program, by its dotted name.

    Plug-ins, verbs, pages and the engine's rooms are imported by name at run time, where PyInstaller cannot see it:
    so all of the program goes in, and a new file needs no entry anywhere.
    """
    return modules_below(root / "app", "app")


def modules_below(folder: Path, name: str) -> tuple[str, ...]:
    """Every module of a package's folder, found by its file, without importing any."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(not part.isidentifier() for part in parts):
            continue
        if any(not (folder.joinpath(*parts[:depth]) / "__init__.py").exists() for depth in range(1, len(parts))):
            continue  # a folder of scripts, not a package
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found.append(".".join((name, *parts)))
    return tuple(found)


def torch_modules(folder: Path) -> tuple[str, ...]:
    """The modules of torch that go in: all but the excluded ones and torch's own tests.

    torch imports much of itself by name. Its tests' modules want packages that are not there, except for two that
    torch uses itself.
    """
    tests = "torch.testing._internal"
    used = {tests, f"{tests}.logging_tensor"}
    return tuple(
        name
        for name in modules_below(folder, "torch")
        if not excluded(name) and (not name.startswith(f"{tests}.") or name in used)
    )


def excluded(module: str) -> bool:
    """Whether a module or one of its packages is excluded."""
    parts = module.split(".")
    return any(".".join(parts[:depth]) in EXCLUDED_MODULES for depth in range(1, len(parts) + 1))


def data_files(root: Path = ROOT) -> tuple[tuple[Path, str], ...]:
    """The program's own files besides its modules: (file, folder inside the bundle)."""
    files = [path for path in (root / "app").rglob("*") if path.suffix in (".toml", ".txt", ".json", ".svg", ".png")]
    files += [path for path in (root / "models").rglob("*") if path.is_file()]
    files += [
        path
        for path in (root / "assets").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    files += [root / "LICENSE", root / "CHANGELOG.md"]
    return tuple((path, str(PurePosixPath(path.relative_to(root).parent.as_posix()))) for path in sorted(files))


def nvidia_libraries(site_packages: Path) -> tuple[tuple[Path, str], ...]:
    """CUDA's libraries that go in, with their folders inside the bundle; none where torch is for the CPU.

    torch finds them where pip put them, beside its own folder, and loads some by name only.
    """
    found = []
    for path in sorted((site_packages / "nvidia").rglob("*")):
        folder = path.relative_to(site_packages).parent.as_posix()
        if (
            path.is_file()
            and (".so" in path.name or path.suffix == ".dll")
            and not why_left_out(f"{folder}/{path.name}")
        ):
            found.append((path, folder))
    return tuple(found)
