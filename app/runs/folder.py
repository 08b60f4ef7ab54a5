"""A run is a folder. What lies in it, and which runs there are. No torch, no Qt.

    config.json              the experiment
    network.json             the network's blocks, for the spine
    data.json                how many pictures of which classes
    environment.json         machine, versions, commit, command
    rows.sqlite              every step, evaluation and event (store.py)
    checkpoint.safetensors   weights, optimiser, order of the data: everything to go on from
    weights.safetensors      the weights alone, by their own names
    status.json              the heartbeat (status.py)
    summary.json             figures at the end
    library.json             the model that was made of it

Twins lie side by side in a folder that holds twins.json, the experiment of both; several experiments that tell one
story in a folder that holds plan.json.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import RunError
from app.core.files import write_text
from app.core.records import BlockInfo, NetworkOutline
from app.runs import store
from app.runs.status import FILE_NAME as STATUS_FILE
from app.runs.status import Status, read_status

log = logging.getLogger(__name__)

CONFIG, NETWORK, DATA = "config.json", "network.json", "data.json"
ENVIRONMENT, SUMMARY, TWINS = "environment.json", "summary.json", "twins.json"
LIBRARY = "library.json"
"""Which model of the library was made of a finished run."""
PLAN = "plan.json"
"""In the folder of several experiments, one after the other: which ones, so that they can be resumed together."""
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
DEEPEST = 4
"""How many folders down `list_runs` looks: root / group / experiment / twin."""


@dataclass(frozen=True)
class RunInfo:
    """A run at a glance.

    Attributes:
        path: Its folder.
        name: To tell it from others: its path below the folder that was listed.
        pair: The folder of both twins, or None for a run without a twin.
        config: Of the experiment, as `training.config.from_mapping` takes it.
        status: As its trainer last wrote it.
        summary: Figures at the end; empty before.
        problem: Why it cannot be shown, or "".
    """

    path: Path
    name: str
    pair: Path | None
    config: dict[str, Any]
    status: Status
    summary: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / CONFIG).is_file() and ((folder / store.FILE_NAME).exists() or (folder / STATUS_FILE).exists())


def experiment_folder(run: Path) -> Path:
    """The folder with which a run was started, resumed and deleted: its own, that of both twins, or of the plan."""
    folder = run.parent if (run.parent / TWINS).is_file() else run
    return folder.parent if (folder.parent / PLAN).is_file() else folder


def planned_runs(folder: Path) -> int:
    """How many runs an experiment's folder will hold when all is done."""
    if (folder / PLAN).is_file():
        plan = read_json(folder / PLAN)
        return sum(2 if isinstance(one, dict) and one.get("twin") else 1 for one in plan.values())
    return 2 if (folder / TWINS).is_file() else 1


def list_runs(root: Path) -> tuple[RunInfo, ...]:
    """Every run in a folder, the folder itself and those inside it included, newest first; broken ones too."""
    runs = [describe(folder, root=root) for folder in _run_folders(root, DEEPEST)]
    return tuple(sorted(runs, key=lambda run: (-run.status.started, run.name)))


def _run_folders(folder: Path, depth: int) -> Iterator[Path]:
    try:
        if is_run(folder):
            yield folder
            return
        if depth == 0 or not folder.is_dir():
            return
        entries = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        log.info("%s is left out of the list: %s", folder, error)
        return
    for entry in entries:
        yield from _run_folders(entry, depth - 1)


def describe(folder: Path, *, root: Path | None = None) -> RunInfo:
    """A run at a glance; what cannot be read is told in `RunInfo.problem`."""
    inside = folder.relative_to(root) if root is not None and folder.is_relative_to(root) else Path()
    name = str(inside) if inside.parts else folder.name
    status = read_status(folder)
    try:
        config = read_json(folder / CONFIG)
        summary = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
        pair = folder.parent if (folder.parent / TWINS).is_file() else None
    except RunError as error:
        return RunInfo(folder, name, None, {}, status, problem=str(error))
    return RunInfo(folder, name, pair, config, status, summary)


def read_json(path: Path) -> dict[str, Any]:
    """Read one of a run's JSON files.

    Raises:
        RunError: where it cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}).", "Is this the folder of a run?") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}).", "Restore it from a copy, or start the run anew.") from error
    if not isinstance(values, dict):
        raise RunError(f"{path} is not what this program writes.", "Is this the folder of a run?")
    return values


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write one of a run's JSON files, atomically.

    Raises:
        RunError: where it cannot be written.
    """
    if not path.parent.is_dir():
        raise RunError(f"The folder {path.parent} is gone.", "It was moved or deleted; start the run anew.")
    try:
        write_text(path, json.dumps(values, indent=2, ensure_ascii=False, default=str) + "\n")
    except OSError as error:
        raise store.write_error(path, error) from error


def write_outline(folder: Path, outline: NetworkOutline) -> None:
    """Keep the network's blocks, so that a run can be drawn without building the network."""
    write_json(folder / NETWORK, asdict(outline))


def read_outline(folder: Path) -> NetworkOutline:
    """The network's blocks.

    Raises:
        RunError: where they cannot be read.
    """
    values = read_json(folder / NETWORK)
    try:
        blocks = tuple(BlockInfo(**block) for block in values.pop("blocks"))
        return NetworkOutline(blocks=blocks, **values)
    except (KeyError, TypeError) as error:
        what = f"{folder / NETWORK} is not what this program writes ({error})."
        raise RunError(what, "Start the run anew.") from error
