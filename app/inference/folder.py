"""Many pictures: read and cut on threads while the network computes, in order, in bounded memory."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import ExplorerError
from app.core.preprocessing import NetworkView, Preprocessing
from app.core.records import Frame

READERS = min(8, os.cpu_count() or 1)
MOST_KEPT_BYTES = 256_000_000  # of whole pictures in one batch


@dataclass(frozen=True, eq=False)
class Prepared:
    """One picture on its way to the network.

    Attributes:
        path: Its file.
        view: What the network sees; None where the picture cannot be read.
        frame: The whole picture, where it was asked for.
        error: Why it cannot be read.
    """

    path: Path
    view: NetworkView | None = None
    frame: Frame | None = None
    error: ExplorerError | None = None


def prepared(
    paths: Iterable[Path],
    *,
    read: Callable[[Path], Frame],
    preprocessing: Preprocessing,
    ahead: int,
    keep_frames: bool = False,
) -> Iterator[Prepared]:
    """Read pictures on threads, at most `ahead` of the one that is wanted; in order, bad ones as errors.

    Args:
        paths: Consumed lazily, so that a folder of any size starts at once.
        read: How to read a file; ExplorerErrors become entries, anything else is raised.
        preprocessing: Of the network.
        ahead: How many pictures may wait in memory; whole pictures are large, so of these only one per reader waits.
        keep_frames: Whether to hand the whole pictures on too.
    """
    if keep_frames:
        ahead = min(ahead, READERS)

    def prepare(path: Path) -> Prepared:
        try:
            frame = read(path)
            view = preprocessing.view(frame.pixels)
        except ExplorerError as error:
            return Prepared(path, error=error)
        return Prepared(path, view, frame if keep_frames else None)

    remaining = iter(paths)
    with ThreadPoolExecutor(READERS, thread_name_prefix="reader") as readers:
        waiting: deque[Future[Prepared]] = deque()
        try:
            waiting.extend(readers.submit(prepare, path) for path in itertools.islice(remaining, ahead))
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(readers.submit(prepare, path) for path in itertools.islice(remaining, 1))
                yield done
        finally:
            for future in waiting:
                future.cancel()


def in_batches(pictures: Iterable[Prepared], size: int) -> Iterator[list[Prepared]]:
    """Groups with up to `size` readable pictures each; unreadable ones ride along in their place.

    A group is smaller where its pictures are kept whole and are large.
    """
    batch: list[Prepared] = []
    readable = kept = 0
    for picture in pictures:
        batch.append(picture)
        readable += picture.error is None
        kept += picture.frame.pixels.nbytes if picture.frame is not None else 0
        if readable == size or len(batch) == 4 * size or kept >= MOST_KEPT_BYTES:
            yield batch
            batch, readable, kept = [], 0, 0
    if batch:
        yield batch
