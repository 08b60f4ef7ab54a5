"""The Batch tab: a table that grows, sorts, filters, goes on and is exported."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.errors import CancelledError
from app.evaluation.batch_lock import BatchBusyError
from app.evaluation.batch_store import BatchDone, BatchStore
from app.ui.batch.table_model import KEPT_PAGES, PAGE, BatchTable
from app.ui.composition import Composition
from app.ui.models.batch_panel import BatchPanel, store_path
from tests.ui.judging_help import HeldJob, show_panel
from tests.ui.prompt_engine import LABELS


@pytest.fixture
def panel(program: Composition) -> BatchPanel:
    found = show_panel(program, "batch")
    assert isinstance(found, BatchPanel)
    return found


def fill(path: Path, folder: Path, count: int, *, done: int) -> None:
    """A store of `count` pictures, of which `done` are classified and, of those, the last could not be read."""
    with BatchStore(path) as store:
        store.begin({"version": "1", "model": "m", "model_hash": "a", "title": "M", "labels": "\n".join(LABELS)})
        names = [folder / f"{number:06}.png" for number in range(count)]
        store.add(names)
        answers = [
            (name, [number % 10, (number + 1) % 10], [0.5 + number % 7 / 20, 0.2], 1.25, "")
            for number, name in enumerate(names[: done - 1])
        ]
        store.write([*answers, (names[done - 1], [], [], 0.0, "It is damaged.")], LABELS)


def cell(table: BatchTable, row: int, column: int) -> object:
    return table.data(table.index(row, column))


def test_it_asks_for_what_is_missing(panel: BatchPanel, jobs: list[HeldJob], tmp_path: Path) -> None:
    assert panel.empty.isVisibleTo(panel)
    panel.work.button.click()
    assert not jobs and "name a folder" in panel.notices.text
    panel.folder.set_path(tmp_path / "nothing")
    panel.work.button.click()
    assert not jobs and "does not exist" in panel.notices.text
    assert not panel.take_paths([tmp_path / "a.jpg"])


def test_a_dropped_folder_is_classified_and_shown(
    panel: BatchPanel,
    jobs: list[HeldJob],
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert panel.take_paths([folder])
    panel.work.button.click()
    (job,) = jobs
    store = store_path("cifar10-resnet20", folder)
    assert (job.verb, job.arguments) == ("batch.classify", ("cifar10-resnet20", (str(folder),), str(store)))
    assert not panel.model.isEnabled()
    fill(store, folder, 5, done=2)
    job.progressed.emit(0.4)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 5)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 1) == "class 0")
    assert cell(panel.table, 0, 2) == "50.0 %" and cell(panel.table, 4, 1) == "waiting"
    assert cell(panel.table, 1, 9) == "It is damaged."
    fill(store, folder, 5, done=4)
    with BatchStore(store) as table:
        counts = table.counts()
    job.done.emit(BatchDone(counts, ()))
    qtbot.waitUntil(lambda: cell(panel.table, 2, 1) == "class 2")
    assert panel.model.isEnabled()
    assert "5 pictures" in panel.count.text()


def test_an_unfinished_table_offers_to_go_on(
    panel: BatchPanel,
    jobs: list[HeldJob],
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(store_path("cifar10-resnet20", folder), folder, 30, done=10)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.work.button.text() == "Go on: 20 left")
    panel.work.button.click()
    jobs[0].failed.emit(CancelledError("The batch was stopped.", "What is done is kept."))
    assert panel.work.words.text() == "The batch was stopped. What is done is kept."


def test_sorting_and_filtering(panel: BatchPanel, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(store_path("cifar10-resnet20", folder), folder, 250, done=200)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 250)
    panel.view.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 2) == "80.0 %")
    panel.search.setText("00012 .PNG")
    qtbot.waitUntil(lambda: panel.table.rowCount() == 11)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 2) == "80.0 %")
    assert "11 shown" in panel.count.text()
    panel.search.clear()
    panel.shares.setCurrentIndex(panel.shares.findText("50 to 90 %"))
    panel.shares.activated.emit(2)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 199)
    panel.shares.setCurrentIndex(panel.shares.findText("90 % or more"))
    panel.shares.activated.emit(3)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 0)
    assert panel.view.isVisibleTo(panel) and "0 shown" in panel.count.text()
    panel.shares.setCurrentIndex(0)
    panel.shares.activated.emit(0)
    panel.states.setCurrentIndex(3)
    panel.states.activated.emit(3)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 1)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 9) == "It is damaged.")


def test_another_window_at_work_is_followed(
    panel: BatchPanel,
    jobs: list[HeldJob],
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel._pace.setInterval(10)
    folder = tmp_path / "pictures"
    folder.mkdir()
    store = store_path("cifar10-resnet20", folder)
    fill(store, folder, 20, done=5)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 20)
    panel.work.button.click()
    jobs[0].failed.emit(BatchBusyError("Another window or command is classifying into this table.", "Its rows appear."))
    assert "Another window" in panel.notices.text and panel.work.button.isEnabled()
    fill(store, folder, 20, done=20)
    qtbot.waitUntil(lambda: "20 classified" in panel.count.text() or "19 classified" in panel.count.text())
    qtbot.waitUntil(lambda: not panel._pace.isActive())
    assert panel.notices.text == "", "the other one is done"


def test_a_third_click_gives_the_folders_own_order(panel: BatchPanel, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(store_path("cifar10-resnet20", folder), folder, 30, done=30)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 30)
    header = panel.view.horizontalHeader()
    clicks = header.sectionViewportPosition(2) + 20
    shown = []
    for _ in range(3):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(clicks, header.height() // 2))
        qtbot.waitUntil(lambda: not panel.table._looking)
        shown.append(panel.table._numbers[:2])
    assert shown[0] == [1, 8] and shown[1] != shown[0] and shown[2] == [1, 2]


def test_no_probability_is_rounded_to_none_or_all(panel: BatchPanel, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    store = store_path("cifar10-resnet20", folder)
    fill(store, folder, 3, done=2)
    with BatchStore(store) as table:
        table.write([(folder / "000000.png", [0, 1], [0.99999, 0.00001], 1.0, "")], LABELS)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 2) == "> 99.9 %")
    assert cell(panel.table, 0, 3) == "class 1  < 0.1 %"


def test_tens_of_thousands_of_rows_stay_smooth(
    panel: BatchPanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window's thread never reads the table, and few rows are held."""
    readers: set[str] = set()

    class Watched(BatchStore):
        def __init__(self, path: Path, *, reading: bool = False) -> None:
            readers.add(threading.current_thread().name)
            super().__init__(path, reading=reading)

    monkeypatch.setattr("app.ui.batch.table_model.BatchStore", Watched)
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(store_path("cifar10-resnet20", folder), folder, 30_000, done=30_000)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 30_000, timeout=20_000)
    bar = panel.view.verticalScrollBar()
    for step in range(100):
        bar.setValue(bar.maximum() * step // 100)
        QApplication.processEvents()
    qtbot.waitUntil(lambda: cell(panel.table, 29_000, 1) == "class 0", timeout=20_000)
    assert len(panel.table._pages) <= KEPT_PAGES
    assert sum(map(len, panel.table._pages.values())) <= KEPT_PAGES * PAGE
    assert readers and threading.main_thread().name not in readers


def test_thumbnails_are_made_of_rows_in_sight_only(panel: BatchPanel, tmp_path: Path, qtbot: QtBot) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(300):
        Image.fromarray(np.full((20, 30, 3), number % 256, np.uint8)).save(folder / f"{number:06}.png")
    fill(store_path("cifar10-resnet20", folder), folder, 300, done=300)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: any(panel.table._thumbnails.values()), timeout=10_000)
    qtbot.wait(200)
    assert 0 < len(panel.table._thumbnails) < 100


def test_a_double_click_opens_the_picture_in_explore(
    program: Composition,
    panel: BatchPanel,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (20, 20)).save(folder / "000000.png")
    fill(store_path("cifar10-resnet20", folder), folder, 2, done=2)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: cell(panel.table, 0, 1) == "class 0")
    panel.view.doubleClicked.emit(panel.table.index(0, 0))
    assert program.window.page == "explore"
    qtbot.waitUntil(lambda: program.session.current > 0)
    assert program.session.entry(program.session.current).name == "000000.png"


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_exports(panel: BatchPanel, tmp_path: Path, qtbot: QtBot, suffix: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    fill(store_path("cifar10-resnet20", folder), folder, 30, done=20)
    panel.folder.set_path(folder)
    qtbot.waitUntil(lambda: panel.export.isEnabled())
    panel.write(tmp_path / f"table{suffix}")
    qtbot.waitUntil(lambda: (tmp_path / f"table{suffix}").exists())
    if suffix == ".csv":
        assert len(list(csv.reader((tmp_path / "table.csv").open()))) == 31
