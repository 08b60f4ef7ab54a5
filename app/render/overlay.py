"""A heatmap over a picture, the same in the window and in a saved file. No Qt, no torch.

Values are enlarged first and coloured afterwards: enlarging colours would show values that are not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.records import Heatmap
from app.render.colormaps import LEVELS, colour_map_for, lut

Pixels = NDArray[np.uint8]
FloatMap = NDArray[np.float32]
Places = NDArray[np.floating]
Box = tuple[float, float, float, float]
Limits = tuple[float, float]

# Below this share of the scale the colours fade towards transparent, so that the picture itself shows where the
# network did not look. A signed map fades on both sides of zero.
FADE = 0.5
_STRIP = 256  # rows composed at a time: a picture of 50 megapixels must not need gigabytes of floats


def limits(*heatmaps: Heatmap) -> Limits:
    """The scale's ends for a heatmap, or one scale for several that are compared.

    An unsigned method's negative values are cut, as the ReLU of Grad-CAM does: 0 to the maximum. A signed one gets
    −m to m, so that zero has the neutral colour. Values that are not finite are left out. Both ends are 0 where
    nothing is to be seen.
    """
    low = high = 0.0
    for heatmap in heatmaps:
        finite = heatmap.values[np.isfinite(heatmap.values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if any(heatmap.signed for heatmap in heatmaps):
        reach = max(high, -low)
        return -reach, reach
    return 0.0, high


def colourise(values: FloatMap, *, limits: Limits, name: str, signed: bool, size: tuple[int, int]) -> Pixels:
    """Colour a map, enlarged to a size.

    Args:
        values: (h, w) float32, row 0 at the top; not finite counts as 0.
        limits: The values that get the first and the last colour; see `limits`.
        name: The sequential map to use where the values are unsigned.
        signed: Whether evidence against is shown too (then the diverging map is used).
        size: (width, height) of the result, in pixels.

    Returns:
        (height, width, 4) uint8 RGBA, not premultiplied. Alpha is 0 where there is nothing to see.
    """
    width, height = size
    columns = (np.arange(width) + 0.5) / width
    rows = (np.arange(height) + 0.5) / height
    return _coloured(enlarge(values, rows, columns), limits, colour_map_for(name, signed=signed), signed)


def composite(
    frame_pixels: Pixels,
    heatmap: Heatmap,
    box: Box,
    *,
    opacity: float,
    name: str,
    scale: Limits | None = None,
) -> Pixels:
    """Lay a heatmap over the part of a picture that the network saw.

    Args:
        frame_pixels: (H, W, 3) uint8 RGB; it is not changed.
        heatmap: What to lay over it.
        box: (left, top, right, bottom) in picture pixels, which may reach outside (`NetworkView.box`).
        opacity: 0 to 1; how strongly the strongest colours cover the picture.
        name: The sequential colour map; a signed heatmap gets the diverging one.
        scale: The scale's ends where they are shared with another heatmap; None for the heatmap's own.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    result = frame_pixels.copy()
    height, width = result.shape[:2]
    left, top, right, bottom = box
    first_column, last_column = _covered(left, right, width)
    first_row, last_row = _covered(top, bottom, height)
    if last_column <= first_column or last_row <= first_row or opacity <= 0:
        return result
    ends = limits(heatmap) if scale is None else scale
    map_name = colour_map_for(name, signed=heatmap.signed)
    columns = (np.arange(first_column, last_column) + 0.5 - left) / (right - left)
    for start in range(first_row, last_row, _STRIP):
        stop = min(start + _STRIP, last_row)
        rows = (np.arange(start, stop) + 0.5 - top) / (bottom - top)
        colours = _coloured(enlarge(heatmap.values, rows, columns), ends, map_name, heatmap.signed)
        strip = result[start:stop, first_column:last_column]
        weight = colours[..., 3:].astype(np.float32) * np.float32(min(opacity, 1.0) / 255)
        blended = strip + weight * (colours[..., :3].astype(np.float32) - strip)
        strip[:] = np.round(blended).astype(np.uint8)
    return result


@dataclass(frozen=True, eq=False)
class Sheet:
    """A heatmap as it lies over pictures of one size, made once and laid over many.

    Attributes:
        rows, columns: The part of the picture that it covers.
        keep: (h, w, 1) float32, how much of the picture stays, 0 to 1.
        ink: (h, w, 3) float32, what is added to it, 0 to 255.
    """

    rows: slice
    columns: slice
    keep: FloatMap
    ink: FloatMap

    def over(self, pixels: Pixels) -> Pixels:
        """The picture, (H, W, 3) uint8 RGB, with the heatmap over it: what `composite` gives."""
        result = pixels.copy()
        part = result[self.rows, self.columns]
        part[:] = (part * self.keep + self.ink + np.float32(0.5)).astype(np.uint8)
        return result


def sheet(size: tuple[int, int], heatmap: Heatmap, box: Box, *, opacity: float, name: str) -> Sheet:
    """Make a heatmap ready for pictures of a size, (width, height); the rest as in `composite`."""
    width, height = size
    left, top, right, bottom = box
    columns, rows = slice(*_covered(left, right, width)), slice(*_covered(top, bottom, height))
    across = (np.arange(columns.start, max(columns.start, columns.stop)) + 0.5 - left) / (right - left)
    down = (np.arange(rows.start, max(rows.start, rows.stop)) + 0.5 - top) / (bottom - top)
    map_name = colour_map_for(name, signed=heatmap.signed)
    colours = _coloured(enlarge(heatmap.values, down, across), limits(heatmap), map_name, heatmap.signed)
    weight = colours[..., 3:].astype(np.float32) * np.float32(min(max(opacity, 0.0), 1.0) / 255)
    return Sheet(rows, columns, 1 - weight, weight * colours[..., :3])


def enlarge(values: FloatMap, rows: Places, columns: Places) -> FloatMap:
    """Read a map between its cells, bilinearly, as `captum.attr.LayerAttribution.interpolate` does.

    That is `align_corners=False`: a cell's value sits at its centre, and the rim keeps the outermost value.

    Args:
        values: (h, w) float32; not finite counts as 0.
        rows: (H,) where to read, 0 the map's upper edge and 1 its lower.
        columns: (W,) likewise from left to right.

    Returns:
        (H, W) float32.
    """
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32, copy=False)
    # No matrix product: OpenBLAS would leave a thread spinning for 26 ms, on a core that the engine needs.
    upper, lower, down = _between(clean.shape[0], rows)
    mixed = clean[upper] + (clean[lower] - clean[upper]) * down[:, np.newaxis]
    left, right, across = _between(clean.shape[1], columns)
    start = mixed.take(left, axis=1)
    return cast("FloatMap", start + (mixed.take(right, axis=1) - start) * across)


def _between(cells: int, positions: Places) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatMap]:
    """Each position's cell before, cell after, and how far it is from the one to the other, 0 to 1."""
    place = np.clip(positions * cells - 0.5, 0, cells - 1)
    before = np.minimum(place.astype(np.intp), max(0, cells - 2))
    return before, np.minimum(before + 1, cells - 1), (place - before).astype(np.float32)


def _coloured(values: FloatMap, ends: Limits, map_name: str, signed: bool) -> Pixels:
    low, high = ends
    if high <= low:
        return np.zeros((*values.shape, 4), dtype=np.uint8)
    level = np.clip((values - low) * ((LEVELS - 1) / (high - low)), 0, LEVELS - 1)
    index = np.round(level).astype(np.uint8)
    # One lookup of whole four-byte pixels is several times faster than one of (256, 4) rows.
    pixels = _palette(map_name, signed)[index].view(np.uint8)
    return cast("Pixels", pixels.reshape(*values.shape, 4))


@cache
def _palette(map_name: str, signed: bool) -> NDArray[np.uint32]:
    """(256,) RGBA pixels as they lie in memory, alpha fading in from nothing."""
    share = np.linspace(-1.0 if signed else 0.0, 1.0, LEVELS)
    ramp = np.clip(np.abs(share) / FADE, 0, 1)
    alpha = ramp * ramp * (3 - 2 * ramp)
    rgba = np.concatenate([lut(map_name), np.round(alpha * 255).astype(np.uint8)[:, np.newaxis]], axis=1)
    return np.ascontiguousarray(rgba).view(np.uint32).reshape(LEVELS)


def _covered(start: float, stop: float, length: int) -> tuple[int, int]:
    """The pixels, first and past the last, whose centres lie between two edges."""
    return max(0, int(np.ceil(start - 0.5))), min(length, int(np.ceil(stop - 0.5)))
