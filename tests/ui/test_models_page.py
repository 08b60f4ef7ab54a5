"""The Models page with an engine that answers at once: the library, its search, its card, the way to Explore."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.core.errors import ModelError
from app.ui.composition import Composition
from app.ui.models.library_panel import LibraryPanel
from app.ui.models.page import PANELS, ModelsPage
from app.zoo import hugging_face
from tests.ui.prompt_engine import PromptEngine


@pytest.fixture
def panel(program: Composition) -> LibraryPanel:
    program.window.actions_table["page-models"].trigger()
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage)
    found = page.show_panel("library")
    assert isinstance(found, LibraryPanel)
    return found


def test_the_model_in_use_is_chosen_and_its_whole_card_is_shown(program: Composition, panel: LibraryPanel) -> None:
    assert panel.shelf.current == "cifar10-resnet20"
    card = program.library.card("cifar10-resnet20")
    assert card is not None and panel.details.card == card
    assert panel.details.title.text() == card.title
    assert "in use" in panel.shelf.tiles[card.id].accessibleName()
    assert not panel.details.use.isHidden()


def test_a_search_leaves_what_has_every_word(panel: LibraryPanel) -> None:
    assert len([tile for tile in panel.shelf.tiles.values() if tile.isVisibleTo(panel)]) > 20
    panel.filters.search.setText("wide v2")
    shown = {id_ for id_, tile in panel.shelf.tiles.items() if tile.isVisibleTo(panel)}
    assert shown == {"wide_resnet50_2:V2", "wide_resnet101_2:V2"}
    panel.filters.search.setText("no such model")
    assert not any(tile.isVisibleTo(panel) for tile in panel.shelf.tiles.values())


def test_what_is_not_here_cannot_be_used(program: Composition, panel: LibraryPanel) -> None:
    panel.shelf.choose("resnet50:V2")
    assert panel.details.use.isHidden()
    panel.shelf.wanted.emit("resnet50:V2")
    assert "resnet50:V2" not in PromptEngine.instances[-1].loaded


def test_enter_takes_a_model_to_explore(program: Composition, panel: LibraryPanel, qtbot: QtBot) -> None:
    engine = PromptEngine.instances[-1]
    engine.loaded.clear()
    qtbot.keyClick(panel.shelf.tiles["cifar10-resnet20"], Qt.Key.Key_Return)
    assert engine.loaded == ["cifar10-resnet20"]
    assert program.window.page == "explore"


def test_every_control_of_every_panel_has_a_name_and_a_tooltip(program: Composition, panel: LibraryPanel) -> None:
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage)
    for spec in PANELS:
        page.show_panel(spec.name)
        for widget in page.findChildren(QWidget):
            if isinstance(widget, QAbstractButton | QLineEdit) and widget.isVisibleTo(page):
                if widget.objectName().startswith("qt_") or isinstance(widget.parent(), QLineEdit):
                    continue
                assert widget.objectName(), f"{widget} has no object name"
                assert widget.toolTip(), f"{widget.objectName()} has no tooltip"
                name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
                assert name, f"{widget.objectName()} says nothing to a screen reader"


def test_a_model_of_the_hub_is_named_in_three_places_and_looked_at(
    program: Composition, panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = PromptEngine.__init__

    def prepared(self: PromptEngine, *arguments: object) -> None:
        usual(self, *arguments)  # type: ignore[arg-type]
        self.verbs = {"library.fetch": str(tmp_path), "library.inspect": ModelError("no")}

    monkeypatch.setattr(PromptEngine, "__init__", prepared)
    monkeypatch.setattr(hugging_face, "check_reachable", lambda _reference: None)
    asked = [action.objectName() for action in panel.filters.add.menu().actions()]
    assert asked == ["addFile", "addFolder", "addFromHub"]
    panel.filters.add.menu().actions()[2].trigger()
    assert panel.filters.hub.isVisibleTo(panel)
    panel.filters.hub.setText("https://huggingface.co/Microsoft/ResNet-18")
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.filters.look.click()
    ran = PromptEngine.instances[-1].ran
    assert ran == [("library.fetch", ("hf:Microsoft/ResNet-18",)), ("library.inspect", (str(tmp_path), {}))]
    assert panel.report.title.text() == "hf:Microsoft/ResNet-18" and panel.report.name.text() == "resnet-18"
    panel.report.closed.emit()
    panel.filters.search.setText("hf:owner/net")
    assert "Press Enter" in panel.shelf._nothing.text()
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.filters.search.returnPressed.emit()
    assert ran[-2:] == [("library.fetch", ("hf:owner/net",)), ("library.inspect", (str(tmp_path), {}))]
    program.window.show_page("explore")
    program.window.actions_table["open-hub"].trigger()
    assert program.window.page == "models" and panel.filters.hub.isVisibleTo(panel) and not panel.inspecting


def test_a_hub_that_cannot_be_reached_is_a_sentence_within_seconds_and_no_process_is_started_for_it(
    panel: LibraryPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(hugging_face, "_cached", lambda *_arguments: None)
    before = len(PromptEngine.instances)
    panel.inspect_hub("owner/net")
    assert panel.inspecting and panel.report.waiting.running
    qtbot.waitUntil(lambda: not panel.report.waiting.running, timeout=5000)
    assert "cannot be reached" in panel.report.trouble and "works without it" in panel.report.trouble
    assert len(PromptEngine.instances) == before
    panel.report.back.click()
    assert not panel.inspecting
    panel.inspect_hub("no name at all")
    assert "not the name of a model" in panel.notices.text and not panel.inspecting
