"""Experiments worth starting from, by name. No torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from app.core.errors import TrainingError
from app.training.config import Experiment


@dataclass(frozen=True)
class Preset:
    """One or several experiments that tell one story.

    Attributes:
        name: As on the command line.
        title: As on screen.
        summary: One or two sentences: what it does and what it needs.
        experiments: By the name of their folder within the run's; a single one is called "".
    """

    name: str
    title: str
    summary: str
    experiments: dict[str, Experiment]


_FIRST_LOOK = Experiment(
    data="shapes", learning_rate=0.1, schedule="one-cycle", budget=2, budget_unit="minutes", twin=True
)
_PAPER = Experiment()  # He et al. 2015, section 4.2: the defaults

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "first-look",
            "First look",
            "ResNet-20 and its plain twin on generated shapes, two minutes on a laptop. Nothing is downloaded.",
            {"": _FIRST_LOOK},
        ),
        Preset(
            "degradation",
            "Degradation",
            "Plain and residual networks of 20, 32, 44 and 56 layers on CIFAR-10, by the paper's schedule: "
            "figure 6. Meant for a GPU; give a smaller budget elsewhere.",
            {f"depth-{depth}": dataclasses.replace(_PAPER, depth=depth, twin=True) for depth in (20, 32, 44, 56)},
        ),
        Preset(
            "paper",
            "Paper",
            "The residual networks of table 6 on CIFAR-10, exactly as He et al. 2015, section 4.2: 64,000 steps "
            "each, ResNet-110 with its warm-up. Meant for a GPU.",
            {
                f"depth-{depth}": dataclasses.replace(_PAPER, depth=depth, warm_up=depth == 110)
                for depth in (20, 32, 44, 56, 110)
            },
        ),
        Preset(
            "no-batch-norm",
            "No batch norm",
            "ResNet-32 and its plain twin on generated shapes without batch normalisation, where gradients may "
            "vanish or explode. A few minutes on a laptop.",
            {
                "": dataclasses.replace(
                    _FIRST_LOOK, depth=32, norm="none", initialisation="xavier", learning_rate=0.01, budget=4
                )
            },
        ),
        Preset(
            "thousand-layers",
            "A thousand layers",
            "1202 layers, with additions and without, on generated shapes: a few steps in small pieces. "
            "Look at the gradients, not at the error.",
            {
                "": dataclasses.replace(
                    _FIRST_LOOK,
                    depth=1202,
                    batch=16,
                    micro_batch=8,
                    schedule="constant",
                    warm_up=True,
                    budget=40,
                    budget_unit="steps",
                )
            },
        ),
        Preset(
            "bundled-resnet20",
            "The bundled ResNet-20",
            "How the CIFAR-10 network that comes with this program was trained: 36 epochs, one cycle, bfloat16.",
            {
                "": Experiment(
                    budget=36,
                    budget_unit="epochs",
                    learning_rate=0.4,
                    schedule="one-cycle",
                    nesterov=True,
                    weight_decay=5e-4,
                    precision="bfloat16",
                )
            },
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        TrainingError: listing the names that exist.
    """
    try:
        return PRESETS[name]
    except KeyError:
        raise TrainingError(f"There is no preset called “{name}”.", f"Choose one of: {', '.join(PRESETS)}.") from None
