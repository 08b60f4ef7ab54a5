"""Start a bundle and look that it works: its selftest, its verbs, and how soon its window is there.

    python packaging/check_bundle.py [FOLDER] [--starts N]

Standard library only. Any output that is not expected is a failure, as it would be in front of a user.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bundle_identity
from system_packages import SetupError, say

ROOT = bundle_identity.ROOT
SELFTEST_PATIENCE = 300  # seconds
START_PATIENCE = 60
PAINTED, READY = "the window is painted", "the engine is ready"
WINDOW_BAR, ENGINE_BAR = 0.7, 8.0  # seconds, from a warm start
# In the bundle's selftest, each line is one of these.
EXPECTED = re.compile(r"ok      \S.*\(\d+\.\d s\)|(\d+) of \1 checks passed")


def main() -> int:
    """Check one bundle; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist" / bundle_identity.FOLDER)
    parser.add_argument("--starts", type=int, default=0, help="also measure so many starts of the window")
    arguments = parser.parse_args()
    try:
        print(check(arguments.folder))
        if arguments.starts:
            print(starts(arguments.folder, arguments.starts))
    except SetupError as error:
        say(str(error))
        return 1
    return 0


def check(folder: Path) -> str:
    """The output of the bundle's selftest.

    Raises:
        SetupError: where the version is wrong, a check fails, or something unexpected is printed.
    """
    terminal = executable(folder, bundle_identity.TERMINAL)
    with tempfile.TemporaryDirectory(prefix="bundle-check-") as home:
        told = _output(terminal, home, "--version")
        if bundle_identity.version() not in told:
            raise SetupError(f"The bundle says “{told.strip()}” of its version.", "Build it again.")
        text = _output(terminal, home, "selftest", patience=SELFTEST_PATIENCE)
        strange = [line for line in text.splitlines() if not EXPECTED.fullmatch(line)]
        if strange or "as in the source tree" not in text:
            raise SetupError(f"The selftest said something unexpected: {strange or text}.", "Look into it.")
        expected = ROOT / "build" / "about" / "inventory.json"
        if expected.exists() and json.loads(_output(terminal, home, "selftest", "--inventory")) != json.loads(
            expected.read_text(encoding="utf-8")
        ):
            raise SetupError("The bundle lists other plug-ins than the source tree.", "Look into bundle_contents.py.")
    return text


def starts(folder: Path, count: int) -> str:
    """How soon the window is painted and the engine ready, over some warm starts; a sentence.

    Raises:
        SetupError: where the window does not come, or a bar is missed.
    """
    window = executable(folder, bundle_identity.WINDOW)
    painted, ready = [], []
    for number in range(count + 1):
        with tempfile.TemporaryDirectory(prefix="bundle-start-") as home:
            begun = time.time()
            process = subprocess.Popen(
                [window], env=_surroundings(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                moments = _moments(Path(home) / "logs" / "window.log", begun)
            finally:
                process.terminate()
                process.wait(START_PATIENCE)
        if number:  # the first brings the files into memory
            painted.append(moments[PAINTED])
            ready.append(moments[READY])
    first, second = statistics.median(painted), statistics.median(ready)
    text = (
        f"{count} warm starts: window painted after {first:.2f} s ({min(painted):.2f} to {max(painted):.2f}), "
        f"engine ready after {second:.1f} s ({min(ready):.1f} to {max(ready):.1f})"
    )
    if first > WINDOW_BAR or second > ENGINE_BAR:
        raise SetupError(f"{text}; the bars are {WINDOW_BAR} s and {ENGINE_BAR} s.", "Is the machine busy?")
    return text


def executable(folder: Path, name: str) -> str:
    """The path of one of the bundle's executables.

    Raises:
        SetupError: where it is not there.
    """
    for path in (folder / name, folder / f"{name}.exe", folder / "Contents" / "MacOS" / name):
        if path.exists():
            return str(path)
    raise SetupError(f"There is no {name} in {folder}.", "Make a bundle with packaging/build.py.")


def _output(program: str, home: str, *words: str, patience: float = 60) -> str:
    done = subprocess.run(
        [program, *words],
        env=_surroundings(home),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=patience,
        check=False,
    )
    if done.returncode or done.stderr.strip():
        raise SetupError(
            f"“{Path(program).name} {' '.join(words)}” ended with {done.returncode} and said: "
            f"{(done.stdout + done.stderr).strip()[-600:]}",
            "Look into it.",
        )
    return done.stdout


def _surroundings(home: str) -> dict[str, str]:
    """Nobody's own settings, and nothing of the Python that builds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "QT_"))}
    if sys.platform.startswith("linux") and not (kept.get("DISPLAY") or kept.get("WAYLAND_DISPLAY")):
        kept["QT_QPA_PLATFORM"] = "offscreen"
    return {**kept, "RESNET_EXPLORER_HOME": home}


def _moments(log: Path, begun: float) -> dict[str, float]:
    """Seconds from the start to what the window's log tells."""
    deadline = time.monotonic() + START_PATIENCE
    found: dict[str, float] = {}
    while time.monotonic() < deadline and len(found) < 2:
        time.sleep(0.05)
        for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
            for what in (PAINTED, READY):
                if what in line and what not in found:
                    stamp = datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")
                    found[what] = stamp.timestamp() - begun
    if len(found) < 2:
        raise SetupError(f"The window did not come within {START_PATIENCE} s.", f"Its log is {log}.")
    return found


if __name__ == "__main__":
    sys.exit(main())
