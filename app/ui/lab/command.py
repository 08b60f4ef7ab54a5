"""Which words of the command line start what the form describes. What the window starts can be typed by hand."""

from __future__ import annotations

import dataclasses
import re
import time
from dataclasses import dataclass
from pathlib import Path

from app.training.config import Experiment
from app.training.presets import PRESETS


@dataclass(frozen=True)
class Wanted:
    """What is to be started.

    Attributes:
        experiment: As the form says; of a preset with several, the first.
        preset: Where the form began. A preset of several experiments stands for all of them, with the form's changes.
    """

    experiment: Experiment
    preset: str = "first-look"

    @property
    def title(self) -> str:
        """Of the preset, or of the experiment and its twin."""
        preset = PRESETS[self.preset]
        if len(preset.experiments) > 1 or preset.experiments.get("") == self.experiment:
            return preset.title
        return f"{self.experiment.title} and its twin" if self.experiment.twin else self.experiment.title

    @property
    def experiments(self) -> dict[str, Experiment]:
        """Every experiment that will run, by the name of its folder; the only one is called ""."""
        changes = _changes(self)
        return {name: one.changed(changes) for name, one in PRESETS[self.preset].experiments.items()}


def train_words(wanted: Wanted, folder: Path) -> list[str]:
    """The words after the program's name."""
    words = ["train", "--preset", wanted.preset]
    for name, value in _changes(wanted).items():
        words += ["--set", f"{name}={value}"]
    return [*words, "--run", str(folder)]


def _changes(wanted: Wanted) -> dict[str, str]:
    """What differs from the preset, as the command line takes it; what tells its experiments apart stays as it is."""
    experiments = list(PRESETS[wanted.preset].experiments.values())
    first = dataclasses.asdict(experiments[0])
    own = {name for one in experiments for name, value in dataclasses.asdict(one).items() if value != first[name]}
    return {
        name: str(value)
        for name, value in dataclasses.asdict(wanted.experiment).items()
        if value != first[name] and name not in own
    }


def folder_name(title: str, root: Path, now: float | None = None) -> Path:
    """A folder for a new experiment that is not there yet: its title, day and time."""
    when = time.strftime("%Y-%m-%d %H.%M", time.localtime(now))
    slug = re.sub(r"[^\w.,-]+", " ", title).strip() or "run"
    folder, number = root / f"{slug} {when}", 2
    while folder.exists():
        folder, number = root / f"{slug} {when} ({number})", number + 1
    return folder
