"""The widgets' tests: on a screen where there is one, offscreen elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.ui.composition import Composition
    from tests.ui.judging_help import HeldJob

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


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    """The whole window, with a quick engine and a home of its own."""
    from app.ui.composition import Composition
    from tests.ui.prompt_engine import PromptEngine

    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    composition = Composition((), client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None and composition.explore.method is not None)
    yield composition
    composition.close()
    composition.window.hide()


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[HeldJob]:
    """The jobs that were started; the test ends them."""
    from tests.ui.judging_help import HeldJob

    monkeypatch.setattr("app.ui.work_row.Job", HeldJob)
    HeldJob.started = []
    return HeldJob.started
