"""A slider through a run's time: every plot as it was at that step; at its right end, live."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from app.ui.drawing import tabular
from app.ui.lab.words import count
from app.ui.naming import named
from app.ui.tokens import GRID


class ScrubBar(QWidget):
    """Chooses a step of the past.

    Signals:
        moved(step or None): None means live.
    """

    moved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scrubBar")
        self._step: int | None = None
        self._last = 0
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("scrub")
        self.slider.setAccessibleName(self.tr("Step"))
        self.slider.setToolTip(self.tr("Back through time: every plot as it was at that step"))
        self._words = named(QLabel(), "scrubWords")
        self._words.setFont(tabular(self._words.font()))
        self._words.setProperty("role", "quiet")
        longest = self.tr("step {0} of {1}").format(count(99_999), count(99_999))
        self._words.setMinimumWidth(max(18 * GRID, self._words.fontMetrics().horizontalAdvance(longest)))
        self.live = named(QPushButton(self.tr("Live")), "scrubLive", self.tr("Show the newest step"))
        self.live.setToolTip(self.tr("Show the newest step, and go on with it"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self._words)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.live)
        self.slider.valueChanged.connect(self._on_value)
        self.live.clicked.connect(lambda: self.set_step(None))
        self.set_last(0)

    @property
    def step(self) -> int | None:
        """The step that is shown; None for the newest."""
        return self._step

    def set_last(self, last: int) -> None:
        """How far the runs are; a live slider stays at its end."""
        self._last = last
        with QSignalBlocker(self.slider):
            self.slider.setRange(min(1, last), max(1, last))
            self.slider.setPageStep(max(1, last // 20))
            if self._step is None:
                self.slider.setValue(last)
        self._tell()

    def set_step(self, step: int | None) -> None:
        """Show a step; None for the newest."""
        if step is not None and step >= self._last:
            step = None
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._last if step is None else step)
        changed = step != self._step
        self._step = step
        self._tell()
        if changed:
            self.moved.emit(step)

    def _on_value(self, value: int) -> None:
        self.set_step(value)

    def _tell(self) -> None:
        self.slider.setEnabled(self._last > 1)
        self.live.setEnabled(self._step is not None)
        if self._last == 0:
            self._words.setText(self.tr("no step yet"))
        elif self._step is None:
            self._words.setText(self.tr("step {0}, newest").format(count(self._last)))
        else:
            self._words.setText(self.tr("step {0} of {1}").format(count(self._step), count(self._last)))
