"""Where everything in the drawing of a block goes. Plain numbers; nothing is painted here.

The signal runs from left to right: x, the branch (or, in an inception block, several below each other), the addition,
y. The shortcut runs above. Distances are logical pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.anatomy import OpenedBlock, Step
from app.ui.tokens import GRID

MARGIN = 2.0 * GRID
NODE_HEIGHT = 5.0 * GRID
THUMB = 5.0 * GRID  # the strongest channel, under its operation
ROW_GAP = 1.5 * GRID
SHORTCUT_ROOM = 7.0 * GRID
WIRE = 1.75 * GRID  # between two operations
_WEIGHT = {"convolution": 1.7, "linear": 1.7, "norm": 1.0, "relu": 1.0, "pool": 1.2, "padding": 2.4, "other": 1.2}
_ENDS = 0.9  # of x, the addition and y
WIDEST, NARROWEST = 76.0, 20.0  # of a node of weight 1


@dataclass(frozen=True)
class Box:
    """Where a step is drawn.

    Attributes:
        step: Its index in the block's steps.
        left, top, width, height: Of the operation.
        lane: "main" or "shortcut".
        row: Which of the rows of the main lane; 0 where there is one.
    """

    step: int
    left: float
    top: float
    width: float
    height: float
    lane: str
    row: int = 0

    @property
    def middle(self) -> float:
        """The height of its wires."""
        return self.top + self.height / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width


@dataclass(frozen=True)
class Drawing:
    """The block, laid out.

    Attributes:
        first: x.
        rows: The operations between x and where they meet, one row or (inception) several.
        shortcut: Operations on the shortcut; empty for a bare wire.
        addition: The sum; None where nothing is added.
        last: y.
        wired: Whether there is a shortcut.
        shortcut_y: The height of its wire.
        joined: Whether the rows are laid beside each other (inception).
        width, height: Of everything.
    """

    first: Box
    rows: tuple[tuple[Box, ...], ...]
    shortcut: tuple[Box, ...]
    addition: Box | None
    last: Box
    wired: bool
    shortcut_y: float
    joined: bool
    width: float
    height: float

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All of them, in the order in which the arrow keys go."""
        inner = [box for row in self.rows for box in row]
        middle = [self.addition] if self.addition else []
        return (self.first, *inner, *self.shortcut, *middle, self.last)

    def at(self, x: float, y: float) -> Box | None:
        """The step at a place; its thumbnail counts as it."""
        for box in self.boxes:
            below = THUMB if box.lane == "main" else 0
            if box.left - 2 <= x <= box.right + 2 and box.top <= y <= box.top + box.height + below:
                return box
        return None


def rectified(block: OpenedBlock) -> bool:
    """Whether a ReLU follows the sum: in a block that does not begin with one (He et al. 2015, not 2016)."""
    first = next((step for step in block.steps if step.lane == "branch"), None)
    return block.block.kind in ("basic", "bottleneck") and first is not None and first.kind == "convolution"


def rows_of(block: OpenedBlock) -> list[list[int]]:
    """Indices of the steps between x and y on the main lane: one row, or one per branch of an inception block."""
    steps = block.steps
    middle = [
        index
        for index, step in enumerate(steps)
        if step.lane != "shortcut" and step.kind not in ("input", "output", "addition")
    ]
    if block.block.kind != "inception":
        return [middle]
    rows: dict[str, list[int]] = {}
    for index in middle:
        path = steps[index].path.removeprefix(f"{block.block.name}.")
        rows.setdefault(path.partition(".")[0], []).append(index)
    return list(rows.values())


def lay_out(block: OpenedBlock, width: float) -> Drawing:
    """Place every step in a row of this width; wider where there is no room."""
    steps = block.steps
    rows, joined = rows_of(block), block.block.kind == "inception"
    addition = next((index for index, step in enumerate(steps) if step.kind == "addition"), None)
    shortcut = [
        index
        for index, step in enumerate(steps)
        if step.lane == "shortcut" and step.kind not in ("identity", "padding")
    ]
    wired = any(step.lane == "shortcut" for step in steps)
    unit, wire = _unit(steps, rows, addition is not None, width)
    top = MARGIN / 2 + (SHORTCUT_ROOM if wired else GRID)
    pitch = NODE_HEIGHT + THUMB + ROW_GAP
    centre = top + (len(rows) - 1) * pitch / 2
    end = unit * _ENDS
    first = Box(_find(steps, "input"), MARGIN, centre, end, NODE_HEIGHT, "main")
    placed, right = [], first.right
    for number, row in enumerate(rows):
        left, boxes = first.right + wire, []
        for index in row:
            size = unit * _WEIGHT.get(steps[index].kind, 1.2)
            boxes.append(Box(index, left, top + number * pitch, size, NODE_HEIGHT, "main", number))
            left += size + wire
        placed.append(tuple(boxes))
        right = max(right, left - wire)
    sum_box = None
    if addition is not None:
        sum_box = Box(addition, right + wire * 1.6, centre, end, NODE_HEIGHT, "main")
        right = sum_box.right
    last = Box(_find(steps, "output"), right + wire * (2.2 if joined else 1.2), centre, end, NODE_HEIGHT, "main")
    shortcut_y = MARGIN / 2 + NODE_HEIGHT / 2
    return Drawing(
        first,
        tuple(placed),
        _on_shortcut(steps, shortcut, first.right, sum_box or last, unit, wire),
        sum_box,
        last,
        wired,
        shortcut_y,
        joined,
        last.right + MARGIN,
        top + len(rows) * pitch - ROW_GAP + GRID * 2.5,
    )


def _unit(steps: Sequence[Step], rows: list[list[int]], added: bool, width: float) -> tuple[float, float]:
    """(width of a node of weight 1, of a wire) with which the longest row just fits, within limits."""
    weights = max((sum(_WEIGHT.get(steps[index].kind, 1.2) for index in row) for row in rows), default=0.0)
    weights += _ENDS * (3 if added else 2)
    wires = max((len(row) for row in rows), default=0) + (2.8 if added else 1.2)
    wire = min(WIRE, max(0.5 * GRID, (width - 2 * MARGIN) / (4 * max(1.0, wires))))
    unit = (width - 2 * MARGIN - wires * wire) / weights
    return min(WIDEST, max(NARROWEST, unit)), wire


def _on_shortcut(
    steps: Sequence[Step], indices: list[int], start: float, end: Box, unit: float, wire: float
) -> tuple[Box, ...]:
    sizes = [unit * _WEIGHT.get(steps[index].kind, 1.2) for index in indices]
    whole = sum(sizes) + wire * max(0, len(sizes) - 1)
    left = (start + end.left) / 2 - whole / 2
    boxes = []
    for index, size in zip(indices, sizes, strict=True):
        boxes.append(Box(index, left, MARGIN / 2, size, NODE_HEIGHT, "shortcut"))
        left += size + wire
    return tuple(boxes)


def _find(steps: Sequence[Step], kind: str) -> int:
    return next(index for index, step in enumerate(steps) if step.kind == kind)
