"""The engine's verbs of the Anatomy page. See `app.engine.boot.call`; definitions are in docs/anatomy.md.

| verb | takes | gives | how long |
|---|---|---|---|
| anatomy.measure | Request | Measurement | two predictions with a map |
| anatomy.tensors | Request, block's name | OpenedBlock | one prediction with a map |
| anatomy.paths | Request, … | PathRecord | a Job |
| anatomy.responses | model, data, … | ResponseRecord | a Job |
| anatomy.trust | Request with a method | TrustRecord | a Job |
| anatomy.sweep | SweepRequest | SweepRecord, growing at its path meanwhile | a Job |
| anatomy.drivers | DriversRequest | DriversRecord | a Job |

Of a `Request` its `id`, `model`, `pixels`, `target` (None for the winning class) and `lesions` count; `method` and
`block` only for trust. A request that is run by a `Job` has the id 1.
"""

from __future__ import annotations

import datetime
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from app.anatomy.drivers import Hardest
from app.anatomy.measure import measured, responses_survive_folding
from app.anatomy.opened import opened
from app.anatomy.parts import middle_blocks
from app.anatomy.paths import pooled, sampled_paths
from app.anatomy.responses import response_deviations
from app.anatomy.sweep import Batch, planned, suitable_batch, swept
from app.core.anatomy import Measurement, OpenedBlock
from app.core.drivers import ChannelDrivers, Driver, DriversRecord, DriversRequest
from app.core.errors import AnatomyError, CancelledError, DataError
from app.core.paths import PathLength, PathRecord
from app.core.records import ModelInfo, Request
from app.core.responses import ResponseRecord, write_responses
from app.core.sweeps import SweepPoint, SweepRecord, SweepRequest, SweepSeries, SweepState, write_sweep
from app.core.trust import TrustRecord
from app.engine import service
from app.engine.labelled import labelled
from app.inference.classifier import Classifier
from app.paths import responses as responses_folder
from app.trust.testing import tested
from app.zoo.cards import find_card, means_file
from app.zoo.loading import load_model

THUMBNAIL_SIDE = 32
DRIVER_SIDE = 96  # most pixels of a side
CHANNELS = 12  # that are shown where none was named
AT_ONCE, AT_ONCE_LARGE, SMALL_SIDE = 32, 4, 64  # paths in one backward, by the side of the pictures


@dataclass
class _Unfolded:
    """The last model that was opened, with its batch norms."""

    reference: str = ""
    classifier: Classifier | None = None


_unfolded = _Unfolded()


def measure(request: Request) -> Measurement:
    """Measure every block on one picture; about twice the time of a prediction with a map.

    Raises:
        CancelledError: where the window does not want the answer any more.
        ExplorerError: where the model cannot be had, or a lesion cannot be made.
    """
    classifier = service.ready(request)
    if not responses_survive_folding(classifier.network):
        classifier = with_norms(classifier, request.model)

    def work(pixels: np.ndarray) -> Measurement:
        found = measured(
            classifier.network,
            classifier.outline,
            classifier.inputs(pixels),
            target=request.target,
            lesions=request.lesions,
        )
        parameters, multiply_adds = _published(request.model)
        return Measurement(
            id=request.id,
            model=request.model,
            device=str(classifier.device),
            target=found.target,
            prediction=service.prediction(found.logits[0].float().cpu()),
            blocks=found.blocks,
            parameters=classifier.outline.parameters,
            multiply_adds=sum(block.multiply_adds for block in found.blocks),
            published_parameters=parameters,
            published_multiply_adds=multiply_adds,
            milliseconds=sum(block.milliseconds for block in found.blocks),
        )

    (result,) = classifier.in_parts(request.pixels[None], work)
    return replace(result, notices=classifier.take_notices())


def tensors(request: Request, block: str) -> OpenedBlock:
    """Open one block: every operation inside with its tensor, of one picture.

    The first time for a model takes as long as loading it: what is folded has no batch norms to show.

    Raises:
        CancelledError: where the window does not want the answer any more.
        ExplorerError: where the model cannot be had, or has no such block, or a lesion cannot be made.
    """
    classifier = with_norms(service.ready(request), request.model)
    (result,) = classifier.in_parts(
        request.pixels[None],
        lambda pixels: opened(
            classifier.network,
            classifier.outline,
            classifier.inputs(pixels),
            block,
            target=request.target,
            lesions=request.lesions,
            side=THUMBNAIL_SIDE,
        ),
    )
    return replace(result, id=request.id, model=request.model)


def with_norms(classifier: Classifier, reference: str) -> Classifier:
    """The same model, not folded; kept until another one is asked for."""
    if not classifier.folded:
        return classifier
    if _unfolded.reference != reference or _unfolded.classifier is None:
        _unfolded.classifier = None  # both need not fit in memory at once
        model = load_model(reference)
        _unfolded.classifier = Classifier(
            model.network,
            outline=model.outline,
            labels=model.labels,
            preprocessing=model.preprocessing,
            device=classifier.device,
            fold=False,
        )
        _unfolded.reference = reference
    return _unfolded.classifier


def _published(reference: str) -> tuple[int | None, float | None]:
    """(parameters, thousand millions of multiply-adds) as the weights' publisher states them."""
    if means_file(reference):
        return None, None
    card = find_card(reference)
    return (card.parameters or None, card.gflops or None) if card.kind == "published" else (None, None)


def sweep(request: SweepRequest, told: Callable[[float], None] | None = None) -> SweepRecord:
    """Delete each block in turn, and random ones; a `Job`, whose growing record lies at `request.path`.

    After `cancel` the record says “stopped” and keeps what was counted.

    Args:
        told: The share that is done, where nobody watches from another process.

    Raises:
        CancelledError: where it was stopped.
        ExplorerError: where a model, the data or a block cannot be had; then there may be no record.
    """
    progress, cancelled = service.watch(1)
    progress = told or progress
    started, begun = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), time.perf_counter()
    record = SweepRecord(request, "running", started, 0.0, 0, 0, "")

    def keep(state: SweepState, series: tuple[SweepSeries, ...]) -> None:
        nonlocal record
        record = replace(record, state=state, seconds=round(time.perf_counter() - begun, 2), series=series)
        write_sweep(record)

    finished: tuple[SweepSeries, ...] = ()
    current: SweepSeries | None = None
    try:
        for number, reference in enumerate(request.models):
            info = service.load(reference)
            classifier = service.classifier()
            pictures = labelled(info, request.data, count=request.pictures)
            points = planned(
                info.outline,
                blocks=request.blocks,
                counts=request.random,
                repeats=request.repeats,
                seed=request.seed,
            )
            notices = tuple(dict.fromkeys((*record.notices, *pictures.notices)))
            record = replace(
                record,
                pictures=len(pictures),
                classes=len(info.labels),
                device=info.device_title,
                notices=notices,
            )
            current = _series(info, tuple(points))
            keep("running", (*finished, current))
            cut = pictures.batches(classifier, suitable_batch(classifier))
            batches = (Batch(crops, labels) for crops, labels, _ in cut)
            for state in swept(classifier, batches, points, lesions=request.lesions, cancelled=cancelled):
                current = replace(current, points=tuple(state))
                keep("running", (*finished, current))
                seen = (current.whole.pictures if current.whole else 0) + len(pictures.unread)
                progress((number + min(1.0, seen / len(pictures))) / len(request.models))
            if unread := len(pictures.unread):
                notice = f"{unread} pictures could not be read and are not counted."
                notices = tuple(dict.fromkeys((*record.notices, notice)))
                record = replace(record, pictures=len(pictures) - unread, unread=unread, notices=notices)
            finished, current = (*finished, current), None
    except CancelledError:
        keep("stopped", finished if current is None else (*finished, current))
        raise
    keep("done", finished)
    return record


def _series(info: ModelInfo, points: tuple[SweepPoint, ...]) -> SweepSeries:
    blocks = middle_blocks(info.outline)
    return SweepSeries(
        model=info.reference,
        title=info.title,
        kind="residual" if any(block.shortcut != "none" for block in blocks) else "plain",
        blocks=tuple(block.name for block in blocks),
        labels=tuple(block.label for block in blocks),
        shortcuts=tuple(block.shortcut for block in blocks),
        points=points,
    )


def paths(request: Request, data: str = "", *, pictures: int = 32, paths_per_length: int = 128) -> PathRecord:
    """What the paths of each length carry, by sampling; a `Job`, or a second or two for a small network.

    Args:
        request: The picture, its target and the lesions; with `data` the picture does not count.
        data: Labelled pictures to average over, each with its true class; "" for the request's picture alone.
        pictures: How many of them.
        paths_per_length: How many are sampled of each length.

    Raises:
        AnatomyError: where the network has no shortcuts.
        CancelledError: where it was stopped.
        ExplorerError: where the model or the data cannot be had.
    """
    classifier = service.ready(request)
    progress, cancelled = service.watch(request.id)
    at_once = AT_ONCE if classifier.preprocessing.crop <= SMALL_SIDE else AT_ONCE_LARGE
    found: list[tuple[PathLength, ...]] = []
    if data:
        pictured = labelled(service.load(request.model), data, count=pictures)
        pieces = [(crops, labels) for crops, labels, _ in pictured.batches(classifier, at_once)]
    else:
        pixels = np.repeat(request.pixels[None], at_once, axis=0)
        target = request.target
        if target is None:
            target = int(classifier.predict(request.pixels[None])[0].argmax())
        if not 0 <= target < len(classifier.labels):
            raise AnatomyError(f"There is no class {target}.", "Choose one of the model's classes.")
        pieces = [(pixels, np.full(at_once, target))]
    if not pieces:
        raise DataError(f"No picture of {data} can be read.", "Choose other data.")
    count = sum(len(labels) for _, labels in pieces)
    rounds = max(1, -(-paths_per_length // count))
    for number, (crops, labels) in enumerate(pieces):

        def told(part: float, before: float = number / len(pieces)) -> None:
            progress(before + part / len(pieces))

        found.append(
            sampled_paths(
                classifier.network,
                classifier.outline,
                classifier.inputs(crops),
                torch.from_numpy(labels).to(classifier.device),
                rounds=rounds,
                seed=number,
                lesions=request.lesions,
                progress=told,
                cancelled=cancelled,
            )
        )
    progress(1.0)
    lengths = pooled(found)
    return PathRecord(request.id, request.model, lengths[-1].length, count if data else 1, lengths)


def responses(model: str, data: str, pictures: int = 1000) -> ResponseRecord:
    """How much each layer responds, over pictures of a data set (He et al. 2015, figure 7); a `Job`.

    The record is kept in the user's data: the Lab lays it beside the paper.

    Args:
        model: A reference.
        data: Labelled pictures; the labels do not count.
        pictures: How many of them, evenly spread; 0 for all.

    Raises:
        CancelledError: where it was stopped.
        ExplorerError: where the model or the data cannot be had, or the record cannot be kept.
    """
    info = service.load(model)
    classifier = with_norms(service.classifier(), model)
    progress, cancelled = service.watch(1)
    pictured = labelled(info, data, count=pictures)
    size = suitable_batch(classifier)
    seen = 0

    def batches() -> Iterator[torch.Tensor]:
        nonlocal seen
        for crops, _labels, _numbers in pictured.batches(classifier, size):
            yield classifier.inputs(crops)
            seen += len(crops)
            progress(seen / len(pictured))

    layers = response_deviations(classifier.network, classifier.outline, batches(), cancelled=cancelled)
    if not seen:
        raise DataError(f"No picture of {data} can be read.", "Choose other data.")
    residual = any(block.shortcut != "none" for block in middle_blocks(classifier.outline))
    name = Path(data).name
    file = means_file(model)
    reference = str(Path(model).resolve()) if file else model
    # The record of a bundled model can come with the program, too: it says nothing of this machine.
    place = name if not file and find_card(model).kind == "bundled" else str(Path(data).resolve())
    words = (reference, "--responses", "--data", place, "--pictures", str(pictures))
    record = ResponseRecord(
        Path(model).name if file else model,
        info.title,
        residual,
        name,
        seen,
        layers,
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        device=info.device_title,
        command=f"python main.py anatomy {shlex.join(words)}",
    )
    write_responses(responses_folder(), record, reference=reference, data=Path(data))
    return record


def trust(request: Request) -> TrustRecord:
    """Test the map that `request.method` makes at `request.block` for `request.target`; a `Job` of seconds to minutes.

    Raises:
        CancelledError: where it was stopped.
        ExplorerError: where the model, the map or a lesion cannot be had.
    """
    classifier = with_norms(service.ready(request), request.model)
    progress, cancelled = service.watch(request.id)
    found = tested(
        classifier.network,
        classifier.outline,
        classifier.inputs(request.pixels[None]),
        method=request.method or "grad-cam",
        block=request.block or "",
        target=request.target,
        lesions=request.lesions,
        progress=progress,
        cancelled=cancelled,
    )
    return replace(found, id=request.id, model=request.model)


def drivers(request: DriversRequest) -> DriversRecord:
    """The pictures of a data set that drive a block's channels hardest; a `Job`.

    Raises:
        CancelledError: where it was stopped.
        ExplorerError: where the model, the data or the block cannot be had.
    """
    progress, cancelled = service.watch(1)
    info = service.load(request.model)
    classifier = service.classifier()
    block = info.outline.block(request.block)
    if block is None or not block.explainable:
        raise AnatomyError(f"{info.title} has no feature map at “{request.block}”.", "Choose a block before the head.")
    pictures = labelled(info, request.data, count=request.pictures)
    hardest = Hardest(request.count)
    for crops, _, numbers in pictures.batches(classifier, suitable_batch(classifier)):
        if cancelled():
            raise CancelledError("It was stopped.")
        hardest.add(classifier, request.block, crops, numbers.tolist())
        progress(hardest.seen / len(pictures))
    if not hardest.seen:
        raise DataError(f"No picture of {request.data} can be read.", "Choose other data.")
    channels = request.channels or tuple(int(one) for one in np.argsort(-hardest.sums, kind="stable")[:CHANNELS])
    beyond = [one for one in channels if not 0 <= one < len(hardest.sums)]
    if beyond:
        raise AnatomyError(f"{block.label} has no channel {beyond[0]}.", f"It has {len(hardest.sums)}.")
    labels = dict(zip(pictures.numbers.tolist(), pictures.labels.tolist(), strict=True))
    view = classifier.preprocessing.view
    found = []
    for channel in channels:
        rows = []
        for place, number in enumerate(hardest.numbers[channel].tolist()):
            if number >= 0:
                pixels = view(pictures.data.picture(number).pixels).pixels
                rows.append(
                    Driver(
                        name=str(pictures.data.names[number]),
                        label=info.labels[labels[number]],
                        value=float(hardest.values[channel, place]),
                        place=(float(hardest.places[channel, place, 0]), float(hardest.places[channel, place, 1])),
                        pixels=pixels[:: -(-len(pixels) // DRIVER_SIDE), :: -(-len(pixels) // DRIVER_SIDE)].copy(),
                    )
                )
        found.append(ChannelDrivers(channel, float(hardest.sums[channel] / hardest.seen), tuple(rows)))
    return DriversRecord(request, hardest.seen, tuple(found), pictures.notices)
