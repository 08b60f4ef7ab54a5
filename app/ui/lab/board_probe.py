"""What the Lab's charts cost with two long runs, measured from inside a window: run by `app/bench/lab_page.py`.

    python -m app.ui.lab.board_probe FOLDER

FOLDER holds the runs residual and plain, and somebody may be writing to them. Prints one JSON document.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from app.runs.folder import describe
from app.runs.records import MEASURES, SCALARS, Mark, NewRows
from app.ui.background import Background
from app.ui.charts import Plot
from app.ui.lab.board import Board
from app.ui.lab.run_index import Listed
from app.ui.theme import theme

TICK = 2  # milliseconds between two looks at the clock
LIVE = 6000  # milliseconds of following
ROUNDS = 100
IDLE = """
import sys, time
tick = float(sys.argv[1]) / 1000
last = time.perf_counter()
while True:
    time.sleep(tick)
    now = time.perf_counter()
    if now - last - tick > 0.005:
        print(now, now - last - tick, flush=True)
    last = now
"""
"""What a process that does nothing finds late, on the same machine at the same time: no window can do better."""
RUNS = ("residual", "plain")


def main(folder: Path) -> None:
    """Measure, print, end."""
    application = QApplication([])
    theme().follow(application, "light")
    background = Background()
    board = Board(background)
    board.resize(1080, 800)  # what the page leaves for it in a window of 1440 × 900
    board.show()
    _wait(500)
    longest, last = [0.0, 0.0], [time.perf_counter(), time.thread_time()]

    def tick() -> None:
        now, used = time.perf_counter(), time.thread_time()
        longest[0], last[0] = max(longest[0], now - last[0] - TICK / 1000), now
        longest[1], last[1] = max(longest[1], used - last[1]), used

    idle = subprocess.Popen([sys.executable, "-c", IDLE, str(TICK)], stdout=subprocess.PIPE, text=True)
    _wait(200)
    clock = QTimer()
    clock.timeout.connect(tick)
    last[:] = time.perf_counter(), time.thread_time()
    clock.start(TICK)
    began = time.perf_counter()
    board.tracks.compare([Listed(describe(folder / run), folder, shared=False, living=True) for run in RUNS])
    followers = [track.follower for track in board.tracks.all]
    while not all(follower.complete for follower in followers):
        _wait(20)
    opened = time.perf_counter()
    read, opening, opening_work = opened - began, *longest
    longest[:] = 0.0, 0.0
    _wait(LIVE)
    clock.stop()
    ended = time.perf_counter()
    idle.terminate()
    late = [tuple(map(float, line.split())) for line in idle.communicate()[0].splitlines()]
    for follower in followers:
        follower.stop()
    rows = [len(follower.data.steps) for follower in followers]
    redraws, parts = _redraws(board, application)
    told = {
        "redraw": 1000 * statistics.median(redraws),
        "slowest_redraw": 1000 * sorted(redraws)[int(0.95 * len(redraws))],
        "parts": {name: 1000 * value for name, value in parts.items()},
        "block_opening": 1000 * opening,
        "block_live": 1000 * longest[0],
        "work_opening": 1000 * opening_work,
        "work_live": 1000 * longest[1],
        "idle_opening": 1000 * max((gap for at, gap in late if began < at <= opened), default=0.0),
        "idle_live": 1000 * max((gap for at, gap in late if opened < at <= ended), default=0.0),
        "read": read,
        "rows": rows,
        "blocks": len(followers[0].data.newest["output_gradient"]),
    }
    print(json.dumps(told), flush=True)
    os._exit(0)  # what is measured is over; nothing of the end belongs to it


def _redraws(board: Board, application: QApplication) -> tuple[list[float], dict[str, float]]:
    """Seconds in which new rows of both runs are taken and all that shows them is painted; and those of each part."""
    followers = [track.follower for track in board.tracks.all]
    blocks = len(followers[0].data.newest["output_gradient"])
    step = max(int(follower.data.steps[-1]) for follower in followers)
    shown = [one for one in (*board.findChildren(Plot), *(one.spine for one in board.spines.spines)) if one.isVisible()]
    whole: list[float] = []
    parts: dict[str, list[float]] = {one.objectName(): [] for one in shown}
    for number in range(ROUNDS + 5):
        rows = [_rows(step, 10, blocks) for _ in followers]
        step += 10
        began = time.perf_counter()
        for follower, new in zip(followers, rows, strict=True):
            follower.data.take(new)
            follower.appended.emit(new)
        board._show_moment()
        for one in shown:
            one.update()
        application.processEvents()
        if number >= 5:  # the first ones fill caches
            whole.append(time.perf_counter() - began)
        for one in shown:
            began = time.perf_counter()
            one.repaint()
            parts[one.objectName()].append(time.perf_counter() - began)
    return whole, {name: statistics.median(seconds) for name, seconds in parts.items()}


def _rows(after: int, count: int, blocks: int) -> NewRows:
    rng = np.random.default_rng(after)
    steps = np.arange(after + 1, after + 1 + count)
    gradients = np.exp(-np.linspace(0, 3, blocks) + 0.3 * rng.standard_normal((count, blocks))).astype(np.float32)
    scalars = {name: rng.uniform(0.1, 0.2, count) for name in SCALARS}
    mark = Mark(int(steps[-1]))
    return NewRows(mark, None, steps, steps, scalars, steps, dict.fromkeys(MEASURES, gradients))


def _wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
