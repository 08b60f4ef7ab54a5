"""The Lab's page with real trainers: started, paused, killed, resumed, fine-tuned, and drawn while they run."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from pytestqt.qtbot import QtBot

from app import paths
from app.runs.reader import RunReader
from app.runs.status import read_status
from app.ui.composition import Composition
from app.ui.lab.page import LabPage
from app.zoo.cards import read_library
from tests.ui.prompt_engine import PromptEngine
from tests.unit.training_help import npz

pytestmark = pytest.mark.e2e
LONG = 120_000  # milliseconds: a trainer needs seconds to start, many on a busy machine


@pytest.fixture
def page(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabPage]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("app.paths.bundled_runs", lambda: tmp_path / "came-with-the-program")
    composition = Composition(client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None)
    composition.window.show_page("lab")
    made = composition.window.pages.currentWidget()
    assert isinstance(made, LabPage)
    yield made
    for process in made.trainers._processes.values():
        process.kill()
        process.wait()
    for run in made.index.runs:
        if read_status(run.path).life() == "living":
            os.kill(read_status(run.path).process, signal.SIGKILL)
    composition.close()
    composition.window.hide()


def small(page: LabPage, tmp_path: Path, **changes: object) -> None:
    values: dict[str, object] = {
        "depth": "8", "width": 4, "batch": "16", "data": "cifar10", "data_path": str(npz(tmp_path)), "device": "cpu",
        "budget_unit": "steps", "budget": 12, "schedule": "constant", "learning_rate": 0.05,
    }  # fmt: skip
    page.panel.form.set_values(**(values | changes))
    assert page.panel.form.problem is None


def test_twins_are_started_drawn_paused_and_resumed(page: LabPage, qtbot: QtBot, tmp_path: Path) -> None:
    small(page, tmp_path, budget=4000)
    page.panel.start.click()
    qtbot.waitUntil(lambda: len(page.table.ticked) == 2, timeout=LONG)
    qtbot.waitUntil(lambda: all(track.last_step > 3 for track in page.board.tracks.all), timeout=LONG)
    residual, plain = page.board.tracks.pair
    assert (residual.legend, plain.legend) == ("ResNet-8", "Plain-8")
    qtbot.waitUntil(lambda: "first to last" in page.board.spines.spines[1].ratio.text())
    page.panel.pause.click()
    qtbot.waitUntil(lambda: page.panel.pause.text() == "Resume", timeout=LONG)
    steps = {read_status(path).state for path in page.table.ticked}
    assert steps == {"paused"}
    page.panel.pause.click()
    qtbot.waitUntil(lambda: page.panel.pause.text() == "Pause", timeout=LONG)
    page.panel.stop.click()
    qtbot.waitUntil(lambda: all(read_status(path).state == "stopped" for path in page.table.ticked), timeout=LONG)
    qtbot.waitUntil(lambda: not page.panel.stop.isEnabled(), timeout=LONG)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_run_is_told_and_resumed_to_its_end(page: LabPage, qtbot: QtBot, tmp_path: Path) -> None:
    small(page, tmp_path, twin=False, budget=800)
    page.panel.start.click()
    qtbot.waitUntil(lambda: len(page.table.ticked) == 1, timeout=LONG)
    run = page.table.ticked[0]
    qtbot.waitUntil(lambda: page.board.tracks.all[0].last_step > 3, timeout=LONG)
    os.kill(read_status(run).process, signal.SIGKILL)
    qtbot.waitUntil(lambda: "broke off" in page.table.item(0, 4).text(), timeout=LONG)
    qtbot.waitUntil(lambda: "it was killed" in page.notices.text, timeout=LONG)
    qtbot.waitUntil(lambda: page.panel.pause.text() == "Resume", timeout=LONG)
    page.panel.pause.click()
    qtbot.waitUntil(lambda: read_status(run).state == "finished", timeout=LONG)
    qtbot.waitUntil(lambda: page.board.tracks.all[0].last_step == 800, timeout=LONG)
    qtbot.waitUntil(lambda: page.notices.text == "", timeout=LONG)
    steps = RunReader(run).scalar("loss", max_points=10_000).steps
    assert steps.tolist() == list(range(1, 801))


def test_a_run_deleted_under_its_trainer_is_told(page: LabPage, qtbot: QtBot, tmp_path: Path) -> None:
    small(page, tmp_path, twin=False, budget=100_000)
    page.panel.start.click()
    qtbot.waitUntil(lambda: len(page.table.ticked) == 1, timeout=LONG)
    qtbot.waitUntil(lambda: page.board.tracks.all[0].last_step > 3, timeout=LONG)
    # Out of its place at once, as a trash does it; else the trainer may write into what is being emptied.
    shutil.rmtree(page.table.ticked[0].rename(tmp_path / "gone"))
    qtbot.waitUntil(lambda: "deleted or moved" in page.notices.text, timeout=LONG)
    qtbot.waitUntil(lambda: not page.trainers.folders, timeout=LONG)  # its trainer gave up by itself


def test_a_fine_tuned_network_lands_in_the_library(page: LabPage, qtbot: QtBot, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name, shade in (("dark", 40), ("light", 200)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(random.normal(shade, 20, (40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    page.panel.form.set_values(
        start_from="cifar10-resnet20", freeze=True, data="folder", data_path=str(tmp_path / "pictures"), twin=False,
        batch="16", budget_unit="steps", budget=6, device="cpu", augment="flip", learning_rate=0.05,
    )  # fmt: skip
    qtbot.waitUntil(page.panel.start.isEnabled)
    page.panel.start.click()
    qtbot.waitUntil(lambda: "is among the models" in page.notices.text, timeout=LONG)
    mine = [card for card in read_library().cards if card.kind == "mine"]
    assert len(mine) == 1 and mine[0].labels == ("dark", "light")
    assert mine[0].weights_path.is_relative_to(paths.user_models())


def test_what_cannot_start_says_why(page: LabPage, qtbot: QtBot, tmp_path: Path) -> None:
    small(page, tmp_path, batch="4000", twin=False)
    page.panel.start.click()
    qtbot.waitUntil(lambda: "did not start" in page.notices.text, timeout=LONG)
    assert "A batch of 4000 is more than the 64 training pictures" in page.notices.text
    assert "at most 64" in page.notices.text
