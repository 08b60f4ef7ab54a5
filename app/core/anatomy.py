"""What is measured of a network, block by block, and what a block looks like inside. Plain records, no torch.

Every quantity is defined, with its equation and source, in docs/anatomy.md. The verbs that make these records are in
`app/engine/anatomy.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from app.core.records import BlockInfo, Prediction, ShortcutKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float32]

Shape = tuple[int, ...]
"""(N, C, H, W) of a feature map, (N, C) of what a linear layer gives."""


@dataclass(frozen=True)
class Response:
    """One convolution's response: its output after batch norm, before nonlinearity and addition (He et al., figure 7).

    Attributes:
        layer: The convolution's path in the network.
        kernel: Side of its kernel.
        deviation: Standard deviation over channels and places, of this picture.
    """

    layer: str
    kernel: int
    deviation: float


@dataclass(frozen=True)
class BlockMeasurement:
    """One block, one picture.

    Attributes:
        name: The block's name in the outline.
        shape_in: (N, C, H, W) of x.
        shape: (N, C, H, W) of y; (N, classes) of the head.
        ratio: ‖F(x)‖ / ‖s(x)‖ with s(x) = x at an identity; 0 where the block is bypassed; None where nothing is added.
        energy: Mean of y² over channels and places.
        gradient: ‖∂z/∂y‖ of the class's logit z, at the block's output; None for the head, and where the answer does
            not depend on the block.
        responses: Of its convolutions, in the order in which they are met; its shortcut's are left out.
        parameters: As the outline counts them, its shortcut's included.
        multiply_adds: Of this forward pass, one picture; what is bypassed costs nothing.
        milliseconds: Of this one pass on this device, without the measuring.
        activation_bytes: Of the tensors that its operations made; what works in place makes none.
    """

    name: str
    shape_in: Shape
    shape: Shape
    ratio: float | None
    energy: float
    gradient: float | None
    responses: tuple[Response, ...]
    parameters: int
    multiply_adds: int
    milliseconds: float
    activation_bytes: int

    @property
    def deviation(self) -> float | None:
        """Mean of its 3×3 layers' deviations; of all its layers' where it has no 3×3 one; None where it has none."""
        chosen = [one.deviation for one in self.responses if one.kernel == 3]
        chosen = chosen or [one.deviation for one in self.responses]
        return sum(chosen) / len(chosen) if chosen else None


@dataclass(frozen=True, eq=False)
class Measurement:
    """A whole network, one picture.

    Attributes:
        id: The request's.
        model: The request's.
        device: Where it was computed.
        target: Index of the class whose gradient was taken.
        prediction: Over all classes.
        blocks: In the outline's order, stem and head included.
        parameters: All of them.
        multiply_adds: All of them: the sum over the blocks.
        published_parameters: As the weights' publisher counts them; None where nobody published any.
        published_multiply_adds: In thousand millions, as published (torchvision calls them GFLOPS); None likewise.
        milliseconds: The sum over the blocks.
        notices: What the user should know.
    """

    id: int
    model: str
    device: str
    target: int
    prediction: Prediction
    blocks: tuple[BlockMeasurement, ...]
    parameters: int
    multiply_adds: int
    published_parameters: int | None
    published_multiply_adds: float | None
    milliseconds: float
    notices: tuple[str, ...] = ()

    def block(self, name: str) -> BlockMeasurement | None:
        """The measurement of a block, or None."""
        return next((block for block in self.blocks if block.name == name), None)


@dataclass(frozen=True)
class Quantity:
    """One thing that a spine can be coloured by.

    Attributes:
        name: Attribute of `BlockMeasurement`.
        title: What it is.
        formula: How people write it; "" where it is a count.
        unit: "" for a ratio.
        logarithmic: Whether its values spread over orders of magnitude.
        of_picture: Whether it depends on the picture.
    """

    name: str
    title: str
    formula: str
    unit: str
    logarithmic: bool
    of_picture: bool


QUANTITIES = (
    Quantity("ratio", "Branch against shortcut", "‖F(x)‖ / ‖x‖", "", False, True),
    Quantity("energy", "Activation energy", "mean of y²", "", True, True),
    Quantity("deviation", "Deviation of responses", "σ after batch norm", "", False, True),
    Quantity("gradient", "Gradient of the class", "‖∂z/∂y‖", "", True, True),
    Quantity("parameters", "Parameters", "", "", True, False),
    Quantity("multiply_adds", "Multiply-adds", "", "", True, False),
    Quantity("milliseconds", "Time on this device", "", "ms", False, True),
    Quantity("activation_bytes", "Memory of activations", "", "bytes", True, False),
)


@dataclass(frozen=True, eq=False)
class Mosaic:
    """A feature map as thumbnails: one small grey picture per channel.

    Attributes:
        pixels: (C, h, w) uint8; each pixel is the mean of `factor` × `factor` places.
        low: The value of 0.
        high: The value of 255. Values beyond both are clipped.
        factor: How much smaller than the feature map.
        strength: (C,) float32, mean of |a| over each channel.
    """

    pixels: NDArray[np.uint8]
    low: float
    high: float
    factor: int
    strength: Values

    def strongest(self, count: int) -> tuple[int, ...]:
        """The channels of greatest strength, greatest first; ties go to the lower index."""
        return tuple(int(index) for index in (-self.strength).argsort(kind="stable")[:count])


StepKind = Literal[
    "input", "convolution", "norm", "relu", "pool", "linear", "padding", "identity", "addition", "output", "other"
]
Lane = Literal["trunk", "branch", "shortcut"]


@dataclass(frozen=True, eq=False)
class Step:
    """One point inside a block: an operation, and the tensor that comes out of it.

    Attributes:
        kind: What the operation is. “input” is x itself, “output” is y.
        lane: Where it lies: on the branch F, on the shortcut s, or before and after both.
        symbol: "x", "F(x)", "s(x)", "F(x) + s(x)" or "y" at the points that have a name; else "".
        path: The module's path in the network, or "".
        shape: (N, C, H, W), or (N, C).
        kernel: Side of the kernel; 0 where it has none.
        stride: 0 where it has none.
        groups: 0 where it has none.
        parameters: That it learned.
        multiply_adds: Of one picture.
        norm: ‖a‖ of the whole tensor.
        mean: Over the whole tensor.
        deviation: Over the whole tensor.
        minimum: Over the whole tensor.
        maximum: Over the whole tensor.
        mosaic: Its channels as thumbnails; x, F(x), s(x), their sum and y share one scale.
    """

    kind: StepKind
    lane: Lane
    symbol: str
    path: str
    shape: Shape
    kernel: int
    stride: int
    groups: int
    parameters: int
    multiply_adds: int
    norm: float
    mean: float
    deviation: float
    minimum: float
    maximum: float
    mosaic: Mosaic


@dataclass(frozen=True, eq=False)
class Filters:
    """First-layer filters as pictures.

    Attributes:
        path: The convolution's path.
        pixels: (filters, h, w, 3) uint8, RGB. Each filter has a scale of its own: 128 is a weight of zero, 255 its
            `reach`, 1 is minus its `reach`.
        reach: (filters,) float32: each filter's largest absolute weight.
    """

    path: str
    pixels: NDArray[np.uint8]
    reach: Values


@dataclass(frozen=True, eq=False)
class OpenedBlock:
    """A block taken apart, with the tensors of one picture at every point.

    Attributes:
        id: The request's.
        model: The request's.
        block: Which block.
        standing: Name of the block that stands at this place; another one where two were swapped.
        shortcut: What runs beside the branch.
        alpha: How much the branch counts: 1 as the network is, 0 bypassed, between them a gate.
        steps: In the order in which they are computed: x, the branch, the shortcut, the sum, y.
        contribution: (C,) float32: of each channel of y, its sum over places of y · ∂z/∂y for the class's logit z; None
            for the head.
        target: Index of the class.
        filters: Where the block's first convolution takes the picture itself.
    """

    id: int
    model: str
    block: BlockInfo
    standing: str
    shortcut: ShortcutKind
    alpha: float
    steps: tuple[Step, ...]
    contribution: Values | None
    target: int
    filters: Filters | None

    def step(self, symbol: str) -> Step | None:
        """The point of that name ("x", "F(x)", "s(x)", "F(x) + s(x)", "y"), or None."""
        return next((step for step in self.steps if step.symbol == symbol), None)
