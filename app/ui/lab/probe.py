"""The Lab's page, measured from inside a window of its own: `python -m app.ui.lab.probe` prints one JSON line."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from app import paths
from app.core.errors import ExplorerError

STEPS, DEPTH = 64_000, 110  # 54 blocks, a stem and a head
TICK = 5  # milliseconds between two looks at the clock
LIVE_SECONDS = 8.0


def page() -> dict[str, Any]:
    """Make two long runs, open the page in a process of its own, and hear what it told.

    Raises:
        ExplorerError: where the window told nothing.
    """
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for kind in ("residual", "plain"):
            _make(home / "data" / "runs" / "long" / kind, plain=kind == "plain")
        (home / "data" / "runs" / "long" / "twins.json").write_text("{}", encoding="utf-8")
        environment = {**os.environ, "RESNET_EXPLORER_HOME": str(home)}
        if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        done = subprocess.run(
            [sys.executable, "-m", "app.ui.lab.probe"],
            env=environment,
            cwd=paths.root(),
            capture_output=True,
            text=True,
            timeout=300,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise ExplorerError(f"The window told nothing: {done.stderr.strip()[-400:]}", "Look into the log.")
    told: dict[str, Any] = json.loads(lines[-1])
    return told


def _make(folder: Path, *, plain: bool) -> None:
    """A run of 64,000 steps that looks as if a trainer worked on it."""
    from app.core.records import BlockInfo, NetworkOutline
    from app.runs.folder import CONFIG, write_json, write_outline
    from app.runs.records import StepRow
    from app.runs.store import RunWriter
    from app.training.config import Experiment

    folder.mkdir(parents=True)
    inner = [
        BlockInfo(f"layer{stage}.{n}", "basic", stage, n + 1, "none" if plain else "identity", 5000)
        for stage in (1, 2, 3)
        for n in range((DEPTH - 2) // 6)
    ]
    blocks = (BlockInfo("relu", "stem", 0, 0, "none", 464), *inner, BlockInfo("fc", "head", 0, 0, "none", 650))
    write_outline(folder, NetworkOutline("cifar", f"resnet{DEPTH}", f"ResNet-{DEPTH}", blocks, 1_700_000))
    experiment = Experiment(depth=DEPTH, shortcut="none" if plain else "A")
    random = np.random.default_rng(int(plain))
    writer = RunWriter(folder)
    slope = np.geomspace(1, 50, len(blocks)) if plain else np.ones(len(blocks))

    def row(step: int) -> StepRow:
        noise = np.exp(0.3 * random.standard_normal(len(blocks)))
        norms = (slope * noise / (1 + step / 8000)).astype(np.float32)
        loss = 2.3 / (1 + step / 4000) + 0.1 * float(random.random())
        return StepRow(step, step // 390 + 1, loss, 30 * loss, 0.1, 1000.0, 0.1 * step, norms, norms, norms)

    writer.extend(row(step) for step in range(1, STEPS + 1))
    writer.close()
    write_json(folder / CONFIG, dataclasses.asdict(experiment))
    _beat(folder, STEPS)


def _beat(folder: Path, step: int) -> None:
    from app.runs.status import FILE_NAME, Status

    now = time.time()
    status = Status(
        "running", step, 2 * STEPS, speed=1000.0, process=os.getpid(), host=socket.gethostname(), started=now, beat=now
    )
    (folder / FILE_NAME).write_text(json.dumps(dataclasses.asdict(status)), encoding="utf-8")


def _write_on(folders: list[Path], ended: threading.Event) -> None:
    """What a trainer does: rows in a separate process, ten a second, and a heartbeat."""
    from app.runs.reader import RunReader
    from app.runs.records import StepRow
    from app.runs.store import RunWriter

    writers = [RunWriter(folder, from_step=STEPS) for folder in folders]
    width = len(next(iter((RunReader(folders[0]).blocks_at(STEPS) or {}).values())))
    values = np.ones(width, np.float32)
    step = STEPS
    while not ended.wait(0.1):
        step += 1
        for folder, writer in zip(folders, writers, strict=True):
            writer.append(StepRow(step, 200, 0.3, 9.0, 0.001, 1000.0, 0.1 * step, values, values, values))
            if step % 10 == 0:
                _beat(folder, step)
    for writer in writers:
        writer.close()


class _Clock:
    """The longest time between two ticks of the window's own clock."""

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK)

    def begin(self) -> None:
        """Count from now."""
        self.longest, self._last = 0.0, time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last - TICK / 1000), now


def main() -> None:
    """Open the page, measure, print."""
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from app.ui.composition import Composition
    from app.ui.theme import theme

    application = QApplication([])
    composition = Composition()
    theme().follow(application, "light")
    composition.window.resize(1440, 900)
    composition.show()

    def wait(milliseconds: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    wait(4000)  # the engine starts and loads its model: measured elsewhere
    folders = [paths.user_runs() / "long" / kind for kind in ("residual", "plain")]
    for folder in folders:
        _beat(folder, STEPS)
    composition.window.show_page("lab")
    page: Any = composition.window.pages.currentWidget()
    wait(200)
    clock = _Clock()
    clock.begin()
    until = time.perf_counter() + 60
    while time.perf_counter() < until:
        wait(50)
        tracks = page.board.tracks.all
        if len(tracks) == 2 and all(track.last_step >= STEPS for track in tracks):
            break
    wait(500)
    opening = clock.longest
    ended = threading.Event()
    writing = threading.Thread(target=_write_on, args=(folders, ended))
    writing.start()
    wait(1000)
    clock.begin()
    wait(round(1000 * LIVE_SECONDS))
    living = clock.longest
    redraws, drawn = _redraws(page)
    clock.begin()
    for step in np.linspace(1, STEPS, 60).astype(int).tolist():
        page.board.show_step(step)
        wait(30)
    scrubbing = clock.longest
    ended.set()
    writing.join()
    told = {
        "opening": 1000 * opening,
        "living": 1000 * living,
        "scrubbing": 1000 * scrubbing,
        "redraw": 1000 * statistics.median(redraws),
        "mean_redraw": 1000 * statistics.fmean(redraws),
        "charts": drawn,
    }
    print(json.dumps(told), flush=True)
    os._exit(0)  # what is measured is over


def _redraws(page: Any) -> tuple[list[float], int]:
    """Seconds in which everything of the page that shows runs takes new rows and is painted, many times."""
    board = page.board
    visible = [board.cards[board.curve.currentData()].chart, board.blocks, *board.maps]
    spines = [spine.spine for spine in board.spines.spines]
    found = []
    for number in range(60):
        before = STEPS + 100_000 + number
        for track in board.tracks.all:
            board.lines["loss"].append(track.key, np.array([before]), np.array([0.3]))
        began = time.perf_counter()
        board._show_moment()
        for heat in board.maps:
            heat.refresh_columns()
        for widget in (*visible, *spines, page.table.viewport()):
            widget.repaint()
        found.append(time.perf_counter() - began)
    return found[5:], len(visible)


if __name__ == "__main__":
    main()
