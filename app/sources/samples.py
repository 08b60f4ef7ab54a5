"""The pictures that come with the program, chosen for the model that is to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app import paths

_EVERYDAY = ("photographs/espresso.jpg", "photographs/egyptian-cat.jpg", "deer.jpg", "truck.jpg")
"""For every model that does not name what the drawn pictures show: the first two are photographs."""


def sample_pictures(labels: Sequence[str] = ()) -> list[Path]:
    """The samples for a model with these classes: the drawn ones where it knows them by name, else everyday ones.

    A drawn frog is no frog to a network that has only seen photographs of sixty frogs; better not to ask it. Drawn
    pictures with two things in them come with the rest.
    """
    folder = paths.assets() / "samples"
    drawn = sorted(folder.glob("*.jpg"))
    if sum(picture.stem in labels for picture in drawn) > len(drawn) / 2:
        return drawn
    return [picture for name in _EVERYDAY if (picture := folder / name).is_file()]
