"""The project's own Python environment in `.venv`: made, filled, and left alone until pyproject.toml changes.

Standard library only: this runs with the system's Python, before anything is installed. Everything that is said goes
to standard error, so that the program's own output can be piped.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import system_packages
from system_packages import SetupError, say

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
STAMP = "resnet-explorer-setup.json"
# Measured on Debian 12 with torch 2.15: see docs/decisions/0004. PyTorch for Linux carries CUDA's libraries;
# the builds for macOS and Windows do not.
NEEDED_GIGABYTES = 10 if sys.platform == "linux" else 3
CACHE_GIGABYTES = 4
WORTH_MENTIONING_MEGABYTES = 50
WORTH_MENTIONING_PACKAGES = 25


@dataclass(frozen=True)
class Stamp:
    """What was installed when the set-up last succeeded.

    Attributes:
        fingerprint: Of the parts of pyproject.toml that decide what is installed, and of where.
        extras: The optional dependencies that are there too.
    """

    fingerprint: str = ""
    extras: frozenset[str] = frozenset()

    def covers(self, fingerprint: str, extras: frozenset[str]) -> bool:
        """Whether nothing has to be installed."""
        return self.fingerprint == fingerprint and extras <= self.extras

    @staticmethod
    def read(environment: Path) -> Stamp:
        """The stamp of an environment; an empty one where there is none, or not a whole one."""
        try:
            values = json.loads((environment / STAMP).read_text(encoding="utf-8"))
            return Stamp(str(values["fingerprint"]), frozenset(map(str, values["extras"])))
        except (OSError, ValueError, KeyError, TypeError):
            return Stamp()

    def write(self, environment: Path) -> None:
        """Leave the stamp in an environment."""
        values = {"fingerprint": self.fingerprint, "extras": sorted(self.extras)}
        (environment / STAMP).write_text(json.dumps(values) + "\n", encoding="utf-8")


def fingerprint(root: Path) -> str:
    """A hash of what decides an installation: requirements, packages, and where the repository lies.

    The settings of linters and tests in pyproject.toml do not count.

    Raises:
        SetupError: where pyproject.toml cannot be read.
    """
    path = root / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(
            f"{path} cannot be read: {error}.", "Restore it with “git checkout pyproject.toml”."
        ) from error
    parts = [project.get("build-system"), project.get("project"), project.get("tool", {}).get("setuptools"), str(root)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def interpreter(environment: Path) -> Path:
    """The Python of an environment, there or not."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure(extras: frozenset[str] = frozenset()) -> Path:
    """Make sure that the program's libraries are installed, and return the Python that sees them.

    Args:
        extras: Names of optional dependencies in pyproject.toml that are wanted too.

    Raises:
        SetupError: saying what stopped it and what to do.
    """
    try:
        with _alone():
            return _ensure(extras)
    except OSError as error:
        if error.errno == 28:
            raise _disk_full() from error
        raise SetupError(
            f"The set-up cannot write in {ROOT} ({error}).", "Clone the repository where you may write."
        ) from error


def _ensure(extras: frozenset[str]) -> Path:
    python = interpreter(ENVIRONMENT)
    if not _usable(python):
        _create()
    wanted, found = fingerprint(ROOT), Stamp.read(ENVIRONMENT)
    if found.covers(wanted, extras):
        return python
    extras |= found.extras  # what an earlier command installed stays up to date too
    if found.fingerprint:
        say("The requirements changed, the folder moved, or more is wanted: bringing the libraries up to date.")
    else:
        _check_room()
        say("Installing the libraries: several GB on Linux, most of it PyTorch; some minutes the first time.")
    # From here until the new stamp the environment is half done, and the next run has to know.
    (ENVIRONMENT / STAMP).unlink(missing_ok=True)
    _install(python, extras)
    Stamp(wanted, extras).write(ENVIRONMENT)
    return python


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time; a second one waits for the first, also where that one is killed."""
    with (ROOT / ".venv.lock").open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            def take() -> None:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            def take() -> None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        waiting = False
        while True:
            try:
                take()
                break
            except OSError:
                if not waiting:
                    say("Another set-up of this folder is under way; waiting for it.")
                waiting = True
                time.sleep(0.5)
        yield  # closing the file gives the lock back


def _usable(python: Path) -> bool:
    """Whether an environment's Python starts and has pip; it has not after an upgrade of the system's Python."""
    if not python.exists():
        return False
    question = "import importlib.util as u; print(u.find_spec('pip') is not None)"
    try:
        answer = subprocess.run([python, "-c", question], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "True"


def _create() -> None:
    if ENVIRONMENT.is_symlink():
        raise SetupError(
            f"{ENVIRONMENT} is a link to an environment without pip.", "Remove the link and run this again."
        )
    if importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        system_packages.install((package,), "Python's module “venv”")
    again = (
        " anew, as the old one does not work any more" if ENVIRONMENT.exists() and any(ENVIRONMENT.iterdir()) else ""
    )
    say(f"Making a Python environment in {ENVIRONMENT.name}{again}.")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", ENVIRONMENT], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise _explained(made.stdout + made.stderr, "Python could not make an environment in .venv.")


def _check_room() -> None:
    free = shutil.disk_usage(ENVIRONMENT).free / 1e9
    if free < NEEDED_GIGABYTES:
        raise _disk_full(f", where {free:.1f} GB are free")


def _disk_full(detail: str = "") -> SetupError:
    return SetupError(
        f"The disk that holds {ROOT} has too little room{detail}.",
        f"The installation needs {NEEDED_GIGABYTES} GB, most of it for PyTorch: make room and run this again.",
    )


def _install(python: Path, extras: frozenset[str]) -> None:
    target = f".[{','.join(sorted(extras))}]" if extras else "."
    started = time.monotonic()
    # Several GB of wheels pass through the temporary folder, and the system's may be a small one in memory.
    temporary = ENVIRONMENT / "tmp"
    temporary.mkdir(exist_ok=True)
    surroundings = os.environ | {
        "TMPDIR": str(temporary),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PYTHONUNBUFFERED": "1",
    }
    if shutil.disk_usage(ENVIRONMENT).free / 1e9 < NEEDED_GIGABYTES + CACHE_GIGABYTES:
        surroundings["PIP_NO_CACHE_DIR"] = "1"
    command = [str(python), "-m", "pip", "install", "--progress-bar", "off", "--editable", target]
    output: list[str] = []
    try:
        with subprocess.Popen(
            command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace",
        ) as pip:  # fmt: skip
            assert pip.stdout is not None
            for line in pip.stdout:
                output.append(line)
                if news := progress(line):
                    say(news)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if pip.returncode:
        output.append(f"pip ended with status {pip.returncode}\n")
        (ENVIRONMENT / "pip.log").write_text("".join(output), encoding="utf-8")
        if pip.returncode < 0:
            raise SetupError(
                f"pip was stopped by signal {-pip.returncode}, by somebody or for want of memory.",
                "Run this again: it goes on from there.",
            )
        raise _explained("".join(output), "pip could not install the libraries.")
    say(f"Installed after {time.monotonic() - started:.0f} s.")


def progress(line: str) -> str:
    """What a line of pip's output is worth telling: the big downloads, and the quiet stretch at the end; else ""."""
    if download := re.match(r"\s*Downloading ([\w.]+?)-\d\S*\.whl \(([\d.]+) (MB|GB)\)", line):
        name, size, unit = download.groups()
        megabytes = float(size) * (1000 if unit == "GB" else 1)
        return f"Downloading {name}, {megabytes:.0f} MB." if megabytes >= WORTH_MENTIONING_MEGABYTES else ""
    packages = line.count(",") + 1
    if line.startswith("Installing collected packages:") and packages >= WORTH_MENTIONING_PACKAGES:
        return f"Unpacking {packages} packages; this takes a minute or two."
    return ""


def _explained(output: str, what: str) -> SetupError:
    """The error for a failed command of Python's, with the remedy that its output suggests."""
    if re.search(r"No space left on device|Errno 28|not enough space|quota exceeded", output, re.IGNORECASE):
        return _disk_full()
    if re.search(
        r"NewConnectionError|ConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
        r"|Max retries exceeded|Connection (refused|reset|broken)|Network is unreachable",
        output,
    ):
        remedy = "Check the connection, the proxy and pip's settings (“pip config list”), then run this again."
        return SetupError(f"{what} The package registry cannot be reached.", remedy)
    if absent := re.search(r"No matching distribution found for ([\w.-]+)", output):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return SetupError(
            f"{what} It found no build of {absent.group(1)} for Python {version} on this machine.",
            "Check pip's settings (“pip config list”), or use another 64-bit Python from 3.11 on: PyTorch and PySide6 "
            "take some months to support a new one.",
        )
    if "Permission denied" in output or "Errno 13" in output:
        return SetupError(f"{what} Some files may not be written.", f"Make {ROOT} yours, and run this again.")
    last = " ".join(line.strip() for line in output.strip().splitlines()[-3:])
    log = f"The whole output is in {ENVIRONMENT.name}/pip.log. " if (ENVIRONMENT / "pip.log").exists() else ""
    return SetupError(f"{what} It said: {last}", f"{log}Remove the folder {ENVIRONMENT.name} and run this again.")
