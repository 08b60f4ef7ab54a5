"""What is on the Explore page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.records import Answer, Frame

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView


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
