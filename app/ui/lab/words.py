"""How a run is called, and how it is, in words."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLocale

from app.runs.folder import RunInfo
from app.training.claims import network_title
from app.ui.durations import duration


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("Lab", text)


def ago(when: float, now: float | None = None) -> str:
    """“just now”, “5 min ago”, “3 days ago”; `when` in seconds since 1970."""
    seconds = max(0.0, (time.time() if now is None else now) - when)
    return tr("just now") if seconds < 60 else tr("{0} ago").format(duration(seconds))


def count(number: float) -> str:
    """A whole number, grouped as the user's country does."""
    return QLocale().toString(round(number))


def percent(value: float) -> str:
    """“8.75 %”."""
    return QLocale().toString(value, "f", 2 if value < 10 else 1) + " %"


def run_title(run: RunInfo, folder: Path) -> str:
    """What tells a run from others: its network, and the experiment it belongs to."""
    title = network_title(run)
    return title if folder == run.path and title == folder.name else f"{title} · {folder.name}"


def state_words(run: RunInfo) -> str:
    """How a run is, in a few words."""
    if run.problem:
        return tr("cannot be read")
    status, life = run.status, run.status.life()
    if life == "unknown":
        return tr("never started")
    if life == "crashed":
        return tr("broke off at step {0}; it can be resumed").format(count(status.step))
    if life == "living":
        if status.state == "preparing":
            share = f" {100 * status.progress:.0f} %" if status.progress > 0 else ""
            return (status.message or tr("Preparing")) + share
        if status.state == "paused":
            return tr("paused at step {0}").format(count(status.step))
        if status.seconds_left >= 0:
            return tr("{0} left").format(duration(status.seconds_left))
        return tr("running")
    if status.state == "finished":
        return tr("finished {0}").format(ago(status.beat))
    if status.state == "stopped":
        return tr("stopped at step {0}; it can be resumed").format(count(status.step))
    return tr("failed: {0}").format(status.message)


def trouble(run: RunInfo) -> str:
    """What went wrong with a run and what to do, in sentences; "" where all is well."""
    if run.problem:
        return run.problem
    status = run.status
    if status.life() == "crashed":
        where = tr("on {0}").format(status.host) if status.far else tr("of its process")
        return tr(
            "The run broke off at step {0} without a word {1}: it was killed, or the machine went down. "
            "“Resume” goes on from its last checkpoint."
        ).format(count(status.step), where)
    if status.state == "failed" and not status.active:
        return f"{status.message} {status.remedy}".strip()
    return ""


def living(run: RunInfo) -> bool:
    """Whether a trainer works on it, or holds it paused."""
    return not run.problem and run.status.life() == "living"


def resumable(run: RunInfo) -> bool:
    """Whether it can go on from where it ended."""
    return not run.problem and run.status.life() != "living" and run.status.state != "finished"
