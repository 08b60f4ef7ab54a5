"""The widgets' tests: on a screen where there is one, offscreen elsewhere."""

from __future__ import annotations

import os
import shutil
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


@pytest.fixture(scope="session")
def one_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundled models that holds one, of ten classes."""
    folder = tmp_path_factory.mktemp("bundled")
    shutil.copytree(Path(__file__).parents[2] / "models" / "cifar10-resnet20", folder / "cifar10-resnet20")
    return folder


@pytest.fixture(autouse=True)
def only_one_model(monkeypatch: pytest.MonkeyPatch, one_model: Path) -> None:
    """Which models come with the program, and which is the default, is tested elsewhere."""
    monkeypatch.setattr("app.paths.bundled_models", lambda: one_model)
