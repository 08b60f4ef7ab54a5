"""An experiment, as plain validated data. No torch: the window builds its form from this (see `form.py`).

Each setting's default is the recipe of He et al. 2015, section 4.2, unless its comment says otherwise.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from app.core.errors import TrainingError
from app.training.data import data_sources

SMALLEST_DEPTH, LARGEST_DEPTH = 8, 1202
PLAIN: Literal["none"] = "none"


@dataclass(frozen=True)
class Experiment:
    """Everything that decides what a run computes.

    Attributes:
        depth: Weighted layers: 6n+2 (basic) or 9n+2 (bottleneck); of the "imagenet" layout those of table 1.
        layout: "cifar" has three stages (He et al. 2015, section 4.2); "imagenet" the four of their table 1, with a 3×3
            stem of stride 2 and no pooling in place of the 7×7 one with pooling: made for 64 × 64 pixels.
        block: "basic" or "bottleneck".
        shortcut: "A", "B", "C", or "none" for the plain network.
        gate: α in y = F(x) + α·x; 1 is residual, 0 computes what the plain network computes.
        norm: "batch" or "none".
        activation: "post" (the paper's) or "pre" (He et al. 2016).
        initialisation: How the weights begin; see `initialise.py`.
        width: Filters of the first stage.
        start_from: A model whose weights and blocks to start from instead (fine-tuning); "" for none. The settings
            above this one are then the model's.
        freeze: Train the new head alone; only with `start_from`.
        data: Name of the data set.
        data_path: Where the user has it; "" for a built-in one, or to look into the cache.
        download: Fetch it if it is nowhere.
        side: Pixels of a picture's side, where the data set leaves the choice (a folder per class).
        augment: "crop-flip" pads by 4, crops at random, flips at random (the paper's); "resized-crop-flip" cuts out a
            quarter to all of the picture, nearly square, and enlarges it (Szegedy et al. 2015); "flip"; "none".
        mix: "mixup" blends pairs of pictures and their labels (Zhang et al. 2018), "cutmix" pastes a rectangle of one
            into the other (Yun et al. 2019); "none" (the paper's).
        batch: Pictures per step.
        micro_batch: Pictures that are computed at once; a step adds up the gradients of several. 0 is the batch.
        smaller_if_full: Where memory runs out, halve `micro_batch` and go on.
        optimiser: "sgd" or "adamw".
        learning_rate: The highest that the schedule reaches.
        schedule: "steps" divides the rate by 10 at half and three quarters of the run (the paper's 32k and 48k of
            64k); "one-cycle" warms up linearly over the first fifth and goes down to zero; "cosine" goes down to
            zero along half a cosine; "constant".
        warm_up: Begin at a tenth of the rate until an epoch's training error is below 80 % (the paper's for 110
            layers).
        momentum: Of SGD; AdamW's first coefficient.
        nesterov: Nesterov's form of momentum (not in the paper).
        weight_decay: On every parameter.
        label_smoothing: Share of the target that is spread over all classes (Szegedy et al. 2016); 0 in the paper.
        average: Decay per step of a running mean of the weights, which is then what is tested and kept; 0 keeps the
            weights themselves (the paper's).
        clip: Largest norm of the whole gradient; 0 for no limit (the paper's).
        precision: "float32", or "bfloat16" or "float16" for automatic mixed precision.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        graphs: On a GPU of NVIDIA's, record the first step as a CUDA graph and play it from then on: small networks are
            bound by the launches of their many kernels. Elsewhere, and with several processes, it changes nothing.
        seed: Of initial values, order and augmentation.
        budget: How long.
        budget_unit: "steps", "epochs" or "minutes".
        evaluate_every: Steps between looks at the test pictures; 0 for once an epoch.
        twin: Train a second network beside it, equal in everything but the gate.
        twin_gate: α of the twin; 0 is the plain network.
    """

    depth: int = 20
    layout: Literal["cifar", "imagenet"] = "cifar"
    block: Literal["basic", "bottleneck"] = "basic"
    shortcut: Literal["none", "A", "B", "C"] = "A"
    gate: float = 1.0
    norm: Literal["batch", "none"] = "batch"
    activation: Literal["post", "pre"] = "post"
    initialisation: Literal["he", "xavier", "small", "zero-branch"] = "he"
    width: int = 16
    start_from: str = ""
    freeze: bool = False
    data: str = "cifar10"
    data_path: str = ""
    download: bool = False
    side: int = 32
    augment: Literal["none", "flip", "crop-flip", "resized-crop-flip"] = "crop-flip"
    mix: Literal["none", "mixup", "cutmix"] = "none"
    batch: int = 128
    micro_batch: int = 0
    smaller_if_full: bool = True
    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.1
    schedule: Literal["steps", "one-cycle", "cosine", "constant"] = "steps"
    warm_up: bool = False
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    average: float = 0.0
    clip: float = 0.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = "auto"
    graphs: bool = False
    seed: int = 1
    budget: float = 64_000
    budget_unit: Literal["steps", "epochs", "minutes"] = "steps"
    evaluate_every: int = 0
    twin: bool = False
    twin_gate: float = 0.0

    def __post_init__(self) -> None:
        for name, kind in typing.get_type_hints(type(self)).items():
            self._check_kind(name, kind)
        for name, (low, high) in RANGES.items():
            self._check_range(name, low, high)
        data_sources.get(self.data)
        if not self.start_from:
            self._check_depth()
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", self.device):
            raise TrainingError(f"device is “{self.device}”.", "Choose one of: auto, cpu, cuda, cuda:1, mps.")
        self._check_together()

    def _check_depth(self) -> None:
        if self.layout == "imagenet":
            stages = IMAGENET_STAGES[self.block]
            if self.depth not in stages:
                raise TrainingError(
                    f"There is no network of {self.depth} layers with {self.block} blocks in four stages.",
                    f"Choose one of: {', '.join(map(str, stages))}.",
                )
            return
        if self.depth not in (valid := depths(self.block)):
            layers = valid.step
            below = max(valid.start, valid.start + (self.depth - valid.start) // layers * layers)
            near = sorted({min(below, valid[-1]), min(below + layers, valid[-1])})
            raise TrainingError(
                f"There is no network of {self.depth} layers with {self.block} blocks: "
                f"the depth must be {layers}n+2, from {valid.start} to {valid[-1]}.",
                f"The nearest are {' and '.join(map(str, near))}." if len(near) > 1 else f"The nearest is {near[0]}.",
            )

    def _check_kind(self, name: str, kind: Any) -> None:
        value = getattr(self, name)
        if typing.get_origin(kind) is Literal:
            if value not in typing.get_args(kind):
                have = ", ".join(map(str, typing.get_args(kind)))
                raise TrainingError(f"{name} is “{value}”.", f"Choose one of: {have}.")
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            object.__setattr__(self, name, float(value))
        elif type(value) is not kind:
            raise TrainingError(f"{name} is “{value}”.", f"Give it as {KIND_NAMES[kind]}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise TrainingError(f"{name} is {value}.", "Give it as a finite number.")

    def _check_range(self, name: str, low: float, high: float) -> None:
        if not low <= getattr(self, name) <= high:
            raise TrainingError(f"{name} is {getattr(self, name):g}.", f"Choose a value from {low:g} to {high:g}.")

    def _check_together(self) -> None:
        if self.micro_batch > self.batch:
            raise TrainingError(
                f"micro_batch is {self.micro_batch}, more than the batch of {self.batch}.",
                f"Choose at most {self.batch}, or 0 for the whole batch at once.",
            )
        if self.budget_unit == "steps" and self.budget != int(self.budget):
            raise TrainingError(f"budget is {self.budget:g} steps.", "Choose a whole number of steps.")
        if self.nesterov and (self.optimiser != "sgd" or self.momentum == 0):
            raise TrainingError("Nesterov's momentum needs SGD with momentum.", "Choose sgd and a momentum above 0.")
        if self.freeze and not self.start_from:
            raise TrainingError(
                "There is nothing to freeze: the network starts from nothing.", "Name a model in start_from."
            )
        if self.twin and self.start_from:
            raise TrainingError("A model that is fine-tuned has no twin.", "Switch the twin off, or clear start_from.")
        if self.twin and self.shortcut == PLAIN:
            raise TrainingError("A plain network is its own plain twin.", "Choose shortcut A, B or C.")
        if (
            self.layout == "imagenet"
            and not self.start_from
            and (self.gate != 1 or self.norm != "batch" or (self.twin and self.twin_gate != 0))
        ):
            raise TrainingError(
                "Networks in four stages have no gates, and always batch normalisation.",
                "Choose gate 1 and batch, or the cifar layout.",
            )
        if self.initialisation == "zero-branch" and (self.shortcut == PLAIN or (self.twin and self.twin_gate == 0)):
            raise TrainingError(
                "Branches that start at zero let nothing through a plain network.",
                "Choose another initialisation, or a shortcut and no plain twin.",
            )

    @property
    def family(self) -> str:
        """Registry name of the network's family."""
        return "cifar" if self.layout == "cifar" else "general-resnet"

    @property
    def architecture(self) -> str:
        """The network's name in its family: “resnet20”, “plain56”, “custom-resnet”."""
        if self.layout == "imagenet":
            return "custom-resnet"
        return f"{'plain' if self.shortcut == PLAIN else 'resnet'}{self.depth}"

    @property
    def title(self) -> str:
        """How people call it: “ResNet-20”, “Plain-56”, “ResNet-20, gate 0.5”, “resnet18, fine-tuned”."""
        if self.start_from:
            return f"{Path(self.start_from).stem}, fine-tuned"
        name = f"{'Plain' if self.shortcut == PLAIN else 'ResNet'}-{self.depth}"
        return name if self.gate == 1 or self.shortcut == PLAIN else f"{name}, gate {self.gate:g}"

    @property
    def options(self) -> dict[str, object]:
        """The options of its family."""
        if self.layout == "imagenet":
            return {
                "blocks": list(IMAGENET_STAGES[self.block][self.depth]),
                "widths": [self.width * 2**stage for stage in range(4)],
                "block": self.block,
                "shortcut": self.shortcut,
                "activation": self.activation,
                "stem": [self.width],
                "stem_kernel": 3,
                "stem_stride": 2,
                "stem_pool": False,
                "stem_norm": self.activation == "post",
            }
        names = ("block", "shortcut", "norm", "activation", "width", "gate")
        return {name: getattr(self, name) for name in names}

    def members(self) -> dict[str, Experiment]:
        """The runs of this experiment by name: {"": itself}, or the two twins, each without a twin of its own."""
        if not self.twin:
            return {"": self}
        first = dataclasses.replace(self, twin=False, twin_gate=0.0)
        if self.twin_gate == 0:
            return {"residual": first, "plain": dataclasses.replace(first, shortcut=PLAIN, gate=1.0)}
        return {"residual": first, "twin": dataclasses.replace(first, gate=self.twin_gate)}

    def changed(self, changes: dict[str, Any]) -> Experiment:
        """This experiment with other values; text, as on the command line, is read as the setting's kind.

        Raises:
            TrainingError: for an unknown setting, or an impossible value.
        """
        return from_mapping({**dataclasses.asdict(self), **changes})

    def to_json(self) -> str:
        """As text, for a run folder."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


IMAGENET_STAGES: dict[str, dict[int, tuple[int, int, int, int]]] = {
    "basic": {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)},
    "bottleneck": {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)},
}
"""Blocks of each stage by depth: He et al. 2015, table 1; 10 is the smallest of the kind, and ours."""

RANGES: dict[str, tuple[float, float]] = {
    "depth": (SMALLEST_DEPTH, LARGEST_DEPTH),
    "gate": (0, 1),
    "width": (1, 512),
    "side": (16, 512),
    "batch": (1, 65_536),
    "micro_batch": (0, 65_536),
    "learning_rate": (1e-8, 100),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 10),
    "label_smoothing": (0, 0.9),
    "average": (0, 0.99999),
    "clip": (0, 1e6),
    "seed": (0, 2**31 - 1),
    "budget": (0.01, 1e9),
    "evaluate_every": (0, 1e9),
    "twin_gate": (0, 1),
}
KIND_NAMES = {int: "a whole number", float: "a number", bool: "yes or no", str: "text"}


def depths(block: str) -> range:
    """The depths that exist with a kind of block: 6n+2 (basic), 9n+2 (bottleneck)."""
    layers = 6 if block == "basic" else 9
    return range(layers + 2, LARGEST_DEPTH + 1, layers)


def from_mapping(values: dict[str, Any]) -> Experiment:
    """Build an experiment from names and values; values may be text, as on the command line.

    Raises:
        TrainingError: for an unknown setting, or an impossible value.
    """
    hints = typing.get_type_hints(Experiment)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise TrainingError(f"An experiment has no setting {', '.join(unknown)}.", f"It has: {', '.join(hints)}.")
    return Experiment(**{name: _converted(name, value, hints[name]) for name, value in values.items()})


def read_file(path: Path) -> Experiment:
    """Read an experiment as `Experiment.to_json` wrote it; settings that are left out have their defaults.

    Raises:
        TrainingError: where the file is not there, is no JSON, or describes something impossible.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    except ValueError as error:
        raise TrainingError(f"{path} is not JSON ({error}).", "Write it as {“depth”: 20, …}.") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path} does not describe an experiment.", "Write it as {“depth”: 20, …}.")
    return from_mapping(values)


def _converted(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, str) or kind is str or typing.get_origin(kind) in (Literal, types.UnionType):
        return value
    if kind is bool:
        if value.lower() in ("true", "yes", "on", "1"):
            return True
        if value.lower() in ("false", "no", "off", "0"):
            return False
    else:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if kind is float and math.isfinite(number):
            return number
        if kind is int and number.is_integer():
            return int(number)
    raise TrainingError(f"{name} is “{value}”.", f"Give it as {KIND_NAMES[kind]}.")
