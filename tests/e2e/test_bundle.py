"""A built bundle, started as users start it; skipped where there is none (packaging/build.py makes one)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app import __version__

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("RESNET_EXPLORER_BUNDLE") or ROOT / "dist" / "ResNetExplorer")
SUFFIX = ".exe" if sys.platform == "win32" else ""
WINDOW, TERMINAL = FOLDER / f"ResNetExplorer{SUFFIX}", FOLDER / f"resnet-explorer{SUFFIX}"
SAMPLES = ROOT / "assets" / "samples"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        not TERMINAL.exists(), reason=f"no bundle in {FOLDER}; python3 packaging/build.py --no-installer makes one"
    ),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "Ünser Käfer 猫"


def _surroundings(home: Path | None, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RESNET_", "QT_"))}
    if sys.platform.startswith("linux"):
        kept["QT_QPA_PLATFORM"] = "offscreen"
    if home is not None:
        kept["RESNET_EXPLORER_HOME"] = str(home)
    return {**kept, **more}


def _run(home: Path | None, *words: str, **more: str) -> str:
    done = subprocess.run(
        [TERMINAL, *words], env=_surroundings(home, **more), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _log(home: Path, words: str, count: int = 1) -> None:
    """Wait until the window's log has said something so many times."""
    path = home / "logs" / "window.log"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if path.exists() and path.read_text(encoding="utf-8").count(words) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"“{words}” was not logged: {path.read_text() if path.exists() else 'no log'}")


def test_version(home: Path) -> None:
    assert __version__ in _run(home, "--version")


def test_a_home_with_spaces_and_other_letters(home: Path) -> None:
    picture = home / "Käse katze.jpg"
    home.mkdir()
    shutil.copy(SAMPLES / "cat.jpg", picture)
    told = json.loads(
        _run(home, "classify", str(picture), "--explain", "grad-cam", "--out", str(home / "aus"), "--json")
    )
    assert told[0]["predictions"][0]["label"] == "cat"
    assert Path(told[0]["explanation"]["png"]).is_file()
    assert (home / "logs" / "command.log").is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not ask HOME")
def test_no_home_and_one_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    for home in (str(blocked), "/nonexistent"):
        assert "cat" in _run(None, "classify", str(SAMPLES / "cat.jpg"), HOME=home, XDG_CACHE_HOME="", XDG_DATA_HOME="")


@pytest.mark.skipif(os.name == "nt", reason="closes file descriptors")
def test_without_standard_streams(home: Path) -> None:
    command = f'exec "{WINDOW}" gui --close-after-start <&- >&- 2>&-'
    assert subprocess.call(["sh", "-c", command], env=_surroundings(home), timeout=120) == 0
    _log(home, "the window is painted")


def test_a_second_start_hands_its_file_to_the_first(home: Path) -> None:
    first = subprocess.Popen([WINDOW, SAMPLES / "cat.jpg"], env=_surroundings(home))
    try:
        _log(home, "the first answer is there")
        assert subprocess.call([WINDOW, SAMPLES / "ship.jpg"], env=_surroundings(home), timeout=60) == 0
        assert first.poll() is None
        # Another home is another program, as another version would be: it opens a window of its own.
        other = home.with_name("other")
        code = subprocess.call([WINDOW, "gui", "--close-after-start"], env=_surroundings(other), timeout=60)
        assert code == 0
        _log(other, "the window is painted")
    finally:
        first.terminate()
        assert first.wait(30) == 0
    log = (home / "logs" / "window.log").read_text(encoding="utf-8")
    assert log.count("the window is painted") == 1, "the second start opened no window"
    assert (json.loads((home / "config" / "settings.json").read_text())["recent"][0]).endswith("ship.jpg")
