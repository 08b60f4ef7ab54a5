"""The engine's verb about whole folders: what a model says of every picture, into a table that can be gone on with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from app.core.errors import CancelledError, ModelError
from app.engine import service
from app.engine.evaluation import model_hash
from app.evaluation.batch_lock import alone
from app.evaluation.batch_store import TOP, VERSION, BatchDone, BatchStore
from app.evaluation.judge import BATCH, LARGE_BATCH, LARGE_BATCH_SIDE
from app.inference.classifier import Classifier
from app.inference.folder import Prepared, in_batches, prepared
from app.sources.files import iterate_pictures, read_picture


def classify(
    model: str,
    folders: tuple[str, ...],
    store: str,
    *,
    anew: bool = False,
    progress: Callable[[float], None] | None = None,
) -> BatchDone:
    """Classify every picture of some folders that has no answer in the table yet, or changed since it had.

    Pictures that are gone leave the table.

    Raises:
        ModelError, DataError: where the model or the table cannot be used.
        BatchBusyError: where another process is at work on the table.
        CancelledError: where the window asked to stop; what is done stays.
    """
    service.load(model)  # a model that is not there leaves no file of a lock behind
    with alone(Path(store)):
        return classify_alone(model, folders, store, anew=anew, progress=progress)


def classify_alone(
    model: str,
    folders: tuple[str, ...],
    store: str,
    *,
    anew: bool = False,
    progress: Callable[[float], None] | None = None,
) -> BatchDone:
    """Like `classify`, for who holds the table's lock (`app.evaluation.batch_lock.alone`) and goes on holding it.

    Args:
        model: A reference.
        folders: Folders and files.
        store: The table's file; made where it is not there.
        anew: Forget what is in it.
        progress: Told the share that is done, where not the window is.

    Raises:
        ModelError, DataError: where the model or the table cannot be used.
        CancelledError: where the window asked to stop; what is done stays.
    """
    told, cancelled = service.watch(1)
    progress = progress or told
    info = service.load(model)
    about = {
        "version": str(VERSION),
        "model": model,
        "model_hash": model_hash(model),
        "how": info.how,
        "title": info.title,
        "labels": "\n".join(info.labels),
        "folders": "\n".join(os.fsencode(folder).decode("utf-8", "replace") for folder in folders),
    }
    notices: list[str] = []
    with BatchStore(Path(store)) as table:
        if anew:
            table.clear()
        if not table.begin(about):
            notices.append(
                "The model, or what it does to pictures, is not what the table was begun with: it was begun anew."
            )
        table.again()
        changed = table.add(_until(iterate_pictures(Path(folder) for folder in folders), cancelled))
        gone = table.drop_gone()
        if changed:
            notices.append(f"Pictures that changed since they were classified, and are classified anew: {changed:,}.")
        if gone:
            notices.append(f"Pictures that are not there any more, and left the table: {gone:,}.")
        counts = table.counts()
        done = counts.total - counts.waiting
        classifier = service.classifier()
        size = BATCH if info.preprocessing.crop <= LARGE_BATCH_SIDE else LARGE_BATCH
        waiting = prepared(table.waiting(), read=read_picture, preprocessing=info.preprocessing, ahead=2 * size)
        for pictures in in_batches(waiting, size):
            if cancelled():
                raise CancelledError("The batch was stopped.", "What is done is kept; start again to go on.")
            table.write(_answers(classifier, pictures), info.labels)
            done += len(pictures)
            progress(done / max(1, counts.total))
        return BatchDone(table.counts(), (*notices, *classifier.take_notices()))


Answered = tuple[Path, list[int], list[float], float, str]


def _answers(classifier: Classifier, pictures: list[Prepared]) -> list[Answered]:
    views = [picture.view.pixels for picture in pictures if picture.view is not None]
    start = time.perf_counter()
    logits = classifier.predict(np.stack(views)) if views else torch.zeros(0, len(classifier.labels))
    each = 1000 * (time.perf_counter() - start) / max(1, len(views))
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            "The network's answers are not finite: its weights are damaged or do not fit.", "Choose another model."
        )
    best = torch.sort(logits, dim=1, descending=True, stable=True).indices[:, : min(TOP, len(classifier.labels))]
    shares = torch.softmax(logits, 1).gather(1, best)
    found = iter(zip(best.tolist(), shares.tolist(), strict=True))
    rows: list[Answered] = []
    for picture in pictures:
        if picture.view is None:
            rows.append((picture.path, [], [], 0.0, str(picture.error)))
        else:
            classes, probabilities = next(found)
            rows.append((picture.path, classes, probabilities, each, ""))
    return rows


def _until(paths: Iterator[Path], cancelled: Callable[[], bool]) -> Iterator[Path]:
    """Listing a large folder takes a while, too."""
    for path in paths:
        if cancelled():
            raise CancelledError("The batch was stopped.", "What is done is kept; start again to go on.")
        yield path
