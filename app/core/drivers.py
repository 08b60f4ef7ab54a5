"""The pictures of a data set that drive a block's channels hardest. Plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DriversRequest:
    """Which channels, of which block, on which pictures.

    Attributes:
        model: A model reference.
        data: Path of the pictures; see `labelled_set`.
        block: The block's name.
        channels: For which thumbnails are wanted; () for those that answer most strongly.
        count: How many pictures per channel.
        pictures: How many pictures are looked at, evenly spread over the set; 0 for all.
    """

    model: str
    data: str
    block: str
    channels: tuple[int, ...] = ()
    count: int = 9
    pictures: int = 2000


@dataclass(frozen=True, eq=False)
class Driver:
    """One picture that drives a channel hard.

    Attributes:
        name: What the picture is called in its set.
        label: Its true class, in the model's words; "" where that is not known.
        value: The channel's greatest activation.
        place: (row, column) of it, as shares of the picture's sides, 0 to 1: the middle of the feature map's cell.
        pixels: (S, S, 3) uint8 RGB, what the network saw, at most 96 pixels a side.
    """

    name: str
    label: str
    value: float
    place: tuple[float, float]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChannelDrivers:
    """One channel's.

    Attributes:
        channel: Its index.
        mean: Of its greatest activation, over all pictures.
        drivers: Hardest first.
    """

    channel: int
    mean: float
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, eq=False)
class DriversRecord:
    """What drives a block.

    Attributes:
        request: What was asked for.
        pictures: How many were looked at.
        channels: In the order that was asked for.
        notices: What the user should know.
    """

    request: DriversRequest
    pictures: int
    channels: tuple[ChannelDrivers, ...]
    notices: tuple[str, ...] = ()
