"""The widgets' tests: on a screen where there is one, offscreen elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(autouse=True)
def no_runs_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The runs that come with the program are not in the list, unless a test puts some there."""
    monkeypatch.setattr("app.paths.bundled_runs", lambda: tmp_path / "came-with-the-program")


@pytest.fixture(autouse=True)
def ten_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' tests are written for the model with ten classes; which one is the default is tested elsewhere."""
    monkeypatch.setattr("app.zoo.cards.DEFAULT_MODEL", "cifar10-resnet20")
