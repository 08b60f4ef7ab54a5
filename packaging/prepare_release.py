"""Make a folder of packages ready to be attached to a release.

    python3 packaging/prepare_release.py FOLDER TAG REPOSITORY_ADDRESS

Checks every sum, splits files over 2 GiB into parts (the limit of GitHub's releases), writes SHA256SUMS over whole
files and parts, NOTES.md from the changelog, and latest.json, which the program's question for newer versions reads.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 2_000_000_000  # bytes of an attached file; the limit is 2 GiB
CHUNK = 1 << 24


def main(arguments: list[str]) -> int:
    """Do all of it; the exit code."""
    if len(arguments) != 3:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    folder, tag, address = Path(arguments[0]), arguments[1], arguments[2]
    if wrong := check_sums(folder):
        print(f"These files are damaged: {', '.join(wrong)}", file=sys.stderr)
        return 1
    lines, parts = [], []
    for path in sorted(folder.glob("resnet-explorer-*")):
        lines.append(f"{sha256(path)}  {path.name}\n")
        if path.stat().st_size > LARGEST:
            made = split(path, LARGEST)
            lines += [f"{sha256(part)}  {part.name}\n" for part in made]
            parts.append(path.name)
            path.unlink()
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")
    changes = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), tag.removeprefix("v"))
    (folder / "NOTES.md").write_text(changes + joining(parts), encoding="utf-8")
    latest = {"version": tag.removeprefix("v"), "page": f"{address}/releases/tag/{tag}"}
    (folder / "latest.json").write_text(json.dumps(latest) + "\n", encoding="utf-8")
    return 0


def check_sums(folder: Path) -> list[str]:
    """The files whose sums are not those of the machine that made them."""
    wrong = []
    for table in sorted(folder.glob("SHA256SUMS-*")):
        for line in table.read_text(encoding="utf-8").splitlines():
            expected, name = line.split("  ", 1)
            if not (folder / name).is_file() or sha256(folder / name) != expected:
                wrong.append(name)
    return wrong


def split(path: Path, size: int) -> list[Path]:
    """Cut a file into parts of at most `size` bytes, named .001, .002, …; put together they are the file."""
    made: list[Path] = []
    with path.open("rb") as source:
        for start in range(0, path.stat().st_size, size):
            part = path.with_name(f"{path.name}.{len(made) + 1:03}")
            left = min(size, path.stat().st_size - start)
            with part.open("wb") as target:
                while left:
                    data = source.read(min(CHUNK, left))
                    target.write(data)
                    left -= len(data)
            made.append(part)
    return made


def notes(changelog: str, version: str) -> str:
    """What the changelog says of a version; of what is unreleased where it has no section yet."""
    for heading in (version, "Unreleased"):
        if found := re.search(rf"^## \[{re.escape(heading)}\].*?\n(.*?)(?=^## \[|\Z)", changelog, re.M | re.S):
            return found.group(1).strip() + "\n"
    return ""


def joining(names: list[str]) -> str:
    """How a person puts split files together."""
    if not names:
        return ""
    name = names[0]
    return (
        "\n## Files in parts\n\nPut the parts together before you use them: on Linux and macOS "
        f"`cat {name}.0* > {name}`, on Windows `copy /b {name}.001+{name}.002 {name}`. SHA256SUMS has the sum of the "
        "whole.\n"
    )


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
