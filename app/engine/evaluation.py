"""The engine's verbs about labelled pictures: judge a model on them, and record it."""

from __future__ import annotations

import datetime
import hashlib
import platform
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from app import __version__
from app.core.errors import DataError
from app.core.records import ModelInfo
from app.engine import service
from app.evaluation import measures
from app.evaluation.data import LabelledSet, labelled_set
from app.evaluation.judge import Share, judge, together
from app.evaluation.matching import Matching, match_classes
from app.evaluation.records import (
    EvaluationRecord,
    EvaluationRequest,
    Mistake,
    Published,
    Unread,
    new_id,
    write_record,
)
from app.zoo.card import Card
from app.zoo.card_file import CARD_NAME
from app.zoo.cards import find_card, means_file, read_card
from app.zoo.hashing import sha256_of
from app.zoo.reading import weight_files

MOST_MISTAKES = 100
LISTED = 0.02  # the share of the work that listing the pictures and loading the model is told as

Gather = Callable[[Share], list[Share] | None]
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """A whole evaluation.

    Attributes:
        record: What is kept of it.
        verdicts: The answer to every picture.
        names: What the pictures are called.
    """

    record: EvaluationRecord
    verdicts: measures.Verdicts
    names: Sequence[str]


def alone(share: Share) -> list[Share]:
    """The `Gather` of one process."""
    return [share]


def evaluate(request: EvaluationRequest) -> EvaluationRecord:
    """Judge a model on labelled pictures; the record is in the user's data, if that was asked for.

    Raises:
        ModelError, DataError: where either cannot be used, or they do not belong together.
        CancelledError: where the window does not want it any more.
    """
    judged = shared(request)
    assert judged is not None
    return judged.record


def shared(
    request: EvaluationRequest,
    *,
    rank: int = 0,
    world: int = 1,
    gather: Gather = alone,
    progress: Progress | None = None,
) -> Judged | None:
    """Like `evaluate`, for one of several processes: the first one gets everything, the others None.

    Args:
        gather: Every process's share, for the first process; None for the others.
        progress: Told the share that is done, where not the window is.
    """
    told, cancelled = service.watch(1)
    progress = progress or told
    info = service.load(request.model)
    data = labelled_set(Path(request.data), labels=Path(request.labels) if request.labels else None)
    matching = match_classes(
        data.classes,
        info.labels,
        highest=int(data.labels.max()),
        title=info.title,
        ids=info.label_ids,
        skip_unknown=request.skip_unknown,
    )
    progress(LISTED)
    share = judge(
        service.classifier(),
        data,
        matching.classes,
        rank=rank,
        world=world,
        batch=request.batch,
        progress=lambda part: progress(LISTED + (1 - LISTED) * part),
        cancelled=cancelled,
    )
    shares = gather(share)
    if shares is None:
        return None
    whole = together(shares, matching.classes[data.labels])
    record = _record(request, info, data, matching, whole, len(shares))
    if request.keep:
        write_record(record, whole.verdicts)
    return Judged(record, whole.verdicts, data.names)


def _record(
    request: EvaluationRequest, info: ModelInfo, data: LabelledSet, matching: Matching, whole: Share, processes: int
) -> EvaluationRecord:
    verdicts = whole.verdicts
    top1, top5 = measures.error_rates(verdicts, len(info.labels))
    if not top1.pictures:
        why = next(iter(whole.unread.values()), "none is left")
        raise DataError(f"No picture in {data.path} could be judged: {why}", "Choose other data.")
    notices = (*data.notices, *matching.notices, *service.classifier().take_notices())
    if whole.unread:
        notices += (f"{len(whole.unread)} pictures could not be read and are not counted.",)
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    card = card_of(request.model)
    return EvaluationRecord(
        id=new_id(date, request.model, data.path),
        date=date,
        model=request.model,
        title=info.title,
        model_hash=model_hash(request.model),
        labels=info.labels,
        data=str(data.path.absolute()),
        labels_file=str(Path(request.labels).absolute()) if request.labels else "",
        layout=data.layout,
        fingerprint=data.fingerprint,
        matched=matching.how,
        device=info.device_title,
        command=command_of(request),
        program=f"ResNet Explorer {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
        processes=processes,
        seconds=round(whole.seconds, 3),
        top1=top1,
        top5=top5,
        log_loss=measures.negative_log_likelihood(verdicts),
        calibration=measures.calibration(verdicts),
        rows=measures.class_rows(verdicts, info.labels),
        worst=tuple(_mistake(data, verdicts, number) for number in measures.worst(verdicts, MOST_MISTAKES)),
        unread=tuple(Unread(data.names[number], why) for number, why in whole.unread.items()),
        notices=notices,
        published=published(card),
    )


def _mistake(data: LabelledSet, verdicts: measures.Verdicts, number: int) -> Mistake:
    return Mistake(
        number=number,
        name=data.names[number],
        label=int(verdicts.labels[number]),
        called=int(verdicts.top[number, 0]),
        probability=float(verdicts.probabilities[number, 0]),
        truth=float(verdicts.truth[number]),
    )


def card_of(reference: str) -> Card | None:
    """The card that a reference leads to; None for a bare file."""
    if not means_file(reference):
        return find_card(reference)
    path = Path(reference).expanduser()
    path = path / CARD_NAME if path.is_dir() else path
    return read_card(path) if path.name == CARD_NAME and path.is_file() else None


def model_hash(reference: str) -> str:
    """SHA-256 of a model's file of weights; of all their names and hashes, where there are several."""
    card = card_of(reference)
    files = (card.weights_path,) if card is not None else weight_files(Path(reference).expanduser())
    if len(files) == 1:
        return sha256_of(files[0])
    return hashlib.sha256("".join(f"{sha256_of(file)}  {file.name}\n" for file in files).encode()).hexdigest()


def published(card: Card | None) -> Published | None:
    """The card's figure to compare with, as errors: what others published, else what was measured when it was made."""
    if card is None or not card.accuracy:
        return None
    best = next((one for one in card.accuracy if one.origin == "published"), card.accuracy[0])
    return Published(
        top1=round(100 - best.top1, 3),
        top5=None if best.top5 is None else round(100 - best.top5, 3),
        data=best.data,
        origin=best.origin,
        source=best.source or best.command,
    )


def command_of(request: EvaluationRequest) -> str:
    """The command that does the same."""
    words = ["python", "main.py", "evaluate", "--model", request.model, "--data", request.data]
    words += ["--labels", request.labels] if request.labels else []
    words += ["--skip-unknown"] if request.skip_unknown else []
    words += ["--batch", str(request.batch)] if request.batch else []
    return shlex.join(words)
