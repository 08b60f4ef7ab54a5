"""Runs beside He et al. 2015: which of the paper's claims on CIFAR-10 a run tries, and how far it is the paper's run.

Values come from run folders, never from a keyboard. No torch, no Qt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core import paper
from app.core.errors import ExplorerError, RunError
from app.core.paper import CifarResult, Deviation
from app.runs.folder import DATA, ENVIRONMENT, RunInfo, describe, read_json
from app.runs.reader import RunReader
from app.training.config import PLAIN, from_mapping


@dataclass(frozen=True)
class PaperRow:
    """A run beside the paper.

    Attributes:
        path: Its folder.
        title: Of its network: “ResNet-20”.
        plain: Whether it has no shortcuts, or a gate that closes them.
        depth: Layers.
        steps: That were made.
        planned: That there will be; 0 where nobody knows yet.
        epochs: Whole ones, at the last look at the test pictures.
        state: As its trainer wrote it last: “finished”, “running”, …
        started: Seconds since 1970.
        train_loss, train_error: Of the batches before the last look at an epoch's end (the last look, where none was),
            in nats and per cent; NaN before the first.
        test_error: In per cent, at the last look; NaN before the first.
        test_pictures: How many were looked at; 0 where nobody knows.
        reported: The paper's row, where there is one to be laid beside.
        deviations: Where the run is not the paper's.
        cifar: Whether it is trained on CIFAR-10.
        comparable: Whether it tries what the paper tried: see `app.core.paper.comparable`.
        seed, precision: Of its settings.
        device, torch, commit, command: Where and how it was made; “?” where nobody wrote it down.
    """

    path: Path
    title: str
    plain: bool
    depth: int
    steps: int
    planned: int
    epochs: int
    state: str
    started: float
    train_loss: float
    train_error: float
    test_error: float
    test_pictures: int
    reported: CifarResult | None
    deviations: tuple[Deviation, ...]
    cifar: bool
    comparable: bool
    seed: int
    precision: str
    device: str
    torch: str
    commit: str
    command: str

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return self.state == "finished"


@dataclass(frozen=True)
class Claim:
    """One network of table 6 or figure 6, and who trained it here.

    Attributes:
        depth: Layers.
        plain: Whether it is the network without shortcuts.
        reported: The paper's row; None for plain networks, of which it gives curves.
        rows: The runs that try it, the one that says most first.
    """

    depth: int
    plain: bool
    reported: CifarResult | None
    rows: tuple[PaperRow, ...]

    @property
    def title(self) -> str:
        """“ResNet-56”, “Plain-56”."""
        return f"{'Plain' if self.plain else 'ResNet'}-{self.depth}"

    @property
    def row(self) -> PaperRow | None:
        """The run that says most: nearest to the recipe, then longest, then newest."""
        return self.rows[0] if self.rows else None


def read_row(folder: Path) -> PaperRow:
    """Read a run's folder; on a thread.

    Raises:
        RunError: where it cannot be read.
    """
    info = describe(folder)
    if info.problem:
        raise RunError(info.problem)
    data = read_json(folder / DATA) if (folder / DATA).exists() else {}
    place = read_json(folder / ENVIRONMENT) if (folder / ENVIRONMENT).exists() else {}
    reader = RunReader(folder, far=info.status.far)
    looks = reader.evaluations() if reader.path.exists() else ()
    last = looks[-1] if looks else None
    pictures, batch = int(data.get("train_pictures", 0)), int(info.config.get("batch", 0))
    per_epoch = pictures // batch if batch else 0
    # A run that ends within an epoch, as 64,000 steps do, was looked at last after a few steps of it.
    whole = next((look for look in reversed(looks) if per_epoch and look.step % per_epoch == 0), last)
    steps = int(info.summary.get("steps", info.status.step))
    nothing = float("nan")
    return PaperRow(
        path=folder,
        title=network_title(info),
        plain=is_plain(info),
        depth=int(info.config.get("depth", 0)),
        steps=steps,
        planned=info.status.steps,
        epochs=(last.step // per_epoch if per_epoch else last.epoch) if last else 0,
        state=info.status.state,
        started=info.status.started,
        train_loss=whole.train_loss if whole else nothing,
        train_error=whole.train_error if whole else nothing,
        test_error=last.test_error if last else nothing,
        test_pictures=int(data.get("test_pictures", 0)),
        reported=paper.reported(info.config),
        deviations=paper.deviations(
            info.config,
            steps=steps,
            train_pictures=pictures,
            test_pictures=int(data.get("test_pictures", 0)),
        ),
        cifar=info.config.get("data") == "cifar10",
        comparable=paper.comparable(info.config),
        seed=int(info.config.get("seed", 0)),
        precision=str(info.config.get("precision", "?")),
        device=str(place.get("device", "?")),
        torch=str(place.get("torch", "?")),
        commit=str(place.get("commit", "?")),
        command=_command(place),
    )


def claims(rows: Sequence[PaperRow]) -> tuple[Claim, ...]:
    """Every network that table 6 or figure 6 tells of, with the runs that try it, by depth, the residual one first.

    Plain-1202 is not among them: the paper had none.
    """
    found = []
    for depth, reported in paper.CIFAR_RESIDUAL.items():
        for plain in (False, True):
            if plain and depth not in (*paper.CIFAR_PLAIN_DEPTHS, paper.CIFAR_PLAIN_110):
                continue
            own = [row for row in rows if row.comparable and row.plain is plain and row.depth == depth]
            own.sort(key=_says_most)
            found.append(Claim(depth, plain, None if plain else reported, tuple(own)))
    return tuple(found)


def equally_long(found: Sequence[Claim]) -> int:
    """The number of steps that most networks were trained for to their end (of two as frequent ones the greater): runs
    of other lengths cannot be laid beside those; 0 where none is finished."""
    steps = [claim.row.steps for claim in found if claim.row is not None and claim.row.finished]
    return max(steps, key=lambda one: (steps.count(one), one), default=0)


def _says_most(row: PaperRow) -> tuple[int, int, float]:
    settings = [one for one in row.deviations if one.name not in ("steps", "precision", *paper.PICTURES)]
    return len(settings), -row.steps, -row.started


def is_plain(run: RunInfo) -> bool:
    """Whether a run's network has no shortcuts, or a gate that closes them."""
    return run.config.get("shortcut") == PLAIN or run.config.get("gate") == 0


def network_title(run: RunInfo) -> str:
    """“ResNet-20”, “Plain-56”; the folder's name where the run cannot be read."""
    if run.problem:
        return run.path.name
    try:
        return from_mapping(run.config).title
    except ExplorerError:  # written by another version of the program
        return run.path.name


def _command(place: dict[str, Any]) -> str:
    """As it was typed, but without the folders of that machine."""
    words = str(place.get("command", "?")).split()
    return " ".join(Path(word).name if Path(word).is_absolute() else word for word in words)
