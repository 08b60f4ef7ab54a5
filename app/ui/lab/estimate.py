"""How long an experiment will take, from what runs on this machine were clocked at. No guess without a measurement."""

from __future__ import annotations

import math
import socket
from collections.abc import Iterable

from app.core.errors import ExplorerError
from app.runs.folder import RunInfo
from app.training.config import Experiment, from_mapping
from app.ui.durations import duration
from app.ui.lab.words import tr

PICTURES = {"shapes": 10_000, "cifar10": 50_000, "cifar100": 50_000}
"""To learn from, where the data set is known; a folder's number is asked of the data."""


def work(experiment: Experiment) -> float:
    """Multiply-adds of a picture, up to a constant: every stage of a CIFAR network costs the same per layer."""
    per_layer = 1.0 if experiment.block == "basic" else 17 / 27
    return (experiment.depth - 2) * per_layer * experiment.width**2 * experiment.side**2


def seconds(experiment: Experiment, runs: Iterable[RunInfo], *, pictures: int = 0) -> float | None:
    """Of training; None where nothing was clocked that can be compared.

    Args:
        experiment: One that is to be started; its twin trains beside it and halves its speed.
        runs: What is known. Those of this machine with the same kind of block and precision count, the nearest in
            depth first; their speed is scaled by the number of multiply-adds.
        pictures: To learn from.
    """
    if experiment.budget_unit == "minutes":
        return 60 * experiment.budget
    pictures = pictures or PICTURES.get(experiment.data, 0)
    clocked = [one for one in map(_clocked, runs) if one is not None]
    alike = [
        (other, speed)
        for other, speed in clocked
        if (other.block, other.precision, other.device, bool(other.start_from))
        == (experiment.block, experiment.precision, experiment.device, bool(experiment.start_from))
    ]
    if not alike or experiment.start_from:
        return None
    other, speed = min(alike, key=lambda pair: abs(math.log(work(pair[0]) / work(experiment))))
    speed *= work(other) / work(experiment)
    if other.twin != experiment.twin:
        speed *= 0.5 if experiment.twin else 2.0
    steps = experiment.budget
    if experiment.budget_unit == "epochs":
        if not pictures:
            return None
        steps = experiment.budget * (pictures // experiment.batch)
    return steps * experiment.batch / speed


def sentence(experiments: Iterable[Experiment], runs: Iterable[RunInfo], *, pictures: int = 0) -> str:
    """“About 12 min on this machine”; or why nobody knows."""
    known = list(runs)
    total = 0.0
    measured = False
    for experiment in experiments:
        took = seconds(experiment, known, pictures=pictures)
        if took is None:
            return tr("No estimate yet: nothing like it was trained on this machine. It comes in the first seconds.")
        total += took
        measured = measured or experiment.budget_unit != "minutes"
    if not measured:
        return tr("{0} of training.").format(duration(total))
    return tr("About {0}, by the speed of earlier runs on this machine.").format(duration(total))


def _clocked(run: RunInfo) -> tuple[Experiment, float] | None:
    if run.problem or run.status.host != socket.gethostname():
        return None
    speed = run.summary.get("pictures_per_second", run.status.speed)
    if not isinstance(speed, int | float) or speed <= 0:
        return None
    try:
        experiment = from_mapping({**run.config, "twin": False})
    except ExplorerError:
        return None
    if run.pair is not None and experiment.shortcut == "none":
        return None  # its twin is in the list too
    return _with_twin(experiment, run.pair is not None), float(speed)


def _with_twin(experiment: Experiment, twin: bool) -> Experiment:
    return experiment if experiment.twin == twin else experiment.changed({"twin": twin})
