"""What the papers report, as data with its place in the paper. Numbers only: no torch, no Qt, no prose for the window.

He et al. 2015 is “Deep Residual Learning for Image Recognition” (He, Zhang, Ren, Sun); Veit et al. 2016 is “Residual
Networks Behave Like Ensembles of Relatively Shallow Networks” (Veit, Wilber, Belongie).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HE = "He et al. 2015"
VEIT = "Veit et al. 2016"


@dataclass(frozen=True)
class Source:
    """Where a number stands.

    Attributes:
        paper: “He et al. 2015”.
        place: “table 6”.
    """

    paper: str
    place: str

    def __str__(self) -> str:
        return f"{self.paper}, {self.place}"


@dataclass(frozen=True)
class CifarResult:
    """A network trained on CIFAR-10 by the paper's schedule.

    Attributes:
        depth: Layers.
        test_error: In per cent; the best of the runs where there were several.
        parameters: In millions.
        source: Where it stands.
        mean, deviation, runs: Of the test errors, where several runs are reported; else NaN and 1.
    """

    depth: int
    test_error: float
    parameters: float
    source: Source
    mean: float = float("nan")
    deviation: float = float("nan")
    runs: int = 1


_TABLE_6 = Source(HE, "table 6")
FIGURE_6 = Source(HE, "figure 6")
CIFAR_RESIDUAL: Mapping[int, CifarResult] = {
    row.depth: row
    for row in (
        CifarResult(20, 8.75, 0.27, _TABLE_6),
        CifarResult(32, 7.51, 0.46, _TABLE_6),
        CifarResult(44, 7.17, 0.66, _TABLE_6),
        CifarResult(56, 6.97, 0.85, _TABLE_6),
        CifarResult(110, 6.43, 1.7, _TABLE_6, mean=6.61, deviation=0.16, runs=5),
        CifarResult(1202, 7.93, 19.4, _TABLE_6),
    )
}
"""Residual networks with option A, by depth."""
CIFAR_PLAIN_DEPTHS = (20, 32, 44, 56)
"""Plain networks whose training error figure 6 shows to rise with depth; it gives curves, not numbers."""
CIFAR_PLAIN_110, CIFAR_PLAIN_110_ABOVE = 110, 60.0
"""Layers, and per cent: this plain network's error stays above (figure 6's caption)."""
CIFAR_PICTURES = (50_000, 10_000)
"""CIFAR-10's training and test pictures."""
PICTURES = ("train_pictures", "test_pictures")


@dataclass(frozen=True)
class ImageNetResult:
    """A network trained on ImageNet.

    Attributes:
        network: “ResNet-34”, “plain-34”, “VGG-16”.
        option: Of the shortcuts where the paper tells several apart; else "".
        view: “10-crop”, “single model” (multi-scale), “1-crop”.
        top1, top5: Errors in per cent; NaN where there is none.
        source: Where it stands.
    """

    network: str
    option: str
    view: str
    top1: float
    top5: float
    source: Source


_NAN = float("nan")
_TABLE_2, _TABLE_3, _TABLE_4 = Source(HE, "table 2"), Source(HE, "table 3"), Source(HE, "table 4")
_RELEASE = Source("the authors' release of their models", "1-crop validation error")
IMAGENET: tuple[ImageNetResult, ...] = (
    ImageNetResult("plain-18", "", "10-crop", 27.94, _NAN, _TABLE_2),
    ImageNetResult("ResNet-18", "", "10-crop", 27.88, _NAN, _TABLE_2),
    ImageNetResult("plain-34", "", "10-crop", 28.54, 10.02, _TABLE_3),
    ImageNetResult("ResNet-34", "A", "10-crop", 25.03, 7.76, _TABLE_3),
    ImageNetResult("ResNet-34", "B", "10-crop", 24.52, 7.46, _TABLE_3),
    ImageNetResult("ResNet-34", "C", "10-crop", 24.19, 7.40, _TABLE_3),
    ImageNetResult("ResNet-50", "", "10-crop", 22.85, 6.71, _TABLE_3),
    ImageNetResult("ResNet-101", "", "10-crop", 21.75, 6.05, _TABLE_3),
    ImageNetResult("ResNet-152", "", "10-crop", 21.43, 5.71, _TABLE_3),
    ImageNetResult("VGG-16", "", "10-crop", 28.07, 9.33, _TABLE_3),
    ImageNetResult("GoogLeNet", "", "10-crop", _NAN, 9.15, _TABLE_3),
    ImageNetResult("ResNet-34", "B", "single model", 21.84, 5.71, _TABLE_4),
    ImageNetResult("ResNet-34", "C", "single model", 21.53, 5.60, _TABLE_4),
    ImageNetResult("ResNet-50", "", "single model", 20.74, 5.25, _TABLE_4),
    ImageNetResult("ResNet-101", "", "single model", 19.87, 4.60, _TABLE_4),
    ImageNetResult("ResNet-152", "", "single model", 19.38, 4.49, _TABLE_4),
    ImageNetResult("ResNet-50", "", "1-crop", 24.7, 7.8, _RELEASE),
    ImageNetResult("ResNet-101", "", "1-crop", 23.6, 7.1, _RELEASE),
    ImageNetResult("ResNet-152", "", "1-crop", 23.0, 6.7, _RELEASE),
)


@dataclass(frozen=True)
class EnsembleView:
    """What Veit et al. found in a pre-activation network of 110 layers.

    Attributes:
        layers, blocks: Of the network.
        deleted: Blocks deleted at once, and the error that was left (share of wrong answers), roughly.
        path_lengths: From which to which length (in layers) the paths lie that carry most of the gradient.
    """

    layers: int
    blocks: int
    deleted: tuple[int, float]
    path_lengths: tuple[int, int]
    source: Source


ENSEMBLE = EnsembleView(110, 54, (10, 0.2), (10, 34), Source(VEIT, "sections 4 and 5"))

# The recipe of He et al. 2015, section 4.2, in the words of `app.training.config.Experiment`.
RECIPE: Mapping[str, Any] = {
    "data": "cifar10",
    "norm": "batch",
    "activation": "post",
    "initialisation": "he",
    "block": "basic",
    "width": 16,
    "augment": "crop-flip",
    "mix": "none",
    "batch": 128,
    "optimiser": "sgd",
    "learning_rate": 0.1,
    "schedule": "steps",
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 1e-4,
    "label_smoothing": 0.0,
    "average": 0.0,
    "clip": 0.0,
    "precision": "float32",
}
STEPS = 64_000
WARM_UP_DEPTH = 110
"""The depth at which the paper begins with a tenth of the rate."""


@dataclass(frozen=True)
class Deviation:
    """Where a run is not the paper's.

    Attributes:
        name: A field of the experiment, or "steps", "train_pictures", "test_pictures".
        ours: Of the run.
        paper: Of the paper.
    """

    name: str
    ours: Any
    paper: Any


def deviations(
    config: Mapping[str, Any], *, steps: int, train_pictures: int = 0, test_pictures: int = 0
) -> tuple[Deviation, ...]:
    """How a run differs from the recipe of section 4.2, the shortened schedule first.

    Args:
        config: Of the run, as its folder has it; a setting that it lacks (an older version's) is taken as the paper's.
        steps: That it made, or will make.
        train_pictures, test_pictures: Of its data; 0 where nobody knows.
    """
    found = [Deviation("steps", steps, STEPS)] if steps != STEPS else []
    recipe = dict(RECIPE)
    if config.get("shortcut") != "none" and config.get("gate", 1.0) not in (0, 1):
        recipe["gate"] = 1.0
    recipe["warm_up"] = config.get("depth") == WARM_UP_DEPTH and config.get("shortcut") != "none"
    for name, value in recipe.items():
        if config.get(name, value) != value:
            found.append(Deviation(name, config[name], value))
    if config.get("data", "cifar10") == "cifar10":
        for name, ours, theirs in zip(PICTURES, (train_pictures, test_pictures), CIFAR_PICTURES, strict=True):
            if ours and ours != theirs:
                found.append(Deviation(name, ours, theirs))
    return tuple(found)


def comparable(config: Mapping[str, Any]) -> bool:
    """Whether a run tries a network of section 4.2: basic blocks for CIFAR-10, trained from the start, with additions
    of option A or without any."""
    alike = config.get("data") == "cifar10" and not config.get("start_from")
    basic = config.get("block", "basic") == "basic" and config.get("layout", "cifar") == "cifar"
    shortcut, gate = config.get("shortcut", "A"), config.get("gate", 1.0)
    return alike and basic and (shortcut == "none" or (shortcut == "A" and gate in (0, 1)))


def reported(config: Mapping[str, Any]) -> CifarResult | None:
    """The row of table 6 that a run can be laid beside: a residual network with option A on CIFAR-10 of a depth that
    the paper trained; else None."""
    residual = config.get("shortcut", "A") == "A" and config.get("gate", 1.0) == 1
    return CIFAR_RESIDUAL.get(config.get("depth", 0)) if residual and comparable(config) else None
