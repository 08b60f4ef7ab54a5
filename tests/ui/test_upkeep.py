"""About, the question for a newer version, and notices on what is amiss with the machine."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app import __version__, paths, updates
from app.ui import upkeep
from app.ui.about import About, answer_text
from app.ui.composition import Composition
from app.ui.icons import program_icon
from app.updates import Release


@pytest.fixture
def about(qtbot: QtBot, program: Composition) -> About:
    program.window.actions_table["about"].trigger()
    dialog = program.window.findChild(About)
    assert isinstance(dialog, About)
    qtbot.waitUntil(lambda: dialog.table.topLevelItemCount() > 0, timeout=20_000)
    return dialog


def test_about_names_every_library_with_its_licence_and_can_be_copied(qtbot: QtBot, about: About) -> None:
    rows = {about.table.topLevelItem(row).text(0): row for row in range(about.table.topLevelItemCount())}
    assert {"torch", "Qt", "captum", "Python"} <= rows.keys()
    assert "LGPL" in about.table.topLevelItem(rows["Qt"]).text(2)
    copy = about.findChild(QPushButton, "copyAbout")
    assert isinstance(copy, QPushButton)
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    text = QGuiApplication.clipboard().text()
    assert text.startswith(f"ResNet Explorer {__version__}\n")
    assert "a quick CPU" in text
    assert "captum" in text


def test_nobody_is_asked_for_a_newer_version_unless_it_is_switched_on(
    qtbot: QtBot, program: Composition, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(address: str) -> Release:
        asked.append(address)
        return Release("99.0", "https://example.org")

    monkeypatch.setattr(updates, "newest", answer)
    assert not program.settings.update_check, "off by default"
    program.upkeep.begin()
    program.settings = dataclasses.replace(program.settings, update_address="https://example.org/latest.json")
    program.upkeep.begin()
    qtbot.wait(100)
    assert asked == []
    program.settings = dataclasses.replace(program.settings, update_check=True)
    program.upkeep.begin()
    qtbot.waitUntil(lambda: "99.0" in program.explore.notices.text)
    assert asked == ["https://example.org/latest.json"]
    assert "<a" not in program.explore.notices.text, "the notice is plain text"


def test_the_question_is_remembered_with_its_address(
    qtbot: QtBot, program: Composition, about: About, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "newest", lambda _address: Release("99.0", "https://example.org/a?b&c"))
    ask, answer = about.findChild(QPushButton, "askForUpdate"), about.findChild(QLabel, "updateAnswer")
    check, address = about.findChild(QCheckBox, "updateCheck"), about.findChild(QLineEdit, "updateAddress")
    assert isinstance(ask, QPushButton) and isinstance(answer, QLabel)
    assert isinstance(check, QCheckBox) and isinstance(address, QLineEdit)
    qtbot.mouseClick(ask, Qt.MouseButton.LeftButton)
    assert "address" in answer.text(), "the program brings none of its own"
    qtbot.keyClicks(address, "https://example.org/latest.json")
    qtbot.mouseClick(ask, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "99.0" in answer.text())
    check.setChecked(True)
    assert program.settings.update_check
    assert program.settings.update_address == "https://example.org/latest.json"


def test_a_version_that_is_not_newer_is_said_to_be_the_newest() -> None:
    assert __version__ in answer_text(Release("0.0.1"))
    assert "&amp;" in answer_text(Release("99.0", "https://example.org/a?b&c"))


def test_folders_that_cannot_be_written_are_named_and_the_session_goes_on(
    qtbot: QtBot, program: Composition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert upkeep.unwritable() == ""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "file"))
    program.upkeep.begin()
    qtbot.waitUntil(lambda: "settings" in program.explore.notices.text)
    assert "for this session" in program.explore.notices.text
    assert paths.HOME_VARIABLE in program.explore.notices.text


def test_without_a_home_it_is_said_that_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = paths.session_folder()
    for name in ("config", "user_data", "logs"):
        monkeypatch.setattr(paths, name, lambda name=name: gone / name)
    assert "no home folder" in upkeep.unwritable()


def test_what_the_engine_says_of_the_gpu_is_shown(program: Composition) -> None:
    assert program._info is not None
    program.upkeep.show_engine(dataclasses.replace(program._info, notices=("The GPU is too old. The CPU computes.",)))
    assert "too old" in program.explore.notices.text


def test_what_another_start_hands_over_lands_in_explore(qtbot: QtBot, program: Composition, tmp_path: Path) -> None:
    picture = tmp_path / "Kätzchen 猫.png"
    Image.new("RGB", (60, 40), (9, 9, 9)).save(picture)
    program.window.show_page("models")
    program.window.showMinimized()
    with qtbot.waitSignal(program.engine.answered):
        program.open_paths([picture])
    assert program.window.page == "explore"
    assert not program.window.isMinimized()
    assert program.session.entry(program.session.current).path == picture


def test_a_start_without_files_only_brings_the_window_to_the_front(program: Composition) -> None:
    before = program.session.ids()
    program.window.showMinimized()
    program.open_paths([])
    assert not program.window.isMinimized()
    assert program.session.ids() == before


def test_the_program_has_an_icon_in_every_usual_size() -> None:
    assert {16, 32, 48, 64, 128, 256} <= {size.width() for size in program_icon().availableSizes()}
