"""The plain records that cross between processes and pages. No torch, no Qt, nothing that computes much.

Colour order is RGB everywhere. Pixels are uint8, 0 to 255, (H, W, 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from app.core.lesions import Lesion
from app.core.preprocessing import Preprocessing

if TYPE_CHECKING:  # the window is on screen before numpy is imported: it costs as much as Qt itself
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    FloatMap = NDArray[np.float32]

BlockKind = Literal["stem", "basic", "bottleneck", "layer", "inception", "head"]
ShortcutKind = Literal["none", "identity", "padding", "projection"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture as the program sees it: upright, sRGB, opaque.

    Attributes:
        pixels: (H, W, 3) uint8, RGB.
        name: What to call it on screen: a file's name, "pasted picture", "camera".
        path: Where it lives, or "" where it has no file.
        notes: What was done to read it ("turned by its EXIF orientation", "first of 12 frames").
    """

    pixels: Pixels
    name: str
    path: str = ""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True)
class BlockInfo:
    """One addressable piece of a network, in the order in which the signal meets it.

    Attributes:
        name: The module's path in the network ("layer3.2"): what requests name.
        kind: What it is.
        stage: 1-based stage; 0 for the stem and the head.
        index: 1-based place within its stage; 0 for the stem and the head.
        shortcut: What runs beside the branch; "none" in a plain network.
        parameters: How many parameters it has, its shortcut's included.
    """

    name: str
    kind: BlockKind
    stage: int
    index: int
    shortcut: ShortcutKind
    parameters: int

    @property
    def label(self) -> str:
        """How people call it: “stage 3, block 2”."""
        if self.kind in ("stem", "head"):
            return self.kind
        return f"stage {self.stage}, {'layer' if self.kind == 'layer' else 'block'} {self.index}"

    @property
    def explainable(self) -> bool:
        """Whether its output is a feature map (N, C, H, W) on which a heatmap can be made."""
        return self.kind != "head"


@dataclass(frozen=True)
class NetworkOutline:
    """A network's shape: what the spine draws.

    Attributes:
        family: The registry name of the family.
        architecture: Its name in the family ("resnet50").
        title: How people call it ("ResNet-50").
        blocks: Stem, blocks and head in order.
        parameters: All of them, the head's included.
    """

    family: str
    architecture: str
    title: str
    blocks: tuple[BlockInfo, ...]
    parameters: int

    @property
    def default_block(self) -> str:
        """The last block with a feature map: where Grad-CAM looks unless told otherwise."""
        return next(block.name for block in reversed(self.blocks) if block.explainable)

    def block(self, name: str) -> BlockInfo | None:
        """The block of that name, or None."""
        return next((block for block in self.blocks if block.name == name), None)


@dataclass(frozen=True)
class MethodInfo:
    """What a page must know of an explanation method to offer it.

    Attributes:
        name: Registry name ("grad-cam").
        title: How people call it ("Grad-CAM").
        summary: One sentence: what it shows.
        source: The paper.
        uses_block: Whether it looks at one block's feature map (the spine chooses it).
        signed: Whether evidence *against* the class is part of the picture (a diverging colour map).
        slow: Whether it needs many forwards: progress and cancel are shown, and it never runs live.
        quantity: What the map's values are, for the colour scale's caption.
    """

    name: str
    title: str
    summary: str
    source: str
    uses_block: bool
    signed: bool
    slow: bool
    quantity: str


@dataclass(frozen=True)
class ModelInfo:
    """A model that the engine has loaded.

    Attributes:
        reference: What was asked for: a card's id, a published name, or a file's path.
        title: How to call it on screen.
        outline: Its blocks.
        labels: Class names, in the order of the logits.
        preprocessing: What is done to a picture before the network sees it.
        device: "cpu", "cuda:0" or "mps".
        device_title: The device's name as people know it.
        folded: Whether batch norm was folded into the convolutions.
        label_ids: What data sets call the classes, where that is not their label (WordNet ids); else empty.
        notices: What the user should know ("CUDA is out of memory; working on the CPU").
        how: SHA-256 over preprocessing and architecture, as `Card.how` has it.
    """

    reference: str
    title: str
    outline: NetworkOutline
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    device: str
    device_title: str
    folded: bool
    label_ids: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    how: str = ""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine process says of itself when it is up."""

    pid: int
    device: str
    device_title: str
    torch_version: str
    methods: tuple[MethodInfo, ...]
    families: tuple[str, ...]
    notices: tuple[str, ...] = ()  # why it computes on a slower device than the machine has


@dataclass(frozen=True, eq=False)
class Request:
    """One picture to classify and, if a method is named, to explain.

    Attributes:
        id: Counts up; an answer carries its request's id, so that stale answers can be dropped.
        model: A model reference.
        pixels: The network's input before normalisation, (S, S, 3) uint8 RGB (see `Preprocessing.view`).
        method: Registry name of an explanation, or None for the prediction alone.
        block: Name of the block to explain at; None for the last.
        target: Index of the class to explain; None for the winning class.
        lesions: What is done to the network for this answer alone (`app.core.lesions`).
    """

    id: int
    model: str
    pixels: Pixels
    method: str | None = None
    block: str | None = None
    target: int | None = None
    lesions: tuple[Lesion, ...] = ()


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says.

    Attributes:
        logits: (classes,) float32.
        probabilities: (classes,) float32, the softmax of the logits.
    """

    logits: FloatMap
    probabilities: FloatMap

    def top(self, count: int) -> tuple[int, ...]:
        """The indices of the most probable classes, best first; ties go to the lower index."""
        order = (-self.probabilities).argsort(kind="stable")[:count]
        return tuple(int(index) for index in order)


HeatmapState = Literal["positive", "mixed", "negative", "zero", "not finite"]


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Where the network looked: one value per cell of a grid laid over the network's input.

    Attributes:
        values: (h, w) float32, signed, never rescaled; row 0 is the top. The grid covers the whole input.
        method: Registry name of the method.
        block: Name of the block, or "" where the method does not use one.
        target: Index of the class that is explained.
        signed: Whether negative values are evidence to be shown, or to be cut off (ReLU, as in Grad-CAM).
    """

    values: FloatMap
    method: str
    block: str
    target: int
    signed: bool

    @property
    def state(self) -> HeatmapState:
        """Whether there is anything to see, and if not, why not."""
        low, high = float(self.values.min()), float(self.values.max())
        if not math.isfinite(low) or not math.isfinite(high):  # min and max hand NaN on
            return "not finite"
        if low == 0 and high == 0:
            return "zero"
        if high <= 0:
            return "negative"
        return "mixed" if low < 0 else "positive"


@dataclass(frozen=True, eq=False)
class Answer:
    """What the engine says to a request.

    Attributes:
        id: The request's.
        model: The request's.
        device: Where it was computed.
        prediction: Over all classes.
        heatmap: Where a method was asked for.
        milliseconds: Prediction and explanation together, inside the engine.
        notices: What the user should know.
    """

    id: int
    model: str
    device: str
    prediction: Prediction
    heatmap: Heatmap | None
    milliseconds: float
    notices: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ForwardCost:
    """What one forward pass of one picture costs: the class alone, without a map.

    Attributes:
        milliseconds: Of this one call.
        multiply_adds: Of convolutions and linear layers; torchvision's tables call them GFLOPS.
    """

    milliseconds: float
    multiply_adds: int
