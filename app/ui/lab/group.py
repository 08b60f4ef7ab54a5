"""The runs of one experiment, taken together: twins, or the networks of a preset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.runs.status import Status
from app.training.claims import network_title
from app.ui.durations import duration
from app.ui.lab.run_index import Listed, RunIndex
from app.ui.lab.words import count, resumable, tr, trouble


@dataclass(frozen=True)
class Group:
    """An experiment and its runs.

    Attributes:
        folder: Where it lies.
        runs: Newest first; empty while it prepares itself.
        preparing: What its trainers say before there are runs.
    """

    folder: Path
    runs: tuple[Listed, ...]
    preparing: tuple[Status, ...] = ()

    @property
    def living(self) -> tuple[Listed, ...]:
        """Runs on which a trainer works, or which it holds paused."""
        return tuple(run for run in self.runs if run.living)

    @property
    def paused(self) -> bool:
        """Whether everything that lives is paused."""
        return bool(self.living) and all(run.info.status.state == "paused" for run in self.living)

    @property
    def resumable(self) -> bool:
        """Whether it ended before its end."""
        return bool(self.runs) and not self.living and (any(resumable(run.info) for run in self.runs) or self.missing)

    @property
    def missing(self) -> bool:
        """Whether runs of its plan never began."""
        return bool(self.runs) and len(self.runs) < self.runs[0].planned

    @property
    def far(self) -> bool:
        """Whether its trainer is, or was, on another machine."""
        return any(run.info.status.far for run in self.runs)

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1; -1 where nobody knows yet."""
        if not self.runs:
            return max((one.progress for one in self.preparing), default=-1.0)
        statuses = [run.info.status for run in self.runs]
        if len(statuses) == 1 and statuses[0].state == "preparing" and not statuses[0].steps:
            return -1.0
        done = sum(1.0 if one.state == "finished" else one.step / one.steps if one.steps else 0.0 for one in statuses)
        return min(1.0, done / max(len(self.runs), self.runs[0].planned))

    @property
    def speed(self) -> float:
        """Pictures per second, over all its living runs."""
        return sum(run.info.status.speed for run in self.living)

    @property
    def progress_words(self) -> str:
        """“33 % · 12 min left · 4,120 pictures a second”."""
        preparing = [run.info.status for run in self.living if run.info.status.state == "preparing"]
        if not self.runs:
            preparing = list(self.preparing)
            if not preparing:
                return tr("The trainer starts …")
        if preparing and len(preparing) >= len(self.living):
            one = preparing[0]
            share = f" {100 * one.progress:.0f} %" if one.progress > 0 else ""
            return f"{one.message or tr('Preparing')}{share}"
        parts = [f"{100 * max(0.0, self.share):.0f} %"]
        if self.paused:
            return " · ".join([*parts, tr("paused")])
        if self.living:
            left = max(run.info.status.seconds_left for run in self.living)
            later = self.runs[0].planned - len(self.runs)
            if left >= 0:
                more = tr(", then {0} more runs").format(later) if later > 0 else ""
                parts.append(tr("{0} left").format(duration(left)) + more)
            parts.append(tr("{0} pictures a second").format(count(self.speed)))
            return " · ".join(parts)
        if self.resumable:
            return " · ".join([*parts, tr("can be resumed")])
        return tr("finished")

    @property
    def measuring_words(self) -> str:
        """What measuring every block at every step costs, where it was clocked."""
        clocked = [run.info.status.measuring for run in self.runs if run.info.status.measuring >= 0]
        if not clocked:
            return ""
        return tr("Every block measured at every step: {0} % of the time").format(f"{100 * max(clocked):.1f}")

    @property
    def trouble(self) -> str:
        """What went wrong with its runs, in sentences; each once."""
        found = dict.fromkeys(f"{network_title(run.info)}: {text}" for run in self.runs if (text := trouble(run.info)))
        return " ".join(found)


def group_of(folder: Path, index: RunIndex) -> Group:
    """The runs of an experiment's folder."""
    return Group(folder, tuple(run for run in index.runs if run.folder == folder), index.preparing.get(folder, ()))
