"""What the engine does: hold one model, predict, explain. Runs in the engine process, and in the command line's own.

The functions are the engine's verbs; `app.engine.boot.call` runs them by name.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from app.anatomy.live import Prefixes
from app.core.errors import CancelledError, EngineError, ModelError
from app.core.records import Answer, EngineInfo, Heatmap, ModelInfo, Prediction, Request
from app.engine.channel import Channel
from app.explain.registry import explanations
from app.inference.classifier import Classifier
from app.inference.device import choose_device, device_notices, device_title
from app.networks.registry import families
from app.zoo.loading import load_model

log = logging.getLogger(__name__)

POISONED = 70  # exit code: the CUDA context is unusable, and only a new process helps


@dataclass
class _State:
    """What lives as long as the process."""

    device: torch.device | None = None
    reference: str = ""
    title: str = ""
    label_ids: tuple[str, ...] = ()
    how: str = ""
    classifier: Classifier | None = None
    channel: Channel | None = None
    prefixes: Prefixes = field(default_factory=Prefixes)
    answered: int = 0  # number of the newest crop of a live source that was answered


_state = _State()


def listen(channel: Channel) -> None:
    """Report progress to, and take cancellations from, the window of this channel."""
    _state.channel = channel


def hello(device: str) -> EngineInfo:
    """Choose the device, and say what this engine can do.

    Raises:
        EngineError: where the device that was asked for is not there.
    """
    _state.device = choose_device(device)
    return EngineInfo(
        pid=os.getpid(),
        device=str(_state.device),
        device_title=device_title(_state.device),
        torch_version=str(torch.__version__),  # TorchVersion would make the window import torch to read it
        methods=tuple(explanation.info for _, explanation in explanations.items()),
        families=families.names(),
        notices=device_notices(device, _state.device),
    )


def device() -> torch.device:
    """Where this engine computes; chosen now, if it was not yet."""
    if _state.device is None:
        hello("auto")
    assert _state.device is not None
    return _state.device


def load(reference: str) -> ModelInfo:
    """Make a model the engine's; the one before is forgotten.

    Raises:
        ModelError: where the reference leads to no usable model.
    """
    if _state.device is None:
        hello("auto")
    assert _state.device is not None
    if _state.reference != reference or _state.classifier is None:
        model = load_model(reference)
        _state.classifier = None  # both need not fit in memory at once
        _state.prefixes = Prefixes()
        _state.classifier = Classifier(
            model.network,
            outline=model.outline,
            labels=model.labels,
            preprocessing=model.preprocessing,
            device=_state.device,
        )
        _state.reference, _state.title = reference, model.card.title
        _state.label_ids, _state.how = model.card.label_ids, model.card.how
    classifier = _state.classifier
    return ModelInfo(
        reference=reference,
        title=_state.title,
        outline=classifier.outline,
        labels=classifier.labels,
        preprocessing=classifier.preprocessing,
        device=str(classifier.device),
        device_title=device_title(classifier.device),
        folded=classifier.folded,
        label_ids=_state.label_ids,
        how=_state.how,
    )


def answer(request: Request) -> Answer:
    """Classify one crop, and explain where a method is named.

    Raises:
        CancelledError: where the window does not want the answer any more.
        ExplorerError: where the model or the explanation cannot be had as asked.
    """
    return answers([request])[0]


def answer_newest(request: Request, anew: bool) -> tuple[int, Answer] | None:
    """Like `answer`, about the newest crop in the window's mailbox, whose number comes with it.

    Args:
        request: Its own pixels are not looked at.
        anew: Whether to answer although that crop was answered before; else there is nothing to say about it: None.
    """
    assert _state.channel is not None
    ready(request)
    number, pixels = _state.channel.mailbox.take()
    if number == _state.answered and not anew:
        return None
    found = answer(replace(request, pixels=pixels))
    _state.answered = number
    return number, found


def answers(requests: list[Request]) -> list[Answer]:
    """Like `answer`, for a batch that shares model, method, block, target and lesions; times are per picture."""
    first = requests[0]
    ready(first)
    assert _state.classifier is not None
    progress, cancelled = watch(first.id)
    start = time.perf_counter()
    try:
        results = _compute(_state.classifier, requests, progress, cancelled)
    except torch.AcceleratorError as error:  # not out-of-memory, which the classifier handles
        log.critical("the accelerator failed: %s", error)
        if multiprocessing.parent_process() is not None:
            os._exit(POISONED)  # the client starts a new engine and repeats the call
        raise EngineError(f"The accelerator failed: {error}.", "Start again, or use --device cpu.") from error
    milliseconds = 1000 * (time.perf_counter() - start) / len(requests)
    notices = _state.classifier.take_notices()
    return [
        Answer(request.id, request.model, str(_state.classifier.device), prediction, heatmap, milliseconds, notices)
        for request, (prediction, heatmap) in zip(requests, results, strict=True)
    ]


def ready(request: Request) -> Classifier:
    """The request's model, loaded if need be.

    Raises:
        CancelledError: where the window does not want the answer any more.
        ModelError: where the reference leads to no usable model.
    """
    if _state.classifier is None or _state.reference != request.model:
        load(request.model)
    assert _state.classifier is not None
    if watch(request.id)[1]():
        raise CancelledError("The question was withdrawn.")
    return _state.classifier


def _compute(
    classifier: Classifier, requests: list[Request], progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> list[tuple[Prediction, Heatmap | None]]:
    pixels = np.stack([request.pixels for request in requests])
    first = requests[0]
    if first.method is None:
        return [(prediction(row), None) for row in _predicted(classifier, pixels, first)]
    method, name = explanations.get(first.method), first.method
    block = (first.block or classifier.outline.default_block) if method.info.uses_block else ""

    def explain(part: NDArray[np.uint8]) -> list[tuple[Prediction, Heatmap | None]]:
        network = classifier.network
        with _state.prefixes.changed(
            network, classifier.outline, first.lesions, pixels=part, method=name, block=block
        ) as start:
            found = method.explain(
                network,
                classifier.inputs(part) if start is None else start,
                block=block,
                target=first.target,
                progress=progress,
                cancelled=cancelled,
            )
        maps, targets = found.maps.float().cpu().numpy(), found.targets.tolist()
        return [
            (prediction(row), Heatmap(values, name, block, target, method.info.signed))
            for row, values, target in zip(found.logits.float().cpu(), maps, targets, strict=True)
        ]

    return [result for part in classifier.in_parts(pixels, explain) for result in part]


def _predicted(classifier: Classifier, pixels: NDArray[np.uint8], request: Request) -> torch.Tensor:
    """(N, classes) logits on the CPU, of the network as the request wants it."""

    def forward(part: NDArray[np.uint8]) -> torch.Tensor:
        network = classifier.network
        with (
            torch.inference_mode(),
            _state.prefixes.changed(
                network, classifier.outline, request.lesions, pixels=part, method=None, block=""
            ) as start,
        ):
            logits: torch.Tensor = network(classifier.inputs(part) if start is None else start)
            return logits.float().cpu()

    return torch.cat(classifier.in_parts(pixels, forward))


def prediction(logits: torch.Tensor) -> Prediction:
    """(classes,) logits on the CPU -> what the network says.

    Raises:
        ModelError: where they are not finite.
    """
    if not bool(torch.isfinite(logits).all()):
        raise ModelError(
            "The network's answer is not finite: its weights are damaged or do not fit.", "Choose another model."
        )
    return Prediction(logits.numpy(), torch.softmax(logits, 0).numpy())


def watch(request_id: int) -> tuple[Callable[[float], None], Callable[[], bool]]:
    """How work tells its progress (0 to 1), and asks whether to stop; a `Job` is request 1 of its own engine."""
    channel = _state.channel
    if channel is None:
        return (lambda _share: None), (lambda: False)
    channel.done.value = 0.0

    def progress(share: float) -> None:
        channel.done.value = share

    return progress, lambda: bool(request_id <= channel.cancelled.value)


def classifier() -> Classifier:
    """The loaded model itself, for commands that run in the engine's own process.

    Raises:
        EngineError: where none is loaded.
    """
    if _state.classifier is None:
        raise EngineError("No model is loaded.", "Load one first.")
    return _state.classifier
