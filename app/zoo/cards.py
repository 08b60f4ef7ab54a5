"""Which models there are: bundled, published, and the user's own. No torch: the window asks this."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app import paths
from app.core.errors import ModelError
from app.zoo.card import Accuracy, Architecture, Card, Kind, Training, Weights
from app.zoo.card_file import CARD_NAME, Section, read_card, read_labels, read_preprocessing, read_toml, write_card

__all__ = [
    "DEFAULT_MODEL",
    "FILE_ENDINGS",
    "WEIGHTS_NAME",
    "Accuracy",
    "Architecture",
    "Card",
    "Damaged",
    "Kind",
    "Library",
    "Training",
    "Weights",
    "find_card",
    "imagenet_labels",
    "list_cards",
    "looks_like_file",
    "means_file",
    "published_cards",
    "read_card",
    "read_library",
    "write_card",
]

DEFAULT_MODEL = "tiny-imagenet-resnet18"
"""What is used where nobody chose: at the first start, and by commands without `--model`. Always bundled."""
WEIGHTS_NAME = "weights.safetensors"
"""Of every model that was taken in, in the folder of its card."""
PUBLISHED_TABLE = Path(__file__).with_name("published.toml")
IMAGENET_LABELS = Path(__file__).with_name("imagenet.txt")
FILE_ENDINGS = (
    ".pt", ".pth", ".th", ".ckpt", ".tar", ".bin", ".safetensors", ".onnx", ".pkl", ".pickle", ".toml", ".json",
    ".h5", ".keras", ".hdf5", ".model", ".zip", ".ts", ".jit",
)  # fmt: skip


@dataclass(frozen=True)
class Damaged:
    """A model of the user's whose card cannot be read.

    Attributes:
        folder: Its own, in the library.
        error: What is wrong with the card.
        weights: Its weights, where they are still there: it can be taken in again from them.
    """

    folder: Path
    error: ModelError
    weights: Path | None = None


@dataclass(frozen=True)
class Library:
    """Every card that could be read, and a complaint for each that could not.

    Attributes:
        cards: Bundled first (the default model before all others), then the user's, then the published ones.
        problems: One per damaged card: the others are listed all the same.
        damaged: Those of the problems that concern one model of the user's.
    """

    cards: tuple[Card, ...]
    problems: tuple[ModelError, ...]
    damaged: tuple[Damaged, ...] = ()


def read_library() -> Library:
    """Read every card."""
    cards: dict[str, Card] = {}
    problems: list[ModelError] = []
    damaged: list[Damaged] = []
    for folder, kind in ((paths.bundled_models(), "bundled"), (paths.user_models(), "mine")):
        for file in _card_files(folder, problems):
            try:
                card = read_card(file)
                if card.kind != kind:
                    raise ModelError(
                        f"The card {file} is not valid: kind is “{card.kind}”.", f"Here it must be “{kind}”."
                    )
                if card.id in cards:
                    raise ModelError(
                        f"Two models are called “{card.id}”: {cards[card.id].folder} and {card.folder}.",
                        "Change the id in one of the two cards.",
                    )
                cards[card.id] = card
            except ModelError as problem:
                problems.append(problem)
                if kind == "mine":
                    weights = file.with_name(WEIGHTS_NAME)
                    damaged.append(Damaged(file.parent, problem, weights if weights.is_file() else None))
    default_first = sorted(cards.values(), key=lambda card: card.id != DEFAULT_MODEL)
    return Library((*default_first, *published_cards()), tuple(problems), tuple(damaged))


def list_cards() -> tuple[Card, ...]:
    """Every card that can be read; see `read_library` for those that cannot."""
    return read_library().cards


def find_card(reference: str) -> Card:
    """The card of that id.

    Args:
        reference: An id ("cifar10-resnet20", "resnet50:V1"), a published architecture alone ("resnet50": the
            weights that torchvision calls default), or torchvision's name ("ResNet50_Weights.IMAGENET1K_V1").

    Raises:
        ModelError: where there is none, naming the nearest ones; or where its card is damaged.
    """
    library = read_library()
    asked = _normalised(reference)
    for card in library.cards:
        if card.id.lower() == asked or (card.default and card.architecture.name == asked):
            return card
    for problem in library.problems:
        if f"{reference}/{CARD_NAME}" in problem.what.replace("\\", "/"):
            raise problem
    names = [card.id for card in library.cards]
    names += [card.architecture.name for card in library.cards if card.default]
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.5)
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Models are, among others: {', '.join(names[:4])}."
    raise ModelError(f"There is no model called “{reference}”.", f"{remedy} A file is given by its path.")


def looks_like_file(reference: str) -> bool:
    """Whether a reference means a file or folder rather than a card's id."""
    if any(separator in reference for separator in "/\\") or reference.lower().endswith(FILE_ENDINGS):
        return True
    return bool(re.match(r"[A-Za-z]:", reference)) and Path(reference).exists()


def means_file(reference: str) -> bool:
    """Whether a reference leads to a file or folder: it looks like one, and no model has that very id.

    Earlier versions gave ids that look like files: “R-50.pkl” was taken in as “r-50.pkl”.
    """
    if not looks_like_file(reference):
        return False
    if any(separator in reference for separator in "/\\"):
        return True
    library = read_library()
    names = {card.id for card in library.cards} | {one.folder.name for one in library.damaged}
    return reference.lower() not in names


@cache
def published_cards() -> tuple[Card, ...]:
    """What torchvision publishes, from a table made from its metadata (see `app.zoo.published_table`)."""
    table = read_toml(PUBLISHED_TABLE)
    whole = Section(PUBLISHED_TABLE, "", table)
    labels = imagenet_labels()
    return tuple(_published(section, whole.text("licence"), labels) for section in whole.sections("model"))


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1000 class names of ImageNet-1K as torchvision writes them, in the order of the logits."""
    return read_labels(IMAGENET_LABELS)


def _published(section: Section, licence: str, labels: tuple[str, ...]) -> Card:
    url = section.text("url")
    return Card(
        id=section.text("id"),
        title=section.text("title"),
        kind="published",
        architecture=Architecture(
            section.text("family"),
            section.text("architecture"),
            len(labels),
            dict(section.section("options", needed=False).values),
        ),
        labels=labels,
        preprocessing=read_preprocessing(section),
        weights=Weights(
            file=url.rsplit("/", 1)[-1],
            sha256=section.text("hash"),
            url=url,
            mebibytes=section.number("mebibytes", 0, 1e6),
        ),
        folder=paths.torch_checkpoints(),
        source=section.text("recipe"),
        licence=licence,
        training=Training(data="ImageNet-1K"),
        accuracy=(
            Accuracy(
                origin="published",
                data="ImageNet-1K validation",
                top1=section.number("top1", 0, 100),
                top5=section.number("top5", 0, 100),
                pictures=50_000,
                source=f"torchvision {section.text('weights')}",
            ),
        ),
        parameters=section.integer("parameters", 1, 10**12),
        gflops=section.number("gflops", 0, 1e6),
        default=section.flag("default"),
    )


def _card_files(folder: Path, problems: list[ModelError]) -> list[Path]:
    try:
        # A folder with weights and no card is listed, too: as a model whose card cannot be read.
        return sorted(
            path / CARD_NAME
            for path in folder.iterdir()
            if not path.name.startswith(".") and any((path / name).is_file() for name in (CARD_NAME, WEIGHTS_NAME))
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(
            ModelError(f"The folder {folder} cannot be read ({error.strerror or error}).", "Check its permissions.")
        )
        return []


def _normalised(reference: str) -> str:
    """Torchvision's ways to name weights, as ours: resnet50_weights.imagenet1k_v1 -> resnet50:v1."""
    name = reference.strip().lower()
    name = re.sub(r"_weights\.", ":", name)
    return re.sub(r":(imagenet1k_)?default$", "", name).replace(":imagenet1k_", ":")
