"""Continuous integration: build the bundle and let it test itself, where anything has changed that can change it.

    python3 packaging/ci_bundle.py             build and check, or say why it was skipped
    python3 packaging/ci_bundle.py --record    remember the present state as built and checked (commit the file)

The state is a hash over the program's files, what they need, and the installed versions. The last one that was built
and checked stands in packaging/bundle_checked.json; a commit that touches only tests or documents leaves it as it is.
Has a time limit of its own, so that it cannot eat the time of the tests.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import build
import environment
import qt_libraries
from system_packages import SetupError, say

ROOT = environment.ROOT
RECORD = ROOT / "packaging" / "bundle_checked.json"
FOLDERS = ("app", "assets", "models", "packaging")
FILES = ("main.py", "pyproject.toml", "LICENSE")
# In packaging, but nothing of the bundle's: set-up, other systems, pictures, and this record itself.
WITHOUT = ("dev.py", "screenshots.py", "try_deb.py", "ci_bundle.py", "bundle_checked.json", "suffixes.iss")
LIMIT = 9 * 60  # seconds for build and check together; measured: about 3 minutes on two idle cores
NEEDED_GIGABYTES = 13
# Of what goes in and what builds it; what only the tests need changes nothing.
VERSIONS = (
    "import importlib.metadata as m; from app import components\n"
    "for name in (*components.required(), 'pyinstaller', 'pyinstaller-hooks-contrib'): print(name, m.version(name))"
)


def main(arguments: list[str]) -> int:
    """Do what was asked; the exit code."""
    try:
        if arguments == ["--record"]:
            now = state(ROOT, _versions(Path(build.builder())))
            RECORD.write_text(json.dumps({"state": now}, indent=1) + "\n", encoding="utf-8")
            return 0
        python = environment.ensure(frozenset({"test", "package"}))
        now = state(ROOT, _versions(python))
        if reason := why_not(now, RECORD, shutil.disk_usage(ROOT).free / 1e9):
            print(f"-- bundle: skipped, {reason}", flush=True)
            return 0
        qt_libraries.ensure(python, window=False)
        return _build(str(python))
    except SetupError as error:
        say(str(error))
        return 3


def why_not(state_now: str, record: Path, free: float) -> str:
    """Why no bundle has to be built, or can be; "" where one has to.

    Args:
        free: Gigabytes on the disk.
    """
    if _recorded(record) == state_now:
        return f"nothing that can change it has changed since it was last built and checked ({state_now[:12]})"
    if free < NEEDED_GIGABYTES:
        return (
            f"it has changed, but only {free:.1f} GB are free and it needs {NEEDED_GIGABYTES}; "
            "build it elsewhere with packaging/build.py"
        )
    return ""


def state(root: Path, versions: str) -> str:
    """A hash over everything that can change the bundle."""
    whole = hashlib.sha256(versions.encode())
    paths = [root / name for name in FILES]
    for folder in FOLDERS:
        paths += [path for path in (root / folder).rglob("*") if path.is_file() and counts(path)]
    for path in sorted(paths):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def counts(path: Path) -> bool:
    """Whether a file can change the bundle."""
    return path.suffix != ".pyc" and "__pycache__" not in path.parts and path.name not in WITHOUT


def _build(python: str) -> int:
    started = time.monotonic()
    try:
        for step in (["bundle.py"], ["check_bundle.py"]):
            left = LIMIT - (time.monotonic() - started)
            print(f"-- bundle: {' '.join(step)}, {left:.0f} s left", flush=True)
            done = subprocess.run(
                [python, str(ROOT / "packaging" / step[0]), *step[1:]], cwd=ROOT, timeout=max(1.0, left), check=False
            )
            if done.returncode:
                print(f"-- bundle: FAILED in {step[0]}, see above", flush=True)
                return 1
    except subprocess.TimeoutExpired as error:
        print(f"-- bundle: FAILED, {error.cmd[1]} did not end within the {LIMIT} s for the bundle", flush=True)
        return 1
    finally:
        for folder in (ROOT / "dist", ROOT / "build" / "pyinstaller"):
            shutil.rmtree(folder, ignore_errors=True)  # 5 GB that nobody wants in CI
    print(f"-- bundle: built and checked in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def _versions(python: Path) -> str:
    told = subprocess.run([python, "-c", VERSIONS], cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        raise SetupError(f"The installed versions cannot be read: {told.stderr.strip()[-300:]}.", "Set it up again.")
    return told.stdout


def _recorded(record: Path) -> str:
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
