"""An experiment, as plain validated data. No torch: the window builds its form from this.

Each field's default is the recipe of He et al. 2015, section 4.2, unless its comment says otherwise.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from app.core.errors import TrainingError


@dataclass(frozen=True)
class Experiment:
    """Everything that decides what a run computes.

    Attributes:
        depth: Weighted layers, 6n+2 (basic) or 9n+2 (bottleneck).
        block: "basic" or "bottleneck".
        shortcut: "A", "B", "C", or "none" for the plain network.
        norm: "batch" or "none".
        activation: "post" (the paper's) or "pre".
        width: Filters of the first stage.
        gate: α in y = F(x) + α·x.
        data: Name of the data set.
        data_path: Where the user has it; "" for a built-in one.
        augment: Pad by 4, crop at random, flip at random.
        batch: Pictures per step.
        epochs: Passes over the training pictures.
        learning_rate: The highest that the schedule reaches.
        schedule: "steps" divides the rate by 10 at half and three quarters of the run (the paper's 32k and 48k of
            64k); "one-cycle" warms up linearly over the first fifth and goes down to zero.
        momentum: Of SGD.
        nesterov: Nesterov's form of momentum (not in the paper).
        weight_decay: On every parameter.
        precision: "float32", or "bfloat16" for automatic mixed precision.
        device: "auto", "cpu", "cuda" or "mps".
        seed: Of initial values, order and augmentation.
    """

    depth: int = 20
    block: Literal["basic", "bottleneck"] = "basic"
    shortcut: Literal["none", "A", "B", "C"] = "A"
    norm: Literal["batch", "none"] = "batch"
    activation: Literal["post", "pre"] = "post"
    width: int = 16
    gate: float = 1.0
    data: Literal["cifar10"] = "cifar10"
    data_path: str = ""
    augment: bool = True
    batch: int = 128
    epochs: int = 164
    learning_rate: float = 0.1
    schedule: Literal["steps", "one-cycle"] = "steps"
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    precision: Literal["float32", "bfloat16"] = "float32"
    device: str = "auto"
    seed: int = 1

    def __post_init__(self) -> None:
        for field, kind in typing.get_type_hints(type(self)).items():
            value = getattr(self, field)
            if typing.get_origin(kind) is Literal and value not in typing.get_args(kind):
                have = ", ".join(map(str, typing.get_args(kind)))
                raise TrainingError(f"{field} is “{value}”.", f"Choose one of: {have}.")
        for field in ("width", "batch", "epochs"):
            if getattr(self, field) < 1:
                raise TrainingError(f"{field} is {getattr(self, field)}.", "Choose a whole number from 1.")

    @property
    def architecture(self) -> str:
        """The network's name in its family: “resnet20”, “plain56”."""
        return f"{'plain' if self.shortcut == 'none' else 'resnet'}{self.depth}"

    @property
    def options(self) -> dict[str, object]:
        """The options of the CIFAR family."""
        names = ("block", "shortcut", "norm", "activation", "width", "gate")
        return {name: getattr(self, name) for name in names}

    def changed(self, changes: dict[str, str]) -> Experiment:
        """This experiment with `key=value` changes, as given on the command line.

        Raises:
            TrainingError: for an unknown key, or a value of the wrong kind.
        """
        return from_mapping({**dataclasses.asdict(self), **changes})

    def to_json(self) -> str:
        """As text, for a run folder."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def from_mapping(values: dict[str, Any]) -> Experiment:
    """Build an experiment from names and values; values may be text, as on the command line.

    Raises:
        TrainingError: for an unknown key, or a value of the wrong kind.
    """
    hints = typing.get_type_hints(Experiment)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise TrainingError(f"An experiment has no {', '.join(unknown)}.", f"It has: {', '.join(hints)}.")
    return Experiment(**{name: _converted(name, value, hints[name]) for name, value in values.items()})


def _converted(name: str, value: Any, kind: Any) -> Any:
    if not isinstance(value, str) or kind is str or typing.get_origin(kind) in (Literal, types.UnionType):
        return value
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if value.lower() in words:
            return words[value.lower()]
    else:
        try:
            return kind(value)
        except ValueError:
            pass  # told below, with the field's name
    raise TrainingError(f"{name} is “{value}”.", f"Give it as a {kind.__name__}.")


PRESETS: dict[str, Experiment] = {
    "bundled-resnet20": Experiment(
        epochs=36,
        learning_rate=0.4,
        schedule="one-cycle",
        nesterov=True,
        weight_decay=5e-4,
        precision="bfloat16",
    ),
}
