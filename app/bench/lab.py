"""What the Lab costs, as ratios within one run, so that they hold on any machine. The bars are issue 4's.

Every function measures one bar and returns plain numbers; nothing here is needed to train.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.runs.reader import RunReader
from app.runs.records import StepRow
from app.runs.store import RunWriter
from app.training.batches import BatchStream, DevicePictures
from app.training.config import Experiment
from app.training.data import DataSet, channel_statistics
from app.training.data.shapes import SHAPES, generate
from app.training.distributed import Ranks
from app.training.gradient_flow import GradientFlow
from app.training.initialise import initialised_network
from app.training.member import make_trainer
from app.training.recorder import Recorder
from app.training.starting import starting_network
from app.training.trainer import Trainer

Step = Callable[[], object]
_QUEUED = 20


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two ways of doing the same.

    Attributes:
        ours: Seconds, the median of many.
        other: Seconds, the median of many.
        ratio: The median of ours over the other within each round, which meets the same disturbances; below 1 is
            faster.
    """

    ours: float
    other: float
    ratio: float


def measuring(experiment: Experiment, device: torch.device, *, rounds: int = 20) -> Comparison:
    """A step with every per-step measurement and its recording, against the same step with none. Bar: ≤ 1.02."""
    data = _pictures(experiment.batch)
    with _Watched(experiment, data, device) as watched:
        return _compare(watched.step, _Plain(experiment, data, device).step, device, rounds)


def against_bare(experiment: Experiment, device: torch.device, *, rounds: int = 20) -> Comparison:
    """Our step, measured and recorded, against a bare PyTorch loop on the same data. Bar: ≤ 1.0."""
    data = _pictures(experiment.batch)
    bare = _bare_steps(experiment, data, device)
    with _Watched(experiment, data, device) as watched:
        return _compare(watched.step, lambda: next(bare), device, rounds)


def against_plain(experiment: Experiment, device: torch.device, *, rounds: int = 20) -> Comparison:
    """Our step, measured and recorded, against a bare loop in float32 and torch's usual layout.

    Bar on a GPU, for an experiment in bfloat16 with `graphs`: at least twice the pictures, a ratio ≤ 0.5.
    """
    data = _pictures(experiment.batch)
    usual = dataclasses.replace(experiment, precision="float32")
    plain = _bare_steps(usual, data, device, layout=torch.contiguous_format)
    with _Watched(experiment, data, device) as watched:
        return _compare(watched.step, lambda: next(plain), device, rounds)


def appending(*, blocks: int = 600, rows: int = 2000) -> float:
    """Milliseconds to append a row, commits included. Bar: ≤ 0.2."""
    with tempfile.TemporaryDirectory() as name:
        writer = RunWriter(Path(name))
        values = [np.random.default_rng(0).random(blocks, np.float32) for _ in range(3)]
        began = time.perf_counter()
        for step in range(1, rows + 1):
            writer.append(StepRow(step, 1, 1.0, 2.0, 0.1, 1000.0, 0.1 * step, *values))
        writer.flush()
        taken = time.perf_counter() - began
        writer.close()
    return 1000 * taken / rows


def reading(*, steps: int = 64_000, blocks: int = 54) -> float:
    """Seconds to read one measure of every block at every step for a plot. Bar: ≤ 0.3."""
    with tempfile.TemporaryDirectory() as name:
        writer = RunWriter(Path(name))
        values = [np.random.default_rng(0).random(blocks, np.float32) for _ in range(3)]
        writer.extend(StepRow(step, 1, 1.0, 2.0, 0.1, 1000.0, 0.1 * step, *values) for step in range(1, steps + 1))
        writer.close()
        reader = RunReader(Path(name))
        times = []
        for _ in range(5):
            began = time.perf_counter()
            series = reader.blocks("output_gradient")
            times.append(time.perf_counter() - began)
            assert series.values.shape[1] == blocks
    return statistics.median(times)


def deepest(device: torch.device, *, depth: int = 1202, batch: int = 2) -> dict[str, float]:
    """Build the deepest network, train a measured step; seconds, parameters and the process's memory in MB."""
    import resource

    experiment = Experiment(depth=depth, batch=batch, data="shapes", norm="batch")
    data = _pictures(batch)
    began = time.perf_counter()
    with _Watched(experiment, data, device) as watched:
        built = time.perf_counter() - began
        began = time.perf_counter()
        watched.step()
        _wait(device)
        stepped = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 1e6
    return {"build": built, "step": stepped, "megabytes": peak, "parameters": float(watched.parameters)}


class _Plain:
    """Our step without measurements."""

    def __init__(self, experiment: Experiment, data: DataSet, device: torch.device) -> None:
        self.trainer: Trainer = make_trainer(
            experiment, starting_network(experiment, data), device=device, steps=1_000_000
        )
        pictures = DevicePictures.upload(data.train, device)
        self.stream = BatchStream(pictures, size=experiment.batch, augment=experiment.augment, seed=experiment.seed)

    def step(self) -> None:
        self.trainer.train_step(*self.stream.next())


class _Watched(_Plain):
    """Our step as a run makes it: measured, carried to the host, written to a file."""

    def __init__(self, experiment: Experiment, data: DataSet, device: torch.device) -> None:
        super().__init__(experiment, data, device)
        self.parameters = self.trainer.outline.parameters
        self.flow = GradientFlow(self.trainer.network, self.trainer.outline, together=device.type == "cuda")
        self.recorder = Recorder(self.flow, device=device, batch=experiment.batch, ranks=Ranks())
        self.folder = tempfile.TemporaryDirectory()
        self.writer = RunWriter(Path(self.folder.name))

    def __enter__(self) -> _Watched:
        self.flow.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self.flow.__exit__(None, None, None)
        self.writer.close()
        self.folder.cleanup()

    def step(self) -> None:
        result = self.trainer.train_step(*self.stream.next(), self.flow)
        step = self.trainer.step
        self.recorder.add(result, step=step, epoch=1, rate=0.1, seconds=time.monotonic())
        if self.recorder.due:
            self.writer.extend(self.recorder.fetch(wait=False))


def _bare_steps(
    experiment: Experiment,
    data: DataSet,
    device: torch.device,
    *,
    layout: torch.memory_format = torch.channels_last,
) -> Iterator[None]:
    """What a careful person writes in an afternoon: data on the device, vectorised augmentation, channels last."""
    network = initialised_network(experiment, len(data.classes)).to(device, memory_format=layout)  # type: ignore[call-overload]
    fused = device.type == "cuda"
    optimiser = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, foreach=not fused, fused=fused
    )
    pixels = torch.from_numpy(data.train.pixels).to(device).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data.train.labels).to(device)
    mean = torch.tensor(data.mean, device=device).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(data.deviation, device=device).view(1, 3, 1, 1) * 255
    cast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=experiment.precision == "bfloat16")
    count, losses = experiment.batch, []
    network.train()
    while True:
        order = torch.randperm(len(labels), device=device)
        for start in range(0, len(labels) - count + 1, count):
            index = order[start : start + count]
            x = _cropped((pixels[index].float() - mean) / deviation).contiguous(memory_format=layout)
            with cast:
                logits = network(x)
            loss = functional.cross_entropy(logits.float(), labels[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.detach())
            yield


def _cropped(x: Tensor) -> Tensor:
    """Pad by 4, cut at random, flip at random; (N, 3, S, S)."""
    count, _, side, _ = x.shape
    padded = functional.pad(x, (4, 4, 4, 4))
    corner = torch.randint(0, 9, (2, count, 1), device=x.device)
    ramp = torch.arange(side, device=x.device)
    rows, columns = corner[0] + ramp, corner[1] + ramp
    columns = torch.where(torch.rand(count, 1, device=x.device) < 0.5, columns.flip(1), columns)
    picture = torch.arange(count, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _compare(ours: Step, other: Step, device: torch.device, rounds: int) -> Comparison:
    """Let both take turns, so that both meet the same disturbances.

    On a GPU several steps are queued before it is waited for, as in a training.
    """
    queued = _QUEUED if device.type == "cuda" else 1
    taken: dict[Step, list[float]] = {ours: [], other: []}
    for number in range(rounds + 2):
        for step in (ours, other) if number % 2 else (other, ours):
            _wait(device)
            began = time.perf_counter()
            for _ in range(queued):
                step()
            _wait(device)
            if number >= 2:  # the first ones allocate
                taken[step].append((time.perf_counter() - began) / queued)
    ratios = [mine / theirs for mine, theirs in zip(taken[ours], taken[other], strict=True)]
    return Comparison(statistics.median(taken[ours]), statistics.median(taken[other]), statistics.median(ratios))


def _pictures(batch: int) -> DataSet:
    train, test = generate(max(500, 4 * batch), seed=1), generate(100, seed=2)
    mean, deviation = channel_statistics(train.pixels)
    return DataSet("shapes", "Shapes", tuple(SHAPES), train, test, mean, deviation)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
