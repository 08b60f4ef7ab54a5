"""What a form must know of each setting of an experiment: label, help, choices, range, group. No torch, no Qt."""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Any, Literal

from app.training.config import IMAGENET_STAGES, PLAIN, RANGES, Experiment, depths
from app.training.data import data_sources

Kind = Literal["whole number", "number", "switch", "choice", "text", "path"]
GROUPS = ("Network", "Start", "Data", "Training", "Machine", "Twin")


@dataclass(frozen=True)
class Choice:
    """One value of a setting, and how people call it."""

    value: str
    label: str
    help: str = ""


@dataclass(frozen=True)
class Setting:
    """One field of a form.

    Attributes:
        name: Of the field of `Experiment`.
        label: Two or three words.
        help: One or two sentences: what it does, and where it comes from.
        group: One of `GROUPS`.
        kind: Which widget.
        default: Of `Experiment`.
        choices: Where the kind is "choice".
        low: Smallest value of a number.
        high: Largest value of a number.
        everyday: Whether to show it at once, or under “More”.
    """

    name: str
    label: str
    help: str
    group: str
    kind: Kind
    default: Any
    choices: tuple[Choice, ...] = ()
    low: float | None = None
    high: float | None = None
    everyday: bool = False


# Short enough for the form's narrow column; what wants more words says them under the mouse.
_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "block": {
        "basic": ("Basic (3×3, 3×3)", "Two 3×3 convolutions"),
        "bottleneck": ("Bottleneck (1-3-1)", "Convolutions of 1×1, 3×3 and 1×1, the last with four times the filters"),
    },
    "shortcut": {
        "none": ("None: plain", "A plain network"),
        "A": ("A: zero padding", "The identity, padded with zeros where the shape changes"),
        "B": ("B: projections", "The identity, projected where the shape changes"),
        "C": ("C: all projected", "A projection beside every branch"),
    },
    "norm": {"batch": ("Batch norm", "Batch normalisation after each convolution"), "none": ("None",)},
    "activation": {
        "post": ("Post-activation", "After the addition (He et al. 2015)"),
        "pre": ("Pre-activation", "Before the convolutions (He et al. 2016)"),
    },
    "initialisation": {
        "he": ("He", "Normal, scaled for ReLU"),
        "xavier": ("Xavier", "Uniform, scaled for linear layers"),
        "small": ("Small (0.01)", "Normal, deviation 0.01"),
        "zero-branch": ("He, zero branches", "Each branch starts at zero"),
    },
    "layout": {"cifar": ("Three (32 × 32)",), "imagenet": ("Four (64 × 64)",)},
    "augment": {
        "crop-flip": ("Shift and flip", "Padded by 4, cropped at random, flipped at random"),
        "resized-crop-flip": ("Crop, resize, flip", "A part of it, enlarged, flipped at random"),
        "flip": ("Flip", "Flipped at random"),
        "none": ("None", "As they are"),
    },
    "mix": {
        "none": ("None",),
        "mixup": ("Mixup", "Two pictures blended"),
        "cutmix": ("CutMix", "A part of another picture pasted in"),
    },
    "optimiser": {"sgd": ("SGD", "With momentum"), "adamw": ("AdamW",)},
    "schedule": {
        "steps": ("÷ 10 at ½ and ¾", "The rate is divided by 10 at a half and three quarters of the run"),
        "one-cycle": ("One cycle", "Up for a fifth, then down to zero"),
        "cosine": ("Half a cosine", "Along half a cosine, down to zero"),
        "constant": ("Constant",),
    },
    "precision": {"float32": ("32 bits",), "bfloat16": ("Mixed, bfloat16",), "float16": ("Mixed, float16",)},
    "budget_unit": {"steps": ("steps",), "epochs": ("epochs",), "minutes": ("minutes",)},
}

_EVERYDAY = {"depth", "shortcut", "norm", "data", "data_path", "seed", "budget", "budget_unit", "twin"}

_TEXTS: dict[str, tuple[str, str, str]] = {
    "depth": ("Network", "Depth", "Weighted layers: 6n+2 with basic blocks, 9n+2 with bottlenecks."),
    "layout": ("Network", "Stages", "The paper's networks for CIFAR have three stages, those for ImageNet four."),
    "block": ("Network", "Block", "What a branch is made of (He et al. 2015, figures 2 and 5)."),
    "shortcut": ("Network", "Shortcut", "What runs beside each branch and is added to it."),
    "gate": (
        "Network",
        "Gate α",
        "y = F(x) + α·x in every block: 1 is residual, 0 computes what a plain network does.",
    ),
    "norm": ("Network", "Normalisation", "After each convolution. Without it, gradients may vanish or explode."),
    "activation": ("Network", "Order", "Where batch norm and ReLU stand."),
    "initialisation": ("Network", "Initial values", "How the weights begin."),
    "width": ("Network", "Width", "Filters of the first stage; each later stage has twice as many. The paper has 16."),
    "start_from": ("Start", "Start from", "A model whose weights to start from. Its last layer is replaced."),
    "freeze": ("Start", "New layer only", "Leave every weight of the model as it is, and train the new last layer."),
    "data": ("Data", "Pictures", "What the network learns from."),
    "data_path": ("Data", "Where", "The file or folder with the pictures, if you have them."),
    "download": ("Data", "Download", "Fetch the pictures if they are not here."),
    "side": ("Data", "Side", "Pixels of a picture's side, for a folder of your own pictures."),
    "augment": ("Data", "Augmentation", "How each picture is changed, anew in each epoch."),
    "mix": ("Data", "Mix pictures", "Train on pairs of pictures, with both labels in proportion."),
    "batch": ("Training", "Batch", "Pictures per step."),
    "micro_batch": (
        "Machine",
        "At once",
        "Pictures computed at once; gradients add up to the batch. 0: the whole batch.",
    ),
    "smaller_if_full": (
        "Machine",
        "Smaller if memory is full",
        "Where memory runs out, compute half as many pictures at once and go on. The batch stays the same.",
    ),
    "optimiser": ("Training", "Optimiser", "What turns gradients into steps."),
    "learning_rate": ("Training", "Learning rate", "The highest that the schedule reaches."),
    "schedule": ("Training", "Schedule", "How the learning rate changes."),
    "warm_up": (
        "Training",
        "Warm up",
        "Begin at a tenth of the rate until an epoch's training error is below 80 %, as the paper does for 110 layers.",
    ),
    "momentum": ("Training", "Momentum", "How much of the last step goes into the next."),
    "nesterov": ("Training", "Nesterov", "Look ahead along the momentum."),
    "weight_decay": ("Training", "Weight decay", "How strongly weights are pulled to zero."),
    "label_smoothing": (
        "Training",
        "Label smoothing",
        "Share of the target that is spread over all classes; 0 in the paper.",
    ),
    "average": (
        "Training",
        "Average weights",
        "Decay per step of a running mean of the weights, which is tested and kept; 0: the weights themselves.",
    ),
    "clip": (
        "Training",
        "Clip gradient at",
        "Largest norm of the whole gradient; 0 for no limit. Measured before clipping.",
    ),
    "precision": ("Machine", "Precision", "Of the computation; the weights keep 32 bits."),
    "device": ("Machine", "Device", "auto, cpu, cuda, cuda:1, … or mps."),
    "graphs": (
        "Machine",
        "CUDA graphs",
        "Record the first step and play it from then on: on NVIDIA's GPUs small networks are trained faster.",
    ),
    "seed": ("Training", "Seed", "Of initial values, order and augmentation: equal seeds give equal runs."),
    "budget": ("Training", "Budget", "How long to train."),
    "budget_unit": ("Training", "Unit", "Minutes are turned into steps by a trial at the start."),
    "evaluate_every": ("Training", "Test every", "Steps between looks at the test pictures; 0: once an epoch."),
    "twin": ("Twin", "Train a twin", "A second network, equal in weights, order and augmentation, with another gate."),
    "twin_gate": ("Twin", "Gate of the twin", "0 is the plain network."),
}


def settings() -> tuple[Setting, ...]:
    """Every setting in the order of `Experiment`."""
    default = Experiment()
    return tuple(_setting(name, kind, default) for name, kind in typing.get_type_hints(Experiment).items())


def _setting(name: str, hint: Any, default: Experiment) -> Setting:
    group, label, text = _TEXTS[name]
    low, high = RANGES.get(name, (None, None))
    kinds: dict[Any, Kind] = {int: "whole number", float: "number", bool: "switch", str: "text"}
    kind: Kind = "choice" if typing.get_origin(hint) is Literal or name == "data" else kinds[hint]
    if name in ("data_path", "start_from"):
        kind = "path"
    if name == "data":
        choices = tuple(Choice(source_name, source.title) for source_name, source in data_sources.items())
    else:
        choices = tuple(Choice(value, *texts) for value, texts in _CHOICES.get(name, {}).items())
    return Setting(name, label, text, group, kind, getattr(default, name), choices, low, high, name in _EVERYDAY)


def offered_depths(block: str, layout: str = "cifar") -> tuple[int, ...]:
    """A few depths worth offering in a list; any of `config.depths` can be typed in."""
    if layout == "imagenet":
        return tuple(IMAGENET_STAGES[block])
    wanted = (8, 14, 20, 32, 44, 56, 110, 218, 1202) if block == "basic" else (11, 20, 29, 56, 110, 164, 1001)
    return tuple(depth for depth in wanted if depth in depths(block))


def matters(name: str, experiment: Experiment) -> bool:
    """Whether a setting has any effect beside the others' values: a form may hide those that have none."""
    own_network = {
        "depth",
        "layout",
        "block",
        "shortcut",
        "gate",
        "norm",
        "activation",
        "initialisation",
        "width",
        "twin",
    }
    source = data_sources.get(experiment.data)
    if experiment.start_from and name in own_network | {"twin_gate"}:
        return False
    return {
        "gate": experiment.shortcut != PLAIN and experiment.layout == "cifar",
        "norm": experiment.layout == "cifar",
        "freeze": bool(experiment.start_from),
        "data_path": bool(source.path_help),
        "download": bool(source.downloadable),
        "side": experiment.data == "folder",
        "nesterov": experiment.optimiser == "sgd",
        "twin": experiment.shortcut != PLAIN,
        "twin_gate": experiment.twin and experiment.layout == "cifar",
    }.get(name, True)
