"""Sweeps: the error of a network with blocks deleted. The record, and the file that holds it while it grows. No torch.

A sweep's file is one JSON document, written anew (atomically) as pictures are counted: whoever wants to follow a sweep
reads it again whenever it has changed.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.core.errors import AnatomyError
from app.core.files import write_text
from app.core.lesions import Lesion, Lesions

SweepState = Literal["running", "done", "stopped"]
SUFFIX = ".sweep.json"


@dataclass(frozen=True)
class SweepRequest:
    """What to delete from which networks, and on which pictures to count.

    Attributes:
        models: References; a residual network and its plain twin, say. All see the same pictures.
        data: Path of the labelled pictures.
        path: Where the record goes; see `new_sweep_path`.
        pictures: How many of them, evenly spread over the set; 0 for all.
        blocks: Which blocks to delete in turn, by their names; () for each one.
        random: How many blocks to delete at once, chosen at random: (1, 2, 5) for three such points.
        repeats: How many random choices for each of these.
        seed: Of the choices.
        lesions: Done to every network besides.
    """

    models: tuple[str, ...]
    data: str
    path: str
    pictures: int = 0
    blocks: tuple[str, ...] = ()
    random: tuple[int, ...] = ()
    repeats: int = 5
    seed: int = 0
    lesions: Lesions = ()


@dataclass(frozen=True)
class SweepPoint:
    """The error with some blocks deleted.

    Attributes:
        blocks: Which were deleted; () is the network as it is.
        random: Whether they were chosen at random.
        wrong: How many pictures were answered wrongly.
        pictures: Of how many so far.
        refused: Why they cannot be deleted; then nothing was counted.
    """

    blocks: tuple[str, ...]
    random: bool = False
    wrong: int = 0
    pictures: int = 0
    refused: str = ""

    @property
    def error(self) -> float | None:
        """In per cent; None where nothing was counted yet."""
        return 100 * self.wrong / self.pictures if self.pictures else None


@dataclass(frozen=True)
class SweepSeries:
    """One network's points.

    Attributes:
        model: Its reference.
        title: How to call it.
        kind: Whether it has shortcuts.
        blocks: Names of all blocks that can be deleted, in order.
        labels: What people call them.
        shortcuts: What runs beside each.
        points: The network as it is, then each block, then the random choices.
    """

    model: str
    title: str
    kind: Literal["residual", "plain"]
    blocks: tuple[str, ...]
    labels: tuple[str, ...]
    shortcuts: tuple[str, ...]
    points: tuple[SweepPoint, ...] = ()

    @property
    def whole(self) -> SweepPoint | None:
        """The network as it is."""
        return next((point for point in self.points if not point.blocks), None)

    def single(self, block: str) -> SweepPoint | None:
        """The point with only that block deleted."""
        return next((point for point in self.points if point.blocks == (block,) and not point.random), None)

    def randoms(self) -> dict[int, tuple[SweepPoint, ...]]:
        """By how many were deleted: the random choices."""
        found: dict[int, tuple[SweepPoint, ...]] = {}
        for point in self.points:
            if point.random:
                found[len(point.blocks)] = (*found.get(len(point.blocks), ()), point)
        return found


@dataclass(frozen=True)
class SweepRecord:
    """A sweep, finished or on its way.

    Attributes:
        request: What was asked for.
        state: Whether it still grows.
        started: ISO 8601, UTC.
        seconds: It took so far.
        pictures: How many are counted in the end.
        classes: How many classes there are: chance is an error of 100 · (1 − 1/classes) per cent.
        device: Where it was computed.
        series: One per model, in the request's order; those not begun are missing.
        notices: What the user should know.
        unread: How many pictures could not be read; they are not counted.
    """

    request: SweepRequest
    state: SweepState
    started: str
    seconds: float
    pictures: int
    classes: int
    device: str
    series: tuple[SweepSeries, ...] = ()
    notices: tuple[str, ...] = field(default=())
    unread: int = 0


def new_sweep_path(folder: Path, model: str) -> Path:
    """A name for a new record in a folder, by date and model."""
    slug = re.sub(r"[^a-z0-9]+", "-", Path(model).name.lower()).strip("-") or "model"
    date = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S-%f")
    return folder / f"{date}-{slug}{SUFFIX}"


def write_sweep(record: SweepRecord) -> None:
    """Write a record to its request's path, atomically.

    Raises:
        AnatomyError: where it cannot be written.
    """
    path = Path(record.request.path)
    try:
        write_text(path, json.dumps(dataclasses.asdict(record), indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise AnatomyError(f"{path} cannot be written ({error.strerror}).", "Make room, or choose another.") from error


def read_sweep(path: Path) -> SweepRecord:
    """Read a record, finished or on its way.

    Raises:
        AnatomyError: where it cannot be read.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        request = values.pop("request")
        lesions = tuple(Lesion(**one) for one in request.pop("lesions"))
        return SweepRecord(
            request=SweepRequest(**_tuples(request), lesions=lesions),
            series=tuple(_series(one) for one in values.pop("series")),
            **_tuples(values),
        )
    except OSError as error:
        raise AnatomyError(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnatomyError(f"{path} is not the record of a sweep ({error}).", "Make the sweep anew.") from error


def list_sweeps(folder: Path) -> tuple[Path, ...]:
    """Every record in a folder, newest first."""
    return tuple(sorted(folder.glob(f"*{SUFFIX}"), reverse=True)) if folder.is_dir() else ()


def _series(values: dict[str, Any]) -> SweepSeries:
    points = tuple(SweepPoint(**_tuples(one)) for one in values.pop("points"))
    return SweepSeries(points=points, **_tuples(values))


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists are the records' tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
