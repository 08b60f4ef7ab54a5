"""What is measured on a model's answers to labelled pictures. Defined, with equations, in docs/evaluation.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.intervals import wilson

BINS = 15  # of the reliability diagram and of ECE: equally wide (Guo et al. 2017)
TOP = 5
UNREAD = -1


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The model's answer to each picture of a set.

    Attributes:
        labels: (N,) int64: the true class, in the model's numbers; −1 where the picture was left out.
        top: (N, k) int32: the most probable classes, best first, k = min(5, classes); −1 where unread.
        probabilities: (N, k) float32, theirs.
        truth: (N,) float32: the probability of the true class.
    """

    labels: NDArray[np.int64]
    top: NDArray[np.int32]
    probabilities: NDArray[np.float32]
    truth: NDArray[np.float32]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(N,): whether the picture was read and has a class of the model's."""
        return (self.labels >= 0) & (self.top[:, 0] >= 0)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,): whether the most probable class is the true one."""
        found: NDArray[np.bool_] = self.counted & (self.top[:, 0] == self.labels)
        return found

    @property
    def among(self) -> NDArray[np.bool_]:
        """(N,): whether the true class is among the five most probable."""
        found: NDArray[np.bool_] = self.counted & (self.top == self.labels[:, None]).any(axis=1)
        return found


@dataclass(frozen=True)
class ErrorRate:
    """Wrong answers in per cent, with the 95 % Wilson interval, both to two decimals."""

    wrong: int
    pictures: int

    @property
    def per_cent(self) -> float:
        """The error; NaN for no pictures."""
        return 100 * self.wrong / self.pictures if self.pictures else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval, in per cent."""
        return wilson(self.wrong / self.pictures if self.pictures else 0.0, self.pictures)


@dataclass(frozen=True)
class ClassRow:
    """One class of the model.

    Attributes:
        index: Its place among the logits.
        label: Its name.
        pictures: Of this class.
        right: Of those, how many the model called so.
        among: Of those, how many had it among the five most probable.
        called: How many pictures of any class the model called so.
    """

    index: int
    label: str
    pictures: int
    right: int
    among: int
    called: int

    @property
    def recall(self) -> float:
        """The share of this class's pictures that are called so, in per cent; NaN without pictures."""
        return 100 * self.right / self.pictures if self.pictures else float("nan")

    @property
    def precision(self) -> float:
        """The share that is of this class, of the pictures that are called so, in per cent; NaN where none is."""
        return 100 * self.right / self.called if self.called else float("nan")


@dataclass(frozen=True)
class Calibration:
    """Whether the winning probability says how often the model is right.

    Attributes:
        counts: (15,): pictures by the probability of their winning class; bin b is (b/15, (b+1)/15].
        confidence: (15,): the mean of that probability in each bin; 0 in an empty one.
        accuracy: (15,): the share that is right; 0 in an empty one.
        ece: The expected calibration error, 0 to 1.
        mean_confidence: Over all pictures.
    """

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    ece: float
    mean_confidence: float


def error_rates(verdicts: Verdicts, classes: int) -> tuple[ErrorRate, ErrorRate | None]:
    """Top-1 and top-5 error; no top-5 where the model has five classes or fewer."""
    count = int(verdicts.counted.sum())
    top1 = ErrorRate(count - int(verdicts.right.sum()), count)
    return top1, ErrorRate(count - int(verdicts.among.sum()), count) if classes > TOP else None


def class_rows(verdicts: Verdicts, labels: tuple[str, ...]) -> tuple[ClassRow, ...]:
    """One row for each class that has pictures or was answered, in the order of the logits."""
    counted = verdicts.counted
    size = len(labels)
    pictures = np.bincount(verdicts.labels[counted], minlength=size)
    right = np.bincount(verdicts.labels[verdicts.right], minlength=size)
    among = np.bincount(verdicts.labels[verdicts.among], minlength=size)
    called = np.bincount(verdicts.top[counted, 0], minlength=size)
    return tuple(
        ClassRow(
            int(index), labels[index], int(pictures[index]), int(right[index]), int(among[index]), int(called[index])
        )
        for index in np.flatnonzero(pictures + called)
    )


def confusion(verdicts: Verdicts, classes: int) -> NDArray[np.int64]:
    """(classes, classes): how many pictures of the row's class were called the column's."""
    counted = verdicts.counted
    cells = verdicts.labels[counted] * classes + verdicts.top[counted, 0]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def calibration(verdicts: Verdicts) -> Calibration:
    """Reliability in 15 equally wide bins, and the expected calibration error."""
    counted = verdicts.counted
    confidence = verdicts.probabilities[counted, 0].astype(np.float64)
    right = verdicts.right[counted]
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    filled = np.maximum(counts, 1)
    means = np.bincount(bins, weights=confidence, minlength=BINS) / filled
    shares = np.bincount(bins, weights=right, minlength=BINS) / filled
    total = max(1, len(confidence))
    return Calibration(
        tuple(counts.tolist()),
        tuple(means.tolist()),
        tuple(shares.tolist()),
        float((counts / total * np.abs(shares - means)).sum()),
        float(confidence.sum() / total),
    )


def negative_log_likelihood(verdicts: Verdicts) -> float:
    """The mean of −ln p(true class), in nats; the probabilities are cut off at 1e-12."""
    truth = verdicts.truth[verdicts.counted].astype(np.float64)
    return float(-np.log(np.maximum(truth, 1e-12)).mean()) if len(truth) else float("nan")


def worst(verdicts: Verdicts, most: int) -> tuple[int, ...]:
    """The numbers of the wrongly classified pictures, the most confident mistakes first; ties by number."""
    wrong = np.flatnonzero(verdicts.counted & ~verdicts.right)
    order = np.argsort(-verdicts.probabilities[wrong, 0], kind="stable")
    return tuple(int(number) for number in wrong[order[:most]])


def in_cell(verdicts: Verdicts, true: int, called: int) -> tuple[int, ...]:
    """The numbers of the pictures in a cell of the confusion matrix, the most confident first."""
    inside = np.flatnonzero(verdicts.counted & (verdicts.labels == true) & (verdicts.top[:, 0] == called))
    order = np.argsort(-verdicts.probabilities[inside, 0], kind="stable")
    return tuple(int(number) for number in inside[order])
