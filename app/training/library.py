"""A finished run becomes a model of the library: its weights, and a card that says how they came to be."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from app import paths
from app.core.errors import TrainingError
from app.core.files import replacing
from app.core.intervals import wilson
from app.core.preprocessing import Preprocessing
from app.runs.folder import CONFIG, DATA, ENVIRONMENT, SUMMARY, WEIGHTS, read_json, read_outline
from app.training.config import Experiment, read_file
from app.zoo.card import Accuracy, Architecture, Card, Kind, Training, Weights
from app.zoo.card_file import write_card
from app.zoo.hashing import sha256_of
from app.zoo.loading import load_card


def to_library(
    run: Path, *, title: str = "", folder: Path | None = None, kind: Kind = "mine", half: bool = False
) -> Card:
    """Copy a run's weights into the library and write their card; the model is loaded once to see that it works.

    Args:
        title: How to call it; by default the network and its data.
        folder: Where to put it; by default a new folder among the user's models.
        half: Keep parameters and statistics as float16, in half the room.

    Raises:
        TrainingError: where the run is not finished, or the folder cannot be written.
        ExplorerError: where the run cannot be read or its weights do not fit.
    """
    if not (run / SUMMARY).exists() or not (run / WEIGHTS).exists():
        raise TrainingError(f"{run} is not finished.", "Resume it and let it come to its end.")
    experiment = read_file(run / CONFIG)
    title = title or f"{experiment.title} · {read_json(run / DATA)['title']}"
    folder = folder or _free_folder(paths.user_models(), title)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if half:
            _halve(run / WEIGHTS, folder / WEIGHTS)
        else:
            shutil.copyfile(run / WEIGHTS, folder / WEIGHTS)
        card = _card(run, experiment, title, folder, kind)
        write_card(card)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written ({error.strerror}).", "Choose another folder.") from error
    load_card(card)
    return card


def _halve(source: Path, target: Path) -> None:
    import safetensors.torch

    tensors = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in safetensors.torch.load_file(source).items()
    }
    with replacing(target) as temporary:
        safetensors.torch.save_file(tensors, temporary)


def _card(run: Path, experiment: Experiment, title: str, folder: Path, kind: Kind) -> Card:
    data, place, summary = read_json(run / DATA), read_json(run / ENVIRONMENT), read_json(run / SUMMARY)
    outline = read_outline(run)
    side = int(data["side"])
    tested = int(summary["test_pictures"])
    top1 = 100 - float(summary["test_error"])
    learnt = f"{data['title']}, {data['train_pictures']:,} pictures of {len(data['classes'])} classes"
    return Card(
        id=folder.name,
        title=title,
        kind=kind,
        architecture=Architecture(outline.family, outline.architecture, len(data["classes"]), _options(experiment)),
        labels=tuple(data["classes"]),
        preprocessing=Preprocessing(side, side, tuple(data["mean"]), tuple(data["deviation"])),
        weights=Weights(WEIGHTS, sha256_of(folder / WEIGHTS)),
        folder=folder,
        source=f"trained by ResNet Explorer ({run.name})",
        training=Training(
            learnt, place["command"], place["commit"], experiment.seed, place["device"], summary["finished"][:10]
        ),
        accuracy=(
            Accuracy(
                "measured",
                f"{data['title']}, {tested:,} test pictures",
                round(top1, 2),
                pictures=tested,
                interval=wilson(top1 / 100, tested),
                command=place["command"],
            ),
        ),
        limits=f"{len(data['classes'])} classes of {side} × {side} pixels; any picture gets one of them.",
        parameters=outline.parameters,
        label_ids=tuple(data.get("class_ids", ())),
    )


def _options(experiment: Experiment) -> dict[str, Any]:
    if experiment.start_from:
        from app.zoo.loading import load_model

        return dict(load_model(experiment.start_from).card.architecture.options)
    return experiment.options


def _free_folder(root: Path, title: str) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "model"
    folder, number = root / slug, 2
    while folder.exists():
        folder, number = root / f"{slug}-{number}", number + 1
    return folder
