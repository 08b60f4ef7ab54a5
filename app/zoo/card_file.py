"""Reading and writing `card.toml`. Each complaint names the file and the field. No torch."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import tomli_w

from app.core.errors import ModelError
from app.core.files import write_text
from app.core.preprocessing import Interpolation, Preprocessing
from app.zoo.card import KINDS, Accuracy, Architecture, Card, Kind, Training, Weights

CARD_NAME = "card.toml"
ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}(:[A-Za-z0-9_]+)?")
_LARGEST_CARD = 4 << 20
_REMEDY = "Correct it in a text editor, or take the model in again."


class Section:
    """One table of a card, which knows its own name for complaints.

    Args:
        file: The card.
        name: The table's dotted name; "" for the card itself.
        values: What it holds.
    """

    def __init__(self, file: Path, name: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self.name = name
        self.values = values

    def wrong(self, field: str, why: str) -> ModelError:
        """The complaint about one field."""
        where = f"{self.name}.{field}" if self.name else field
        return ModelError(f"The card {self.file} is not valid: {where} {why}.", _REMEDY)

    def section(self, field: str, *, needed: bool = True) -> Section:
        """A table inside this one; an empty one where it is absent and not needed."""
        values = self.values.get(field, None if needed else {})
        if values is None:
            raise self.wrong(field, "is missing")
        if not isinstance(values, dict):
            raise self.wrong(field, "must be a table")
        return Section(self.file, f"{self.name}.{field}" if self.name else field, values)

    def sections(self, field: str) -> list[Section]:
        """An array of tables; empty where it is absent."""
        values = self.values.get(field, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.wrong(field, "must be an array of tables")
        return [Section(self.file, f"{field}[{number}]", value) for number, value in enumerate(values)]

    def text(self, field: str, default: str | None = None) -> str:
        """A string; needed where there is no default."""
        value = self._value(field, default)
        if not isinstance(value, str):
            raise self.wrong(field, f"is {value!r} and must be text")
        return value

    def choice(self, field: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of a few words."""
        value = self.text(field, default)
        if value not in allowed:
            raise self.wrong(field, f"is “{value}” and must be one of {', '.join(allowed)}")
        return value

    def integer(self, field: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`."""
        value = self._value(field, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(field, f"is {value!r} and must be a whole number from {low} to {high}")
        return value

    def number(self, field: str, low: float, high: float, default: float | None = None) -> float:
        """A finite number from `low` to `high`."""
        value = self._value(field, default)
        if not _is_number(value) or not low <= value <= high:
            raise self.wrong(field, f"is {value!r} and must be a number from {low:g} to {high:g}")
        return float(value)

    def numbers(self, field: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """So many finite numbers from `low` to `high`."""
        value = self._value(field, None)
        if (
            not isinstance(value, list)
            or len(value) != count
            or not all(_is_number(one) and low <= one <= high for one in value)
        ):
            raise self.wrong(field, f"is {value!r} and must be {count} numbers from {low:g} to {high:g}")
        return tuple(float(one) for one in value)

    def flag(self, field: str) -> bool:
        """True or false; false where absent."""
        value = self.values.get(field, False)
        if not isinstance(value, bool):
            raise self.wrong(field, f"is {value!r} and must be true or false")
        return value

    def _value(self, field: str, default: Any) -> Any:
        value = self.values.get(field, default)
        if value is None:
            raise self.wrong(field, "is missing")
        return value


def read_card(file: Path) -> Card:
    """Read and check a card.

    Raises:
        ModelError: naming the file, the field and what is wrong with it.
    """
    card = Section(file, "", read_toml(file))
    kind = cast("Kind", card.choice("kind", KINDS))
    if kind == "published":
        raise card.wrong("kind", "is “published”, which only the program's own table may say")
    architecture = _architecture(card.section("architecture"))
    return Card(
        id=_id(card),
        title=card.text("title"),
        kind=kind,
        architecture=architecture,
        labels=_labels(card.section("labels"), architecture.classes),
        preprocessing=read_preprocessing(card.section("preprocessing")),
        weights=_weights(card.section("weights")),
        folder=file.parent,
        source=card.text("source", ""),
        licence=card.text("licence", ""),
        training=_training(card.section("training", needed=False)),
        accuracy=tuple(_accuracy(section) for section in card.sections("accuracy")),
        limits=card.text("limits", ""),
        parameters=card.integer("parameters", 0, 10**12, 0),
        gflops=card.number("gflops", 0, 1e9, 0.0),
        label_ids=_label_ids(card.section("labels"), architecture.classes),
    )


def read_toml(file: Path) -> dict[str, Any]:
    """Parse a TOML file of reasonable size.

    Raises:
        ModelError: where it cannot be read or is not TOML.
    """
    try:
        if file.stat().st_size > _LARGEST_CARD:
            raise ModelError(f"The card {file} is larger than {_LARGEST_CARD >> 20} MiB.", _REMEDY)
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"The card {file} cannot be read ({error.strerror or error}).", "Check that it is there and readable."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"The card {file} is not valid TOML: {error}.", _REMEDY) from error


def write_card(card: Card) -> Path:
    """Write a card into its folder, atomically; `read_card` gives back an equal one.

    Raises:
        OSError: where the folder cannot be written.
    """
    preprocessing = asdict(card.preprocessing)
    table: dict[str, Any] = {
        "id": card.id,
        "title": card.title,
        "kind": card.kind,
        "source": card.source,
        "licence": card.licence,
        "limits": card.limits,
        "parameters": card.parameters,
        "gflops": card.gflops,
        "architecture": asdict(card.architecture),
        "labels": {"names": list(card.labels)} | ({"ids": list(card.label_ids)} if card.label_ids else {}),
        "preprocessing": {name: value for name, value in preprocessing.items() if value is not None},
        "weights": asdict(card.weights),
        "training": _without_none(asdict(card.training)),
        "accuracy": [_without_none(asdict(accuracy)) for accuracy in card.accuracy],
    }
    path = card.folder / CARD_NAME
    write_text(path, tomli_w.dumps(table))
    return path


def read_preprocessing(section: Section) -> Preprocessing:
    """The preprocessing of a card or of a published model."""
    resize = section.integer("resize", 1, 8192) if "resize" in section.values else None
    interpolation = section.choice("interpolation", ("nearest", "bilinear", "bicubic"), "bilinear")
    mean = section.numbers("mean", 3, -10, 10)
    deviation = section.numbers("deviation", 3, 1e-6, 1000)
    return Preprocessing(
        resize=resize,
        crop=section.integer("crop", 1, 8192),
        mean=(mean[0], mean[1], mean[2]),
        deviation=(deviation[0], deviation[1], deviation[2]),
        interpolation=cast("Interpolation", interpolation),
    )


def read_labels(file: Path) -> tuple[str, ...]:
    """Class names from a text file, one a line; empty lines at the end do not count.

    Raises:
        ModelError: where it cannot be read as UTF-8 text.
    """
    try:
        return tuple(file.read_text(encoding="utf-8-sig").rstrip("\r\n").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"The class names in {file} cannot be read ({error}).", "Give a text file with one name a line."
        ) from error


def _id(card: Section) -> str:
    value = card.text("id")
    if not ID_PATTERN.fullmatch(value):
        raise card.wrong("id", f"is “{value}” and must be small letters, digits, dots, hyphens and underscores")
    return value


def _architecture(section: Section) -> Architecture:
    options = section.section("options", needed=False).values
    for name, value in options.items():
        numbers = isinstance(value, list) and all(isinstance(one, int) for one in value)
        if not numbers and not isinstance(value, (str, int, float, bool)):
            raise section.wrong(f"options.{name}", f"is {value!r} and must be text, a number or whole numbers")
    return Architecture(
        family=section.text("family"),
        name=section.text("name"),
        classes=section.integer("classes", 1, 1_000_000),
        options=dict(options),
    )


def _labels(section: Section, classes: int) -> tuple[str, ...]:
    if "names" in section.values:
        names = section.values["names"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise section.wrong("names", "must be a list of texts")
        labels, field = tuple(names), "names"
    else:
        labels, field = read_labels(_beside(section, "file")), "file"
    if len(labels) != classes:
        raise section.wrong(field, f"has {len(labels)} class names, and architecture.classes is {classes}")
    return labels


def _label_ids(section: Section, classes: int) -> tuple[str, ...]:
    ids = section.values.get("ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise section.wrong("ids", "must be a list of texts")
    if ids and len(ids) != classes:
        raise section.wrong("ids", f"has {len(ids)} entries, and architecture.classes is {classes}")
    return tuple(ids)


def _weights(section: Section) -> Weights:
    sha256 = section.text("sha256").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise section.wrong("sha256", "must be 64 hexadecimal digits")
    return Weights(
        file=_beside(section, "file").name,
        sha256=sha256,
        mebibytes=section.number("mebibytes", 0, 1e9, 0.0),
    )


def _beside(section: Section, field: str) -> Path:
    """A file in the card's own folder: a card from elsewhere cannot point at other files of the user's."""
    name = section.text(field)
    if not name or name != Path(name).name or "\\" in name or name in (".", ".."):
        raise section.wrong(field, f"is “{name}” and must be the name of a file in the card's own folder")
    return section.file.parent / name


def _training(section: Section) -> Training:
    return Training(
        data=section.text("data", ""),
        command=section.text("command", ""),
        commit=section.text("commit", ""),
        seed=section.integer("seed", 0, 2**63) if "seed" in section.values else None,
        device=section.text("device", ""),
        date=section.text("date", ""),
    )


def _accuracy(section: Section) -> Accuracy:
    origin = section.choice("origin", ("measured", "published"))
    interval = section.numbers("interval", 2, 0, 100) if "interval" in section.values else None
    return Accuracy(
        origin="measured" if origin == "measured" else "published",
        data=section.text("data"),
        top1=section.number("top1", 0, 100),
        top5=section.number("top5", 0, 100) if "top5" in section.values else None,
        pictures=section.integer("pictures", 0, 10**12, 0),
        interval=(interval[0], interval[1]) if interval else None,
        command=section.text("command", ""),
        source=section.text("source", ""),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
