"""The engine's verbs for comparing models: several held at once, the ones asked longest ago forgotten first."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from app.core.errors import CancelledError
from app.core.records import Answer, ForwardCost, Heatmap, ModelInfo, Prediction, Request
from app.engine import service
from app.explain.registry import explanations
from app.inference.classifier import Classifier
from app.inference.device import device_title
from app.zoo.loading import load_model

MOST_MODELS = 4
MOST_BYTES = 3_000_000_000  # of weights, all together: four VGG-19 do, a fifth model makes the oldest go


@dataclass(eq=False)
class Held:
    """A model in memory.

    Attributes:
        info: What the window knows of it.
        classifier: The network.
        size: Bytes of its weights.
        multiply_adds: Of one forward pass; 0 until it was counted.
    """

    info: ModelInfo
    classifier: Classifier
    size: int
    multiply_adds: int = 0


_held: OrderedDict[str, Held] = OrderedDict()


def load(reference: str) -> ModelInfo:
    """Have a model ready; it stays until others need its room.

    Raises:
        ModelError: where the reference leads to no usable model.
    """
    return _model(reference).info


def answer(request: Request) -> Answer:
    """Classify one crop with the request's model, and explain where a method is named; the model is loaded if need be.

    Raises:
        CancelledError: where the window does not want the answer any more.
        ExplorerError: where the model or the explanation cannot be had as asked.
    """
    progress, cancelled = service.watch(request.id)
    if cancelled():
        raise CancelledError("The question was withdrawn.")
    held = _model(request.model)
    classifier = held.classifier
    pixels = request.pixels[None]
    start = time.perf_counter()
    heatmap = None
    if request.method is None:
        logits = classifier.predict(pixels)[0]
    else:
        method = explanations.get(request.method)
        block = (request.block or classifier.outline.default_block) if method.info.uses_block else ""
        (found,) = classifier.in_parts(
            pixels,
            lambda part: method.explain(
                classifier.network,
                classifier.inputs(part),
                block=block,
                target=request.target,
                progress=progress,
                cancelled=cancelled,
            ),
        )
        logits = found.logits[0].float().cpu()
        values, target = found.maps[0].float().cpu().numpy(), int(found.targets[0])
        heatmap = Heatmap(values, request.method, block, target, method.info.signed)
    milliseconds = 1000 * (time.perf_counter() - start)
    prediction = Prediction(logits.numpy(), torch.softmax(logits, 0).numpy())
    notices = classifier.take_notices()
    return Answer(request.id, request.model, str(classifier.device), prediction, heatmap, milliseconds, notices)


def call(reference: str) -> ForwardCost | None:
    """Time one forward pass of one grey picture. The first call of a model also counts its operations, and is no time.

    None where the model is not in memory: whoever takes times must not make others lose theirs.
    """
    held = _held.get(reference)
    if held is None:
        return None
    side = held.classifier.preprocessing.crop
    pixels = np.full((1, side, side, 3), 128, np.uint8)
    if not held.multiply_adds:
        with torch.no_grad(), FlopCounterMode(display=False) as counted:
            held.classifier.network(held.classifier.inputs(pixels))
        held.multiply_adds = counted.get_total_flops() // 2
    start = time.perf_counter()
    held.classifier.predict(pixels)
    return ForwardCost(1000 * (time.perf_counter() - start), held.multiply_adds)


def forget(reference: str) -> None:
    """A model was removed: another one may come by its name."""
    _held.pop(reference, None)


def held() -> tuple[str, ...]:
    """The models in memory, the one asked longest ago first."""
    return tuple(_held)


def _model(reference: str) -> Held:
    if reference in _held:
        _held.move_to_end(reference)
        return _held[reference]
    model = load_model(reference)
    size = sum(one.numel() * one.element_size() for one in model.network.parameters())
    while _held and (len(_held) >= MOST_MODELS or size + sum(one.size for one in _held.values()) > MOST_BYTES):
        _held.popitem(last=False)
    classifier = Classifier(
        model.network,
        outline=model.outline,
        labels=model.labels,
        preprocessing=model.preprocessing,
        device=service.device(),
    )
    info = ModelInfo(
        reference=reference,
        title=model.card.title,
        outline=classifier.outline,
        labels=classifier.labels,
        preprocessing=classifier.preprocessing,
        device=str(classifier.device),
        device_title=device_title(classifier.device),
        folded=classifier.folded,
        label_ids=model.card.label_ids,
    )
    _held[reference] = Held(info, classifier, size)
    return _held[reference]
