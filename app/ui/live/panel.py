"""What live mode adds to the inspector: the last half minute, and how much predictions are steadied."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.ui.live.confidence_strip import ConfidenceStrip
from app.ui.live.pace import STEADYINGS
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID


class LivePanel(QWidget):
    """Shown while a live source is open.

    Signals:
        steadying_chosen(seconds)
    """

    steadying_chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("livePanel")
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, GRID, 0, 0)
        rows.setSpacing(GRID)
        caption = named(QLabel(self.tr("The last 30 seconds").upper()), "stripCaption")
        caption.setProperty("role", "caption")
        rows.addWidget(caption)
        self.strip = ConfidenceStrip()
        rows.addWidget(self.strip)
        self.steadyings = Picker("steadying", self.tr("How much predictions are steadied over time"))
        for seconds in STEADYINGS:
            text = self.tr("Raw predictions") if seconds == 0 else self.tr("Steadied over {0} s").format(f"{seconds:g}")
            self.steadyings.addItem(text, seconds)
        self.steadyings.activated.connect(lambda: self.steadying_chosen.emit(self.steadyings.currentData()))
        rows.addWidget(self.steadyings)
        self.hide()

    def show_steadying(self, seconds: float) -> None:
        """Show the one in use; one that is not offered shows as the nearest."""
        nearest = min(STEADYINGS, key=lambda one: abs(one - seconds))
        with QSignalBlocker(self.steadyings):
            self.steadyings.setCurrentIndex(STEADYINGS.index(nearest))
