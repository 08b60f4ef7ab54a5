"""Measures how fast a mosaic scrolls, in a process of its own, for `app.bench.mosaic`."""

from __future__ import annotations

import json
import sys
import time

MAPS, SIDE = 2048, 7  # what ResNet-50 has after its last block
WIDTH, HEIGHT = 1000, 700  # logical pixels, as in a window of 1440 × 900
FRAMES, STEP = 400, 23  # how many are drawn, and how many pixels are scrolled between two


def main() -> int:
    """Print {"frames": milliseconds of each, "empty": the same of a widget without a mosaic, "atlas": seconds}."""
    import numpy as np
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication, QWidget

    from app.core.anatomy import Mosaic
    from app.ui.anatomy.mosaic import MosaicView
    from app.ui.background import Background

    application = QApplication([])
    background = Background()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (MAPS, SIDE, SIDE), dtype=np.uint8)
    mosaic = Mosaic(pixels, -1.0, 1.0, 1, rng.random(MAPS, dtype=np.float32))
    view, empty = MosaicView("mosaic", background), QWidget()
    began = time.perf_counter()
    view.show_mosaic("y", mosaic, mosaic.strongest(MAPS))
    for widget in (view, empty):
        widget.resize(WIDTH, HEIGHT)
        widget.show()
    while not view.drawn:
        application.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    atlas = time.perf_counter() - began
    bar = view.verticalScrollBar()
    frames: list[float] = []
    nothing: list[float] = []
    for number in range(FRAMES):
        bar.setValue(number * STEP % max(1, bar.maximum()))
        for widget, taken in ((view.viewport(), frames), (empty, nothing)):
            start = time.perf_counter()
            widget.repaint()
            taken.append(1000 * (time.perf_counter() - start))
        application.processEvents()
    print(json.dumps({"frames": frames, "empty": nothing, "atlas": atlas}), flush=True)
    background.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
