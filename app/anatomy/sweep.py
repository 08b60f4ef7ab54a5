"""Blocks deleted in turn, on many pictures, with what comes before them computed once. See Veit et al. 2016, section 4.

For a batch the whole network runs once and what goes into each block is kept; each deletion then starts at the first
block that it touches. With n equal blocks that costs (n + 3) / 2n of n full evaluations.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.anatomy.lesions import lesioned
from app.anatomy.parts import middle_blocks
from app.anatomy.prefix import earliest, kept_inputs, starting_at
from app.core.errors import AnatomyError, CancelledError
from app.core.lesions import Lesion, Lesions
from app.core.records import NetworkOutline
from app.core.sweeps import SweepPoint
from app.inference.classifier import Classifier

KEPT_BYTES = 200_000_000  # of what goes into the blocks, for one batch
LARGEST_BATCH = 250


@dataclass(frozen=True, eq=False)
class Batch:
    """Some of the pictures.

    Attributes:
        pixels: (N, S, S, 3) uint8, cut as the network takes them.
        labels: (N,) int64.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def planned(
    outline: NetworkOutline, *, blocks: Sequence[str], counts: Sequence[int], repeats: int, seed: int
) -> list[SweepPoint]:
    """The points of a sweep, nothing counted yet: the whole network, each block, random choices.

    Raises:
        AnatomyError: where a block does not exist, or more are to be deleted than there are.
    """
    names = [block.name for block in middle_blocks(outline)]
    unknown = [name for name in blocks if name not in names]
    if unknown:
        raise AnatomyError(
            f"{outline.title} has no block {', '.join(unknown)} that can be deleted.",
            f"Its blocks are {names[0]} to {names[-1]}.",
        )
    points = [SweepPoint(()), *(SweepPoint((name,)) for name in blocks or names)]
    for count in counts:
        if not 1 <= count <= len(names):
            raise AnatomyError(
                f"{count} blocks cannot be deleted: {outline.title} has {len(names)}.",
                f"Choose a number from 1 to {len(names)}.",
            )
        for repeat in range(repeats):
            chosen = random.Random(f"{seed} {count} {repeat}").sample(range(len(names)), count)
            points.append(SweepPoint(tuple(names[place] for place in sorted(chosen)), random=True))
    return points


def swept(
    classifier: Classifier,
    batches: Iterator[Batch],
    points: Sequence[SweepPoint],
    *,
    lesions: Lesions = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[list[SweepPoint]]:
    """Count wrong answers; gives all points with their counts so far, after each batch.

    Raises:
        CancelledError: where `cancelled` said so.
        AnatomyError: where a lesion among `lesions` cannot be made.
    """
    state = list(points)
    for batch in batches:
        parts = classifier.in_parts(
            batch.pixels, lambda pixels: list(_answers(classifier, pixels, points, lesions, cancelled))
        )
        for place, point in enumerate(state):
            pieces = [part[place] for part in parts]
            why = next((piece for piece in pieces if isinstance(piece, str)), "")
            if why:
                state[place] = replace(point, refused=why)
                continue
            answers = np.concatenate([piece for piece in pieces if not isinstance(piece, str)])
            wrong = point.wrong + int((answers != batch.labels).sum())
            state[place] = replace(point, wrong=wrong, pictures=point.pictures + len(batch.labels))
        yield list(state)


def suitable_batch(classifier: Classifier) -> int:
    """How many pictures at once, so that what goes into the blocks fits into memory."""
    side = classifier.preprocessing.crop
    with torch.inference_mode(), kept_inputs(classifier.network, classifier.outline) as inputs:
        classifier.network(classifier.inputs(np.zeros((1, side, side, 3), np.uint8)))
    bytes_each = sum(x.numel() * x.element_size() for x in inputs.values())
    return max(1, min(LARGEST_BATCH, KEPT_BYTES // max(1, bytes_each)))


def _answers(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    points: Sequence[SweepPoint],
    lesions: Lesions,
    cancelled: Callable[[], bool],
) -> Iterator[NDArray[np.int64] | str]:
    """For each point the (N,) answers, or why its blocks cannot be deleted."""
    network, outline = classifier.network, classifier.outline
    with torch.inference_mode():
        with lesioned(network, outline, lesions), kept_inputs(network, outline) as inputs:
            whole = _winners(network, classifier.inputs(pixels))
        for point in points:
            if cancelled():
                raise CancelledError("The sweep was stopped.", "What was counted so far is kept.")
            if not point.blocks:
                yield whole
                continue
            changes = (*lesions, *(Lesion("bypass", name) for name in point.blocks))
            first = earliest(outline, [Lesion("bypass", name) for name in point.blocks])
            first = _before_swaps(outline, first, lesions)
            try:
                with starting_at(network, outline, first), lesioned(network, outline, changes):
                    answer = _winners(network, inputs[first])
            except AnatomyError as error:
                yield str(error)
            else:
                yield answer


def _before_swaps(outline: NetworkOutline, first: str | None, lesions: Lesions) -> str:
    """Where to start: not behind a block that the standing lesions moved away from its place."""
    assert first is not None
    swapped = {name for lesion in lesions if lesion.kind == "swap" for name in lesion.blocks}
    return next(block.name for block in outline.blocks if block.name == first or block.name in swapped)


def _winners(network: nn.Module, inputs: Tensor) -> NDArray[np.int64]:
    answers: NDArray[np.int64] = network(inputs).argmax(1).cpu().numpy()
    return answers
