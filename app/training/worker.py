"""The trainer's door: what `python main.py train` does. Imports torch only in the process that trains.

A request may hold several experiments (a preset that compares depths); they run one after the other, each in a folder
of its own. Twins run side by side in two processes, each with half of the cores: small networks use few cores well, so
both together take less time than one after the other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from app.core.errors import ExplorerError, RunError, TrainingError
from app.runs import control
from app.runs.folder import CONFIG, DATA, ENVIRONMENT, LIBRARY, NETWORK, PLAN, TWINS, is_run, read_json, write_json
from app.runs.lock import FILE_NAME as LOCK
from app.runs.status import FILE_NAME as STATUS
from app.runs.status import read_status
from app.training.config import Experiment, from_mapping, read_file
from app.training.lines import Lines
from app.training.presets import preset

_LEFT_BEHIND = {PLAN, TWINS, STATUS, LOCK, NETWORK, DATA, ENVIRONMENT}


@dataclass(frozen=True)
class TrainRequest:
    """What to train.

    Attributes:
        experiments: By the name of their folder below `folder`; a single one is called "".
        folder: Of the run, or of all of them.
        resume: Go on with what is in the folder; what it says then counts.
        as_json: Print one JSON document a line, instead of sentences.
        to_library: Make a model of each finished network; a fine-tuned one becomes one anyway.
    """

    experiments: Mapping[str, Experiment]
    folder: Path
    resume: bool = False
    as_json: bool = False
    to_library: bool = False


def request(
    folder: Path,
    *,
    preset_name: str | None = None,
    config: Path | None = None,
    changes: Sequence[str] = (),
    twin: bool = False,
    resume: bool = False,
    as_json: bool = False,
    to_library: bool = False,
) -> TrainRequest:
    """From the words of the command line to a request; everything is checked before anything starts.

    Args:
        folder: `--run`.
        preset_name: `--preset`.
        config: `--config`.
        changes: Each `--set key=value`.
        twin: `--twin`.

    Raises:
        ExplorerError: where the words contradict each other, or the folder holds something else.
    """
    if resume:
        if preset_name or config or changes or twin:
            raise TrainingError("A resumed run keeps its settings.", "Leave out --preset, --config, --set and --twin.")
        return TrainRequest(_planned(folder), folder, True, as_json, to_library)
    if preset_name and config:
        raise TrainingError("A preset and a config are two experiments.", "Give one of them; change it with --set.")
    experiments = {"": read_file(config)} if config else preset(preset_name or "first-look").experiments
    values = dict(_pair(change) for change in changes) | ({"twin": "yes"} if twin else {})
    chosen = {name: experiment.changed(values) for name, experiment in experiments.items()}
    if folder.exists() and not _is_unused(folder):
        remedy = "Add --resume to go on with it, or choose another folder." if _holds_runs(folder) else ""
        raise RunError(f"{folder} is not empty.", remedy or "Choose a new folder.")
    return TrainRequest(chosen, folder, False, as_json, to_library)


def train(asked: TrainRequest) -> int:
    """Train, and print what happens; 0 when everything was finished or stopped as asked, 1 when something failed.

    Ends cleanly on SIGINT and SIGTERM: the run is then stopped, and can be resumed.
    """
    with _signals() as stopped:
        lines = Lines(asked.as_json)
        if len(asked.experiments) > 1 and _first_process():
            asked.folder.mkdir(parents=True, exist_ok=True)
            write_json(asked.folder / PLAN, {name: asdict(one) for name, one in asked.experiments.items()})
        worst = 0
        for name, experiment in asked.experiments.items():
            if stopped.is_set():
                break
            worst = max(worst, _train_one(experiment, asked.folder / name, asked, lines.named(name), stopped))
            if (asked.to_library or experiment.start_from) and _first_process():
                worst = max(worst, _into_library(experiment, asked.folder / name, lines.named(name)))
            if _was_stopped(experiment, asked.folder / name):
                break  # whoever stops a run by its folder means the whole plan
        return worst


def _train_one(
    experiment: Experiment, folder: Path, asked: TrainRequest, lines: Lines, stopped: threading.Event
) -> int:
    members = experiment.members()
    if experiment.twin and _first_process():
        folder.mkdir(parents=True, exist_ok=True)
        if not asked.resume or not (folder / TWINS).exists():
            write_json(folder / TWINS, asdict(experiment))
    open_members = {
        name: member for name, member in members.items() if not (asked.resume and _is_finished(folder / name))
    }
    if not open_members:
        lines({"event": "notice", "text": f"{folder} is finished."})
    if len(open_members) == 2 and not _several_processes():
        return _Twins(folder, open_members, lines, resume=asked.resume).run(stopped)
    worst = 0
    for name, member in open_members.items():
        if not stopped.is_set():
            worst = max(worst, _run_here(member, folder / name, lines.named(name), asked.resume, stopped))
    return worst


def _into_library(experiment: Experiment, folder: Path, lines: Lines) -> int:
    """Make a model of each finished run, once; 1 where one cannot be made."""
    from app.training.library import to_library

    worst = 0
    for name in experiment.members():
        run = folder / name
        if not _is_finished(run) or (run / LIBRARY).exists():
            continue
        try:
            card = to_library(run)
            write_json(run / LIBRARY, {"id": card.id, "folder": str(card.folder)})
        except ExplorerError as error:
            lines({"event": "failed", "text": error.what, "remedy": error.remedy})
            worst = 1
        else:
            lines({"event": "library", "text": f"“{card.title}” is among the models, as {card.id}."})
    return worst


def _run_here(experiment: Experiment, folder: Path, lines: Lines, resume: bool, stopped: threading.Event) -> int:
    from app.training.distributed import joined
    from app.training.machine import choose_device
    from app.training.member import Surroundings, run_member

    try:
        kind = choose_device(experiment.device).type
        with joined(kind) as ranks:
            report = lines if ranks.first else lines.silent()
            around = Surroundings(report, ranks=ranks, stop=stopped.is_set)
            run_member(experiment, folder, around, resume=resume and is_run(folder))
    except ExplorerError as error:
        lines({"event": "failed", "text": error.what, "remedy": error.remedy})
        return 1
    return 0


class _Twins:
    """Two processes that train two networks at the same time."""

    def __init__(self, folder: Path, members: Mapping[str, Experiment], lines: Lines, *, resume: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._folder = folder
        self._processes: dict[str, BaseProcess] = {}
        # Kept until the end: the system takes its semaphores away with the last of our references.
        self._meeting = Meeting(context.Barrier(2), context.Array("d", 2))
        for place, (name, member) in enumerate(members.items()):
            self._processes[name] = context.Process(
                target=run_twin,
                args=(member, folder / name, lines.named(name), resume, self._meeting, place),
                name=f"trainer-{name}",
            )

    def run(self, stopped: threading.Event) -> int:
        """Start both and wait; the worse of both results."""
        for process in self._processes.values():
            process.start()
        asked = False
        while any(process.is_alive() for process in self._processes.values()):
            if stopped.is_set() and not asked:
                asked = self._ask_to_stop()
            for process in self._processes.values():
                process.join(0.1)
        return max(0 if process.exitcode == 0 else 1 for process in self._processes.values())

    def _ask_to_stop(self) -> bool:
        """Both, as soon as both have a folder to be asked in."""
        folders = [self._folder / name for name, process in self._processes.items() if process.is_alive()]
        if any(not read_status(folder).beat for folder in folders):
            return False
        for folder in folders:
            control.ask(folder, "stop")
        return True


@dataclass(frozen=True)
class Meeting:
    """Where twins tell each other how fast they are."""

    barrier: Any
    seconds: Any

    def slowest(self, place: int, seconds: float) -> float:
        """The larger of both numbers; one's own where the other never comes."""
        self.seconds[place] = seconds
        try:
            self.barrier.wait(120)
        except threading.BrokenBarrierError:
            return seconds
        return float(max(self.seconds))


def run_twin(experiment: Experiment, folder: Path, lines: Lines, resume: bool, meeting: Meeting, place: int) -> None:
    """The main function of a twin's process: ends it with 0, or with 1 where it failed."""
    from app.bootstrap import prepare_process
    from app.training.machine import usable_cores
    from app.training.member import Surroundings, run_member

    prepare_process("trainer")
    parent = multiprocessing.parent_process()
    with _signals() as stopped:
        around = Surroundings(
            lines,
            stop=lambda: stopped.is_set() or (parent is not None and not parent.is_alive()),
            slowest=lambda seconds: meeting.slowest(place, seconds),
            threads=max(1, usable_cores() // 2),
        )
        try:
            run_member(experiment, folder, around, resume=resume and is_run(folder))
        except ExplorerError as error:
            meeting.barrier.abort()
            lines({"event": "failed", "text": error.what, "remedy": error.remedy})
            sys.exit(1)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, instead of ending the process; a second SIGINT ends it."""
    stopped = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stopped.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.set()

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _planned(folder: Path) -> dict[str, Experiment]:
    """What a folder was made for."""
    if (folder / PLAN).is_file():
        return {name: from_mapping(values) for name, values in read_json(folder / PLAN).items()}
    if (folder / TWINS).is_file():
        return {"": from_mapping(read_json(folder / TWINS))}
    if (folder / CONFIG).is_file():
        return {"": read_file(folder / CONFIG)}
    raise RunError(f"{folder} holds no run to go on with.", "Check the path, or start a new run without --resume.")


def _holds_runs(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).exists() for name in (PLAN, TWINS, CONFIG))


def _is_unused(folder: Path) -> bool:
    """Whether nothing is in a folder but what a run that never began left behind."""
    return folder.is_dir() and all(entry.is_dir() or entry.name in _LEFT_BEHIND for entry in folder.rglob("*"))


def _is_finished(folder: Path) -> bool:
    return read_status(folder).state == "finished"


def _was_stopped(experiment: Experiment, folder: Path) -> bool:
    return any(read_status(folder / member).state == "stopped" for member in experiment.members())


def _pair(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise TrainingError(f"“{change}” changes nothing.", "Write it as --set name=value.")
    return name.strip(), value.strip()


def _several_processes() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"
