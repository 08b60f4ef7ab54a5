"""A thin line that says calmly that work is under way, and how far it is where that is known."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter

from app.ui.theme import colour

BUSY_HEIGHT = 3.0
_DELAY = 0.2  # seconds; what is quicker shows no progress
_STEP = 33  # milliseconds between two pictures
_PERIOD = 1.8  # seconds to and fro


class BusyLine(QObject):
    """The state and the look of the line; its widget says where it goes.

    Signals:
        moved(): It looks different now. Nothing is emitted while it is idle or out of sight.
    """

    moved = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._busy = False
        self._shown = False
        self._progress: float | None = None
        self._since = 0.0
        self._tick = QTimer(self, interval=_STEP)
        self._tick.timeout.connect(self.moved)

    @property
    def running(self) -> bool:
        """Whether the line moves by itself."""
        return self._tick.isActive()

    def set_busy(self, busy: bool, progress: float | None = None) -> None:
        """Start or stop; `progress` from 0 to 1, or None where it is not known."""
        if busy and not self._busy:
            self._since = time.monotonic()
        self._busy, self._progress = busy, progress
        self._run()
        self.moved.emit()

    def set_shown(self, shown: bool) -> None:
        """Whether the widget is in sight; out of sight nothing moves."""
        self._shown = shown
        self._run()

    def _run(self) -> None:
        if self._busy and self._shown and self._progress is None:
            self._tick.start()
        else:
            self._tick.stop()

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint the line, if there is anything to tell."""
        elapsed = time.monotonic() - self._since
        if not self._busy or (self._progress is None and elapsed < _DELAY):
            return
        if self._progress is None:
            # A third of the length glides to and fro, slowest at the ends.
            length = rect.width() / 3
            place = (1 - math.cos(2 * math.pi * elapsed / _PERIOD)) / 2
            bar = QRectF(rect.left() + place * (rect.width() - length), rect.top(), length, rect.height())
        else:
            share = min(max(self._progress, 0.0), 1.0)
            bar = QRectF(rect.left(), rect.top(), max(rect.height(), share * rect.width()), rect.height())
        radius = rect.height() / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("line"))
        painter.drawRoundedRect(rect, radius, radius)
        painter.setBrush(colour("accent"))
        painter.drawRoundedRect(bar, radius, radius)
