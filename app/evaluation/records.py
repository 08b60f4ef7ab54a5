"""What an evaluation leaves behind: a folder with `record.json` and `verdicts.npz`. No torch: the window reads them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app import paths
from app.core.errors import DataError
from app.core.files import write_bytes

if TYPE_CHECKING:
    from app.evaluation.measures import Calibration, ClassRow, ErrorRate, Verdicts

RECORD = "record.json"
VERDICTS = "verdicts.npz"
VERSION = 1


@dataclass(frozen=True)
class EvaluationRequest:
    """What to judge on what; crosses into the engine.

    Attributes:
        model: A reference.
        data: A path; see `app.evaluation.data.labelled_set`.
        labels: A file that says each picture's class, or "".
        skip_unknown: Leave out pictures of classes that the model does not have.
        batch: Pictures at once; 0 for what suits.
        keep: Whether to write a record into the user's data.
    """

    model: str
    data: str
    labels: str = ""
    skip_unknown: bool = False
    batch: int = 0
    keep: bool = True


@dataclass(frozen=True)
class Mistake:
    """One wrongly classified picture.

    Attributes:
        number: Its place in the set.
        name: Its path below the data, or “#12”.
        label: The true class.
        called: What the model said.
        probability: How surely.
        truth: The probability of the true class.
    """

    number: int
    name: str
    label: int
    called: int
    probability: float
    truth: float


@dataclass(frozen=True)
class Unread:
    """A picture that could not be read, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Published:
    """What the model's card says of it, as error in per cent.

    Attributes:
        top1: Error.
        top5: Error, or None.
        data: On which pictures.
        origin: Whether somebody else published it, or we measured it when the model was made.
        source: Who published it, or the command that measured it.
    """

    top1: float
    top5: float | None
    data: str
    origin: Literal["measured", "published"]
    source: str


@dataclass(frozen=True)
class EvaluationRecord:
    """Everything about one evaluation but the answers to single pictures.

    Attributes:
        id: The name of its folder.
        date: When it ended, UTC, ISO 8601.
        model: The reference that was asked for.
        title: Of the model.
        model_hash: SHA-256 of the file of weights; of all their names and hashes, where there are several.
        labels: The model's classes.
        data: The path that was judged on, absolute.
        labels_file: Where the labels came from, or "".
        layout: How the data were understood.
        fingerprint: Of the data; see `LabelledSet.fingerprint`.
        matched: How classes were matched.
        device: Its name.
        command: Which command does the same.
        program: Version of this program and of torch.
        processes: How many shared the work.
        seconds: Wall clock, from the first picture to the last.
        top1, top5: Errors; top5 is None with five classes or fewer.
        log_loss: Mean of −ln p(true class), in nats.
        calibration: Reliability and ECE.
        rows: Per class.
        worst: The most confident mistakes, up to 100.
        unread: Pictures that could not be read.
        notices: What the user should know.
        published: What others say of the model, or None.
    """

    id: str
    date: str
    model: str
    title: str
    model_hash: str
    labels: tuple[str, ...]
    data: str
    labels_file: str
    layout: str
    fingerprint: str
    matched: str
    device: str
    command: str
    program: str
    processes: int
    seconds: float
    top1: ErrorRate
    top5: ErrorRate | None
    log_loss: float
    calibration: Calibration
    rows: tuple[ClassRow, ...]
    worst: tuple[Mistake, ...]
    unread: tuple[Unread, ...]
    notices: tuple[str, ...]
    published: Published | None

    @property
    def pictures(self) -> int:
        """How many were judged."""
        return self.top1.pictures


def evaluations() -> Path:
    """Where the records are."""
    return paths.user_data() / "evaluations"


def write_record(record: EvaluationRecord, verdicts: Verdicts, root: Path | None = None) -> Path:
    """Write a record's folder; its path.

    Raises:
        DataError: where it cannot be written.
    """
    import numpy as np

    folder = (root or evaluations()) / record.id
    packed = io.BytesIO()
    np.savez_compressed(
        packed,
        labels=verdicts.labels.astype(np.int32),
        top=verdicts.top,
        probabilities=verdicts.probabilities,
        truth=verdicts.truth,
    )
    try:
        write_bytes(folder / VERDICTS, packed.getvalue())
        text = json.dumps(as_json(record), indent=1, ensure_ascii=False, allow_nan=False)
        # What is not UTF-8 in the data's path becomes an escape of JSON's, and is read again as it was.
        write_bytes(folder / RECORD, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror or error}).", "Make room, or --no-record."
        ) from error
    return folder


def read_record(folder: Path) -> EvaluationRecord:
    """The record in a folder.

    Raises:
        DataError: where it cannot be read, or is of another version.
    """
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if content.get("version") != VERSION:
            raise DataError(f"{folder} was written by another version of the program.", "Evaluate again.")
        return _from_json(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / RECORD} cannot be read ({error}).", "Delete that folder.") from error


def read_verdicts(folder: Path) -> Verdicts:
    """The answers to every picture.

    Raises:
        DataError: where they cannot be read.
    """
    import zipfile
    import zlib

    import numpy as np

    from app.evaluation.measures import Verdicts

    try:
        with np.load(folder / VERDICTS, allow_pickle=False) as file:
            labels = file["labels"].astype(np.int64)
            return Verdicts(labels, file["top"], file["probabilities"], file["truth"])
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        RuntimeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:  # RuntimeError: zipfile's, of what it cannot do
        raise DataError(f"{folder / VERDICTS} cannot be read ({error}).", "Evaluate again.") from error


def list_records(root: Path | None = None) -> tuple[list[EvaluationRecord], list[DataError]]:
    """Every record, the newest first, and a complaint for each folder that holds none."""
    found: list[EvaluationRecord] = []
    problems: list[DataError] = []
    top = root or evaluations()
    for folder in sorted(top.iterdir()) if top.is_dir() else ():
        if not (folder / RECORD).is_file():
            continue
        try:
            found.append(read_record(folder))
        except DataError as problem:
            problems.append(problem)
    return sorted(found, key=lambda record: (record.date, record.id), reverse=True), problems


def delete_record(record_id: str, root: Path | None = None) -> None:
    """Remove a record's folder.

    Raises:
        DataError: where it cannot be removed.
    """
    folder = (root or evaluations()) / record_id
    if folder.parent != (root or evaluations()) or not (folder / RECORD).is_file():
        raise DataError(f"There is no evaluation “{record_id}”.", "List them again.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be removed ({error.strerror or error}).", "Remove it by hand.") from error


def new_id(date: str, model: str, data: Path, root: Path | None = None) -> str:
    """A name for a new record's folder: “20261124-143000-cifar10-resnet20-on-cifar10”, made unique."""
    when = re.sub(r"[-:]", "", date[:19]).replace("T", "-")
    name = f"{when}-{_slug(Path(model).stem)}-on-{_slug(data.stem)}"
    candidate, number = name, 2
    while ((root or evaluations()) / candidate).exists():
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def as_json(record: EvaluationRecord) -> dict[str, Any]:
    """A record as it is in its file; errors and intervals are spelled out."""
    content: dict[str, Any] = {"version": VERSION, **dataclasses.asdict(record)}
    for name, rate in (("top1", record.top1), ("top5", record.top5)):
        if rate is not None:
            known = rate.pictures > 0
            content[name] |= {"error": round(rate.per_cent, 2) if known else None, "interval": list(rate.interval)}
    return content


def _from_json(content: dict[str, Any]) -> EvaluationRecord:
    from app.evaluation.measures import Calibration, ClassRow, ErrorRate

    def rate(value: dict[str, Any] | None) -> ErrorRate | None:
        return None if value is None else ErrorRate(int(value["wrong"]), int(value["pictures"]))

    top1 = rate(content["top1"])
    if top1 is None:
        raise ValueError("it has no top-1 error")
    plain = {
        name: content[name]
        for name in (field.name for field in dataclasses.fields(EvaluationRecord))
        if name not in _NESTED
    }
    calibration: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in content["calibration"].items()
    }
    return EvaluationRecord(
        **plain,
        labels=tuple(content["labels"]),
        top1=top1,
        top5=rate(content["top5"]),
        calibration=Calibration(**calibration),
        rows=tuple(ClassRow(**row) for row in content["rows"]),
        worst=tuple(Mistake(**one) for one in content["worst"]),
        unread=tuple(Unread(**one) for one in content["unread"]),
        notices=tuple(content["notices"]),
        published=Published(**content["published"]) if content["published"] else None,
    )


_NESTED = {"labels", "top1", "top5", "calibration", "rows", "worst", "unread", "notices", "published"}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:40] or "data"
