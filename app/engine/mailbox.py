"""The newest crop of a live source, where the engine can take it the moment it is ready for one. No torch, no Qt.

A question about “the newest picture” may wait in the engine's queue while another is computed: the picture itself does
not wait with it, but is taken from here when its turn has come. So the engine never waits for the window between two
pictures, and yet each one is the newest that there is.

Shared memory without locks, for an engine may be killed at any moment: the window alone writes, into one slot after the
other, and tells the number last.
"""

from __future__ import annotations

from ctypes import c_int64, c_uint8
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from typing import TYPE_CHECKING, Any

from app.core.errors import EngineError

if TYPE_CHECKING:
    from app.core.records import Pixels

SLOTS = 4  # a slot is written to again three pictures later, when the copy of it was finished long ago
LARGEST_SIDE = 600  # pixels


@dataclass(frozen=True)
class Mailbox:
    """Crosses only when the process starts.

    Attributes:
        newest: Number of the newest crop; 0 before the first. The window writes.
        taken: Number of the crop that was taken last. The engine writes.
        sides: Of the crop in each slot, in pixels.
        bytes: The slots, one after the other.
    """

    newest: Any
    taken: Any
    sides: Any
    bytes: Any

    @classmethod
    def create(cls, context: SpawnContext) -> Mailbox:
        """Empty."""
        return cls(
            context.RawValue(c_int64, 0),
            context.RawValue(c_int64, 0),
            context.RawArray(c_int64, SLOTS),
            context.RawArray(c_uint8, SLOTS * _SLOT),
        )

    def put(self, pixels: Pixels) -> int:
        """Make (S, S, 3) uint8 the newest; its number.

        Raises:
            EngineError: where it is larger than `LARGEST_SIDE`.
        """
        if pixels.size > _SLOT:
            raise EngineError(
                f"Live mode follows with models that see up to {LARGEST_SIDE} × {LARGEST_SIDE} pixels; "
                f"this one sees {pixels.shape[0]} × {pixels.shape[0]}.",
                "Freeze a picture to look at it with this model, or choose another model.",
            )
        number = int(self.newest.value) + 1
        slot = number % SLOTS
        self._slot(slot, pixels.size)[:] = pixels.reshape(-1)
        self.sides[slot] = pixels.shape[0]
        self.newest.value = number
        return number

    def take(self) -> tuple[int, Pixels]:
        """The newest crop, as a copy, and its number."""
        while True:
            number = int(self.newest.value)
            self.taken.value = number
            side = int(self.sides[number % SLOTS])
            pixels: Pixels = self._slot(number % SLOTS, 3 * side * side).reshape(side, side, 3).copy()
            if int(self.newest.value) < number + SLOTS - 1:  # else it may have been overwritten meanwhile
                return number, pixels

    def _slot(self, slot: int, size: int) -> Any:
        import numpy as np  # not before the window is shown

        return np.frombuffer(self.bytes, np.uint8, size, slot * _SLOT)


_SLOT = 3 * LARGEST_SIDE**2
