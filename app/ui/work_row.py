"""Long work in a process of its own: begin, progress with an estimate, stop."""

from __future__ import annotations

import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from app.core.errors import CancelledError, ExplorerError
from app.ui.durations import duration
from app.ui.elided_label import ElidedLabel
from app.ui.job import Job
from app.ui.naming import named
from app.ui.shell import Shell
from app.ui.tokens import GRID

_FIRST = 1.0  # seconds after the first progress, before which an estimate would be a guess


class WorkRow(QWidget):
    """A button that begins and stops, and what is known of the work meanwhile.

    Args:
        name: Of the objects in it.
        text: On the button while nothing runs.
        shell: Whose window ends the work when it closes.
        tip: Of the button while nothing runs; else its text.
        upright: One below the other, as in a form, instead of side by side.

    Signals:
        wanted(): the user wants to begin; the owner calls `run`.
        ticked(share): 0 to 1.
        done(result), failed(ExplorerError): not after a stop.
        ended(): whatever came of it; after the others.
    """

    wanted = Signal()
    ticked = Signal(float)
    done = Signal(object)
    failed = Signal(object)
    ended = Signal()

    def __init__(
        self,
        name: str,
        text: str,
        shell: Shell,
        *,
        tip: str = "",
        upright: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}Work")
        self._shell, self._text, self._tip, self._upright = shell, text, tip, upright
        self._job: Job | None = None
        self._why_not = ""
        self._began = 0.0
        self._first: tuple[float, float] | None = None
        self.button = named(QPushButton(text), f"{name}Start", text)
        self.button.setProperty("role", "primary")
        self.bar = named(QProgressBar(), f"{name}Progress", self.tr("Progress"))
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID // 2)
        self.bar.setMinimumWidth(6 * GRID)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(not upright)
        self.bar.setSizePolicy(policy)
        self.words = named(QLabel() if upright else ElidedLabel(), f"{name}Words")
        self.words.setProperty("role", "quiet")
        self.words.setWordWrap(upright)
        layout = QBoxLayout(QBoxLayout.Direction.TopToBottom if upright else QBoxLayout.Direction.LeftToRight, self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.button)
        layout.addWidget(self.bar, 0 if upright else 1)
        layout.addWidget(self.words)
        if upright:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.button.clicked.connect(self._on_click)
        shell.window.closing.connect(self.close_job)
        self._show_idle("")

    @property
    def running(self) -> bool:
        """Whether work is under way."""
        return self._job is not None

    @property
    def share(self) -> float:
        """How much of the work under way is done, 0 to 1."""
        return float(self.bar.value() / 1000) if self.running else 0.0

    def set_text(self, text: str) -> None:
        """What the button says while nothing runs."""
        self._text = text
        if not self.running:
            self.button.setText(text)
            self.button.setAccessibleName(text)

    def set_ready(self, ready: bool, why_not: str = "") -> None:
        """Whether work can begin, and if not, why."""
        if self.running:
            return
        self.button.setEnabled(ready)
        self.button.setToolTip(self._tip or self._text if ready else why_not)
        if not ready or self.words.text() == self._why_not:  # what came of the last work stays to be read
            self._say("" if ready else why_not)
        self._why_not = why_not

    def run(self, verb: str, *arguments: object) -> None:
        """Begin; what ran before is dropped."""
        self.close_job()
        self._began, self._first = time.monotonic(), None
        job = self._make_job(verb, *arguments)
        self._job = job
        job.progressed.connect(self._on_progress)
        job.done.connect(lambda result: self._on_end(job, result))
        job.failed.connect(lambda error: self._on_end(job, error))
        self.button.setText(self.tr("Stop"))
        self.button.setAccessibleName(self.tr("Stop"))
        self.button.setToolTip(self.tr("Stop the work"))
        self.button.setEnabled(True)
        self.bar.setValue(0)
        self.bar.show()
        self._say(self.tr("starting …"))

    def cancel(self) -> None:
        """Ask the work to stop."""
        if self._job is not None:
            self._say(self.tr("stopping …"))
            self.button.setEnabled(False)
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
        if not self.button.isEnabled():  # it is stopping
            return
        now = time.monotonic()
        if self._first is None and share > 0:
            self._first = (now, share)
        self.bar.setValue(round(1000 * share))
        text = self.tr("{0} %").format(round(100 * share))
        # By what was done since the first news: work that goes on from an earlier one begins in the middle.
        if self._first is not None and self._first[1] < share < 1 and now - self._first[0] > _FIRST:
            left = (1 - share) * (now - self._first[0]) / (share - self._first[1])
            text = self.tr("{0}, {1} left").format(text, duration(left))
        self._say(text)
        self.ticked.emit(share)

    def _on_end(self, job: Job, outcome: object) -> None:
        if job is not self._job:
            return
        self._job = None
        job.deleteLater()
        if isinstance(outcome, CancelledError):
            self._show_idle(str(outcome) if self._upright else self.tr("stopped"))
        elif isinstance(outcome, ExplorerError):
            self._show_idle("")
            self.failed.emit(outcome)
        else:
            self._show_idle(self.tr("done in {0}").format(duration(time.monotonic() - self._began)))
            self.done.emit(outcome)
        self.ended.emit()

    def _show_idle(self, words: str) -> None:
        self.button.setText(self._text)
        self.button.setAccessibleName(self._text)
        self.button.setToolTip(self._tip or self._text)
        self.button.setEnabled(True)
        self.bar.hide()
        self._say(words)

    def _say(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))
