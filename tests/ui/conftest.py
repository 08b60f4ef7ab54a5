"""The widgets' tests: on a screen where there is one, offscreen elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def dark(qapp: object) -> Iterator[None]:
    """Every test starts in the dark scheme, whatever the one before it chose."""
    from app.ui.theme import theme

    theme().choose("dark")
    yield
    theme().choose("dark")
