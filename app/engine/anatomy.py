"""The engine's verbs of the Anatomy page: “anatomy.measure”, “anatomy.tensors”. See `app.engine.boot.call`.

Records: `app/core/anatomy.py`; definitions: docs/anatomy.md. Every verb takes an ordinary `Request`: its `id`, `model`,
`pixels`, `target` (None for the winning class) and `lesions` count; `method` and `block` do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.anatomy.measure import measured, responses_survive_folding
from app.anatomy.opened import opened
from app.core.anatomy import Measurement, OpenedBlock
from app.core.records import Request
from app.engine import service
from app.inference.classifier import Classifier
from app.zoo.cards import find_card, looks_like_file
from app.zoo.loading import load_model

THUMBNAIL_SIDE = 32


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
    if looks_like_file(reference):
        return None, None
    card = find_card(reference)
    return (card.parameters or None, card.gflops or None) if card.kind == "published" else (None, None)
