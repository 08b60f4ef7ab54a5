"""The whole window with an engine that answers at once: what a person does, and what must then be seen."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app import paths
from app.core.errors import ExplanationError
from app.core.records import Frame
from app.ui.actions import ACTIONS
from app.ui.composition import Composition
from app.ui.palette import Palette, matches
from app.ui.shortcuts import ShortcutSheet
from app.ui.shown import Shown
from app.ui.theme import theme
from tests.ui.prompt_engine import LABELS, PromptEngine


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def program(qtbot: QtBot, home: Path) -> Iterator[Composition]:
    composition = _started(qtbot)
    yield composition
    composition.close()
    composition.window.hide()


def _started(qtbot: QtBot, *pictures: Path) -> Composition:
    composition = Composition(pictures, client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None and composition.explore.method is not None)
    return composition


def _picture(path: Path, value: int = 7, size: tuple[int, int] = (60, 40)) -> Path:
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def _open(program: Composition, qtbot: QtBot, path: Path) -> None:
    with qtbot.waitSignal(program.engine.answered):
        program.window.paths_dropped.emit([path])


def _drop(window: QWidget, mime: QMimeData) -> None:
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(200, 200), copy, mime, left, Qt.KeyboardModifier.NoModifier))  # type: ignore[attr-defined]


def test_it_starts_empty_with_the_samples_and_says_what_to_do(program: Composition) -> None:
    samples = [path for path in (paths.assets() / "samples").iterdir() if path.suffix in (".png", ".jpg")]
    assert len(program.session.ids()) == len(samples)
    assert program.session.current == -1
    assert program.explore.shown is None


def test_a_dropped_file_is_classified_and_explained(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(_picture(tmp_path / "seven.png")))])
    with qtbot.waitSignal(program.engine.answered):
        _drop(program.window, mime)
    explore = program.explore
    assert explore.shown is not None and explore.shown.answer is not None
    assert explore.inspector.bars.rows[0].label == LABELS[7]
    qtbot.waitUntil(lambda: explore.inspector.scale.isVisible())
    assert "seven.png" in program.window.windowTitle()
    assert len(program.session.ids()) == 1, "the samples make room"


def test_pixels_and_text_are_taken_from_other_programs(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    image = QImage(20, 10, QImage.Format.Format_ARGB32)
    image.fill(0x00000000)  # transparent: white underneath
    mime = QMimeData()
    mime.setImageData(image)
    with qtbot.waitSignal(program.engine.answered):
        _drop(program.window, mime)
    assert program.explore.shown is not None
    assert program.explore.shown.frame.pixels.shape == (10, 20, 3)
    assert int(program.explore.shown.frame.pixels.min()) == 255
    mime = QMimeData()
    mime.setText(str(_picture(tmp_path / "named.png")))
    with qtbot.waitSignal(program.engine.answered):
        _drop(program.window, mime)
    assert program.explore.shown.frame.name == "named.png"


def test_paste_takes_the_clipboards_picture(program: Composition, qtbot: QtBot) -> None:
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    with qtbot.waitSignal(program.engine.answered):
        program.window.actions_table["paste"].trigger()
    assert program.explore.shown is not None
    assert tuple(program.explore.shown.frame.pixels[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize("as_text", [True, False])
def test_an_address_with_umlauts_and_spaces_can_be_asked_for(
    program: Composition, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, as_text: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(program.session, "add_url", asked.append)
    program.window.url_dropped.connect(asked.append)
    data, address = QMimeData(), "https://example.org/my%20Eichh%C3%B6rnchen.jpg"
    data.setText(QUrl(address).toString()) if as_text else data.setUrls([QUrl(address)])
    assert program.window._take(data, "dropped")
    assert asked[-1] == address


@pytest.mark.parametrize("text", ["x" * 5000, "~nobody-of-that-name/picture.png", "a\0b"])
def test_pasted_text_that_names_no_file_does_nothing(program: Composition, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    assert not program.window._take(data, "pasted")


def test_a_picture_that_is_pasted_on_the_lab_is_shown(program: Composition, qtbot: QtBot) -> None:
    program.window.show_page("lab")
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    with qtbot.waitSignal(program.engine.answered):
        program.window.actions_table["paste"].trigger()
    assert program.window.page == "explore"


def test_what_was_said_of_fetching_goes_when_the_picture_is_there(program: Composition) -> None:
    program.session.notice.emit("Fetching https://example.org/cat.jpg …")
    assert "Fetching" in program.explore.notices.text
    program.session._on_fetched(Frame(np.zeros((8, 8, 3), np.uint8), "cat.jpg"))
    assert program.explore.notices.text == ""


def test_a_bad_picture_is_told_in_the_page_and_the_next_works(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"GIF8 not really")
    with qtbot.waitSignal(program.session.frame_failed):
        program.window.paths_dropped.emit([bad])
    assert program.explore.shown is None
    _open(program, qtbot, _picture(tmp_path / "good.png"))
    assert program.explore.shown is not None


def test_another_class_and_block_are_explained_on_request(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    engine = PromptEngine.instances[-1]
    with qtbot.waitSignal(program.engine.answered):
        program.explore.inspector.bars.class_chosen.emit(2)
    assert engine.requests[-1].target == 2
    with qtbot.waitSignal(program.engine.answered):
        program.explore.spine.block_clicked.emit("layer1.1")
    assert (engine.requests[-1].block, engine.requests[-1].target) == ("layer1.1", 2)
    with qtbot.waitSignal(program.engine.answered):
        program.window.actions_table["next-block"].trigger()
    assert engine.requests[-1].block == "layer1.2"
    with qtbot.waitSignal(program.engine.answered):
        program.window.actions_table["winning-class"].trigger()
    assert engine.requests[-1].target is None
    before = len(engine.requests)
    program.explore.explain_at("fc")
    assert len(engine.requests) == before, "the head has no feature map"


def test_a_new_picture_is_explained_for_its_own_winner(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    with qtbot.waitSignal(program.engine.answered):
        program.explore.explain_class(2)
    _open(program, qtbot, _picture(tmp_path / "b.png", 4))
    assert PromptEngine.instances[-1].requests[-1].target is None
    assert program.explore.inspector.bars.rows[0].label == LABELS[4]


def test_a_late_answer_is_not_shown_on_the_next_picture(
    program: Composition, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, explore = PromptEngine.instances[-1], program.explore
    engine.hold = True
    program.window.paths_dropped.emit([_picture(tmp_path / "a.png", 2)])
    qtbot.waitUntil(lambda: len(engine.requests) == 1)
    monkeypatch.setattr(explore, "_look", lambda _entry, _frame: None)  # the next picture's crop takes its time
    with qtbot.waitSignal(program.session.frame_ready):
        program.window.paths_dropped.emit([_picture(tmp_path / "b.png", 4)])
    with qtbot.assertNotEmitted(program.engine.answered, wait=100):
        engine.release()
    assert explore.shown is not None and explore.shown.frame.name == "b.png"
    assert explore.shown.answer is None
    assert not explore.inspector.bars.rows, "nobody said yet what this picture shows"


def test_an_old_models_answer_is_not_kept_beside_the_new_ones_classes(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    shown: list[Shown | None] = []
    program.explore.model_changed.connect(lambda: shown.append(program.explore.shown))
    with qtbot.waitSignal(program.engine.answered):
        program.explore.inspector.model_chosen.emit("another")
    assert shown[0] is not None and shown[0].answer is None
    assert PromptEngine.instances[-1].requests[-1].model == "another"


def test_a_slow_method_shows_the_prediction_first(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    program.explore.inspector.method_chosen.emit("occlusion")
    engine = PromptEngine.instances[-1]
    program.window.paths_dropped.emit([_picture(tmp_path / "a.png")])
    qtbot.waitUntil(lambda: len(engine.requests) == 2)
    assert [request.method for request in engine.requests] == [None, "occlusion"]
    assert program.explore.inspector.blocks.isHidden(), "occlusion does not look at a block"


def test_errors_of_the_engine_and_its_death_are_said_and_taken_back(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    engine = PromptEngine.instances[-1]
    engine.error = ExplanationError("There is no such block.", "Choose another.")
    with qtbot.waitSignal(program.engine.failed):
        program.window.paths_dropped.emit([_picture(tmp_path / "a.png")])
    assert "no such block" in program.explore.notices.text
    engine.error = None
    with qtbot.waitSignal(program.engine.answered):
        program.explore.explain_at("layer1.0")
    assert program.explore.notices.text == ""
    engine.die()
    qtbot.waitUntil(lambda: "died" in program.explore.notices.text)
    engine.start()
    qtbot.waitUntil(lambda: program.explore.notices.text == "")


def test_nothing_looks_busy_where_there_is_nothing_to_explain(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    engine, explore = PromptEngine.instances[-1], program.explore
    engine.hold = True
    program.window.paths_dropped.emit([_picture(tmp_path / "a.png")])
    qtbot.waitUntil(lambda: explore.canvas._busy.running)
    (tmp_path / "bad.jpg").write_bytes(b"GIF8 not really")
    with qtbot.waitSignal(program.session.frame_failed):
        program.window.paths_dropped.emit([tmp_path / "bad.jpg"])
    assert not explore.canvas._busy.running, "a picture that cannot be read"
    program.window.paths_dropped.emit([_picture(tmp_path / "b.png", 3)])
    qtbot.waitUntil(lambda: explore.canvas._busy.running)
    while program.session.ids():
        program.session.remove(program.session.ids()[0])
    assert not explore.canvas._busy.running, "no picture"


def test_the_pending_answer_comes_where_another_model_cannot_be_had(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    engine, explore = PromptEngine.instances[-1], program.explore
    engine.hold = True
    explore.explain_at("layer1.1")
    with qtbot.waitSignal(program.engine.model_failed):
        explore.inspector.model_chosen.emit("missing")
    engine.hold = False
    with qtbot.waitSignal(program.engine.answered):
        engine.release()
    assert explore.shown is not None and explore.shown.answer is not None
    assert explore.shown.answer.heatmap is not None and explore.shown.answer.heatmap.block == "layer1.1"
    assert not explore.canvas._busy.running
    asked = len(engine.requests)
    with qtbot.waitSignal(program.engine.model_failed):
        explore.inspector.model_chosen.emit("missing")
    qtbot.wait(50)
    assert len(engine.requests) == asked, "what is answered is not asked again"


def test_a_picture_whose_answer_fails_does_not_keep_the_classes_of_the_one_before(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    engine, explore = PromptEngine.instances[-1], program.explore
    engine.error = ExplanationError("There is no such block.", "Choose another.")
    with qtbot.waitSignal(program.engine.failed):
        explore.explain_at("layer1.0")
    assert explore.inspector.bars.rows, "the same picture's classes are still true"
    with qtbot.waitSignal(program.engine.failed):
        program.window.paths_dropped.emit([_picture(tmp_path / "b.png", 4)])
    assert not explore.inspector.bars.rows


def test_a_model_that_cannot_be_had_leaves_the_old_one_in_place(program: Composition, qtbot: QtBot) -> None:
    before = program.explore.model
    with qtbot.waitSignal(program.engine.model_failed):
        program.explore.inspector.model_chosen.emit("missing")
    assert "no model called" in program.explore.notices.text
    assert program.explore.model is before
    assert before is not None and program.explore.inspector.models.currentData() == before.reference


def test_what_is_shown_can_be_saved_and_copied(
    program: Composition, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    for action, name in (("save-picture", "out.png"), ("save-map", "out.npy"), ("save-table", "out.csv")):
        target = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, chosen=target: (str(chosen), ""))
        program.window.actions_table[action].trigger()
        qtbot.waitUntil(target.exists)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (60, 40)
    assert np.load(tmp_path / "out.npy").shape == (8, 8)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [int(row["rank"]) for row in rows] == list(range(1, 11))
    assert rows[0]["label"] == LABELS[7]
    program.window.actions_table["copy-table"].trigger()
    assert QGuiApplication.clipboard().text() == (tmp_path / "out.csv").read_text()
    QGuiApplication.clipboard().clear()
    program.window.actions_table["copy-picture"].trigger()
    qtbot.waitUntil(lambda: not QGuiApplication.clipboard().image().isNull())
    assert QGuiApplication.clipboard().image().width() == 60


def test_saving_where_nothing_can_be_written_is_told(
    program: Composition, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    target = tmp_path / "a.png" / "out.png"  # a file is no folder
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(target), ""))
    program.window.actions_table["save-picture"].trigger()
    qtbot.waitUntil(lambda: str(target) in program.explore.notices.text)


def test_what_the_network_saw_is_one_key_away(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    _open(program, qtbot, _picture(tmp_path / "wide.png", size=(200, 50)))
    whole = program.explore.canvas.picture_rect()
    program.window.actions_table["network-view"].trigger()
    seen = program.explore.canvas.picture_rect()
    assert whole.width() / whole.height() == pytest.approx(4, rel=0.05)
    assert seen.width() == pytest.approx(seen.height(), rel=0.05)


def test_choices_are_remembered(qtbot: QtBot, home: Path, tmp_path: Path) -> None:
    first = _started(qtbot)
    first.explore.inspector.slider.setValue(35)
    first.explore.inspector.method_chosen.emit("occlusion")
    first.explore.inspector.colour_map_chosen.emit("cividis")
    first.window.paths_dropped.emit([_picture(tmp_path / "a.png")])
    first.close()
    second = _started(qtbot)
    assert second.explore.opacity == pytest.approx(0.35)
    assert second.explore.method is not None and second.explore.method.name == "occlusion"
    assert second.explore.colour_map == "cividis"
    assert second.settings.recent == (str(tmp_path / "a.png"),)
    second.close()


def test_everything_that_can_be_used_has_a_name_for_people_and_for_tests(program: Composition) -> None:
    for widget in program.window.findChildren(QWidget):
        if isinstance(widget, QAbstractButton | QLineEdit) and widget.isVisibleTo(program.window):
            assert widget.objectName(), f"{widget} has no object name"
            name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            assert name, f"{widget.objectName()} says nothing to a screen reader"
            if isinstance(widget, QAbstractButton):
                assert widget.toolTip(), f"{widget.objectName()} has no tooltip"


def test_every_action_has_something_to_do_and_no_shortcut_is_taken_twice(program: Composition) -> None:
    for page in program.window.page_names:
        program.window.show_page(page)  # a page connects its own actions when it is made
        keys = [key for spec in ACTIONS if spec.page in ("", page) for key in spec.shortcuts]
        assert len(keys) == len(set(keys)), page
    program.window.show_page("explore")
    for spec in ACTIONS:
        action = program.window.actions_table[spec.name]
        assert action.receivers("2triggered(bool)") > 0, f"{spec.name} does nothing"


def test_the_palette_finds_actions_by_a_few_letters(program: Composition, qtbot: QtBot) -> None:
    assert matches("save map", "Save the raw map (NPY) …") is not None
    assert matches("swhm", "Save the picture with its heatmap …") is not None
    assert matches("xyz", "Save the picture") is None
    palette = Palette(program.window.actions_table, program.window)
    palette.open()
    qtbot.keyClicks(palette.search, "what the network")
    assert palette.list.count() == 1
    qtbot.keyClick(palette.search, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert program.explore._network_view


def test_it_is_usable_at_its_smallest_and_repaints_in_both_schemes(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    program.window.resize(1024, 640)
    _open(program, qtbot, _picture(tmp_path / "a.png"))
    explore = program.explore
    assert explore.canvas.height() >= 240
    bars = explore.inspector.bars
    assert bars.mapTo(program.window, QPoint(bars.width(), 0)).x() <= program.window.width()
    shots = []
    for scheme in ("light", "dark"):
        theme().choose(scheme)
        shots.append(program.window.grab().toImage().pixelColor(5, 200).lightness())
    assert shots[0] > 200 > 60 > shots[1]


def test_the_shortcut_sheet_lists_every_shortcut_and_nothing_overlaps(program: Composition, qtbot: QtBot) -> None:
    sheet = ShortcutSheet(program.window)
    qtbot.addWidget(sheet)
    sheet.show()
    labels = [label for label in sheet.findChildren(QLabel) if label.isVisible()]
    texts = {label.text() for label in labels}
    assert {spec.text for spec in ACTIONS if spec.shortcuts} <= texts
    for number, one in enumerate(labels):
        for other in labels[number + 1 :]:
            assert not one.geometry().intersects(other.geometry()), f"{one.text()} lies over {other.text()}"
