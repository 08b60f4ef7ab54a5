"""Models that cannot be used: listed with a sentence and a way out; models that go while they are listed or in use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from app.core.errors import ModelError
from app.core.preprocessing import Preprocessing
from app.ui.composition import Composition
from app.ui.models.library_panel import LibraryPanel
from app.zoo.cards import Architecture, Card, Weights, write_card
from tests.ui.prompt_engine import LABELS, PromptEngine
from tests.ui.test_models_page import panel as panel
from tests.ui.test_models_report import ACCEPTED, _answers


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "models"


def _model(models: Path, name: str) -> Path:
    """A model of the user's; its folder."""
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"weights")
    architecture = Architecture("cifar", "resnet20", 10, {"shortcut": "A"})
    weights = Weights("weights.safetensors", "ab" * 32)
    write_card(Card(name, name.upper(), "mine", architecture, LABELS, Preprocessing(32, 32), weights, folder))
    return folder


def _read_again(program: Composition, qtbot: QtBot) -> None:
    with qtbot.waitSignal(program.library.changed):
        program.library.refresh()


def _change(pattern: str, text: str) -> Callable[[str], str]:
    return lambda card: re.sub(pattern, text, card, flags=re.DOTALL)


NONSENSE = {
    "toml": (lambda card: card + "[[[", "not valid TOML"),
    "kind": (_change('kind = "mine"', 'kind = "bundled"'), "kind"),
    "classes": (_change("classes = 10", "classes = 7"), "has 10 class names"),
    "deviation": (_change(r"deviation = \[.*?\]", "deviation = [-0.2, 0.2, 0.2]"), "deviation"),
    "strings": (_change(r"crop = \d+", 'crop = "large"'), "crop"),
    "checksum": (_change(r'sha256 = "\w+"', 'sha256 = "none"'), "sha256"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_card_of_nonsense_is_listed_with_a_sentence_and_ways_out(
    program: Composition,
    panel: LibraryPanel,
    models: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    _model(models, "good")
    file = _model(models, "bad") / "card.toml"
    change, words = NONSENSE[name]
    changed = change(file.read_text(encoding="utf-8"))
    assert changed != file.read_text(encoding="utf-8")
    file.write_text(changed, encoding="utf-8")
    _read_again(program, qtbot)
    tile = panel.shelf.tiles["damaged/bad"]
    assert tile.isVisibleTo(panel) and "cannot be used" in tile.accessibleName()
    assert panel.shelf.tiles["good"].isVisibleTo(panel) and "good" in {card.id for card in program.library.here}
    panel.shelf.choose("damaged/bad")
    details = panel.details
    assert words in details.trouble.text() and details.trouble.isVisibleTo(panel)
    shown = [one.isVisibleTo(panel) for one in (details.again, details.reveal, details.remove, details.use)]
    assert shown == [True, True, True, False]
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    details.reveal.click()
    assert opened == [str(models / "bad")]
    details.remove.click()
    details.really.click()
    qtbot.waitUntil(lambda: "damaged/bad" not in panel.shelf.tiles)
    assert not (models / "bad").exists() and (models / "good").exists()


def test_a_damaged_model_is_taken_in_again_in_its_own_place(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _model(models, "bad")
    good = (folder / "card.toml").read_text(encoding="utf-8")
    (folder / "card.toml").write_text("[[[", encoding="utf-8")
    _read_again(program, qtbot)
    panel.shelf.choose("damaged/bad")

    def take_in(path: str, name: str, _labels: str, _choices: object, replaces: str) -> Card:
        from app.zoo.cards import read_card

        assert (path, name, replaces) == (str(folder / "weights.safetensors"), "bad", str(folder))
        (folder / "card.toml").write_text(good, encoding="utf-8")
        return read_card(folder / "card.toml")

    _answers(ACCEPTED, monkeypatch, **{"library.take_in": take_in})
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.details.again.click()
    assert panel.report.title.text() == "bad" and panel.report.name.text() == "bad"
    panel.report.add.click()
    qtbot.waitUntil(lambda: panel.shelf.current == "bad")
    assert "damaged/bad" not in panel.shelf.tiles


def test_missing_weights_are_told_on_the_tile_and_the_card_can_be_removed(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    (_model(models, "empty") / "weights.safetensors").unlink()
    _read_again(program, qtbot)
    panel.shelf.choose("empty")
    details = panel.details
    assert "weights are not there" in details.trouble.text()
    shown = [one.isVisibleTo(panel) for one in (details.again, details.remove, details.use)]
    assert shown == [False, True, False]
    assert "empty" not in {card.id for card in program.library.here}


def test_what_loading_says_stays_with_the_model_until_it_is_mended(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "net")
    _read_again(program, qtbot)
    panel.shelf.choose("net")
    assert panel.details.use.isVisibleTo(panel) and not panel.details.trouble.isVisibleTo(panel)
    program.engine.model_failed.emit("net", ModelError("weights.safetensors is not the file of the card."))
    assert "not the file" in panel.details.trouble.text() and panel.details.again.isVisibleTo(panel)
    assert "cannot be used" in panel.shelf.tiles["net"].accessibleName()
    card = folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("NET", "MENDED"), encoding="utf-8")
    _read_again(program, qtbot)
    panel.shelf.choose("net")
    assert panel.details.title.text() == "MENDED" and panel.details.use.isVisibleTo(panel)


def test_a_network_that_cannot_be_built_is_asked_for_once_and_told(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "odd")
    card = folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace('"cifar"', '"transformer"'), encoding="utf-8")
    engine = PromptEngine.instances[-1]
    engine.verbs["library.outline"] = ModelError("There is no family called “transformer”.", "Correct its card.")
    _read_again(program, qtbot)
    qtbot.waitUntil(lambda: "cannot be used" in panel.shelf.tiles["odd"].accessibleName())
    for _ in range(3):
        _read_again(program, qtbot)
    asked = [verb for verb, arguments in engine.ran if verb == "library.outline" and "transformer" in str(arguments)]
    assert len(asked) == 1


def test_a_folder_that_goes_while_it_is_listed_goes_from_the_list(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "net")
    _read_again(program, qtbot)
    panel.shelf.choose("net")
    shutil.rmtree(folder)
    qtbot.waitUntil(lambda: "net" not in panel.shelf.tiles, timeout=10_000)
    assert panel.details.card is None
    _model(models, "new")
    qtbot.waitUntil(lambda: "new" in panel.shelf.tiles, timeout=10_000)


def test_a_card_that_is_edited_while_it_is_listed_is_read_anew(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "net")
    _read_again(program, qtbot)
    (folder / "card.toml").write_text("[[[", encoding="utf-8")
    qtbot.waitUntil(lambda: "damaged/net" in panel.shelf.tiles, timeout=10_000)


def test_a_model_that_goes_before_it_is_shown_is_told(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "net")
    _read_again(program, qtbot)
    panel.shelf.choose("net")
    shutil.rmtree(folder)
    panel.details.reveal.click()
    assert "is not there any more" in panel.notices.text
    qtbot.waitUntil(lambda: "net" not in panel.shelf.tiles)


def test_the_model_in_use_is_deleted_and_stays_usable(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot
) -> None:
    folder = _model(models, "net")
    _read_again(program, qtbot)
    program.library.choose("net")
    qtbot.waitUntil(lambda: program.explore.model is not None and program.explore.model.reference == "net")
    shutil.rmtree(folder)
    qtbot.waitUntil(lambda: "was deleted" in program.explore.notices.text, timeout=10_000)
    picker = program.explore.inspector.models
    assert picker.currentData() == "net" and "(deleted)" in picker.currentText()
    program.library.choose("cifar10-resnet20")
    qtbot.waitUntil(lambda: program.explore.model is not None and program.explore.model.reference != "net")
    _read_again(program, qtbot)
    assert picker.findData("net") < 0 and program.explore.notices.text == ""


def test_a_library_that_cannot_be_deleted_from_says_so(
    program: Composition, panel: LibraryPanel, models: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _model(models, "net")
    _read_again(program, qtbot)
    panel.shelf.choose("net")

    def refuse(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    panel.details.remove.click()
    panel.details.really.click()
    qtbot.waitUntil(lambda: "cannot be deleted (Permission denied)" in panel.notices.text)
    assert panel.shelf.tiles["net"].isVisibleTo(panel)


def test_a_remembered_model_that_is_gone_is_told_and_another_one_used(
    qtbot: QtBot, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (_model(models, "net") / "card.toml").write_text("[[[", encoding="utf-8")
    composition = Composition((), model="net", client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None)
    assert composition.explore.model is not None and composition.explore.model.reference == "cifar10-resnet20"
    assert "net is not there any more, or cannot be used" in composition.explore.notices.text
    composition.close()
    composition.window.hide()


def test_a_remembered_model_that_cannot_be_loaded_is_told_and_another_one_used(
    qtbot: QtBot, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    _model(models, "missing-net")  # which this engine cannot load
    composition = Composition((), model="missing-net", client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None)
    assert composition.explore.model is not None and composition.explore.model.reference == "cifar10-resnet20"
    assert "There is no model" in composition.explore.notices.text
    assert "is used instead" in composition.explore.notices.text
    composition.close()
    composition.window.hide()
