"""What is on the Explore page, and its map in colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.records import Answer, Frame, Heatmap

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Pixels

MAP_SIDE = 320  # pixels to which a map is enlarged before it is coloured; the canvas scales the rest


@dataclass(frozen=True, eq=False)
class Shown:
    """What is on the page now: the picture, what the network saw of it, and the newest answer.

    Attributes:
        entry: The session's number for the picture; -1 for a frame of a live source.
    """

    entry: int
    frame: Frame
    view: NetworkView | None = None
    answer: Answer | None = None


def coloured(heatmap: Heatmap, name: str) -> tuple[Pixels, tuple[float, float]]:
    """A map as (MAP_SIDE, MAP_SIDE, 4) uint8 RGBA, and the values of its first and last colour; not for Qt's thread.

    Args:
        name: The colour map of an unsigned method.
    """
    from app.render import overlay

    span = overlay.limits(heatmap)
    pixels = overlay.colourise(heatmap.values, limits=span, name=name, signed=heatmap.signed, size=(MAP_SIDE, MAP_SIDE))
    return pixels, span
