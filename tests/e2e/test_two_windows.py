"""Two windows, each a process of its own, that want one file at the same time: it is downloaded once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import paths
from tests.unit.test_download import CONTENT, HASH, Server, server  # noqa: F401

WINDOW = """
import dataclasses, json, sys
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.ui import model_library
from app.ui.composition import Composition
from app.zoo.cards import read_library
from tests.ui.prompt_engine import PromptEngine

ID, base, digest, go, ready = "resnet18:V1", *sys.argv[1:]


def small(card):
    if card.id != ID:
        return card
    weights = dataclasses.replace(card.weights, file=f"small-{digest}.pth", sha256=digest, mebibytes=2.0)
    return dataclasses.replace(card, weights=weights)


def read():
    library = read_library()
    cards = tuple(map(small, library.cards))
    return dataclasses.replace(library, cards=cards), frozenset(card.id for card in cards if card.available)


model_library._read = read
application = QApplication([])
program = Composition((), client=PromptEngine)
program.show()
said = []


def end(how):
    print(json.dumps({"how": how, "said": said, "here": ID in {card.id for card in program.library.here}}), flush=True)
    program.close()
    application.quit()


def begin():
    program.window.show_page("models")
    panel = program.window.pages.currentWidget().show_panel("library")
    panel.filters._address.setText(base)
    panel.shelf.choose(ID)
    panel.downloads.failed.connect(lambda _id, error: end(str(error)))
    panel.downloads.finished.connect(lambda _id: program.library.refresh(then=lambda: end("finished")))
    panel.downloads.progressed.connect(lambda _id: said.append(panel.details.progress.text()))
    Path(ready).touch()
    waiting = QTimer(application, interval=20)

    def look():
        if Path(go).exists():
            waiting.stop()
            panel.details.download.click()

    waiting.timeout.connect(look)
    waiting.start()


QTimer.singleShot(1000, begin)
application.exec()
"""


class Windows:
    """Starts windows with one home and one torch cache."""

    def __init__(self, folder: Path, base: str) -> None:
        self.folder, self.base = folder, base
        self.go = folder / "go"
        self.processes: list[subprocess.Popen[str]] = []

    def open(self, count: int) -> None:
        """Open so many, and wait until each could begin."""
        script = self.folder / "window.py"
        script.write_text(WINDOW, encoding="utf-8")
        environment = os.environ | {
            "PYTHONPATH": str(paths.root()),
            "QT_QPA_PLATFORM": "offscreen",
            "RESNET_EXPLORER_HOME": str(self.folder / "home"),
            "TORCH_HOME": str(self.folder / "torch"),
        }
        flags = [self.folder / f"ready-{number}" for number in range(count)]
        for flag in flags:
            command = [sys.executable, str(script), self.base, HASH, str(self.go), str(flag)]
            self.processes.append(
                subprocess.Popen(command, cwd=paths.root(), env=environment, stdout=subprocess.PIPE, text=True)
            )
        until = time.monotonic() + 120
        while not all(flag.exists() for flag in flags):
            assert time.monotonic() < until, "the windows did not open"
            assert all(process.poll() is None for process in self.processes)
            time.sleep(0.1)

    def answer(self, process: subprocess.Popen[str]) -> dict[str, object]:
        """What a window says at its end."""
        output, _ = process.communicate(timeout=120)
        found = json.loads(output.strip().splitlines()[-1])
        assert isinstance(found, dict)
        return found

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def windows(tmp_path: Path, server: Server) -> Iterator[Windows]:  # noqa: F811
    opened = Windows(tmp_path, server.base)
    yield opened
    opened.close()


def _weights(windows: Windows) -> Path:
    return windows.folder / "torch" / "hub" / "checkpoints" / f"small-{HASH}.pth"


def _waited(answer: dict[str, object]) -> bool:
    said = answer["said"]
    assert isinstance(said, list)
    return any("Another window" in words for words in said)


def test_two_windows_download_a_file_once_and_the_second_says_that_it_waits(
    windows: Windows,
    server: Server,  # noqa: F811
) -> None:
    server.pause = 0.1  # three seconds
    windows.open(2)
    windows.go.touch()
    answers = [windows.answer(process) for process in windows.processes]
    assert [answer["how"] for answer in answers] == ["finished", "finished"]
    assert all(answer["here"] for answer in answers)
    assert sorted(map(_waited, answers)) == [False, True]
    assert server.requests == [""], "one request for the whole file"
    assert _weights(windows).read_bytes() == CONTENT
    assert not _weights(windows).with_name(f".{_weights(windows).name}.partial").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_where_the_first_window_is_killed_the_second_goes_on_from_what_came(
    windows: Windows,
    server: Server,  # noqa: F811
) -> None:
    server.pause = 0.1
    windows.open(2)
    windows.go.touch()
    partial = _weights(windows).with_name(f".{_weights(windows).name}.partial")
    until = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size > len(CONTENT) // 4):
        assert time.monotonic() < until
        time.sleep(0.02)
    downloading = _downloading(windows)
    os.kill(downloading.pid, signal.SIGKILL)
    downloading.wait()
    other = next(process for process in windows.processes if process is not downloading)
    answer = windows.answer(other)
    assert answer["how"] == "finished" and answer["here"] and _waited(answer)
    assert len(server.requests) == 2 and server.requests[1].startswith("bytes="), "it began where the first one ended"
    assert int(server.requests[1].removeprefix("bytes=").rstrip("-")) >= len(CONTENT) // 4
    assert _weights(windows).read_bytes() == CONTENT


def _downloading(windows: Windows) -> subprocess.Popen[str]:
    """The window that has the partial file open."""
    for process in windows.processes:
        for file in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                if str(file.readlink()).endswith(".partial"):
                    return process
            except OSError:
                continue
    raise AssertionError("no window is downloading")
