"""Labelled pictures for the engine's long work: listed, matched to the model's classes, thinned out, cut in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.core.records import ModelInfo
from app.evaluation.data import LabelledSet, labelled_set
from app.evaluation.judge import prepared_batches
from app.evaluation.matching import match_classes
from app.inference.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pictures that a model's answers can be compared on.

    Attributes:
        data: The whole set.
        numbers: (n,) int64: which of its pictures are used.
        labels: (n,) int64: their classes, in the model's numbers.
        notices: What the user should know.
        unread: Why a picture could not be read, by its number: of those that `batches` met so far.
    """

    data: LabelledSet
    numbers: NDArray[np.int64]
    labels: NDArray[np.int64]
    notices: tuple[str, ...]
    unread: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def batches(
        self, classifier: Classifier, size: int
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]]:
        """((N, S, S, 3) uint8 crops, (N,) labels, (N,) numbers) of `size` pictures; unreadable ones are left out."""
        parts = [slice(start, start + size) for start in range(0, len(self), size)]
        prepared = prepared_batches(classifier, self.data, [self.numbers[part] for part in parts])
        for part, (crops, readable, unread) in zip(parts, prepared, strict=True):
            self.unread.update(unread)
            if len(readable):
                yield crops, self.labels[part][readable], self.numbers[part][readable]


def labelled(info: ModelInfo, data: str, *, count: int = 0) -> Labelled:
    """Find pictures for a model.

    Args:
        data: A path; see `labelled_set`.
        count: How many, evenly spread over the set; 0 for all.

    Raises:
        DataError: where they cannot be read, or have other classes than the model.
    """
    whole = labelled_set(Path(data))
    matching = match_classes(
        whole.classes,
        info.labels,
        highest=int(whole.labels.max()),
        title=info.title,
        ids=info.label_ids,
        skip_unknown=True,
    )
    classes = matching.classes[whole.labels]
    usable = np.flatnonzero(classes >= 0)
    if 0 < count < len(usable):
        usable = usable[np.linspace(0, len(usable) - 1, count).round().astype(np.int64)]
    return Labelled(whole, usable, classes[usable], (*whole.notices, *matching.notices))
