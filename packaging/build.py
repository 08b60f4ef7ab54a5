"""Make what is released, on any of the three systems: the one command.

    python3 packaging/build.py [--no-installer] [--no-check]

1. makes the bundle (bundle.py), 2. starts it and lets it test itself (check_bundle.py), 3. makes the system's installer
(linux_packages.py, windows_installer.py, macos_package.py), 4. writes SHA256SUMS and the list of licences beside it.
All of it lands in dist/. Each step is a script that can be run by itself.

Runs with the Python that it is called with, where that has the program's libraries and PyInstaller; else it makes
the environment in .venv first, as the README's commands do.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bundle_identity as identity
from system_packages import SetupError, say

ROOT = identity.ROOT
DIST = ROOT / "dist"
PACKAGES = (".deb", ".tar.zst", ".AppImage", ".exe", ".bin", ".dmg", ".zip")
QUESTION = "import json, torch; print(json.dumps([torch.__version__, torch.version.cuda]))"


def main() -> int:
    """Do all of it; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-installer", action="store_true", help="only the bundle")
    parser.add_argument("--no-check", action="store_true", help="do not start the bundle")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        python = builder()
        _step(python, "bundle.py")
        if not arguments.no_check:
            _step(python, "check_bundle.py")
        if not arguments.no_installer:
            installers(python)
            shutil.copy(ROOT / "build" / "about" / "LICENCES.md", DIST / "LICENCES.md")
            sums(DIST)
    except SetupError as error:
        say(str(error))
        return 3
    say(f"Done after {time.monotonic() - started:.0f} s; the results are in {DIST}.")
    return 0


def builder() -> str:
    """The Python that builds: this one where it has what is needed, else that of .venv, made if need be."""
    if all(importlib.util.find_spec(name) for name in ("torch", "PySide6", "PyInstaller")):
        return sys.executable
    import environment
    import qt_libraries

    python = environment.ensure(frozenset({"package"}))
    qt_libraries.ensure(python, window=False)
    return str(python)


def installers(python: str) -> None:
    """The packages of this system; those of an earlier build are removed."""
    told = subprocess.run([python, "-c", QUESTION], capture_output=True, text=True, check=False)
    if told.returncode:
        raise SetupError(f"torch cannot be imported: {told.stderr.strip()[-300:]}.", "Install it again.")
    flavour = identity.flavour(*json.loads(told.stdout))
    for old in DIST.glob(f"{identity.PACKAGE}-*"):
        if old.is_file():
            old.unlink()
    script = {"Linux": "linux_packages.py", "Windows": "windows_installer.py", "Darwin": "macos_package.py"}
    _step(python, script[platform.system()], flavour)


def sums(folder: Path) -> Path:
    """Write SHA256SUMS over the packages, in the form that “sha256sum -c” reads."""
    lines = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.endswith(PACKAGES):
            with path.open("rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    result = folder / "SHA256SUMS"
    result.write_text("".join(lines), encoding="utf-8", newline="\n")
    return result


def _step(python: str, script: str, *arguments: str) -> None:
    say(f"== {script}")
    sys.stdout.flush()
    done = subprocess.call([python, str(ROOT / "packaging" / script), *arguments], cwd=ROOT, env=dict(os.environ))
    if done:
        raise SetupError(f"{script} ended with {done}.", "It said why above; the logs are in build/.")


if __name__ == "__main__":
    sys.exit(main())
