"""Maps in colours, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.core.errors import ExplorerError
from app.core.records import Heatmap
from app.ui.background import Background

if TYPE_CHECKING:
    from app.core.records import Pixels

    Coloured = tuple[Pixels, tuple[float, float]]

MAP_SIDE = 320  # pixels to which a map is enlarged before it is coloured; the canvas scales the rest


class Colouring:
    """Nothing queues: of the wishes that come while one is worked on, only the newest is kept.

    The first is made in the background, because numpy must be imported for it. After that a map takes a millisecond of
    the window's thread; by way of another thread, a live picture's map would come ten later, one time in twenty.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._busy = self._prepared = False
        self._next: tuple[Heatmap, str, Callable[[Pixels, tuple[float, float]], None]] | None = None

    def colour(self, heatmap: Heatmap, name: str, then: Callable[[Pixels, tuple[float, float]], None]) -> None:
        """Colour a map, and call back on the window's thread.

        Args:
            name: The colour map of an unsigned method.
            then: Gets (MAP_SIDE, MAP_SIDE, 4) uint8 RGBA, and the values of the first and the last colour.
        """
        self._next = (heatmap, name, then)
        if not self._busy:
            self._go()

    def _go(self) -> None:
        if self._next is None:
            return
        (heatmap, name, then), self._next = self._next, None
        if self._prepared:
            then(*coloured(heatmap, name))
            return
        self._busy = True

        def done(result: Coloured | ExplorerError) -> None:
            self._busy = False
            if not isinstance(result, ExplorerError):  # the log has it
                self._prepared = True
                then(*result)
            self._go()

        self._background.run("colour", lambda: coloured(heatmap, name), done)


def coloured(heatmap: Heatmap, name: str) -> Coloured:
    """The work itself, for any thread."""
    from app.render import overlay

    span = overlay.limits(heatmap)
    pixels = overlay.colourise(heatmap.values, limits=span, name=name, signed=heatmap.signed, size=(MAP_SIDE, MAP_SIDE))
    return pixels, span
