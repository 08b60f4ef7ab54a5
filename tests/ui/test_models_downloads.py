"""Downloads in the library: real ones, from a server on this machine that misbehaves on request."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QCloseEvent
from pytestqt.qtbot import QtBot

from app.ui.composition import Composition
from app.ui.models.library_panel import LibraryPanel
from app.ui.models.page import ModelsPage
from app.zoo import download as module
from app.zoo.cards import Card, Library
from tests.ui.judging_help import HeldJob, show_panel
from tests.unit.test_download import CONTENT, HASH, Server, server  # noqa: F401

ID = "resnet18:V1"
SLOW = 0.1  # seconds between 64 KiB: all of it takes three


@pytest.fixture
def panel(
    program: Composition,
    server: Server,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LibraryPanel]:
    """The library, with a small file in the place of ResNet-18's, and the server as its mirror."""
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY", module.MIRROR_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    from app.ui import model_library

    usual = model_library._read

    def small(card: Card) -> Card:
        if card.id != ID:
            return card
        weights = dataclasses.replace(card.weights, file=f"small-{HASH}.pth", sha256=HASH, mebibytes=2.0)
        return dataclasses.replace(card, weights=weights)

    def read() -> tuple[Library, frozenset[str]]:
        library, _ = usual()
        cards = tuple(map(small, library.cards))
        return dataclasses.replace(library, cards=cards), frozenset(card.id for card in cards if card.available)

    monkeypatch.setattr(model_library, "_read", read)
    program.library.read_now()
    found = show_panel(program, "library")
    assert isinstance(found, LibraryPanel)
    found.filters._address.setText(server.base)
    found.shelf.choose(ID)
    yield found
    found.downloads.close()


def _partial(panel: LibraryPanel) -> Path:
    card = panel._library.card(ID)
    assert card is not None
    return module._partial(card.weights_path)


def _under_way(panel: LibraryPanel) -> bool:
    progress = panel.downloads.progress(ID)
    return progress is not None and 0 < progress.done < len(CONTENT) and progress.speed > 0


def test_a_download_shows_how_far_it_is_how_fast_and_how_long(
    panel: LibraryPanel,
    server: Server,  # noqa: F811
    qtbot: QtBot,
) -> None:
    server.pause = SLOW
    assert panel.details.download.text() == "Download 2.0 MiB"
    panel.details.download.click()
    qtbot.waitUntil(lambda: _under_way(panel))
    words = panel.details.progress.text()
    assert "of 2.0 MiB" in words and "%" in words and "/s" in words and "left" in words
    assert panel.details.bar.isVisibleTo(panel) and 0 < panel.details.bar.value() < 1000
    assert not panel.details.download.isVisibleTo(panel) and panel.details.cancel.isVisibleTo(panel)
    assert "%" in panel.shelf.tiles[ID].accessibleName()
    server.pause = 0
    qtbot.waitUntil(lambda: "is here" in panel.notices.text, timeout=10_000)
    qtbot.waitUntil(lambda: panel.details.use.isVisibleTo(panel))
    assert not panel.details.bar.isVisibleTo(panel)


def test_what_was_stopped_goes_on(panel: LibraryPanel, server: Server, qtbot: QtBot) -> None:  # noqa: F811
    server.pause = SLOW
    panel.details.download.click()
    qtbot.waitUntil(lambda: _under_way(panel))
    panel.details.cancel.click()
    qtbot.waitUntil(lambda: not panel.downloads.under_way)
    assert panel.notices.text == "", "the user knows"
    assert panel.details.download.text().startswith("Go on: ")
    have = _partial(panel).stat().st_size
    server.pause = 0
    panel.details.download.click()
    qtbot.waitUntil(lambda: "is here" in panel.notices.text, timeout=10_000)
    assert server.requests == ["", f"bytes={have}-"]


def test_a_connection_that_is_cut_in_the_middle_is_resumed_by_itself(
    panel: LibraryPanel,
    server: Server,  # noqa: F811
    qtbot: QtBot,
) -> None:
    server.cut_after = 700_000
    panel.details.download.click()
    qtbot.waitUntil(lambda: "is here" in panel.notices.text, timeout=10_000)
    assert server.requests == ["", "bytes=700000-", "bytes=1400000-"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("404", "does not exist"),
        ("503", "work without a connection"),
        ("hash", "SHA-256"),
        ("disk", "MiB more"),
    ],
)
def test_faults_are_told_in_the_page_and_can_be_tried_again(
    panel: LibraryPanel,
    server: Server,  # noqa: F811
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    words: str,
) -> None:
    if fault == "hash":
        server.content = CONTENT[:-1] + b"!"
    elif fault == "disk":
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    else:
        server.status = int(fault)
    panel.details.download.click()
    qtbot.waitUntil(lambda: words in panel.notices.text, timeout=10_000)
    assert panel.details.download.isVisibleTo(panel) and not panel.details.bar.isVisibleTo(panel)
    server.status, server.content = 0, CONTENT
    monkeypatch.undo()
    assert not panel.downloads.under_way


def _press_close(program: Composition) -> bool:
    """Whether the window went."""
    seen: list[bool] = []
    program.window.closing.connect(lambda: seen.append(True))
    program.window.quit()
    return bool(seen)


def test_closing_the_window_during_a_download_asks_once(
    program: Composition,
    panel: LibraryPanel,
    server: Server,  # noqa: F811
    qtbot: QtBot,
) -> None:
    server.pause = SLOW
    panel.details.download.click()
    qtbot.waitUntil(lambda: _under_way(panel))
    program.window.show_page("explore")
    assert not _press_close(program)
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage) and page.question.isVisibleTo(page)
    assert "ResNet-18" in page.question.accessibleName() and "what has come is kept" in page.question.accessibleName()
    page.question._answer(1)
    assert panel.downloads.under_way and not page.question.isVisibleTo(page)
    assert not _press_close(program)
    assert _press_close(program), "whoever closes twice means it"


@pytest.mark.parametrize(("name", "words"), [("evaluate", "begin anew"), ("batch", "goes on from there")])
def test_closing_the_window_during_long_work_asks_once(
    program: Composition,
    jobs: list[HeldJob],
    name: str,
    words: str,
) -> None:
    found = show_panel(program, name)
    found.work.run("some.verb")  # type: ignore[attr-defined]
    jobs[0].progressed.emit(0.43)
    assert not _press_close(program)
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage)
    assert words in page.question.accessibleName() and "43 %" in page.question.accessibleName()
    gone: list[bool] = []
    program.window.closing.connect(lambda: gone.append(True))
    page.question._answer(0)
    assert gone and jobs[0].closed


def test_every_guard_is_asked_and_none_twice(program: Composition, jobs: list[HeldJob]) -> None:
    found = show_panel(program, "batch")
    found.work.run("some.verb")  # type: ignore[attr-defined]
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage)
    asked: list[str] = []

    def other() -> bool:
        asked.append("other")
        return False

    program.window.close_guards.append(other)
    assert not _press_close(program)
    assert asked == [], "one question at a time"
    page.question._answer(0)
    assert asked == ["other"], "its turn, now that the first is answered"
    gone: list[bool] = []
    program.window.closing.connect(lambda: gone.append(True))
    program.window.go_on_closing(other)
    assert gone


def test_a_window_that_is_closed_by_the_system_is_asked_too(
    program: Composition,
    jobs: list[HeldJob],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = show_panel(program, "batch")
    found.work.run("some.verb")  # type: ignore[attr-defined]
    monkeypatch.setattr(QCloseEvent, "spontaneous", lambda _event: True)
    event = QCloseEvent()
    program.window.closeEvent(event)
    assert not event.isAccepted()


def test_a_mirror_of_the_environment_is_used_and_cannot_be_changed_in_the_window(
    program: Composition,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(module.MIRROR_VARIABLE, "http://mirror.example/files")
    found = show_panel(program, "library")
    assert isinstance(found, LibraryPanel)
    asked: list[str] = []
    monkeypatch.setattr(found.downloads, "start", lambda _card, mirror: asked.append(mirror))
    found._download("resnet18:V1")
    assert asked == ["http://mirror.example/files"]
    assert found.filters._address.isReadOnly() and module.MIRROR_VARIABLE in found.filters._address.toolTip()
    found.filters._address.editingFinished.emit()
    assert program.settings.mirror == ""
