"""The engine's verbs for the library: look at a file of weights, take it in, draw a network that is not loaded.

`inspect` and `take_in` read files of strangers. The window runs them in a process of their own, with a bound on its
memory: whatever a file does there, the window and the engine stay.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from app import paths
from app.core.errors import ExplorerError, ModelError
from app.core.records import NetworkOutline
from app.engine.memory import limit_memory
from app.inference.preprocess import normalised
from app.networks.registry import families
from app.sources.files import read_picture
from app.zoo import outlines
from app.zoo.adding import add_model
from app.zoo.card import Architecture, Card
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.loading import as_loaded
from app.zoo.report import Inspection

TOP = 5
SAMPLE = "cat.jpg"


_last: dict[tuple[str, int, tuple[tuple[str, str], ...]], Diagnosis] = {}


def forget() -> None:
    """Let go of the last file, so that it is looked at anew."""
    _last.clear()


def fetch(reference: str) -> str:
    """Fetch a model of the Hugging Face Hub; the folder that it is in. Request 1 of `service.watch`.

    Raises:
        ModelError: where it cannot be had.
    """
    from app.engine.service import watch
    from app.zoo.hugging_face import fetch as from_hub

    progress, _ = watch(1)
    return str(from_hub(reference, on_progress=progress))


def inspect(path: str, choices: Mapping[str, str] | None = None) -> Inspection:
    """Look at a file or folder of weights, and let its network classify a sample picture."""
    start = time.perf_counter()
    diagnosis = _diagnosed(Path(path), choices or {})
    guesses: tuple[tuple[str, float], ...] = ()
    trouble = ""
    if diagnosis.report.accepted:
        try:
            guesses = _classified(diagnosis, Path(path))
        except ExplorerError as error:
            trouble = str(error)
    return Inspection(diagnosis.report, guesses, trouble, time.perf_counter() - start)


def take_in(
    path: str,
    name: str,
    labels: str,
    choices: Mapping[str, str] | None = None,
    replaces: str = "",
    since: float | None = None,
) -> Card:
    """Add a file to the user's library.

    Args:
        path: The file or folder.
        name: The model's id; "" to make one from the file's name.
        labels: A file of class names; "" for what the doctor found.
        choices: The user's answers to the doctor's questions.
        replaces: The folder of the damaged model whose place it takes; "" for none.
        since: When this was tried first, by a process that died; see `add_model`.

    Raises:
        ModelError: where it is refused, or the name or the class names do not do.
    """
    file = Path(path)
    diagnosis = _diagnosed(file, choices or {})
    card = add_model(
        file,
        name=name or None,
        labels=Path(labels) if labels else None,
        choices=choices,
        diagnosis=diagnosis,
        replaces=Path(replaces) if replaces else None,
        since=since,
    )
    if diagnosis.report.outline is not None:
        outlines.remember(card.architecture, diagnosis.report.outline)
    return card


def outline(architecture: Architecture) -> NetworkOutline:
    """The blocks of a network of which only the card is known; remembered for later starts.

    Raises:
        ModelError: where there is no such network.
    """
    known = outlines.outline_of(architecture)
    if known is not None:
        return known
    family = families.get(architecture.family)
    try:
        with torch.device("meta"):
            network = family.build(architecture.name, classes=architecture.classes, options=architecture.options)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The network {architecture.name} cannot be built: {error}.", "Correct its card.") from error
    found = family.outline(architecture.name, network)
    outlines.remember(architecture, found)
    return found


def _diagnosed(path: Path, choices: Mapping[str, str]) -> Diagnosis:
    """The doctor's word; the last file's is kept, because people look first and take in then."""
    key = (str(path), _changed(path), tuple(sorted(choices.items())))
    if key not in _last:
        if multiprocessing.parent_process() is not None:
            limit_memory(path)
        _last.clear()
        _last[key] = diagnose(path, choices=choices)
    return _last[key]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _classified(diagnosis: Diagnosis, path: Path) -> tuple[tuple[str, float], ...]:
    model = as_loaded(diagnosis, path)
    frame = read_picture(paths.assets() / "samples" / SAMPLE)
    view = model.preprocessing.view(frame.pixels)
    with torch.inference_mode():
        logits = model.network(normalised(view.pixels[None], model.preprocessing, torch.device("cpu")))[0]
    if not bool(torch.isfinite(logits).all()):
        raise ModelError("Its answers are not finite numbers: the weights are damaged or overflow.")
    best = torch.softmax(logits.float(), 0).topk(min(TOP, len(logits)))
    return tuple(
        (model.labels[int(index)], float(share)) for share, index in zip(best.values, best.indices, strict=True)
    )
