"""Takes a file into the user's library: safetensors and a card of our own; the original is never touched."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import safetensors.torch
from filelock import FileLock, Timeout

from app import paths
from app.core.errors import ModelError, SettingsError
from app.zoo.card import Card, Training, Weights
from app.zoo.card_file import CARD_NAME, ID_PATTERN, read_toml, write_card
from app.zoo.cards import FILE_ENDINGS, WEIGHTS_NAME, looks_like_file, read_library
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.hashing import sha256_of
from app.zoo.labels import as_labels, read_label_file

GRAIN = 0.05  # seconds by which a file system's clock may lag behind ours
_UNDER_WAY = ".taking-in-"
_ASIDE = ".replaced-"
_LONGEST_WAIT = 300.0  # seconds, for another window that adds a model


def add_model(
    file: Path,
    *,
    name: str | None = None,
    labels: Path | None = None,
    choices: Mapping[str, str] | None = None,
    diagnosis: Diagnosis | None = None,
    replaces: Path | None = None,
    since: float | None = None,
) -> Card:
    """Take a file of weights in, all or nothing: a process that is killed here leaves the library as it was.

    Args:
        file: The file or folder, of any format that the checkpoint doctor knows.
        name: The model's id; made from the file's name where not given.
        labels: A file of class names, one a line or JSON; by default what the doctor finds.
        choices: The user's answers to the doctor's questions; see `inspect_file`.
        diagnosis: What the doctor said of this file with these choices, where it was asked already.
        replaces: The folder of a damaged model of the library whose place it takes; its class names are kept, where
            its card still says them.
        since: Given where this was tried before, by a process that died: seconds since the epoch at which that began.
            If it had finished, its model is given instead of a second one.

    Raises:
        ModelError: where the file is refused, the name is taken or not a name, the class names do not fit, or the
            library cannot be written.
    """
    if diagnosis is None:
        diagnosis = diagnose(file, choices=choices)
    diagnosis.require()
    names, source = _labels(diagnosis, labels, replaces)
    try:
        library = paths.ensure(paths.user_models())
        with FileLock(library / ".taking-in.lock", timeout=_LONGEST_WAIT):
            _sweep_up(library)
            return _add(diagnosis, file, name, (names, source), library, replaces, since)
    except Timeout as error:
        raise ModelError(
            "Another window has been adding a model for minutes.", "Try again when it is done, or close it."
        ) from error
    except SettingsError as error:
        raise ModelError(
            f"The library cannot be written: {error.what}", "Free some space, or check permissions."
        ) from error
    except OSError as error:
        raise ModelError(
            f"{file} could not be taken into {paths.user_models()} ({error.strerror or error}).",
            "Free some space or check permissions, and try again.",
        ) from error


def _add(
    diagnosis: Diagnosis,
    file: Path,
    name: str | None,
    labels: tuple[tuple[str, ...], str],
    library: Path,
    replaces: Path | None,
    since: float | None,
) -> Card:
    """With the library to ourselves."""
    cards = read_library().cards
    earlier = [card for card in cards if since is not None and card.kind == "mine" and _changed(card) >= since - GRAIN]
    ours = {card.id for card in (*earlier, *(card for card in cards if card.folder == replaces))}
    taken = _taken(cards) - ours
    id_ = _free_name(file, taken | ours, but=replaces) if name is None else _checked_name(name, taken, but=replaces)
    temporary = Path(tempfile.mkdtemp(prefix=_UNDER_WAY, dir=library))
    try:
        card = _write(diagnosis, file, id_, *labels, temporary)
        for one in earlier:
            if _same(one, card) and name in (None, one.id):
                return one
        final = library / id_
        if final.exists() and final != replaces:
            raise _taken_already(id_)
        temporary.chmod(0o777 & ~_umask())
        if replaces is None:
            temporary.rename(final)
        else:
            aside = library / f"{_ASIDE}{replaces.name}"
            replaces.rename(aside)  # a kill here: the next `_sweep_up` puts it back
            temporary.rename(final)
            shutil.rmtree(aside, ignore_errors=True)
        return replace(card, folder=final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sweep_up(library: Path) -> None:
    """What killed processes left: only called while nobody else adds anything."""
    for left in library.iterdir():
        if left.name.startswith(_UNDER_WAY):
            shutil.rmtree(left, ignore_errors=True)
        elif left.name.startswith(_ASIDE):
            place = library / left.name.removeprefix(_ASIDE)
            if place.exists():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.rename(place)


def _changed(card: Card) -> float:
    try:
        return (card.folder / CARD_NAME).stat().st_mtime
    except OSError:
        return 0.0


def _same(one: Card, other: Card) -> bool:
    """Whether two models compute the same and say the same of their classes."""
    return (one.weights.sha256, one.architecture, one.labels, one.preprocessing) == (
        other.weights.sha256,
        other.architecture,
        other.labels,
        other.preprocessing,
    )


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


def _labels(diagnosis: Diagnosis, file: Path | None, replaces: Path | None) -> tuple[tuple[str, ...], str]:
    """Class names, and where they come from."""
    classes = diagnosis.report.classes
    if file is not None:
        labels, problem = read_label_file(file, classes)
        if labels is None:
            remedy = f"Give a file with {classes:,} names, one a line, in the order of the answers."
            raise ModelError(problem, remedy)
        return labels, file.name
    if replaces is not None:
        try:
            kept = as_labels(read_toml(replaces / CARD_NAME)["labels"]["names"], classes)
        except (ModelError, LookupError, TypeError):
            kept = None  # the card is what is damaged
        if kept is not None:
            return kept, "the card that it replaces"
    return diagnosis.report.labels, diagnosis.report.labels_source


def _checked_name(name: str, taken: set[str], *, but: Path | None = None) -> str:
    """A name that somebody gave, if it will do; that of the folder `but`, which is replaced, may be of any form."""
    if not ID_PATTERN.fullmatch(name) or ":" in name:
        raise ModelError(
            f"“{name}” cannot be a model's name.", "Use small letters, digits, dots, hyphens and underscores."
        )
    if looks_like_file(name) and (but is None or name != but.name):
        raise ModelError(
            f"“{name}” cannot be a model's name: it ends like a file.",
            f"Call it “{_without_ending(name) or 'model'}”, for example.",
        )
    if name in taken:
        raise _taken_already(name)
    return name


def _taken_already(name: str) -> ModelError:
    return ModelError(f"There is a model called “{name}” already.", "Choose another name, or delete that model first.")


def free_name(wish: str) -> str:
    """An id for a new model of the library that is like a wish and not taken."""
    return _free_name(Path(wish), _taken(read_library().cards))


def _taken(cards: Iterable[Card]) -> set[str]:
    cards = tuple(cards)
    taken = {card.id.lower() for card in cards}
    return taken | {card.architecture.name for card in cards if card.kind == "published"}


def _free_name(file: Path, taken: set[str], *, but: Path | None = None) -> str:
    """A name like the file's; that of the folder `but`, which is replaced, where it can be one."""
    if but is not None and ID_PATTERN.fullmatch(but.name) and but.name not in taken:
        return but.name
    wish = re.sub(r"[^a-z0-9._-]+", "-", file.name.lower())
    base = _without_ending(_without_ending(wish)[:60]) or "model"
    names = (base, *(f"{base}-{number}" for number in range(2, 10_000)))
    return next(one for one in names if one not in taken and not (paths.user_models() / one).exists())


def _without_ending(name: str) -> str:
    """Without what would make it a file's name, so that it can be told from a file when somebody asks for it."""
    while True:
        shorter = re.sub(rf"({'|'.join(map(re.escape, (*FILE_ENDINGS, '.index')))})$", "", name.strip("-._"))
        if shorter == name:
            return name
        name = shorter


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
