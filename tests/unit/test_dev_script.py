"""The set-up scripts in `packaging`: when they install, what they say when they cannot, which Python they refuse."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "packaging"
NAMES = ("system_packages", "environment", "qt_libraries", "dev")

PROJECT = """
[build-system]
requires = ["setuptools>=77"]
[project]
name = "some-program"
version = "1.0"
dependencies = ["click"]
[tool.ruff]
line-length = 100
"""


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Fresh copies of the scripts' modules, by name; they find each other as when one of them is run."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    for name in NAMES:
        sys.modules.pop(name, None)
    yield {name: importlib.import_module(name) for name in NAMES}
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def environment(scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `environment`, looking after a project in a temporary folder."""
    module = scripts["environment"]
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "NEEDED_GIGABYTES", 0)
    return module


@pytest.fixture
def installs(environment: Any, monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """The extras of every installation so far; nothing is really made or installed."""
    done: list[frozenset[str]] = []
    monkeypatch.setattr(environment, "_usable", lambda python: python.exists())

    def create() -> None:
        python = environment.interpreter(environment.ENVIRONMENT)
        python.parent.mkdir(parents=True)
        python.touch()

    monkeypatch.setattr(environment, "_create", create)
    monkeypatch.setattr(environment, "_install", lambda _python, extras: done.append(extras))
    return done


# Which Python


def test_older_pythons_can_read_the_script_and_are_refused_with_a_sentence() -> None:
    ast.parse((SCRIPTS / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 7))
    code = (
        "import runpy, sys; sys.version_info = (3, 10, 13, 'final', 0); "
        "sys.argv[1:] = ['start']; runpy.run_path('packaging/dev.py', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.startswith("ResNet Explorer needs Python 3.11 or newer; this is Python 3.10.")
    assert "Traceback" not in done.stderr


def test_the_scripts_need_nothing_that_has_to_be_installed() -> None:
    for script in SCRIPTS.glob("*.py"):
        if script.stem not in NAMES:
            continue
        tree = ast.parse(script.read_text(encoding="utf-8"))
        imported = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert imported <= set(sys.stdlib_module_names) | set(NAMES), script.name


# When something is installed


def test_a_second_run_installs_nothing(environment: Any, installs: list[frozenset[str]]) -> None:
    python = environment.ensure()
    assert environment.ensure() == python == environment.interpreter(environment.ENVIRONMENT)
    assert installs == [frozenset()]


def test_more_is_installed_when_more_is_wanted_and_stays_wanted(
    environment: Any, installs: list[frozenset[str]]
) -> None:
    environment.ensure()
    environment.ensure(frozenset({"test"}))
    environment.ensure()
    assert installs == [frozenset(), frozenset({"test"})]
    (environment.ROOT / "pyproject.toml").write_text(PROJECT.replace('"click"', '"click>=8"'))
    environment.ensure()
    assert installs[2:] == [frozenset({"test"})]


def test_settings_of_linters_do_not_cause_an_installation(environment: Any, installs: list[frozenset[str]]) -> None:
    environment.ensure()
    (environment.ROOT / "pyproject.toml").write_text(PROJECT.replace("100", "120"))
    environment.ensure()
    assert len(installs) == 1


def test_an_environment_in_another_folder_is_another_one(environment: Any, tmp_path: Path) -> None:
    other = tmp_path / "moved"
    other.mkdir()
    (other / "pyproject.toml").write_text(PROJECT)
    assert environment.fingerprint(other) != environment.fingerprint(tmp_path)


def test_an_installation_that_failed_is_made_again(
    environment: Any, installs: list[frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.ensure()
    (environment.ROOT / "pyproject.toml").write_text(PROJECT.replace('"click"', '"click>=8"'))
    working = environment._install

    def fail(_python: Path, _extras: frozenset[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_install", fail)
    with pytest.raises(KeyboardInterrupt):
        environment.ensure()
    monkeypatch.setattr(environment, "_install", working)
    (environment.ROOT / "pyproject.toml").write_text(PROJECT)  # back to what was there before the failure
    environment.ensure()
    assert len(installs) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": 1}', "null"])
def test_a_damaged_stamp_counts_as_none(environment: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / environment.STAMP).write_text(text)
    assert environment.Stamp.read(tmp_path) == environment.Stamp()


def test_two_set_ups_take_turns(
    environment: Any,
    installs: list[frozenset[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inside = threading.Event()

    def slowly(_python: Path, extras: frozenset[str]) -> None:
        inside.set()
        time.sleep(0.7)
        installs.append(extras)

    monkeypatch.setattr(environment, "_install", slowly)
    first = threading.Thread(target=environment.ensure)
    first.start()
    assert inside.wait(10)
    environment.ensure()
    first.join()
    assert len(installs) == 1
    assert "waiting for it" in capsys.readouterr().err


def test_a_broken_environment_is_made_anew_and_a_linked_one_is_left_alone(environment: Any, tmp_path: Path) -> None:
    assert environment._usable(Path(sys.executable))
    gone = environment.interpreter(environment.ENVIRONMENT)
    assert not environment._usable(gone)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    environment.ENVIRONMENT.symlink_to(elsewhere)
    with pytest.raises(environment.SetupError, match="is a link"):
        environment.ensure()
    assert (elsewhere / "precious").exists()


def test_too_little_room_is_said_before_anything_is_downloaded(
    environment: Any, installs: list[frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "NEEDED_GIGABYTES", 10**9)
    with pytest.raises(environment.SetupError, match=r"too little room, where [\d.]+ GB are free"):
        environment.ensure()
    assert installs == []


# What is said


NO_NETWORK = (
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('Failed to establish a new "
    "connection: [Errno -3] Temporary failure in name resolution')': /simple/torch/\n"
    "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n"
    "ERROR: No matching distribution found for torch\n"
)


@pytest.mark.parametrize(
    ("output", "what", "remedy"),
    [
        (NO_NETWORK, "cannot be reached", "Check the connection"),
        ("ERROR: No matching distribution found for torch>=2.10", "no build of torch for", "another 64-bit Python"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "too little room", "make room"),
        ("ERROR: [Errno 13] Permission denied: 'x'", "may not be written", "yours"),
        ("first\nsomething quite new", "It said: first something quite new", "run this again"),
    ],
)
def test_pips_failures_are_told_in_words(environment: Any, output: str, what: str, remedy: str) -> None:
    sentence = str(environment._explained(output, "pip could not install the libraries."))
    assert what in sentence
    assert remedy in sentence


def test_a_failing_pip_ends_in_a_sentence_and_a_log(environment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (environment.ROOT / "pyproject.toml").write_text("[project\n")
    environment.ENVIRONMENT.mkdir()
    with pytest.raises(environment.SetupError, match=r"pip could not install the libraries\..*pip\.log"):
        environment._install(Path(sys.executable), frozenset())
    assert "TOMLDecodeError" in (environment.ENVIRONMENT / "pip.log").read_text(encoding="utf-8")
    assert not (environment.ENVIRONMENT / "tmp").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are a POSIX thing")
def test_a_pip_that_was_killed_is_not_a_pip_that_failed(environment: Any, tmp_path: Path) -> None:
    environment.ENVIRONMENT.mkdir()
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o755)
    with pytest.raises(environment.SetupError, match=r"stopped by signal 9, .* Run this again"):
        environment._install(killed, frozenset())
    assert "status -9" in (environment.ENVIRONMENT / "pip.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "news"),
    [
        ("Downloading torch-2.10.0-cp311-cp311-manylinux_2_28_x86_64.whl (539.2 MB)\n", "Downloading torch, 539 MB."),
        ("  Downloading nvidia_cudnn_cu13-9.1-py3-none-any.whl (1.2 GB)", "Downloading nvidia_cudnn_cu13, 1200 MB."),
        ("Downloading click-8.1.8-py3-none-any.whl (98 kB)", ""),
        ("Downloading torch-2.10.0-cp311-none-any.whl.metadata (29 kB)", ""),
        ("Installing collected packages: " + ", ".join("abcdefghijklmnopqrstuvwxyzABCD"), "Unpacking 30 packages"),
        ("Installing collected packages: resnet-explorer", ""),
        ("Requirement already satisfied: numpy", ""),
    ],
)
def test_only_the_long_steps_are_told(environment: Any, line: str, news: str) -> None:
    told = environment.progress(line)
    assert told.startswith(news)
    assert bool(told) == bool(news)


# Qt's libraries

LISTING = """
QtWidgets.abi3.so:
	linux-vdso.so.1 (0x00007ffc)
	libEGL.so.1 => not found
	libc.so.6 => /lib/libc.so.6 (0x00007f00)
libqxcb.so:
	libxcb-cursor.so.0 => not found
	libEGL.so.1 => not found
"""


def test_missing_libraries_are_read_from_the_loader(scripts: dict[str, ModuleType]) -> None:
    qt = scripts["qt_libraries"]
    missing = qt.not_found(LISTING)
    assert missing == {"libEGL.so.1", "libxcb-cursor.so.0"}
    assert qt.packages_for(missing) == (("libegl1", "libxcb-cursor0"), ())
    assert qt.packages_for(frozenset({"libnew.so.7"})) == ((), ("libnew.so.7",))


@pytest.mark.skipif(sys.platform != "linux", reason="Qt's libraries come with its wheels elsewhere")
def test_every_library_that_qt_links_to_has_its_package(scripts: dict[str, ModuleType]) -> None:
    """A new version of PySide6 may need more than our table knows: found here before a user finds it."""
    qt = scripts["qt_libraries"]
    folder = qt._qt_folder(Path(sys.executable))
    linked: set[str] = set()
    for name in qt.OFFSCREEN + qt.X11 + qt.WAYLAND:
        assert (folder / name).exists(), name
        listing = subprocess.run(["ldd", folder / name], capture_output=True, text=True, check=True).stdout
        linked |= {line.split(" => ")[0].strip() for line in listing.splitlines() if " => " in line}
    of_display = {name for name in linked if name.startswith(("libxcb", "libxkb", "libEGL", "libX11", "libwayland"))}
    of_mesa = {"libxcb-dri2.so.0", "libxcb-dri3.so.0", "libxcb-present.so.0", "libwayland-server.so.0"}  # not of Qt
    assert len(of_display) > 10
    assert of_display - of_mesa <= qt.DEBIAN_PACKAGES.keys()
    qt.ensure(Path(sys.executable), window=False)


def test_a_user_is_told_the_one_command(scripts: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    qt, system = scripts["qt_libraries"], scripts["system_packages"]
    monkeypatch.setattr(qt.platform, "system", lambda: "Linux")
    monkeypatch.setattr(qt, "_qt_folder", lambda _python: Path())
    lacking = {
        qt.OFFSCREEN: frozenset({"libEGL.so.1"}),
        qt.X11: frozenset({"libxcb-cursor.so.0"}),
        qt.WAYLAND: frozenset(),
    }
    monkeypatch.setattr(qt, "missing_libraries", lambda _folder, files: lacking[files])
    monkeypatch.setattr(system, "may_install", lambda: False)
    monkeypatch.setattr(qt.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(system.SetupError, match="“sudo apt-get install libegl1 libxcb-cursor0”"):
        qt.ensure(Path("python"), window=True)
    with pytest.raises(system.SetupError, match="“sudo apt-get install libegl1”"):
        qt.ensure(Path("python"), window=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")  # one complete way to the screen is enough
    with pytest.raises(system.SetupError, match="“sudo apt-get install libegl1”"):
        qt.ensure(Path("python"), window=True)


@pytest.mark.skipif(os.name == "nt", reason="apt-get is a Linux program")
@pytest.mark.parametrize("works", [True, False])
def test_root_installs_and_says_so(
    scripts: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    works: bool,
) -> None:
    system = scripts["system_packages"]
    calls = tmp_path / "calls"
    apt = tmp_path / "apt-get"
    ending = "exit 0" if works else "echo 'E: Unable to locate package libegl1'; exit 100"
    apt.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{ending}\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if works:
        system.install(("libegl1",), "libraries that Qt needs")
        update, install = calls.read_text().splitlines()
        assert update.endswith("update")
        assert install.endswith("install --no-install-recommends --yes libegl1")
    else:
        with pytest.raises(system.SetupError, match="Unable to locate package libegl1"):
            system.install(("libegl1",), "libraries that Qt needs")
    assert "as root, installing libegl1" in capsys.readouterr().err


# The verbs


@pytest.fixture
def dev(scripts: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module `dev`, with this Python in place of `.venv`."""
    monkeypatch.setattr(scripts["environment"], "ensure", lambda *_: Path(sys.executable))
    monkeypatch.setattr(scripts["qt_libraries"], "ensure", lambda *_, **__: None)
    return scripts["dev"]


def test_a_wrong_verb_shows_the_right_ones(dev: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["strat"]) == 2
    assert "packaging/dev.py start" in capsys.readouterr().err
    assert dev.main(["--help"]) == 0


@pytest.mark.parametrize(
    ("checks", "tests", "status"),
    [(0, "pass", 0), (1, "pass", 1), (0, "raise AssertionError", 1), (1, "raise AssertionError", 1), (0, "", 5)],
)
def test_the_exit_status_is_the_worst_and_pytest_has_the_last_word(
    dev: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    checks: int,
    tests: str,
    status: int,
) -> None:
    monkeypatch.setattr(dev, "CHECKS", {"good": ["-c", ""], "doubtful": ["-c", f"raise SystemExit({checks})"]})
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    {tests}\n" if tests else "")
    assert dev.main(["test", "-q"]) == status
    lines = capfd.readouterr().out.strip().splitlines()
    assert ("-- checks: failed: doubtful" if checks else "-- checks: all passed") in lines
    assert " in " in lines[-1]


def test_a_failed_set_up_is_a_sentence(
    dev: Any, scripts: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise scripts["system_packages"].SetupError("The disk is full.", "Make room.")

    monkeypatch.setattr(scripts["environment"], "ensure", fail)
    for verb in ("start", "test", "check"):
        assert dev.main([verb]) == 3
        assert capsys.readouterr().err == "[setup] The disk is full. Make room.\n"


def test_the_window_is_wanted_without_a_verb_and_for_pictures(dev: Any, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.touch()
    assert all(map(dev.wants_window, ([], ["gui"], [str(picture)])))
    assert not dev.wants_window(["classify", str(picture)])
