"""Colour maps for measurements: perceptually uniform, safe for colour-blind eyes, the same in window and file.

Sequential maps show how much (0 to a maximum); the diverging one shows for and against (−m to m) with its neutral
colour at zero. Plain numpy, so that the first heatmap on screen does not wait for a library.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from app.core.errors import ExplorerError
from app.render.colour_tables import TABLES

if TYPE_CHECKING:  # a window that only lists the maps' names does not wait for numpy
    import numpy as np
    from numpy.typing import NDArray

DEFAULT = "inferno"
DIVERGING = "diverging"
LEVELS = 256

# CIELAB, D65. Both arms have one lightness at equal distance from zero, so neither looks the stronger.
_AGAINST = (55.0, 2.0, -46.0)
_NEUTRAL = (94.0, 0.0, 1.0)
_FOR = (55.0, 44.0, 60.0)
_WHITE = (0.95047, 1.0, 1.08883)
_XYZ_TO_LINEAR = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


def colour_map_names() -> tuple[str, ...]:
    """The sequential maps that a user may choose between, the default first."""
    return tuple(TABLES)


def colour_map_for(name: str, *, signed: bool) -> str:
    """The map that is really used: a signed measurement always gets the diverging one."""
    return DIVERGING if signed else name


@cache
def lut(name: str) -> NDArray[np.uint8]:
    """The colours of a map from its least to its greatest value, (256, 3) uint8 RGB, read-only.

    Raises:
        ExplorerError: where there is no map of that name.
    """
    import numpy as np

    if name == DIVERGING:
        table = _diverging()
    elif name in TABLES:
        table = np.frombuffer(bytes.fromhex(TABLES[name]), dtype=np.uint8).reshape(LEVELS, 3).copy()
    else:
        known = ", ".join((*TABLES, DIVERGING))
        raise ExplorerError(f"There is no colour map called “{name}”.", f"Choose one of: {known}.")
    table.setflags(write=False)
    return table


def _diverging() -> NDArray[np.uint8]:
    """Straight lines through CIELAB from each end to the neutral middle: equal steps look equal."""
    import numpy as np

    position = np.linspace(-1.0, 1.0, LEVELS)[:, np.newaxis]
    arm = np.where(position < 0, np.array(_AGAINST), np.array(_FOR))
    return lab_to_rgb(np.array(_NEUTRAL) + np.abs(position) * (arm - np.array(_NEUTRAL)))


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """CIELAB (…, 3), D65, to sRGB uint8 (CIE 15:2004 and IEC 61966-2-1); colours outside sRGB are clipped."""
    import numpy as np

    middle = (lab[..., 0] + 16) / 116
    ratios = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    cubes = ratios**3
    xyz = np.where(cubes > 216 / 24389, cubes, (116 * ratios - 16) * 27 / 24389) * np.array(_WHITE)
    linear = np.clip(xyz @ np.array(_XYZ_TO_LINEAR).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return cast("NDArray[np.uint8]", np.round(encoded * 255).astype(np.uint8))
