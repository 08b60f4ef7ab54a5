"""Where everything on the spine goes. Plain numbers; nothing is painted here.

The network is a row: chips for stem and head, and between them the stages, each a run of blocks. As the room per
block (the pitch) shrinks, blocks become narrow bars and then one heat strip per stage. Distances are logical
pixels, from the left end of the whole row; scrolling is the widget's business.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

from app.core.records import BlockInfo
from app.ui.tokens import GRID

Mode = Literal["blocks", "bars", "strip"]

_MARGIN = 1.0 * GRID
_PAGE_MARGIN = 2.5 * GRID  # on a page, stem and film strip begin below each other
MAX_PITCH = 9.0 * GRID
MAX_PITCH_COMPACT = 5.0 * GRID
_FROM: dict[Mode, float] = {"blocks": 20.0, "bars": 4.0, "strip": 0.0}  # the least pitch of each mode
_STAGE_GAP: dict[Mode, float] = {"blocks": 22.0, "bars": 16.0, "strip": 8.0}
_EXTRA_GAP = 2.0 * GRID  # what rounding the pitch to device pixels leaves over widens the gaps by at most this

ARC_ROOM = 16.0
CAPTION_GAP = 10.0
BLOCK_HEIGHT = 36.0
BLOCK_HEIGHT_COMPACT = 18.0
_TALLEST, _SHORTEST = 56.0, 10.0
_EDGE = 6.0  # above the arcs and below everything: room for the rings of selection and focus


@dataclass(frozen=True)
class Stage:
    """A run of blocks of one stage.

    Attributes:
        number: The stage's number.
        first, last: Indices of its blocks in the outline, the last included.
        left, right: From the left edge of its first block to the right edge of its last.
        layers: Whether its blocks are single layers.
    """

    number: int
    first: int
    last: int
    left: float
    right: float
    layers: bool


@dataclass(frozen=True)
class Layout:
    """The row, laid out for one width, height and zoom.

    Attributes:
        mode: How blocks are drawn.
        pitch: From one block's left edge to the next one's.
        gap: Between neighbouring blocks of a stage.
        spacing: Between stages.
        lefts, widths: Of every block of the outline, chips included, in order.
        stages: The runs of blocks.
        chips: Indices of stem and head.
        width: Of the whole row, margins included.
        margin: What is free at both ends.
        top, height: Of the blocks.
        arc: How high the arcs rise above the blocks.
        caption_top: Where captions begin; below the widget where there is no room for them.
        fit_pitch: The pitch at which the whole row is just visible.
        max_zoom: The zoom at which blocks have their greatest size.
    """

    mode: Mode
    pitch: float
    gap: float
    spacing: float
    lefts: tuple[float, ...]
    widths: tuple[float, ...]
    stages: tuple[Stage, ...]
    chips: tuple[int, ...]
    width: float
    margin: float
    top: float
    height: float
    arc: float
    caption_top: float
    fit_pitch: float
    max_zoom: float

    @property
    def middle(self) -> float:
        """The height of the line along which the signal runs."""
        return self.top + self.height / 2

    def index_at(self, x: float) -> int | None:
        """The block at a place, or the nearest one within half a gap."""
        index = bisect_right(self.lefts, x + self.gap / 2) - 1
        if index < 0 or x > self.lefts[index] + self.widths[index] + self.gap / 2:
            return None
        return index

    def visible(self, start: float, stop: float) -> range:
        """The indices of the blocks that reach into a stretch."""
        first = max(0, bisect_right(self.lefts, start - self.pitch) - 1)
        return range(first, bisect_right(self.lefts, stop + self.pitch))

    def place_of(self, x: float) -> float:
        """A place on the row as a fractional block index, which zooming leaves alone."""
        index = max(0, bisect_right(self.lefts, x) - 1)
        return index + (x - self.lefts[index]) / max(self.widths[index] + self.gap, 1e-6)

    def x_of(self, place: float) -> float:
        """The inverse of `place_of`."""
        index = min(max(0, math.floor(place)), len(self.lefts) - 1)
        return self.lefts[index] + (place - index) * (self.widths[index] + self.gap)


def lay_out(
    blocks: tuple[BlockInfo, ...],
    width: float,
    height: float,
    *,
    zoom: float = 1.0,
    compact: bool = False,
    caption_height: float = 0.0,
    ratio: float = 1.0,
) -> Layout:
    """Lay a network out.

    Args:
        blocks: Of the outline, at least one.
        width, height: Of the widget.
        zoom: 1 shows everything.
        compact: Smaller, for several spines below each other.
        caption_height: Of a line of captions; 0 for none.
        ratio: Device pixels per logical pixel, to which edges are rounded.
    """
    runs = _runs(blocks)
    chip = _chip_width(width, compact)
    margin = _MARGIN if compact or width < 60 * GRID else _PAGE_MARGIN
    most = MAX_PITCH_COMPACT if compact else MAX_PITCH
    fit_pitch = min(most, _fit_pitch(runs, width, margin, chip))
    max_zoom = max(1.0, most / fit_pitch)
    pitch = fit_pitch * min(max(zoom, 1.0), max_zoom)
    mode = _mode(pitch)
    if mode != "strip":
        pitch = max(1.0, math.floor(pitch * ratio + 1e-6)) / ratio
    gap = _gap(pitch, mode, ratio)
    spacing = _stage_gap(mode, width)
    row = _row_width(runs, chip, pitch, gap, spacing)
    if zoom <= 1.0 and mode != "strip":
        share = min(_EXTRA_GAP, max(0.0, (width - 2 * margin - row) / max(1, len(runs) - 1)))
        spacing += math.floor(share * ratio) / ratio
        row = _row_width(runs, chip, pitch, gap, spacing)
    x = max(margin, math.floor((width - row) / 2 * ratio) / ratio)
    lefts: list[float] = []
    widths: list[float] = []
    stages: list[Stage] = []
    chips: list[int] = []
    for run in runs:
        first = len(lefts)
        if run.chip:
            chips.append(first)
            lefts.append(x)
            widths.append(chip)
            x += chip + spacing
            continue
        lefts.extend(x + place * pitch for place in range(run.count))
        widths.extend([pitch - gap] * run.count)
        right = x + run.count * pitch - gap
        stages.append(Stage(run.number, first, first + run.count - 1, x, right, run.layers))
        x = right + spacing
    top, block_height, arc, caption_top = _vertical(height, pitch, compact, caption_height)
    return Layout(
        mode=mode,
        pitch=pitch,
        gap=gap,
        spacing=spacing,
        lefts=tuple(lefts),
        widths=tuple(widths),
        stages=tuple(stages),
        chips=tuple(chips),
        width=width if row + 2 * margin < width + 1e-6 else row + 2 * margin,
        margin=margin,
        top=top,
        height=block_height,
        arc=arc,
        caption_top=caption_top,
        fit_pitch=fit_pitch,
        max_zoom=max_zoom,
    )


def wanted_height(caption_height: float, *, compact: bool) -> int:
    """The height at which blocks have their usual size, rounded up to the grid."""
    blocks = BLOCK_HEIGHT_COMPACT if compact else BLOCK_HEIGHT
    below = caption_height + CAPTION_GAP if caption_height else 0.0
    return math.ceil((2 * _EDGE + ARC_ROOM + blocks + below) / GRID) * GRID


@dataclass
class _Run:
    chip: bool
    number: int
    count: int
    layers: bool


def _runs(blocks: tuple[BlockInfo, ...]) -> list[_Run]:
    runs: list[_Run] = []
    for block in blocks:
        chip = block.kind in ("stem", "head")
        last = runs[-1] if runs else None
        if last is not None and not chip and not last.chip and last.number == block.stage:
            last.count += 1
        else:
            runs.append(_Run(chip, block.stage, 1, block.kind == "layer"))
    return runs


def _chip_width(width: float, compact: bool) -> float:
    if width < 30 * GRID:
        return 1.5 * GRID
    return 4.0 * GRID if width < 60 * GRID else (5.5 if compact else 6.0) * GRID


def _mode(pitch: float) -> Mode:
    return next((mode for mode, least in _FROM.items() if pitch >= least), "strip")


def _stage_gap(mode: Mode, width: float) -> float:
    """Between stages; a thumbnail has less to spare."""
    return round(_STAGE_GAP[mode] * min(1.0, max(0.3, width / (60 * GRID))))


def _fit_pitch(runs: list[_Run], width: float, margin: float, chip: float) -> float:
    """The pitch that fills the width, with the gaps of the mode that this pitch leads to."""
    count = max(1, sum(run.count for run in runs if not run.chip))
    most = float("inf")
    for mode, least in _FROM.items():
        pitch = (width - 2 * margin - _row_width(runs, chip, 0.0, 0.0, _stage_gap(mode, width))) / count
        if pitch >= least:
            # Wide enough for the mode above with this mode's gaps, but not with its own: stay just below it.
            return max(min(pitch, most), 0.05)
        most = least - 0.01
    return 0.05


def _row_width(runs: list[_Run], chip: float, pitch: float, gap: float, spacing: float) -> float:
    return sum(chip if run.chip else run.count * pitch - gap for run in runs) + spacing * (len(runs) - 1)


def _gap(pitch: float, mode: Mode, ratio: float) -> float:
    if mode == "strip":
        return 0.0
    gap = 4.0 if pitch >= 24 else 5 * pitch / 12 if pitch < 12 else 5 - (pitch - 12) / 12
    return max(1.0, math.floor(gap * ratio + 0.5)) / ratio


def _vertical(height: float, pitch: float, compact: bool, caption_height: float) -> tuple[float, float, float, float]:
    """(top of the blocks, their height, the arcs' height, top of the captions)."""
    below = caption_height + CAPTION_GAP if caption_height else 0.0
    usual = BLOCK_HEIGHT_COMPACT if compact else BLOCK_HEIGHT
    room = height - 2 * _EDGE - ARC_ROOM - below
    if room < _SHORTEST:
        below = 0.0
        room = height - 2 * _EDGE - ARC_ROOM
    tallest = min(_TALLEST, max(usual, pitch * 0.8))
    block_height = math.floor(min(max(room, _SHORTEST), tallest))
    top = math.floor((height - ARC_ROOM - block_height - below) / 2 + ARC_ROOM)
    arc = min(ARC_ROOM - 2, max(6.0, pitch * 0.45))
    caption_top = top + block_height + CAPTION_GAP if below else height
    return float(top), float(block_height), arc, caption_top
