"""Live mode measured from inside the window: run as a process of its own by `app/bench/live.py`.

    python -m app.ui.live.probe VIDEO MODEL

Then one order per line on stdin, one JSON document per order on stdout:

    watch SECONDS   follow the video: pictures and answers per second, latencies
    play SECONDS    show the video, and ask the engine nothing
    soak SECONDS    follow it for long: memory of both processes; what is left running after the end
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from typing import Any

SETTLE = 1.5  # seconds at the beginning of an order that are not measured
SAMPLES = 12  # of the memory, at the beginning and at the end, whose medians are compared
WARM_UP = 40.0  # seconds before the first count: Qt's pooled threads of the start end after 30
ENDING = 8.0  # seconds that threads get to end


def main(video: str, model: str) -> None:
    """Follow orders until stdin ends."""
    from PySide6.QtWidgets import QApplication

    from app.ui.composition import Composition
    from app.ui.theme import theme

    application = QApplication([])
    composition = Composition(model=model)
    theme().follow(application, "dark")
    composition.window.resize(1440, 900)
    composition.show()
    probe = _Probe(composition, video)
    probe.wait(composition.engine.model_loaded)
    probe.open()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order, seconds = line.split()
        print(json.dumps(getattr(probe, order)(float(seconds))), flush=True)
    composition.close()
    os._exit(0)


class _Probe:
    def __init__(self, composition: Any, video: str) -> None:
        self.live, self.composition, self.video = composition.live, composition, video
        self.milliseconds: list[float] = []
        self.live.answered.connect(lambda _ready, answer: self.milliseconds.append(answer.milliseconds))

    def wait(self, signal: Any, seconds: float = 120.0) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        if signal is not None:
            signal.connect(loop.quit)
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    def open(self) -> None:
        self.live.open(self.video)
        self.wait(self.live.answered)
        self.live.feed.player.set_manner(loop=True)

    def watch(self, seconds: float) -> dict[str, Any]:
        from app.ui.live.pace import Latencies

        self.live.engine_follows = True
        self.wait(None, SETTLE)
        measuring = self.live.measuring
        measuring.latencies = Latencies()
        self.milliseconds.clear()
        start, shown, classified = time.monotonic(), measuring.shown, measuring.classified
        dropped = self.live.feed.dropped + measuring.overtaken
        self.wait(None, seconds)
        taken = time.monotonic() - start
        return {
            "shown": (measuring.shown - shown) / taken,
            "classified": (measuring.classified - classified) / taken,
            "dropped": self.live.feed.dropped + measuring.overtaken - dropped,
            "latencies": measuring.latencies.all,
            "milliseconds": statistics.median(self.milliseconds) if self.milliseconds else 0.0,
        }

    def play(self, seconds: float) -> dict[str, Any]:
        self.live.engine_follows = False
        measuring = self.live.measuring
        start, shown = time.monotonic(), measuring.shown
        self.wait(None, seconds + SETTLE)
        return {"shown": (measuring.shown - shown) / (time.monotonic() - start)}

    def soak(self, seconds: float) -> dict[str, Any]:
        import psutil

        window, engine = psutil.Process(), psutil.Process(self.composition.engine._engine().pid)
        self.wait(None, WARM_UP)
        before = self._left(window)
        self.open()
        self.wait(None, min(30.0, seconds / 4))
        samples: list[tuple[float, float]] = []
        end = time.monotonic() + seconds
        every = max(0.5, seconds / 100)
        while time.monotonic() < end:
            samples.append((window.memory_info().rss / 2**20, engine.memory_info().rss / 2**20))
            self.wait(None, every)
        shown, classified = self.live.measuring.shown, self.live.measuring.classified
        after = self._left(window)
        few = min(SAMPLES, max(1, len(samples) // 3))
        grown = [
            statistics.median(one[which] for one in samples[-few:])
            - statistics.median(one[which] for one in samples[:few])
            for which in (0, 1)
        ]
        self.open()
        return {
            "window": grown[0],
            "engine": grown[1],
            "memory": samples[-1],
            "threads": after[0] - before[0],
            "handles": after[1] - before[1],
            "timers": after[2] - before[2],
            "names": sorted(after[3] - before[3]),
            "shown": shown,
            "classified": classified,
        }

    def _left(self, process: Any) -> tuple[int, int, int, set[str]]:
        """(threads, handles, timers, names of Python's threads) once live mode is closed and had time to end."""
        from PySide6.QtCore import QTimer

        self.live.close()
        self.live.feed.close(ENDING)
        self.wait(None, 3)
        handles = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
        objects = (self.composition, self.composition.window)
        timers = {id(timer) for one in objects for timer in one.findChildren(QTimer) if timer.isActive()}
        return process.num_threads(), handles, len(timers), {thread.name for thread in threading.enumerate()}


if __name__ == "__main__":
    main(*sys.argv[1:3])
