"""What happens to a file of weights that is brought to the window: the report, the user's answers, taking it in."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.core.errors import EngineError, ModelError
from app.core.preprocessing import Preprocessing
from app.ui.composition import Composition
from app.ui.models.class_names import ClassNames
from app.ui.models.examiner import SHORTEST, time_limit
from app.ui.models.library_panel import LibraryPanel
from app.ui.models.verdicts import VerdictRow
from app.ui.prediction_bars import PredictionBars
from app.zoo.card import Architecture, Card, Weights
from app.zoo.card_file import write_card
from app.zoo.report import Inspection, Renamed, Report
from app.zoo.verdict import Verdict
from tests.ui.prompt_engine import LABELS, PromptEngine, outline
from tests.ui.test_models_page import panel as panel

RANKING = (("ImageNet's mean and deviation", 0.01), ("−1 to 1", 0.2), ("0 to 1", 0.4))
REPORT = Report(
    file="net.pth",
    bytes=1 << 20,
    format="PyTorch zip archive",
    table="state_dict",
    accepted=True,
    title="ResNet-20",
    family="cifar",
    architecture="resnet20",
    options={"shortcut": "A"},
    classes=10,
    parameters=270_000,
    matched=3,
    renamed=(Renamed("linear.weight", "fc.weight"),),
    left_over=("loss.weight",),
    labels=LABELS,
    labels_source="the file itself",
    verdicts=(
        Verdict("architecture", "basic blocks, 9 of them", "sure", "names and shapes"),
        Verdict("normalisation", RANKING[0][0], "likely", "agreement", RANKING),
    ),
    outline=outline(),
)
ACCEPTED = Inspection(REPORT, (("cat", 0.9), ("dog", 0.1)), seconds=1.5)
REFUSED = Inspection(
    Report(
        "bad.pth",
        10,
        "PyTorch legacy pickle",
        refusal="reading it would run or import code: os.system",
        remedy="Ask its author for the weights alone.",
        would_run=("os.system",),
    )
)


def _answers(inspection: object, monkeypatch: pytest.MonkeyPatch, **verbs: object) -> None:
    """Every engine that is started from now on says this of any file."""
    usual = PromptEngine.__init__

    def prepared(self: PromptEngine, *arguments: object) -> None:
        usual(self, *arguments)  # type: ignore[arg-type]
        self.verbs = {"library.inspect": inspection, **verbs}

    monkeypatch.setattr(PromptEngine, "__init__", prepared)


def _drop(program: Composition, *files: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    program.window.dropEvent(QDropEvent(QPointF(99, 99), copy, mime, left, Qt.KeyboardModifier.NoModifier))  # type: ignore[attr-defined]


def _file(folder: Path, name: str = "net.pth") -> Path:
    (folder / name).write_bytes(b"weights")
    return folder / name


def test_weights_dropped_on_any_page_are_looked_at_on_the_models_page(
    program: Composition, panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.window.show_page("explore")
    _answers(ACCEPTED, monkeypatch)
    before = len(PromptEngine.instances)
    _drop(program, _file(tmp_path))
    assert program.window.page == "models" and panel.inspecting
    with qtbot.waitSignal(panel.examiner.inspected):
        pass
    looking = PromptEngine.instances[-1]
    assert len(PromptEngine.instances) == before + 1, "a process of its own"
    assert looking.ran == [("library.inspect", (str(tmp_path / "net.pth"), {}))]
    assert "ResNet-20" in panel.report.subtitle.text() and panel.report.add.isEnabled()


def test_weights_on_the_models_page_before_it_was_ever_shown(
    program: Composition, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(ACCEPTED, monkeypatch)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(_file(tmp_path)), ""))
    program.window.actions_table["open-model"].trigger()
    assert program.window.page == "models"
    page = program.window.pages.currentWidget()
    assert page is not None
    (library,) = page.findChildren(LibraryPanel)
    assert library.inspecting


def test_pictures_dropped_on_the_models_page_are_shown_in_explore(
    program: Composition, panel: LibraryPanel, tmp_path: Path
) -> None:
    _drop(program, _file(tmp_path, "picture.png"))
    assert program.window.page == "explore"
    assert not panel.inspecting


def test_another_answer_is_tried(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(ACCEPTED, monkeypatch)
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    row = next(row for row in panel.report.findChildren(VerdictRow) if row.objectName() == "verdict-normalisation")
    row.picker.setCurrentIndex(1)
    with qtbot.waitSignal(panel.examiner.inspected):
        row.picker.activated.emit(1)
    assert PromptEngine.instances[-1].ran[-1][1] == (str(tmp_path / "net.pth"), {"normalisation": "−1 to 1"})


def test_a_refused_file_says_why_and_what_it_would_have_run(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(REFUSED, monkeypatch)
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path, "bad.pth"))
    assert panel.report.add.isHidden()
    texts = [edit.toPlainText() for edit in panel.report.findChildren(QPlainTextEdit)]
    assert texts == ["os.system"]


def test_a_file_that_takes_its_process_with_it_is_told_and_the_next_one_works(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(EngineError("The engine died 1 times."), monkeypatch)
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    assert "ended its process" in panel.report.trouble
    assert not panel.report.add.isEnabled()
    PromptEngine.instances[-1].verbs["library.inspect"] = ACCEPTED
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path, "other.pth"))
    assert panel.report.add.isEnabled() and not panel.report.notices.text


def test_a_process_that_was_killed_is_started_again_and_that_is_said(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[object] = [EngineError("The engine died 1 times."), ACCEPTED]
    _answers(lambda *_: outcomes.pop(0), monkeypatch)
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    assert panel.report.add.isEnabled()
    assert "A new one was started" in panel.report.notices.text
    assert len(PromptEngine.instances[-1].ran) == 2


def test_what_is_taken_in_is_offered_everywhere_at_once(
    program: Composition, panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_in(_path: str, name: str, _labels: str, _choices: object, _replaces: str) -> Card:
        folder = tmp_path / "home" / "data" / "models" / name
        folder.mkdir(parents=True)
        (folder / "w.safetensors").write_bytes(b"weights")
        architecture = Architecture("cifar", "resnet20", 10, {"shortcut": "A"})
        weights = Weights("w.safetensors", "0" * 64)
        card = Card(name, "Mine", "mine", architecture, LABELS, Preprocessing(32, 32), weights, folder)
        write_card(card)
        return card

    _answers(ACCEPTED, monkeypatch, **{"library.take_in": take_in})
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    panel.report.name.setText("mine")
    panel.report.add.click()
    qtbot.waitUntil(lambda: panel.shelf.current == "mine")
    assert not panel.inspecting and "mine is in the library" in panel.notices.text
    models = program.explore.inspector.models
    assert models.findData("mine") >= 0
    panel.details.remove.click()
    assert not panel.details.really.isHidden(), "it asks once"
    panel.details.really.click()
    qtbot.waitUntil(lambda: "mine" not in panel.shelf.tiles)
    assert models.findData("mine") < 0


def test_a_name_that_is_taken_is_told_and_the_report_stays(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = ModelError("There is a model called “x” already.", "Choose another name.")
    _answers(ACCEPTED, monkeypatch, **{"library.take_in": taken})
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    with qtbot.waitSignal(panel.examiner.taken_in):
        panel.report.add.click()
    assert "already" in panel.report.notices.text and panel.inspecting and panel.report.add.isEnabled()


def _looked_at(panel: LibraryPanel, qtbot: QtBot, folder: Path) -> ClassNames:
    """The classes in the report of a file."""
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(folder))
    assert panel.report.classes is not None
    return panel.report.classes


def _names(folder: Path, count: int) -> Path:
    (folder / f"{count}.txt").write_text("\n".join(f"name {index}" for index in range(count)), encoding="utf-8")
    return folder / f"{count}.txt"


def test_class_names_from_a_file_go_with_it_and_name_the_first_classification(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(replace(ACCEPTED, guesses=((LABELS[3], 0.9),)), monkeypatch, **{"library.take_in": ModelError("no")})
    classes = _looked_at(panel, qtbot, tmp_path)
    names = _names(tmp_path, 10)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_args: (str(names), ""))
    classes.choose.click()
    qtbot.waitUntil(lambda: classes.file == names)
    bars = panel.report.findChild(PredictionBars, "sampleBars")
    assert bars is not None and "name 3" in bars.accessibleDescription() + bars.accessibleName()
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.report.answer_chosen.emit("normalisation", "−1 to 1")
    qtbot.waitUntil(lambda: panel.report.labels_file == names)
    with qtbot.waitSignal(panel.examiner.taken_in):
        panel.report.add.click()
    assert PromptEngine.instances[-1].ran[-1][1][2] == str(names)


def test_a_wrong_number_of_class_names_is_told_at_once_with_both_counts_and_two_ways_on(
    program: Composition, panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(ACCEPTED, monkeypatch)
    classes = _looked_at(panel, qtbot, tmp_path)
    _drop(program, _names(tmp_path, 9))
    qtbot.waitUntil(lambda: classes.problem.isVisibleTo(panel))
    assert "9 class names" in classes.problem.text() and "10 classes" in classes.problem.text()
    assert "Choose a file" in classes.problem.text() and classes.without.isVisibleTo(panel)
    assert classes.file is None and panel.report.add.isEnabled()
    assert program.window.page == "models", "a list of names is no picture"
    _drop(program, _names(tmp_path, 10))
    qtbot.waitUntil(lambda: classes.file is not None)
    assert not classes.problem.isVisibleTo(panel) and "name 0" in classes.names.text()
    classes.without.click()
    assert classes.file is None and LABELS[1] in classes.names.text() and not classes.without.isVisibleTo(panel)


def test_names_are_asked_for_where_the_file_has_none(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered = replace(REPORT, labels=tuple(f"class {index}" for index in range(7)), classes=7)
    _answers(replace(ACCEPTED, report=numbered), monkeypatch)
    classes = _looked_at(panel, qtbot, tmp_path)
    assert "does not name its classes" in classes.source.text() and "list of 7 names" in classes.source.text()
    classes.take(_names(tmp_path, 8))
    qtbot.waitUntil(lambda: classes.problem.isVisibleTo(panel))
    assert classes.without.text() == "Go on without names"


def test_an_answer_can_be_chosen_where_nothing_could_be_tried(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = tuple(title for title, _ in RANKING)
    verdict = Verdict("normalisation", titles[0], "unsure", "no statistics", others=titles)
    _answers(replace(ACCEPTED, report=replace(REPORT, verdicts=(verdict,))), monkeypatch)
    _looked_at(panel, qtbot, tmp_path)
    row = panel.report.findChild(VerdictRow, "verdict-normalisation")
    assert row is not None and row.picker.count() == 3
    row.picker.setCurrentIndex(2)
    with qtbot.waitSignal(panel.examiner.inspected):
        row.picker.activated.emit(2)
    assert PromptEngine.instances[-1].ran[-1][1][1] == {"normalisation": "0 to 1"}


def test_a_file_that_takes_too_long_is_given_up(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptEngine, "run", lambda *_args: Future())
    panel.inspect(_file(tmp_path))
    assert panel.report.waiting.running and panel.examiner.busy
    panel.examiner._limit.setInterval(50)
    with qtbot.waitSignal(panel.examiner.inspected):
        pass
    looking = PromptEngine.instances[-1]
    qtbot.waitUntil(lambda: looking.closed)
    assert "took more than" in panel.report.trouble
    assert not panel.report.waiting.running and not panel.examiner.busy


def test_the_time_limit_grows_with_the_file(tmp_path: Path) -> None:
    small, large = _file(tmp_path), tmp_path / "large.pth"
    with large.open("wb") as file:
        file.truncate(8 << 30)  # sparse
    assert time_limit(small) == pytest.approx(SHORTEST, abs=1)
    assert time_limit(large) - SHORTEST > 600
    assert time_limit(tmp_path / "gone.pth") == SHORTEST


def test_going_back_while_it_is_looked_at_ends_the_process(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(ACCEPTED, monkeypatch)
    panel.inspect(_file(tmp_path))
    looking = PromptEngine.instances[-1]
    panel.report.closed.emit()
    qtbot.waitUntil(lambda: looking.closed)
    assert not panel.inspecting and not panel.examiner.busy


def test_a_report_without_a_first_classification_says_why(
    panel: LibraryPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answers(replace(ACCEPTED, guesses=(), trouble="Its answers are not finite numbers."), monkeypatch)
    with qtbot.waitSignal(panel.examiner.inspected):
        panel.inspect(_file(tmp_path))
    assert panel.report.add.isEnabled()
