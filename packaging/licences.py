"""The list of what is in the bundle and under which licences, with the texts that the distributions bring.

    python packaging/licences.py [FOLDER]

Writes components.json (for About), LICENCES.md (for people) and licences/ with the texts, to build/about.
"""

from __future__ import annotations

import importlib.metadata as metadata
import shutil
import sys
import sysconfig
from pathlib import Path

import bundle_contents

ROOT = bundle_contents.ROOT
TEXT_NAMES = ("licen", "copying", "notice", "authors", "eula")
LARGEST_TEXT = 3_000_000  # bytes
sys.path.insert(0, str(ROOT))

from app import components  # noqa: E402 - the program's own, found beside this folder
from app.components import Component  # noqa: E402


def main(folder: Path) -> int:
    """Write the lists and texts; the exit code."""
    inside = components.of_environment(without=left_out())
    folder.mkdir(parents=True, exist_ok=True)
    components.write(folder / components.FILE, inside)
    (folder / "LICENCES.md").write_text(as_text(inside), encoding="utf-8")
    texts = folder / "licences"
    shutil.rmtree(texts, ignore_errors=True)
    without = [name for name in components.required() if name not in left_out() and not copy_texts(name, texts)]
    shutil.copy(ROOT / "LICENSE", texts / "ResNet-Explorer-LICENSE.txt")
    for common in sorted((ROOT / "packaging" / "licence_texts").glob("*.txt")):  # Qt's, PySide6's, FFmpeg's, x265's
        shutil.copy(common, texts)
    if (python := Path(sysconfig.get_path("stdlib")) / "LICENSE.txt").exists():
        shutil.copy(python, texts / "Python-LICENSE.txt")
    print(f"{len(inside)} components, texts of {len(list(texts.iterdir()))} in {texts}")
    if without:
        print(f"without a text of their own: {', '.join(without)}")
    return 0


def left_out() -> frozenset[str]:
    """The distributions of which nothing goes into the bundle, because all of their modules are excluded."""
    modules: dict[str, list[str]] = {}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            modules.setdefault(owner, []).append(module)
    out = {
        owner
        for owner, names in modules.items()
        if all(bundle_contents.excluded(name) or name.startswith("_distutils") or "__mypyc" in name for name in names)
    }
    out |= {name for name in components.required() if name.startswith("nvidia-") and not _libraries(name)}
    return frozenset(out | {"matplotlib", "cycler", "python-dateutil"})


def _libraries(name: str) -> list[str]:
    """The libraries of a distribution of NVIDIA's that go in."""
    paths = [path.as_posix() for path in metadata.files(name) or ()]
    return [
        path for path in paths if (".so" in path or path.endswith(".dll")) and not bundle_contents.why_left_out(path)
    ]


def copy_texts(name: str, folder: Path) -> int:
    """Copy the licence texts of a distribution; how many there are."""
    count = 0
    for file in metadata.files(name) or ():
        known = any(word in file.name.lower() for word in TEXT_NAMES)
        if not known or file.suffix in (".py", ".pyc", ".h", ".json"):
            continue
        source = Path(str(file.locate()))
        if source.is_file() and source.stat().st_size < LARGEST_TEXT:
            target = folder / name
            target.mkdir(parents=True, exist_ok=True)
            number = f"-{count}" if (target / file.name).exists() else ""
            shutil.copyfile(source, target / f"{source.stem}{number}{source.suffix}")
            count += 1
    return count


def as_text(inside: tuple[Component, ...]) -> str:
    """The list as a page."""
    lines = [
        "# What is in this program, and under which licences",
        "",
        "ResNet Explorer itself: MIT. The texts are in the folder `licences` beside this list.",
        "",
        "| component | version | licence |",
        "|---|---|---|",
    ]
    for one in inside:
        name = f"[{one.name}]({one.address})" if one.address else one.name
        lines.append(f"| {name} | {one.version or f'inside {one.part_of}'} | {one.licence} |")
    notes = [f"- **{one.name}**: {one.note}" for one in inside if one.note and not one.name.startswith("nvidia-")]
    if any(one.name.startswith("nvidia-") for one in inside):
        notes.append(f"- **nvidia-***: {components.CUDA_NOTE}")
    return "\n".join([*lines, "", *notes]) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "about"))
