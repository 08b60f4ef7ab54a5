"""Which of a model's classes each class of the data is: by WordNet id, by name, or by number."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import DataError
from app.evaluation.folders import some
from app.zoo import cards

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORDNET = Path(cards.__file__).with_name("wordnet.txt")
_WORDNET = re.compile(r"n\d{8}")
_ID = re.compile(r"^(n\d{8})(?:[\s_.-]+(.+))?$")
_NUMBERED = re.compile(r"^class[\s_-]*\d+$|^\d+$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Matching:
    """How the data's classes are the model's.

    Attributes:
        classes: (classes of the data,) int64: the model's class, or −1 where it has none and that was allowed.
        how: In words.
        notices: What the user should know.
    """

    classes: NDArray[np.int64]
    how: str
    notices: tuple[str, ...] = ()


@cache
def wordnet_ids() -> tuple[str, ...]:
    """The WordNet ids of ImageNet-1K's classes, in the order of the logits (which is the ids' own)."""
    return tuple(WORDNET.read_text(encoding="ascii").split())


def match_classes(
    names: Sequence[str],
    labels: Sequence[str],
    *,
    highest: int,
    title: str,
    ids: Sequence[str] = (),
    skip_unknown: bool = False,
) -> Matching:
    """Find each class of the data among a model's.

    Args:
        names: The data's classes; empty where the data have only numbers.
        labels: The model's classes, in the order of the logits.
        highest: The highest label in the data.
        title: Of the model, for the error.
        ids: What data call the model's classes, in the order of `labels` (WordNet ids); else empty.
        skip_unknown: Leave out pictures of classes that the model does not have, instead of refusing the data.

    Raises:
        DataError: which classes of the data the model does not have, or that none is the model's.
    """
    import numpy as np

    if not names:
        if highest >= len(labels):
            raise DataError(
                f"The data have labels up to {highest}; {title} has {len(labels)} classes, 0 to {len(labels) - 1}.",
                "Choose data of the model's own classes.",
            )
        return Matching(
            np.arange(highest + 1), "by number", ("The data do not name their classes: their numbers are the model's.",)
        )
    known = _known(tuple(labels), tuple(ids))
    with_ids = _has_ids(known)
    found = [_find(name, known, with_ids=with_ids) for name in names]
    if all(place is None for place in found):
        numbered = _by_number(names, labels)
        if numbered is not None:
            return numbered
    unknown = [name for name, place in zip(names, found, strict=True) if place is None]
    if len(unknown) == len(names) or (unknown and not skip_unknown):
        raise _mismatch(names, unknown, labels, title, known)
    places = np.array([-1 if place is None else place for place in found], np.int64)
    by_id = any(_ID.match(name) for name in names)
    notices = []
    if unknown:
        notices.append(f"Left out, because {title} does not have these classes: {some(unknown)}.")
    if len(names) - len(unknown) < len(labels):
        notices.append(
            f"The data have {len(names) - len(unknown)} of the model's {len(labels)} classes; "
            "it may answer with any of its own."
        )
    return Matching(places, "by WordNet id" if by_id else "by name", tuple(notices))


def find_class(name: str, labels: tuple[str, ...], ids: tuple[str, ...] = ()) -> int | None:
    """The place of a class among a model's, by its name, one of its names, or its id; None where it is not there."""
    known = _known(labels, ids)
    return _find(name, known, with_ids=_has_ids(known))


@cache
def counterparts(
    labels: tuple[str, ...], ids: tuple[str, ...], others: tuple[str, ...], other_ids: tuple[str, ...]
) -> tuple[int | None, ...]:
    """For each class of one model its place among another's; None where that has no such class.

    By WordNet id where both have ids, else by name. “class 3” of two models with other lists is not the same class.
    """
    known = _known(others, other_ids)
    ids = ids or (wordnet_ids() if labels == cards.imagenet_labels() else ())
    with_ids = _has_ids(known)

    def find(place: int, label: str) -> int | None:
        if labels != others and _NUMBERED.match(label):
            return None
        by_id = known.get(_plain(ids[place])) if ids else None
        if by_id is None and with_ids and ids and _WORDNET.fullmatch(ids[place]):
            return None  # the dog “Cardigan” is not the “cardigan” that one wears
        return by_id if by_id is not None else _find(label, known, with_ids=with_ids)

    return tuple(find(place, label) for place, label in enumerate(labels))


@cache
def _known(labels: tuple[str, ...], ids: tuple[str, ...]) -> dict[str, int | None]:
    """What each way to name a class means; None where it means several."""
    ways: defaultdict[str, set[int]] = defaultdict(set)
    for index, label in enumerate(labels):
        ways[_plain(label)].add(index)
    for index, label in enumerate(labels):  # a synonym never takes a name away from the class that is called so
        for part in label.split(","):
            if _plain(part) not in ways or ways[_plain(part)] == {index}:
                ways[_plain(part)].add(index)
    if not ids and labels == cards.imagenet_labels():
        ids = wordnet_ids()
    for index, name in enumerate(ids):
        ways[_plain(name)] = {index}
    return {way: next(iter(places)) if len(places) == 1 else None for way, places in ways.items()}


def _has_ids(known: dict[str, int | None]) -> bool:
    """Whether the classes are known by WordNet ids: then an id that is not among them is another class, name or no."""
    return any(_WORDNET.fullmatch(way) for way in known)


def _find(name: str, known: dict[str, int | None], *, with_ids: bool) -> int | None:
    match = _ID.match(name.strip())
    if match:
        parts = [match[1]] if with_ids else [match[2] or ""]
    else:
        parts = [name, re.sub(r"^\d+[\s_.-]+", "", name), *name.split(",")]
    for part in parts:
        place = known.get(_plain(part))
        if place is not None and part:
            return place
    return None


def _by_number(names: Sequence[str], labels: Sequence[str]) -> Matching | None:
    """Where either side only numbers its classes: “0”, “1”, …, or as many nameless classes as there are names."""
    import numpy as np

    if all(name.strip().isdecimal() for name in names):
        numbers = [int(name) for name in names]
        if max(numbers) < len(labels):
            return Matching(
                np.array(numbers, np.int64), "by number", ("The data number their classes, from 0, as the model does.",)
            )
    if len(names) == len(labels) and all(_NUMBERED.match(label) for label in labels):
        notice = "The model does not name its classes: those of the data are taken in their own order."
        return Matching(np.arange(len(names)), "by order", (notice,))
    return None


def _mismatch(
    names: Sequence[str], unknown: list[str], labels: Sequence[str], title: str, known: dict[str, int | None]
) -> DataError:
    ambiguous = [name for name in unknown if known.get(_plain(name), 0) is None]
    if ambiguous:
        return DataError(
            f"{title} has more than one class called {some(ambiguous)}.", "Call those folders by their WordNet ids."
        )
    if len(unknown) == len(names):
        return DataError(
            f"None of the data's {len(names)} classes ({some(list(names), 3)}) is a class of {title} "
            f"({some(list(labels), 3)}).",
            "Choose data of the model's classes, or name the folders as the model names them (or by WordNet id).",
        )
    return DataError(
        f"{title} does not have {len(unknown)} of the data's {len(names)} classes: {some(unknown)}.",
        "Rename them as the model names them, or leave them out (--skip-unknown).",
    )


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[\s_-]+", " ", name).casefold().replace("'", "").split())
