"""What a model is, as plain data. No torch: the window lists models with this."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from app import paths
from app.core.preprocessing import Preprocessing

Kind = Literal["bundled", "published", "mine"]
KINDS: tuple[Kind, ...] = ("bundled", "published", "mine")


@dataclass(frozen=True)
class Architecture:
    """Which network the weights belong to.

    Attributes:
        family: Registry name of the network family ("cifar").
        name: Its name in the family ("resnet20").
        classes: How many logits.
        options: The family's options.
    """

    family: str
    name: str
    classes: int
    options: dict[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Weights:
    """The file of weights.

    Attributes:
        file: Its name, in the card's folder, or in torch's cache where `url` is given.
        sha256: In hexadecimal: all 64 digits, or the first ones where only they are published.
        url: Where it is published; "" for a file of our own or of the user's.
        mebibytes: Its size as its publisher states it, in units of 1,048,576 bytes; 0 where not stated.
    """

    file: str
    sha256: str
    url: str = ""
    mebibytes: float = 0.0


@dataclass(frozen=True)
class Training:
    """How the weights came to be; "" and None where nobody said.

    Attributes:
        data: What the network was trained on.
        command: The command that trained it.
        commit: Of the code.
        seed: Of the run.
        device: Where it ran.
        date: When it ended (YYYY-MM-DD).
    """

    data: str = ""
    command: str = ""
    commit: str = ""
    seed: int | None = None
    device: str = ""
    date: str = ""


@dataclass(frozen=True)
class Accuracy:
    """One figure, with where it comes from: the command that measured it, or the source that published it.

    Attributes:
        origin: Who says so.
        data: On which pictures.
        top1: In per cent.
        top5: In per cent; None where not stated.
        pictures: How many; 0 where not stated.
        interval: The 95 % Wilson interval of `top1`, in per cent; None where not measured by us.
        command: What measured it; "" for a published figure.
        source: Who published it; "" for a measured figure.
    """

    origin: Literal["measured", "published"]
    data: str
    top1: float
    top5: float | None = None
    pictures: int = 0
    interval: tuple[float, float] | None = None
    command: str = ""
    source: str = ""


@dataclass(frozen=True)
class Card:
    """A model: what it computes, from what, how well, and who says so.

    Attributes:
        id: How to ask for it ("cifar10-resnet20", "resnet50:V2").
        title: How to call it on screen.
        kind: Bundled with the program, published by torchvision, or the user's own.
        architecture: Which network.
        labels: Class names in the order of the logits.
        preprocessing: What is done to a picture before the network sees it.
        weights: The file of weights.
        folder: Where the card and its weights live; torch's cache for published weights.
        source: Where the weights come from.
        licence: What may be done with them.
        training: How they came to be.
        accuracy: What was measured or published.
        limits: What it must not be trusted with, in plain words.
        parameters: How many numbers it learned; 0 where not stated.
        gflops: Multiply-adds for one picture, in thousand millions; 0 where not stated.
        label_ids: What the data calls each class, where that is not its label (WordNet ids); else empty.
        default: Whether its architecture's bare name means this card ("resnet50" is "resnet50:V2").
    """

    id: str
    title: str
    kind: Kind
    architecture: Architecture
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    weights: Weights
    folder: Path
    source: str = ""
    licence: str = ""
    training: Training = Training()
    accuracy: tuple[Accuracy, ...] = ()
    limits: str = ""
    parameters: int = 0
    gflops: float = 0.0
    label_ids: tuple[str, ...] = ()
    default: bool = False

    @property
    def weights_path(self) -> Path:
        """Where its weights are, or will be once downloaded."""
        folder = paths.torch_checkpoints() if self.kind == "published" else self.folder
        return folder / self.weights.file

    @property
    def how(self) -> str:
        """SHA-256 over preprocessing and architecture: models in which these and the weights are equal answer alike."""
        table = {"architecture": asdict(self.architecture), "preprocessing": asdict(self.preprocessing)}
        return hashlib.sha256(json.dumps(table, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def available(self) -> bool:
        """Whether its weights are on this machine."""
        return self.weights_path.is_file()
