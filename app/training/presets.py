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
EVERYDAY = Experiment(
    depth=18,
    layout="imagenet",
    width=64,
    shortcut="B",
    data="folder",
    side=64,
    augment="resized-crop-flip",
    mix="cutmix",
    label_smoothing=0.1,
    average=0.999,
    batch=128,
    learning_rate=0.1,
    nesterov=True,
    schedule="cosine",
    weight_decay=5e-4,
    precision="bfloat16",
    budget=200,
    budget_unit="epochs",
)

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
            "everyday",
            "The everyday model",
            "ResNet-18 with a 3×3 stem on Tiny ImageNet (200 classes, 64 × 64), by a modern recipe: label smoothing, "
            "resized crops, CutMix, averaged weights, half a cosine. Give data_path. Meant for a GPU.",
            {"": EVERYDAY},
        ),
        Preset(
            "everyday-cpu",
            "The everyday model, on a CPU",
            "The same with half the filters and a fifth of the epochs, without CutMix: an hour or two on two cores.",
            {
                "": dataclasses.replace(
                    EVERYDAY,
                    width=32,
                    budget=40,
                    mix="none",
                    label_smoothing=0.05,
                    schedule="one-cycle",
                    learning_rate=0.2,
                    average=0.0,
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
