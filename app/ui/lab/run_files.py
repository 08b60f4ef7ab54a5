"""What is done to the folders of runs: renamed, copied, exported, deleted. All of it takes time: run it on a thread."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QFile

from app.core.errors import RunError
from app.runs.export import export_csv, export_tensorboard
from app.runs.folder import list_runs
from app.runs.store import write_error


def rename(folder: Path, name: str) -> Path:
    """Give an experiment's folder another name; the new path.

    Raises:
        RunError: where the name is taken or impossible.
    """
    name = name.strip()
    if not name or name.startswith(".") or any(sign in name for sign in '/\\:*?"<>|'):
        raise RunError(f"“{name}” cannot be the name of a folder.", 'Leave out / \\ : * ? " < > | and a first dot.')
    target = folder.with_name(name)
    if target == folder:
        return folder
    if target.exists():
        raise RunError(f"There is a run called “{name}” already.", "Choose another name.")
    try:
        return folder.rename(target)
    except OSError as error:
        raise RunError(f"{folder} cannot be renamed ({error.strerror}).", "Check its permissions.") from error


def delete(folder: Path, *, inside: tuple[Path, ...]) -> bool:
    """Move an experiment's folder to the trash; whether there is one, else it is gone for good.

    Args:
        inside: Folders of runs; only what lies below one of them, and holds runs, is deleted.

    Raises:
        RunError: where it cannot be deleted, or is not what it should be.
    """
    if not any(root in folder.parents for root in inside) or not list_runs(folder):
        raise RunError(f"{folder} is no folder of a run.", "Delete it with the system's file manager.")
    if QFile(str(folder)).moveToTrash():
        return True
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be deleted ({error.strerror}).", "Check its permissions.") from error
    return False


def bring_in(folder: Path, root: Path) -> tuple[Path, ...]:
    """Copy an experiment from elsewhere among this machine's runs; the runs' new paths.

    Raises:
        RunError: where it holds no run, or there is no room.
    """
    runs = list_runs(folder)
    if not runs:
        raise RunError(f"{folder} holds no run.", "Choose the folder with config.json, or one above it.")
    target, number = root / folder.name, 2
    while target.exists():
        target, number = root / f"{folder.name} ({number})", number + 1
    try:
        root.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.request", "run.lock"))
    except (OSError, shutil.Error) as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, shutil.Error):
            raise write_error(target, error) from error
        raise RunError(f"{folder} cannot be copied ({error}).", "Check its permissions, and the space.") from error
    return tuple(target / run.path.relative_to(folder) for run in runs)


def export(runs: tuple[Path, ...], target: Path, kind: str) -> str:
    """Write runs as CSV tables or TensorBoard's event files, each into a folder of its own; what was done.

    Raises:
        RunError: where a run cannot be read, or the folder not be written.
    """
    written: list[Path] = []
    for run in runs:
        place = target / (run.name if len(runs) == 1 else f"{run.parent.name} {run.name}")
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(place, error) from error
        written += export_csv(run, place) if kind == "csv" else [export_tensorboard(run, place)]
    if kind == "csv":
        return f"{len(written)} tables are in {target}."
    return f"Show them with: tensorboard --logdir “{target}”"
