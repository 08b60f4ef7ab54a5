"""Long work in a process of its own: begin, progress with an estimate, stop."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.core.errors import CancelledError, ExplorerError
from app.ui.job import Job
from app.ui.naming import named
from app.ui.shell import Shell
from app.ui.tokens import GRID

_FIRST = 0.02  # below this share an estimate would be a guess


class WorkRow(QWidget):
    """A button that begins and stops, and what is known of the work meanwhile.

    Args:
        name: Of the objects in it.
        text: On the button while nothing runs.
        shell: Whose window ends the work when it closes.

    Signals:
        wanted(): the user wants to begin; the owner calls `run`.
        ticked(share): 0 to 1.
        done(result), failed(ExplorerError): not after a stop.
        ended(): whatever came of it.
    """

    wanted = Signal()
    ticked = Signal(float)
    done = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(self, name: str, text: str, shell: Shell, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}Work")
        self._shell, self._text = shell, text
        self._job: Job | None = None
        self._began = 0.0
        self.button = named(QPushButton(text), f"{name}Start", text)
        self.button.setProperty("role", "primary")
        self.bar = named(QProgressBar(), f"{name}Progress", self.tr("Progress"))
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID // 2)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.words = named(QLabel(), f"{name}Words")
        self.words.setProperty("role", "quiet")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.button)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.words)
        self.button.clicked.connect(self._on_click)
        shell.window.closing.connect(self.close_job)
        self._show_idle("")

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._job is not None

    def set_ready(self, ready: bool, why_not: str = "") -> None:
        """Whether work can begin, and if not, why."""
        self.button.setEnabled(ready or self.running)
        self.button.setToolTip(self._text if ready else why_not)
        if not self.running:
            self.words.setText("" if ready else why_not)

    def run(self, verb: str, *arguments: object) -> None:
        """Begin; what ran before is dropped."""
        self.close_job()
        self._began = time.monotonic()
        job = self._make_job(verb, *arguments)
        self._job = job
        job.progressed.connect(self._on_progress)
        job.done.connect(lambda result: self._on_end(job, result))
        job.failed.connect(lambda error: self._on_end(job, error))
        self.button.setText(self.tr("Stop"))
        self.button.setToolTip(self.tr("Stop the work"))
        self.button.setEnabled(True)
        self.bar.setValue(0)
        self.bar.show()
        self.words.setText(self.tr("starting …"))

    def cancel(self) -> None:
        """Ask the work to stop."""
        if self._job is not None:
            self.words.setText(self.tr("stopping …"))
            self._job.cancel()

    def close_job(self) -> None:
        """End the work at once; nothing is told of it."""
        job, self._job = self._job, None
        if job is not None:
            job.close()
            job.deleteLater()
            self._show_idle("")

    def _make_job(self, verb: str, *arguments: object) -> Job:
        return Job(self._shell.engine.device, verb, *arguments, parent=self)

    def _on_click(self) -> None:
        if self.running:
            self.cancel()
        else:
            self.wanted.emit()

    def _on_progress(self, share: float) -> None:
        self.bar.setValue(round(1000 * share))
        text = f"{round(100 * share)} %"
        if _FIRST < share < 1:
            left = (time.monotonic() - self._began) * (1 - share) / share
            text = self.tr("{0}, {1} left").format(text, duration_text(left))
        self.words.setText(text)
        self.ticked.emit(share)

    def _on_end(self, job: Job, outcome: object) -> None:
        if job is not self._job:
            return
        self._job = None
        job.deleteLater()
        if isinstance(outcome, CancelledError):
            self._show_idle(self.tr("stopped"))
        elif isinstance(outcome, ExplorerError):
            self._show_idle("")
            self.failed.emit(outcome)
        else:
            self._show_idle(self.tr("done in {0}").format(duration_text(time.monotonic() - self._began)))
            self.done.emit(outcome)
        self.ended.emit()

    def _show_idle(self, words: str) -> None:
        self.button.setText(self._text)
        self.button.setToolTip(self._text)
        self.bar.hide()
        self.words.setText(words)


def duration_text(seconds: float) -> str:
    """“40 s”, “3 min”, “1 h 20 min”."""
    if seconds < 99:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 99 else f"{minutes // 60} h {minutes % 60} min"
