"""What the window costs, measured from inside it: run as a process of its own by `app/bench/window.py`.

    python -m app.ui.probe bare      a bare PySide6 window
    python -m app.ui.probe start     the program's window
    python -m app.ui.probe work      the program at work: loads, classifies, loses its engine, rests

Each prints one JSON document.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

HEAVY = ("torch", "torchvision", "captum")
TICK = 5  # milliseconds between two looks at the clock
REST = 3.0  # seconds at rest over which the processor's time is measured


def main(part: str) -> None:
    """Measure one part and print it."""
    {"bare": _bare, "start": _start, "work": _work}[part]()


def _tell(**values: object) -> None:
    print(json.dumps(values), flush=True)
    os._exit(0)  # what is measured is over; nothing of the end belongs to it


def _bare() -> None:
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QApplication, QMainWindow

    class Bare(QMainWindow):
        def paintEvent(self, event: QPaintEvent) -> None:
            super().paintEvent(event)
            _tell(painted=True)

    application = QApplication([])
    window = Bare()
    window.resize(1440, 900)
    window.show()
    application.exec()


def _start() -> None:
    from app.ui.main_window import MainWindow

    # Heard before anything else is started; the process ends there.
    def told() -> None:
        _tell(heavy=[name for name in HEAVY if name in sys.modules], modules=len(sys.modules))

    original = MainWindow.__init__

    def connected(self: MainWindow) -> None:
        original(self)
        self.first_painted.connect(told)

    MainWindow.__init__ = connected  # type: ignore[method-assign]
    from app.ui.start import start

    start()


def _work() -> None:
    import signal

    import psutil
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from app.sources.samples import sample_pictures
    from app.ui.composition import Composition
    from app.ui.theme import theme

    application = QApplication([])
    composition = Composition()
    theme().follow(application, "dark")
    longest, last = 0.0, time.perf_counter()

    def tick() -> None:
        nonlocal longest, last
        now = time.perf_counter()
        longest, last = max(longest, now - last - TICK / 1000), now

    def wait(signal_: object | None, milliseconds: int = 60_000) -> None:
        loop = QEventLoop()
        if signal_ is not None:
            signal_.connect(loop.quit)  # type: ignore[attr-defined]
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    composition.show()
    wait(None, 200)  # the first paint is the start's, measured there
    clock = QTimer()
    clock.timeout.connect(tick)
    last = time.perf_counter()
    clock.start(TICK)
    wait(composition.engine.model_loaded)
    picture = sample_pictures()[0]
    composition.session.add_paths([Path(picture)])
    wait(composition.engine.answered)
    client = composition.engine._client
    assert client is not None and client.pid is not None
    died = time.perf_counter()
    os.kill(client.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    composition.explore.explain_at("layer2.0")
    wait(composition.engine.answered)
    recovered = time.perf_counter() - died
    wait(None, 500)
    clock.stop()
    me = psutil.Process()
    before = sum(me.cpu_times()[:2])
    wait(None, round(1000 * REST))
    idle = (sum(me.cpu_times()[:2]) - before) / REST
    heavy = [name for name in HEAVY if name in sys.modules]
    memory = me.memory_info().rss / 2**20
    client.close()
    _tell(longest_block=1000 * longest, memory=memory, idle=100 * idle, heavy=heavy, recovered=recovered)


if __name__ == "__main__":
    main(sys.argv[1])
