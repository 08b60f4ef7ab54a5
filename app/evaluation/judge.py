"""A model's answers to labelled pictures: read and cut on threads while the network computes, in whole batches.

Batches are dealt out to processes whole, so that every picture meets the network in the same company however many
processes there are: the numbers are the same, and no picture is counted twice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from app.core.errors import CancelledError, DataError, ExplorerError, ModelError
from app.evaluation.data import LabelledSet
from app.evaluation.measures import TOP, UNREAD, Verdicts
from app.inference.classifier import Classifier
from app.inference.folder import READERS

BATCH = 128
LARGE_BATCH_SIDE = 64  # pixels; larger inputs go in batches of LARGE_BATCH
LARGE_BATCH = 16
AHEAD = 2  # batches that may wait in memory


@dataclass(frozen=True, eq=False)
class Share:
    """What one process found.

    Attributes:
        numbers: (n,) which pictures.
        verdicts: Of those, in that order.
        unread: Why a picture could not be read, by its number.
        seconds: It took.
    """

    numbers: NDArray[np.int64]
    verdicts: Verdicts
    unread: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0


def judge(
    classifier: Classifier,
    data: LabelledSet,
    classes: NDArray[np.int64],
    *,
    rank: int = 0,
    world: int = 1,
    batch: int = 0,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Share:
    """Answer every picture of this process's batches.

    Args:
        classes: The model's class for each class of the data; −1 leaves its pictures out.
        rank, world: This process among how many; batch b is done by process b mod world.
        batch: Pictures at once; 0 for what suits the size of the input.
        progress: Told the share that is done, 0 to 1.

    Raises:
        CancelledError: where `cancelled` said so.
        ModelError: where the network's answers are not finite.
        EngineError: where not even one picture fits into memory.
    """
    labels = classes[data.labels]
    wanted = np.flatnonzero(labels >= 0)
    size = batch or (BATCH if classifier.preprocessing.crop <= LARGE_BATCH_SIDE else LARGE_BATCH)
    batches = [wanted[start : start + size] for start in range(0, len(wanted), size)][rank::world]
    numbers = np.concatenate(batches) if batches else np.zeros(0, np.int64)
    kept = min(TOP, len(classifier.labels))
    top = np.full((len(numbers), kept), UNREAD, np.int32)
    probabilities = np.zeros((len(numbers), kept), np.float32)
    truth = np.zeros(len(numbers), np.float32)
    unread: dict[int, str] = {}
    start = time.perf_counter()
    done = 0
    for crops, readable, errors in prepared_batches(classifier, data, batches):
        if cancelled():
            raise CancelledError("The evaluation was stopped.", "Nothing was recorded.")
        places = done + readable
        unread |= errors
        if len(readable):
            best, shares, true = _answers(classifier, crops, labels[numbers[places]], kept)
            top[places], probabilities[places], truth[places] = best, shares, true
        done += len(readable) + len(errors)
        progress(done / len(numbers))
    verdicts = Verdicts(labels[numbers], top, probabilities, truth)
    return Share(numbers, verdicts, unread, time.perf_counter() - start)


def together(shares: list[Share], labels: NDArray[np.int64]) -> Share:
    """The whole set's verdicts from what each process found.

    Args:
        labels: (N,) the true classes, in the model's numbers; −1 for pictures that were left out.

    Raises:
        DataError: where a picture was done twice or not at all: the processes see different data.
    """
    count = len(labels)
    numbers = np.concatenate([share.numbers for share in shares])
    if not np.array_equal(np.sort(numbers), np.flatnonzero(labels >= 0)):
        raise DataError("The processes do not see the same pictures.", "Give each the same --data and options.")
    kept = shares[0].verdicts.top.shape[1]
    top = np.full((count, kept), UNREAD, np.int32)
    probabilities, truth = np.zeros((count, kept), np.float32), np.zeros(count, np.float32)
    unread: dict[int, str] = {}
    for share in shares:
        top[share.numbers], probabilities[share.numbers] = share.verdicts.top, share.verdicts.probabilities
        truth[share.numbers] = share.verdicts.truth
        unread |= share.unread
    seconds = max(share.seconds for share in shares)
    return Share(np.arange(count), Verdicts(labels, top, probabilities, truth), dict(sorted(unread.items())), seconds)


def _answers(
    classifier: Classifier, crops: NDArray[np.uint8], labels: NDArray[np.int64], kept: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    logits = classifier.predict(crops)
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            "The network's answers are not finite: its weights are damaged or do not fit.", "Choose another model."
        )
    shares = torch.softmax(logits, 1)
    # Stable: of equal logits the lower index comes first, in every batch and on every machine.
    best = torch.sort(logits, dim=1, descending=True, stable=True).indices[:, :kept]
    true = shares.gather(1, torch.from_numpy(labels)[:, None])[:, 0]
    return best.numpy().astype(np.int32), shares.gather(1, best).numpy(), true.numpy()


Prepared = tuple[NDArray[np.uint8], NDArray[np.int64], dict[int, str]]


def prepared_batches(classifier: Classifier, data: LabelledSet, batches: list[NDArray[np.int64]]) -> Iterator[Prepared]:
    """Each batch's crops, the places of those that could be read, and why others could not."""
    side = classifier.preprocessing.crop
    view = classifier.preprocessing.view

    def crop(number: int) -> NDArray[np.uint8] | str:
        try:
            return view(data.picture(number).pixels).pixels
        except ExplorerError as error:
            return str(error)

    def gather(numbers: NDArray[np.int64], crops: list[NDArray[np.uint8] | str]) -> Prepared:
        read = [place for place, one in enumerate(crops) if not isinstance(one, str)]
        stacked = [one for one in crops if not isinstance(one, str)]
        errors = {int(numbers[place]): one for place, one in enumerate(crops) if isinstance(one, str)}
        pixels = np.stack(stacked) if stacked else np.zeros((0, side, side, 3), np.uint8)
        return pixels, np.array(read, np.int64), errors

    with ThreadPoolExecutor(READERS, thread_name_prefix="reader") as readers:
        waiting: deque[tuple[NDArray[np.int64], list[Future[NDArray[np.uint8] | str]]]] = deque()

        def submit(numbers: NDArray[np.int64]) -> None:
            waiting.append((numbers, [readers.submit(crop, int(number)) for number in numbers]))

        if data.pixels is not None:  # cutting is quicker than handing each picture to a thread
            for numbers in batches:
                yield gather(numbers, [crop(int(number)) for number in numbers])
            return
        try:
            for numbers in batches[:AHEAD]:
                submit(numbers)
            for place in range(len(batches)):
                numbers, futures = waiting.popleft()
                if place + AHEAD < len(batches):
                    submit(batches[place + AHEAD])
                yield gather(numbers, [future.result() for future in futures])
        finally:
            for _, futures in waiting:
                for future in futures:
                    future.cancel()
