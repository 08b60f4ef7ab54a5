"""A line that moves while a file is looked at, and the seconds that it has taken."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.ui.busy_line import BUSY_HEIGHT, BusyLine
from app.ui.durations import duration
from app.ui.models.words import tr
from app.ui.naming import named
from app.ui.tokens import GRID

_LONG = 2.0  # seconds, from which they are told


class Waiting(QWidget):
    """Always takes its few pixels, so that nothing jumps; says what is waited for in a label of the owner's.

    Args:
        label: Where the words go.
    """

    def __init__(self, label: QLabel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "waitingLine", tr("Whether something is under way"))
        self._label = label
        self._words = ""
        self._since = 0.0
        self._share = 0.0
        self._line = BusyLine(self)
        self._line.moved.connect(self.update)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._tell)
        self.setFixedHeight(round(BUSY_HEIGHT))

    @property
    def running(self) -> bool:
        """Whether something is waited for."""
        return bool(self._words)

    def start(self, words: str) -> None:
        """Something is under way from now on: “Looking at it …”."""
        self._words, self._since, self._share = words, time.monotonic(), 0.0
        self._line.set_busy(True)
        self._tick.start()
        self._tell()

    def set_share(self, share: float) -> None:
        """How much is done, 0 to 1, where that is known."""
        if self.running:
            self._line.set_busy(True, share)
            self._share = share
            self._tell()

    def stop(self) -> None:
        """Nothing is; the label is the owner's again."""
        self._words = ""
        self._line.set_busy(False)
        self._tick.stop()

    def _tell(self) -> None:
        seconds = time.monotonic() - self._since
        parts = [self._words]
        parts += [tr("{0} %").format(round(100 * self._share))] if self._share else []
        parts += [duration(seconds)] if seconds >= _LONG else []
        self._label.setText("  ".join(parts))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._line.set_shown(True)

    def hideEvent(self, event: QHideEvent) -> None:
        self._line.set_shown(False)
        super().hideEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._line.paint(QPainter(self), QRectF(self.rect()).adjusted(2 * GRID, 0, -2 * GRID, 0))
