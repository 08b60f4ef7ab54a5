"""What five charts of two long runs cost, measured from inside a window: run as a process by `app/bench/lab_page.py`.

    python -m app.ui.charts.probe FOLDER

FOLDER holds the runs residual and plain, and somebody may be writing to them. Prints one JSON document.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QGridLayout, QWidget

from app.runs.records import NewRows
from app.ui.background import Background
from app.ui.charts import PLAIN, RESIDUAL, BlockChart, ChartCard, LineChart, Plot, SharedScale, StepHeatMap
from app.ui.lab.follow import RunFollower
from app.ui.theme import theme

TICK = 2  # milliseconds between two looks at the clock
LIVE = 6000  # milliseconds of following
ROUNDS = 100
RUNS = (("residual", RESIDUAL), ("plain", PLAIN))


class Page(QWidget):
    """Loss, error, gradients by block, two maps, as on the Lab's page."""

    def __init__(self, folder: Path, background: Background) -> None:
        super().__init__()
        scale = SharedScale(self)
        self.loss = LineChart("loss", "Training loss", y_title="loss", log=True)
        self.error = LineChart("error", "Error", y_title="error", unit="%")
        self.blocks = BlockChart("blocks", "Gradient norm by block", y_title="gradient norm")
        self.maps = {key: StepHeatMap(key, key, value_title="gradient norm", scale=scale) for key, _ in RUNS}
        self.charts: list[Plot] = [self.loss, self.error, self.blocks, *self.maps.values()]
        grid = QGridLayout(self)
        for place, chart in enumerate(self.charts):
            grid.addWidget(ChartCard(chart, chart.accessibleName(), background=background), place // 2, place % 2)
        self.followers = []
        for key, token in RUNS:
            self.loss.add_series(key, key, colour=token)
            self.error.add_series(key, key, colour=token)
            self.error.add_series(f"{key}/test", f"{key}, test", colour=token, kind="evaluations")
            self.blocks.add_series(key, key, colour=token)
            follower = RunFollower(folder / key, background, parent=self)
            follower.appended.connect(lambda new, key=key: self.take(key, new))
            self.followers.append(follower)

    def take(self, key: str, new: NewRows) -> None:
        """Show new rows of a run."""
        self.loss.append(key, new.steps, new.scalars["loss"])
        self.error.append(key, new.steps, new.scalars["error"])
        steps = np.array([row.step for row in new.evaluations], np.int64)
        self.error.append(f"{key}/test", steps, np.array([row.test_error for row in new.evaluations]))
        if len(new.block_steps):
            self.blocks.set_values(key, new.blocks["output_gradient"][-1])
            self.maps[key].append(new.block_steps, new.blocks["output_gradient"])


def main(folder: Path) -> None:
    """Measure, print, end."""
    application = QApplication([])
    theme().follow(application, "light")
    background = Background()
    page = Page(folder, background)
    page.resize(1100, 860)
    page.show()
    _wait(300)
    longest, last = [0.0], [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        longest[0], last[0] = max(longest[0], now - last[0] - TICK / 1000), now

    clock = QTimer(timerType=page.loss._pace.timerType())
    clock.timeout.connect(tick)
    last[0] = time.perf_counter()
    clock.start(TICK)
    began = time.perf_counter()
    for follower in page.followers:
        follower.start()
    while not all(follower.complete for follower in page.followers):
        _wait(20)
    read, opening = time.perf_counter() - began, longest[0]
    longest[0] = 0.0
    _wait(LIVE)
    clock.stop()
    for follower in page.followers:
        follower.stop()
    redraws, parts = _redraws(page, application)
    rows = [len(follower.data.steps) for follower in page.followers]
    told = {
        "redraw": 1000 * statistics.median(redraws),
        "slowest_redraw": 1000 * sorted(redraws)[int(0.95 * len(redraws))],
        "parts": {name: 1000 * value for name, value in parts.items()},
        "block_opening": 1000 * opening,
        "block_live": 1000 * longest[0],
        "read": read,
        "rows": rows,
        "blocks": len(page.followers[0].data.newest["output_gradient"]),
    }
    print(json.dumps(told), flush=True)
    os._exit(0)  # what is measured is over; nothing of the end belongs to it


def _redraws(page: Page, application: QApplication) -> tuple[list[float], dict[str, float]]:
    """Seconds to take a second's rows of both runs and to paint everything; and those of each chart alone."""
    rng = np.random.default_rng(0)
    blocks = len(page.followers[0].data.newest["output_gradient"])
    step = max(int(follower.data.steps[-1]) for follower in page.followers)
    whole: list[float] = []
    parts: dict[str, list[float]] = {chart.objectName(): [] for chart in page.charts}
    for number in range(ROUNDS + 5):
        steps = np.arange(step + 1, step + 11)
        step += 10
        began = time.perf_counter()
        for key, _ in RUNS:
            page.loss.append(key, steps, rng.uniform(0.1, 0.2, 10))
            page.error.append(key, steps, rng.uniform(1, 5, 10))
            gradients = rng.uniform(0.01, 1, (10, blocks))
            page.blocks.set_values(key, gradients[-1])
            page.maps[key].append(steps, gradients)
        for chart in page.charts:
            chart.update()
        application.processEvents()
        if number >= 5:
            whole.append(time.perf_counter() - began)
        for chart in page.charts:
            began = time.perf_counter()
            chart.repaint()
            parts[chart.objectName()].append(time.perf_counter() - began)
    return whole, {name: statistics.median(seconds) for name, seconds in parts.items()}


def _wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
