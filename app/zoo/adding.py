"""Takes a file into the user's library: safetensors and a card of our own; the original is never touched."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import safetensors.torch

from app import paths
from app.core.errors import ModelError, SettingsError
from app.zoo.card import Card, Training, Weights
from app.zoo.card_file import ID_PATTERN, write_card
from app.zoo.cards import read_library
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.hashing import sha256_of
from app.zoo.labels import read_label_file

WEIGHTS_NAME = "weights.safetensors"


def add_model(
    file: Path,
    *,
    name: str | None = None,
    labels: Path | None = None,
    choices: Mapping[str, str] | None = None,
    diagnosis: Diagnosis | None = None,
) -> Card:
    """Take a file of weights in, all or nothing.

    Args:
        file: The file or folder, of any format that the checkpoint doctor knows.
        name: The model's id; made from the file's name where not given.
        labels: A file of class names, one a line or JSON; by default what the doctor finds.
        choices: The user's answers to the doctor's questions; see `inspect_file`.
        diagnosis: What the doctor said of this file with these choices, where it was asked already.

    Raises:
        ModelError: where the file is refused, the name is taken or not a name, the class names do not fit, or the
            library cannot be written.
    """
    if diagnosis is None:
        diagnosis = diagnose(file, choices=choices)
    diagnosis.require()
    names = _labels(diagnosis, labels)
    source = labels.name if labels is not None else diagnosis.report.labels_source
    taken = _taken()
    id_ = _free_name(file, taken) if name is None else _checked_name(name, taken)
    try:
        library = paths.ensure(paths.user_models())
        temporary = Path(tempfile.mkdtemp(prefix=".taking-in-", dir=library))
    except (OSError, SettingsError) as error:
        raise ModelError(
            f"The library cannot be written: {error}.", "Free some space, or check permissions."
        ) from error
    try:
        card = _write(diagnosis, file, id_, names, source, temporary)
        final = library / id_
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(final)
        return replace(card, folder=final)
    except OSError as error:
        raise ModelError(
            f"{file} could not be taken into {library} ({error.strerror or error}).", "Free some space, and try again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(
    diagnosis: Diagnosis, file: Path, id_: str, labels: tuple[str, ...], labels_source: str, folder: Path
) -> Card:
    architecture, state, preprocessing = diagnosis.require()
    report = diagnosis.report
    weights = folder / WEIGHTS_NAME
    try:
        # Copies: tensors of one storage, which safetensors refuses, become several.
        safetensors.torch.save_file({key: tensor.clone().contiguous() for key, tensor in state.items()}, weights)
    except safetensors.SafetensorError as error:
        raise OSError(str(error)) from error
    inferred = [
        f"{one.question}: {one.answer} ({one.sureness})" for one in report.verdicts if one.why != "the file says so"
    ]
    claims = "; ".join(f"{key} {value}" for key, value in (report.claims or {}).items())
    source = f"{file.name}, taken in" + (f"; its author writes: {claims}" if claims else "")
    card = Card(
        id=id_,
        title=f"{report.title}, {id_}",
        kind="mine",
        architecture=architecture,
        labels=labels,
        preprocessing=preprocessing,
        weights=Weights(WEIGHTS_NAME, sha256_of(weights), mebibytes=round(weights.stat().st_size / 2**20, 3)),
        folder=folder,
        source=source,
        licence="not stated in the file",
        training=Training(date=datetime.date.today().isoformat()),
        limits=f"Inferred from the file: {'; '.join(inferred)}. Class names: {labels_source}.",
        parameters=report.parameters,
    )
    write_card(card)
    return card


def _labels(diagnosis: Diagnosis, file: Path | None) -> tuple[str, ...]:
    if file is None:
        return diagnosis.report.labels
    labels, problem = read_label_file(file, diagnosis.report.classes)
    if labels is None:
        raise ModelError(
            problem, f"Give a file with {diagnosis.report.classes:,} names, one a line, in the order of the answers."
        )
    return labels


def _checked_name(name: str, taken: set[str]) -> str:
    if not ID_PATTERN.fullmatch(name) or ":" in name:
        raise ModelError(
            f"“{name}” cannot be a model's name.", "Use small letters, digits, dots, hyphens and underscores."
        )
    if name in taken:
        raise ModelError(
            f"There is a model called “{name}” already.", "Choose another name, or delete that model first."
        )
    return name


def free_name(wish: str) -> str:
    """An id for a new model of the library that is like a wish and not taken."""
    return _free_name(Path(wish), _taken())


def _taken() -> set[str]:
    cards = read_library().cards
    taken = {card.id.lower() for card in cards}
    return taken | {card.architecture.name for card in cards if card.kind == "published"}


def _free_name(file: Path, taken: set[str]) -> str:
    stem = re.sub(r"(\.(pth|pt|th|ckpt|tar|bin|safetensors|onnx|index|json))+$", "", file.name.lower())
    base = re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._")[:60] or "model"
    names = (base, *(f"{base}-{number}" for number in range(2, 10_000)))
    return next(one for one in names if one not in taken and not (paths.user_models() / one).exists())


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
