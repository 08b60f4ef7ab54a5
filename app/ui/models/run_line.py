"""Starting and stopping long work: one button, a bar, and how long it will take."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.ui.job import Job
from app.ui.models.words import duration
from app.ui.naming import named
from app.ui.shell import Shell
from app.ui.tokens import GRID


class RunLine(QWidget):
    """Runs one verb at a time in an engine process of its own.

    Args:
        name: Of the verb, for object names.
        text: Of the button.
        tip: Its tooltip.

    Signals:
        wanted(): the button was pressed; the owner answers with `run`.
        done(result), failed(ExplorerError): how it ended; also a CancelledError.
        moved(share): 0 to 1.
    """

    wanted = Signal()
    done = Signal(object)
    failed = Signal(object)
    moved = Signal(float)

    def __init__(self, shell: Shell, name: str, text: str, tip: str, parent: QObject | None = None) -> None:
        super().__init__()
        self._shell, self._text = shell, text
        self._job: Job | None = None
        self._since = 0.0
        self._first: tuple[float, float] | None = None
        self.button = named(QPushButton(text), f"{name}Run", text)
        self.button.setProperty("role", "primary")
        self.button.setToolTip(tip)
        self.stop = named(QPushButton(self.tr("Stop")), f"{name}Stop", self.tr("Stop"))
        self.stop.setToolTip(self.tr("Stop the work under way"))
        self.bar = named(QProgressBar(), f"{name}Progress", self.tr("Progress"))
        self.bar.setToolTip(self.tr("How much is done"))
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID // 2)
        self.label = named(QLabel(), f"{name}State")
        self.label.setProperty("role", "quiet")
        self.label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        for widget in (self.button, self.stop, self.bar, self.label):
            layout.addWidget(widget)
        self.button.clicked.connect(self.wanted)
        self.stop.clicked.connect(self.cancel)
        shell.window.closing.connect(self.close_job)
        self._show_running(False)

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._job is not None

    @property
    def share(self) -> float:
        """How much of the work under way is done, 0 to 1."""
        return float(self.bar.value() / 1000) if self._job is not None and self.bar.maximum() else 0.0

    def run(self, verb: str, *arguments: object) -> None:
        """Start; nothing happens while something runs."""
        if self._job is not None:
            return
        self._since, self._first = time.monotonic(), None
        self._job = Job(self._shell.engine.device, verb, *arguments, parent=self)
        self._job.progressed.connect(self._on_progress)
        self._job.done.connect(self._on_done)
        self._job.failed.connect(self._on_failed)
        self.bar.setRange(0, 0)  # no share is known yet
        self.label.setText(self.tr("Starting …"))
        self._show_running(True)

    def cancel(self) -> None:
        """Ask it to stop; `failed` tells when it has."""
        if self._job is not None:
            self.label.setText(self.tr("Stopping …"))
            self.stop.setEnabled(False)
            self._job.cancel()

    def close_job(self) -> None:
        """End it at once, silently: the window goes."""
        if self._job is not None:
            self._job.close()
            self._job = None

    def _on_progress(self, share: float) -> None:
        if self._job is None or not self.stop.isEnabled():
            return
        now = time.monotonic()
        if self._first is None and share > 0:
            self._first = (now, share)
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * share))
        text = self.tr("{0} %").format(round(100 * share))
        if self._first is not None and share > self._first[1] and now - self._first[0] > 1:
            left = (1 - share) * (now - self._first[0]) / (share - self._first[1])
            text = self.tr("{0} %, about {1} left").format(round(100 * share), duration(left))
        self.label.setText(text)
        self.moved.emit(share)

    def _on_done(self, result: object) -> None:
        self._end(self.tr("Done in {0}").format(duration(time.monotonic() - self._since)))
        self.done.emit(result)

    def _on_failed(self, error: object) -> None:
        self._end("")
        self.failed.emit(error)

    def _end(self, text: str) -> None:
        if self._job is not None:
            self._job.deleteLater()
            self._job = None
        self.label.setText(text)
        self._show_running(False)

    def _show_running(self, running: bool) -> None:
        self.button.setVisible(not running)
        self.stop.setVisible(running)
        self.stop.setEnabled(running)
        self.bar.setVisible(running)
        self.label.setVisible(bool(self.label.text()))
