"""Sweep, paths, trust and channels: what is asked of a job, what is shown of its records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QCoreApplication, QObject, QTranslator, Signal
from pytestqt.qtbot import QtBot

from app import paths
from app.core.drivers import ChannelDrivers, Driver, DriversRecord, DriversRequest
from app.core.errors import CancelledError, DataError, EngineError
from app.core.paths import PathLength, PathRecord, log10_paths
from app.core.records import Request
from app.core.sweeps import SweepPoint, SweepRecord, SweepRequest, SweepSeries, write_sweep
from app.core.trust import CascadeStep, ClassSwap, Curve, TrustRecord
from app.ui.anatomy.drivers_panel import DriversPanel
from app.ui.anatomy.page import AnatomyPage
from app.ui.anatomy.paths_panel import PathsPanel
from app.ui.anatomy.sweep_panel import SweepPanel
from app.ui.anatomy.trust_panel import TrustPanel
from app.ui.composition import Composition
from app.ui.work_row import WorkRow
from tests.ui.prompt_engine import outline
from tests.ui.test_anatomy_page import AnatomyEngine

BLOCKS = tuple(block.name for block in outline().blocks if block.stage > 0)


class FakeJob(QObject):
    """Does nothing by itself."""

    progressed = Signal(float)
    done = Signal(object)
    failed = Signal(object)
    made: list[FakeJob] = []

    def __init__(self, verb: str, *arguments: object) -> None:
        super().__init__()
        self.verb, self.arguments = verb, arguments
        self.cancelled = self.closed = False
        FakeJob.made.append(self)

    def cancel(self) -> None:
        self.cancelled = True
        self.failed.emit(CancelledError("It was stopped."))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def page(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnatomyPage]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(WorkRow, "_make_job", lambda _self, verb, *arguments: FakeJob(verb, *arguments))
    FakeJob.made.clear()
    path = tmp_path / "a.png"
    Image.new("RGB", (60, 40), (7, 7, 7)).save(path)
    composition = Composition([path], client=AnatomyEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    with qtbot.waitSignal(composition.engine.answered):
        composition.show()
    composition.window.show_page("anatomy")
    made = composition.window.pages.currentWidget()
    assert isinstance(made, AnatomyPage)
    qtbot.waitUntil(lambda: made.desk.measurement is not None)
    yield made
    composition.close()
    composition.window.hide()


def _series(kind: str, *, errors: list[int], random: bool = False) -> SweepSeries:
    points = [SweepPoint((), wrong=8, pictures=100)]
    points += [SweepPoint((name,), wrong=wrong, pictures=100) for name, wrong in zip(BLOCKS, errors, strict=True)]
    if random:
        points += [SweepPoint(BLOCKS[:2], random=True, wrong=20, pictures=100)]
        points += [SweepPoint(BLOCKS[1:3], random=True, wrong=40, pictures=100)]
    labels = tuple(block.label for block in outline().blocks if block.stage > 0)
    return SweepSeries(kind, f"{kind} net", kind, BLOCKS, labels, ("identity",) * 9, tuple(points))  # type: ignore[arg-type]


def _record(request: SweepRequest, *series: SweepSeries, state: str = "done") -> SweepRecord:
    return SweepRecord(request, state, "2026-01-01T00:00:00", 1.0, 100, 10, "cpu", series)  # type: ignore[arg-type]


def test_a_sweep_needs_pictures_and_says_so(page: AnatomyPage) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    assert not panel.work.button.isEnabled()
    assert "labelled pictures" in panel.work.words.text()
    panel.data.set_path(Path("somewhere.npz"))
    assert panel.work.button.isEnabled()


def test_a_sweep_asks_for_each_block_and_random_ones(page: AnatomyPage, qtbot: QtBot) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    panel.data.set_path(Path("somewhere.npz"))
    panel.random.setChecked(True)
    panel.pictures.setValue(200)
    panel.work.button.click()
    (job,) = FakeJob.made
    (request,) = job.arguments
    assert job.verb == "anatomy.sweep" and isinstance(request, SweepRequest)
    assert (request.data, request.pictures, request.random, request.blocks) == ("somewhere.npz", 200, (1, 2, 4, 8), ())
    assert Path(request.path).parent == paths.sweeps()
    assert panel.work.button.text() == "Stop"

    write_sweep(_record(request, _series("residual", errors=[9] * 9), state="running"))
    panel._looked = 0
    job.progressed.emit(0.5)
    qtbot.waitUntil(lambda: panel.record is not None)
    assert panel.work.bar.value() == 500

    errors = [9, 9, 9, 30, 9, 9, 12, 9, 9]
    job.done.emit(_record(request, _series("residual", errors=errors, random=True)))
    assert "8 % error as it is" in panel.words.text() and "30 % without stage 2, block 1" in panel.words.text()
    assert "chance is 90 %" in panel.words.text()
    table = panel.charts.single.table()
    np.testing.assert_allclose(table.columns[-1], errors)
    count_table = panel.charts.random.table()
    column = next(place for place, title in enumerate(count_table.header) if "chance" not in title and place > 0)
    np.testing.assert_allclose(count_table.columns[0], [0, 2])  # nobody deleted one alone at random
    np.testing.assert_allclose(count_table.columns[column], [8, 30])
    panel.charts.single.picked.emit(4)
    assert page.block == "layer2.0"


def test_residual_and_plain_have_their_colours(page: AnatomyPage) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    request = SweepRequest(("residual", "plain"), "d", "p")
    panel._show(_record(request, _series("residual", errors=[9] * 9), _series("plain", errors=[90] * 9)))
    assert [entry.colour for entry in panel.charts.single.entries()] == ["accent", "plain"]
    panel._show(_record(request, _series("plain", errors=[9] * 9)))
    assert [entry.colour for entry in panel.charts.single.entries()] == ["plain"]


def test_a_stopped_sweep_keeps_what_was_counted_and_is_found_again(page: AnatomyPage, qtbot: QtBot) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    panel.data.set_path(Path("somewhere.npz"))
    panel.work.button.click()
    (request,) = FakeJob.made[-1].arguments
    assert isinstance(request, SweepRequest)
    write_sweep(_record(request, _series("residual", errors=[11] * 9), state="stopped"))
    panel.work.button.click()
    assert FakeJob.made[-1].cancelled and panel.work.button.text() == "Sweep"
    qtbot.waitUntil(lambda: "Stopped before the end" in panel.words.text())
    qtbot.waitUntil(lambda: panel.earlier.count() == 2)
    panel._show(None)
    panel.earlier.setCurrentIndex(1)
    panel.earlier.activated.emit(1)
    qtbot.waitUntil(lambda: panel.record is not None)


def test_a_sweep_whose_process_was_killed_is_not_said_to_go_on(page: AnatomyPage, qtbot: QtBot) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    panel.data.set_path(Path("somewhere.npz"))
    panel.work.button.click()
    (request,) = FakeJob.made[-1].arguments
    write_sweep(_record(request, _series("residual", errors=[11] * 9), state="running"))
    panel._look()
    qtbot.waitUntil(lambda: bool(panel.words.text()))
    assert "broke off" not in panel.words.text()
    FakeJob.made[-1].failed.emit(EngineError("The engine died.", "Try again."))
    qtbot.waitUntil(lambda: "It broke off before the end." in panel.words.text())


def test_what_goes_wrong_is_said_on_the_page(page: AnatomyPage) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    panel.data.set_path(Path("nowhere"))
    panel.work.button.click()
    FakeJob.made[-1].failed.emit(DataError("There is nothing at nowhere.", "Choose other data."))
    assert "nothing at nowhere" in page.notices.text
    assert panel.work.button.text() == "Sweep"


def test_a_dropped_folder_is_the_data_where_data_are_asked_for(page: AnatomyPage, tmp_path: Path) -> None:
    page.show_panel("block")
    assert not page.take_paths([tmp_path]), "here it is a folder of pictures"
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    assert page.take_paths([tmp_path])
    assert panel.data.path == str(tmp_path)
    channels = page.show_panel("channels")
    assert isinstance(channels, DriversPanel) and channels.data.path == str(tmp_path), "one choice for all panels"
    assert not page.take_paths([tmp_path / "a.png"])


def test_closing_the_window_ends_the_work(page: AnatomyPage) -> None:
    panel = page.show_panel("sweep")
    assert isinstance(panel, SweepPanel)
    panel.data.set_path(Path("somewhere.npz"))
    panel.work.button.click()
    page.shell.window.closing.emit()
    assert FakeJob.made[-1].closed


def test_paths_are_sampled_and_the_effective_depth_told(page: AnatomyPage) -> None:
    panel = page.show_panel("paths")
    assert isinstance(panel, PathsPanel)
    panel.work.button.click()
    job = FakeJob.made[-1]
    (request,) = job.arguments
    assert job.verb == "anatomy.paths" and isinstance(request, Request) and request.id == 1
    lengths = tuple(PathLength(k, log10_paths(9, k), 10.0 ** (-k) if k != 9 else 0.0, 0.1, 128) for k in range(10))
    record = PathRecord(1, "r20", 9, 1, lengths)
    job.done.emit(record)
    assert f"{record.effective_depth:.2f}"[:3] in panel.words.text()
    np.testing.assert_allclose(panel.shares.table().columns[-1].sum(), 100)
    np.testing.assert_allclose(panel.counts.table().columns[-1][:2], [0, np.log10(9)])
    panel.on_data.setChecked(True)
    assert not panel.work.button.isEnabled(), "no data were chosen"
    panel.data.set_path(Path("set.npz"))
    panel.work.button.click()
    assert FakeJob.made[-1].arguments[1] == "set.npz"


def _trust(model: str = "r20") -> TrustRecord:
    rng = np.random.default_rng(0)
    heat = rng.random((8, 8)).astype(np.float32)
    cascade = tuple(CascadeStep(f"layer{k}", f"stage {k}", heat, 0.1 * k, 0.2 * k, 0.1) for k in (3, 2, 1))
    shares = np.linspace(0, 1, 11, dtype=np.float32)
    curve = Curve(shares, 1 - shares, 1 - shares / 2, 0.5, (0.7, 0.8))
    return TrustRecord(1, model, "grad-cam", "layer3.2", 7, heat, cascade, curve, curve, (ClassSwap(7, 3, 0.2),))


def test_a_map_is_tested_and_its_scores_explained(page: AnatomyPage) -> None:
    panel = page.show_panel("trust")
    assert isinstance(panel, TrustPanel)
    assert panel.results.isHidden() and "Guided Backprop" in panel.sentences.text()
    panel.work.button.click()
    panel._refresh()  # as where another picture is measured meanwhile
    assert panel.work.button.toolTip() == "Stop the work"
    job = FakeJob.made[-1]
    (request,) = job.arguments
    assert job.verb == "anatomy.trust" and isinstance(request, Request)
    assert (request.method, request.block, request.id) == ("grad-cam", "layer3.2", 1)
    job.done.emit(_trust(request.model))
    assert panel.work.words.text().startswith("done in"), "what came of it stays to be read"
    assert not panel.results.isHidden()
    assert panel.subject.text() == "Grad-CAM for class 7"
    assert panel.sentences.text().count("\n\n") == 3, "four sentences: cascade, deletion, insertion, class"
    np.testing.assert_allclose(panel.cascade.table().columns[1], [1, 0.6, 0.4, 0.2], rtol=1e-5)
    np.testing.assert_allclose(panel.deletion.table().columns[1], np.linspace(100, 0, 11), atol=1e-3)
    assert "stage 2 0.40" in panel.strip.accessibleDescription()


class Shouting(QTranslator):
    """Translates what the tests of trust say, and the texts of pages and tabs, into capitals."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, *_rest: object) -> str:
        if context not in ("Trust", "PartSpec"):
            return ""
        return re.sub(r"(\{\w+\})|.", lambda one: one[1] or one[0].upper(), text)


def test_sentences_and_tabs_go_through_the_translator(page: AnatomyPage) -> None:
    translator = Shouting()
    QCoreApplication.installTranslator(translator)
    try:
        panel = page.show_panel("trust")
        assert isinstance(panel, TrustPanel)
        panel._show(_trust())
        said = panel.sentences.text()
        assert said == said.upper() and "0.20" in said
        from app.ui.models.page import PANELS
        from app.ui.shell import PAGES

        assert [spec.title for spec in (*PAGES, *PANELS)][:4] == ["ANATOMY", "LAB", "MODELS", "LIBRARY"]
        assert PANELS[0].tooltip.startswith("EVERY MODEL")
    finally:
        QCoreApplication.removeTranslator(translator)


def test_a_channel_leads_to_the_pictures_that_drive_it(page: AnatomyPage) -> None:
    page.choose_block("layer2.1")
    panel = page.show_panel("channels")
    assert isinstance(panel, DriversPanel)
    panel.data.set_path(Path("set.npz"))
    page.show_panel("block")
    page.block_panel.pictures_wanted.emit(5)
    assert page.panels.current is panel
    (request,) = FakeJob.made[-1].arguments
    assert isinstance(request, DriversRequest)
    assert (request.block, request.channels, request.data) == ("layer2.1", (5,), "set.npz")
    pixels = np.zeros((32, 32, 3), np.uint8)
    found = ChannelDrivers(5, 1.5, (Driver("7", "ship", 3.0, (0.5, 0.25), pixels),))
    FakeJob.made[-1].done.emit(DriversRecord(request, 300, (found,)))
    (row,) = panel._rows
    assert row.accessibleDescription() == "ship 3"
    assert "stage 2, block 2, 300 pictures" in panel.words.text()
    page.choose_block("fc")
    assert not panel.work.button.isEnabled() and "head" in panel.work.words.text()


@pytest.mark.parametrize("size", [(1440, 900), (1024, 640)])
def test_every_panel_fits_the_window(page: AnatomyPage, qtbot: QtBot, size: tuple[int, int]) -> None:
    """No panel makes the page wider than the window, nor needs to be scrolled sideways."""
    page.shell.window.resize(*size)
    trust = page.show_panel("trust")
    assert isinstance(trust, TrustPanel)
    trust._show(_trust())
    for name in ("block", "table", "channels", "sweep", "paths", "trust"):
        panel = page.show_panel(name)
        qtbot.wait(20)
        assert page.shell.window.width() == size[0]
        if hasattr(panel, "horizontalScrollBar"):
            assert panel.horizontalScrollBar().maximum() == 0, name
