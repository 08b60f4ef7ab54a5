"""One run in this process: everything is put together here, from the experiment to the session."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from app.core.errors import ExplorerError, RunError
from app.runs import control
from app.runs.folder import CONFIG, DATA, ENVIRONMENT, write_json, write_outline
from app.runs.lock import RunLock
from app.runs.status import Pulse
from app.training import checkpoint, machine, memory, same_pictures
from app.training.batches import BatchStream, DevicePictures, Normaliser
from app.training.config import Experiment, read_file
from app.training.data import DataRequest, DataSet, LabelledPictures, Progress, data_sources
from app.training.distributed import Ranks
from app.training.schedule import check_batch, planned_steps
from app.training.session import Outcome, Report, Session
from app.training.starting import Start, starting_network
from app.training.trainer import Trainer

_TRIAL_STEPS, _TRIAL_SECONDS = 8, 4.0


@dataclass(frozen=True)
class Surroundings:
    """What a run is told by whoever starts it.

    Attributes:
        report: Told what happens.
        ranks: This process among the others.
        stop: Whether this process was asked to end.
        slowest: From this run's seconds per step to those of the slower twin: both must make as many steps.
        threads: Of the CPU; 0 leaves it to torch.
    """

    report: Report
    ranks: Ranks = dataclasses.field(default_factory=Ranks)
    stop: Callable[[], bool] = lambda: False
    slowest: Callable[[float], float] = lambda seconds: seconds
    threads: int = 0


@dataclass(frozen=True)
class _Plan:
    """How a run's budget is spent.

    Attributes:
        steps: How many there will be.
        micro_batch: Pictures computed at once; 0 as the experiment says.
        notices: What the user should know of it.
    """

    steps: int
    micro_batch: int = 0
    notices: tuple[str, ...] = ()


def run_member(experiment: Experiment, folder: Path, around: Surroundings, *, resume: bool) -> Outcome:
    """Train one network, from its first step or from the folder's checkpoint.

    Args:
        experiment: Without a twin. When resuming, what the folder says counts.
        folder: The run's; made if it is not there.
        resume: Whether to go on from a checkpoint.

    Raises:
        ExplorerError: saying why it stopped; the status in the folder says the same.
    """
    if not around.ranks.first:
        return _run(experiment, folder, around, None, resume=resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}).", "Choose another folder.") from error
    with RunLock(folder):
        control.clear(folder)
        pulse = Pulse(folder)
        try:
            outcome = _run(experiment, folder, around, pulse, resume=resume)
        except ExplorerError as error:
            pulse.end("failed", error.what, error.remedy)
            raise
        except BaseException as error:
            pulse.end("failed", f"An unexpected error: {type(error).__name__}: {error}.", "Its details are in the log.")
            raise
        pulse.end(outcome)
        return outcome


def _run(experiment: Experiment, folder: Path, around: Surroundings, pulse: Pulse | None, *, resume: bool) -> Outcome:
    ranks, threads = around.ranks, around.threads
    if resume:
        experiment, threads = read_file(folder / CONFIG), checkpoint.read_progress(folder).threads
    if threads:
        torch.set_num_threads(threads)
    device = machine.choose_device(experiment.device, local=ranks.local, world=ranks.world)
    machine.check_experiment_device(experiment, device)

    def progress(what: str, done: float) -> None:
        if pulse is not None:
            pulse.update(message=what, progress=done)
            around.report({"event": "preparing", "text": what, "done": done})

    data = load_data(experiment, progress)
    check_batch(experiment, len(data.train), ranks.world)
    progress("Building the network", 0.0)
    start = starting_network(experiment, data)
    pictures = DevicePictures.upload(data.train, device)
    if resume:
        same_pictures.check(folder, data)
        plan = _Plan(1)  # the checkpoint knows
    else:
        plan = _planned(experiment, start, pictures, device, around, progress)
    if ranks.first:
        blocks = len(start.outline.blocks)
        machine.check_space(folder, parameters=start.outline.parameters, blocks=blocks, steps=plan.steps)
        if not resume:
            _describe(folder, experiment, start, device, ranks)
    trainer = make_trainer(experiment, start, device=device, steps=plan.steps, ranks=ranks)
    trainer.micro_batch = plan.micro_batch or trainer.micro_batch
    session = Session(
        trainer,
        _stream(experiment, pictures, ranks, classes=len(data.classes)),
        DevicePictures.upload(_share(data.test, ranks), device),
        test_count=len(data.test),
        folder=folder,
        pulse=pulse,
        ranks=ranks,
        report=around.report,
        stop=around.stop,
    )
    return session.run(resumed=resume, notices=(*data.notices, *_notices(experiment, device, ranks), *plan.notices))


def load_data(experiment: Experiment, progress: Progress) -> DataSet:
    """The pictures of an experiment.

    Raises:
        DataError: where they are not there, or cannot be learnt from.
    """
    path = Path(experiment.data_path).expanduser() if experiment.data_path else None
    request = DataRequest(path, side=experiment.side, download=experiment.download)
    return data_sources.get(experiment.data).load(request, progress)


def make_trainer(
    experiment: Experiment, start: Start, *, device: torch.device, steps: int, ranks: Ranks | None = None
) -> Trainer:
    """A trainer at its beginning."""
    ranks = ranks or Ranks()
    network = start.network
    if ranks.world > 1 and device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    normalise = Normaliser(start.data, device)
    trainer = Trainer(experiment, network, start.outline, normalise=normalise, device=device, steps=steps)
    unused = experiment.gate == 0 and experiment.shortcut in ("B", "C")
    trainer.forward = ranks.wrap(trainer.network, device, some_unused=unused)
    return trainer


def _stream(experiment: Experiment, pictures: DevicePictures, ranks: Ranks, *, classes: int) -> BatchStream:
    return BatchStream(
        pictures,
        size=experiment.batch,
        augment=experiment.augment,
        mix=experiment.mix,
        classes=classes,
        seed=experiment.seed,
        rank=ranks.rank,
        world=ranks.world,
    )


def _share(pictures: LabelledPictures, ranks: Ranks) -> LabelledPictures:
    part = slice(ranks.rank, None, ranks.world)
    return LabelledPictures(pictures.pixels[part], pictures.labels[part])


def _describe(folder: Path, experiment: Experiment, start: Start, device: torch.device, ranks: Ranks) -> None:
    """Write what a run's folder says before its first step; the experiment last: it makes the folder a run."""
    write_outline(folder, start.outline)
    write_json(folder / DATA, same_pictures.described(start.data))
    write_json(folder / ENVIRONMENT, machine.environment(device, world=ranks.world))
    write_json(folder / CONFIG, dataclasses.asdict(experiment))


def _notices(experiment: Experiment, device: torch.device, ranks: Ranks) -> tuple[str, ...]:
    notices = []
    if experiment.graphs and (device.type != "cuda" or ranks.world > 1):
        notices.append("CUDA graphs are left out: they need a GPU of NVIDIA's and a single process.")
    if ranks.world > 1 and device.type != "cuda" and experiment.norm == "batch":
        notices.append(
            f"{ranks.world} processes on CPUs: torch cannot synchronise batch normalisation there, so each process "
            "normalises its own share of the batch."
        )
    return tuple(notices)


def _planned(
    experiment: Experiment,
    start: Start,
    pictures: DevicePictures,
    device: torch.device,
    around: Surroundings,
    progress: Progress,
) -> _Plan:
    """What the budget gives.

    Raises:
        TrainingError: where memory does not suffice for a step.
    """
    per_epoch = len(pictures) // experiment.batch
    if experiment.budget_unit != "minutes":
        return _Plan(planned_steps(experiment, per_epoch))
    progress("Trying how fast it is", 0.0)
    own, pieces = _tried(experiment, start, pictures, device, around.ranks)
    steps = planned_steps(experiment, per_epoch, around.ranks.agree(around.slowest(own), device))
    before = experiment.micro_batch or experiment.batch
    return _Plan(steps, pieces, (memory.told(experiment, before, pieces),) if pieces < before else ())


def _tried(
    experiment: Experiment, start: Start, pictures: DevicePictures, device: torch.device, ranks: Ranks
) -> tuple[float, int]:
    """Seconds per step of this process's share of a batch, and how many pictures at once memory had room for.

    By a few steps that leave no trace.
    """
    trial = dataclasses.replace(start, network=copy.deepcopy(start.network))
    trainer = make_trainer(experiment, trial, device=device, steps=1_000_000)
    while True:
        stream = _stream(experiment, pictures, ranks, classes=len(start.data.classes))
        try:
            return _seconds_per_step(trainer, stream), trainer.micro_batch
        except RuntimeError as error:
            if not memory.is_full(error):
                raise
            smaller = memory.smaller_pieces(trainer, error, alone=ranks.world == 1)
        memory.give_back(trainer)  # here, where the error no longer holds the step's activations
        trainer.micro_batch = smaller


def _seconds_per_step(trainer: Trainer, stream: BatchStream) -> float:
    """With a tenth for evaluations and checkpoints."""
    trainer.train_step(*stream.next())
    began, made = time.perf_counter(), 0
    while made < _TRIAL_STEPS and (made == 0 or time.perf_counter() - began < _TRIAL_SECONDS):
        float(trainer.train_step(*stream.next()).loss)  # waits for the device
        made += 1
    return 1.1 * (time.perf_counter() - began) / made
