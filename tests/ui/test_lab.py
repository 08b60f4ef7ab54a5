"""The Lab's page: what a person does there, and what must then be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QSlider, QTableWidget
from pytestqt.qtbot import QtBot

from app import paths
from app.core.records import BlockInfo, NetworkOutline
from app.runs import control
from app.runs.folder import SUMMARY, describe, write_json
from app.training.config import Experiment
from app.ui.composition import Composition
from app.ui.lab import estimate
from app.ui.lab.fields import ChoiceField
from app.ui.lab.page import LabPage
from app.ui.lab.spines import first_to_last
from tests.ui.prompt_engine import PromptEngine
from tests.ui.runs_help import make_run, make_twins, write_status


def lab(program: Composition) -> LabPage:
    program.window.show_page("lab")
    page = program.window.pages.currentWidget()
    assert isinstance(page, LabPage)
    return page


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words with which processes would have been started; none is."""
    words: list[list[str]] = []

    class Process:
        def poll(self) -> None:
            return None

    def spawn(given: list[str], log: Path) -> Process:
        words.append(given)
        return Process()

    monkeypatch.setattr("app.ui.lab.trainers.spawn", spawn)
    return words


def test_an_impossible_depth_is_refused_with_what_would_be_valid(program: Composition) -> None:
    page = lab(program)
    page.panel.form.set_values(depth="21")
    assert "20 and 26" in page.panel.problem.text()
    assert not page.panel.start.isEnabled()
    assert "20 and 26" in page.panel.start.toolTip()
    page.panel.form.set_values(depth="26")
    assert page.panel.start.isEnabled()
    assert not page.panel.problem.isVisibleTo(page)


def test_data_that_is_not_here_is_said_before_the_start(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    page = lab(program)
    page.panel.choose_preset("paper")
    qtbot.waitUntil(lambda: not page.panel.start.isEnabled())
    assert "CIFAR-10 is not on this machine" in page.panel.problem.text()
    assert "Download" in page.panel.problem.text()
    page.panel.form.set_values(download=True)
    qtbot.waitUntil(page.panel.start.isEnabled)
    one_class = tmp_path / "pictures"
    (one_class / "cat").mkdir(parents=True)
    page.panel.form.set_values(data="folder", data_path=str(one_class))
    qtbot.waitUntil(lambda: not page.panel.start.isEnabled())
    assert "no class with pictures" in page.panel.problem.text()


def test_the_depths_of_a_preset_stand_together_until_one_is_chosen(program: Composition) -> None:
    form = lab(program).panel.form
    form.set_preset("degradation")
    assert form.field("depth").value() == "20, 32, 44, 56"
    assert form.wanted is not None and len(form.wanted.experiments) == 4
    form.set_values(depth="44")
    assert form.wanted is not None
    assert [one.depth for one in form.wanted.experiments.values()] == [44]


def test_depths_are_those_of_the_block(program: Composition) -> None:
    form = lab(program).panel.form
    form.set_values(depth="32", block="bottleneck")
    depth = form.field("depth")
    assert isinstance(depth, ChoiceField)
    assert depth.picker.findText("164") >= 0
    assert form.problem is not None and "9n+2" in str(form.problem)


def test_start_begins_a_process_and_ticks_its_runs_when_they_come(
    program: Composition, qtbot: QtBot, started: list[list[str]]
) -> None:
    page = lab(program)
    page.panel.start.click()
    qtbot.waitUntil(lambda: len(started) == 1)
    assert started[0][:3] == ["train", "--preset", "first-look"]
    folder = Path(started[0][-1])
    assert folder.parent == paths.user_runs()
    residual, plain = make_twins(folder, state="running")
    page.index.look()
    qtbot.waitUntil(lambda: set(page.table.ticked) == {residual, plain})
    assert page.panel.pause.isEnabled() and page.panel.pause.text() == "Pause"
    assert "%" in page.panel.progress_words.text()
    page.panel.pause.click()
    qtbot.waitUntil(lambda: control.is_asked(residual, "pause") and control.is_asked(plain, "pause"))
    page.panel.stop.click()
    qtbot.waitUntil(lambda: control.is_asked(residual, "stop") and control.is_asked(plain, "stop"))


def test_runs_are_listed_in_words(program: Composition, qtbot: QtBot) -> None:
    root = paths.user_runs()
    make_run(root / "done")
    make_run(root / "died", state="running")
    write_status(root / "died", state="running", step=7, steps=40, process=2**22 + 1)
    make_run(root / "nan", state="failed")
    write_status(root / "nan", state="failed", step=9, message="At step 9 the loss was nan.", remedy="Try less.")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 3)
    words = {page.table.item(row, 0).text(): page.table.item(row, 4).text() for row in range(3)}
    assert "finished" in words["ResNet-20 · done"]
    assert "broke off at step 7" in words["ResNet-20 · died"]
    assert words["ResNet-20 · nan"] == "failed: At step 9 the loss was nan."
    page.table.choose(root / "nan")
    qtbot.waitUntil(lambda: "Try less." in page.notices.text)
    page.table.choose(root / "died")
    assert page.panel.pause.text() == "Resume" and page.panel.pause.isEnabled()


def test_a_broken_off_run_is_resumed(program: Composition, qtbot: QtBot, started: list[list[str]]) -> None:
    root = paths.user_runs()
    residual, _ = make_twins(root / "pair", state="stopped")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    page.table.choose(residual)
    page.panel.pause.click()
    qtbot.waitUntil(lambda: started == [["train", "--run", str(root / "pair"), "--resume"]])


def test_deleting_asks_first_and_a_living_run_stays(program: Composition, qtbot: QtBot) -> None:
    root = paths.user_runs()
    done, living = make_run(root / "done"), make_run(root / "living", state="running")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    page.table.choose(living)
    menu = page.care.menu(page._listed(living), ())
    delete = next(action for action in menu.actions() if action.text() == "Delete …")
    assert not delete.isEnabled() and "stop it first" in delete.toolTip()
    menu = page.care.menu(page._listed(done), ())
    next(action for action in menu.actions() if action.text() == "Delete …").trigger()
    assert page.question.isVisible() and done.exists()
    page.question._answer(1)
    assert not page.question.isVisible() and done.exists()
    next(action for action in menu.actions() if action.text() == "Delete …").trigger()
    page.question._answer(0)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    assert not done.exists()


def test_runs_that_came_with_the_program_are_shown_and_stay(program: Composition, qtbot: QtBot) -> None:
    ours, _ = make_twins(paths.bundled_runs() / "pair")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 2)
    qtbot.waitUntil(lambda: bool(page.table.ticked))  # a first start has something to look at
    menu = page.care.menu(page._listed(ours), ())
    for text in ("Delete …", "Rename …", "Add its network to the models"):
        action = next(action for action in menu.actions() if action.text() == text)
        assert not action.isEnabled() and "came with the program" in action.toolTip()


def test_renaming_keeps_the_run(program: Composition, qtbot: QtBot) -> None:
    root = paths.user_runs()
    done = make_run(root / "done")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    page.table.choose(done)
    menu = page.care.menu(page._listed(done), ())
    next(action for action in menu.actions() if action.text() == "Rename …").trigger()
    page.question.line.setText("a better name")
    page.question._answer(0)
    qtbot.waitUntil(lambda: (root / "a better name").is_dir() and page.table.rowCount() == 1)


def test_closing_with_a_run_asks_once(program: Composition, qtbot: QtBot, started: list[list[str]]) -> None:
    living = make_run(paths.user_runs() / "living", state="running")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    program.window.show_page("explore")
    program.window.quit()
    assert program.window.isVisible() and program.window.page == "lab"
    assert page.question.isVisible()
    page.question._answer(2)
    assert program.window.isVisible()
    program.window.quit()
    page.question._answer(1)
    assert not program.window.isVisible()
    assert program.settings.resume_runs == (str(living),)
    assert control.is_asked(living, "stop")


def test_what_was_stopped_at_closing_goes_on_at_the_next_start(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    run = make_run(paths.user_runs() / "stopped", state="stopped")
    composition = Composition(client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.shell.change(resume_runs=(str(run),))
    composition.show()
    lab(composition)
    qtbot.waitUntil(lambda: started == [["train", "--run", str(run), "--resume"]])
    assert composition.settings.resume_runs == ()
    composition.close()
    composition.window.hide()


def test_a_run_from_elsewhere_is_copied_or_listed(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    make_run(tmp_path / "shared" / "theirs")
    page = lab(program)
    page._set_shared((tmp_path / "shared",))
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    assert program.settings.run_folders == (str(tmp_path / "shared"),)
    page.care.bring_in(tmp_path / "shared" / "theirs")
    qtbot.waitUntil(lambda: (paths.user_runs() / "theirs" / "config.json").is_file())
    page._set_shared(())
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)


def test_exports_say_where_they_are(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    run = make_run(paths.user_runs() / "done")
    page = lab(program)
    page.care.export_to((run,), tmp_path / "out", "csv")
    qtbot.waitUntil(lambda: "3 tables" in page.notices.text)
    assert (tmp_path / "out" / "done" / "blocks.csv").is_file()
    page.care.export_to((run,), tmp_path / "out", "events")
    qtbot.waitUntil(lambda: "tensorboard --logdir" in page.notices.text)


def test_scrubbing_shows_every_plot_as_it_was(program: Composition, qtbot: QtBot) -> None:
    residual, plain = make_twins(paths.user_runs() / "pair")
    page = lab(program)
    board = page.board
    qtbot.waitUntil(lambda: all(track.last_step == 20 for track in board.tracks.all) and len(board.tracks.all) == 2)
    assert board.tracks.pair[0].path == residual and board.tracks.pair[1].path == plain
    ratio = board.spines.spines[1].ratio
    qtbot.waitUntil(lambda: "first to last" in ratio.text())
    newest = board.blocks.table().columns[-1].copy()
    board.show_step(5)
    qtbot.waitUntil(lambda: not np.array_equal(board.blocks.table().columns[-1], newest))
    assert np.allclose(board.blocks.table().columns[-1], newest * 20 / 5, rtol=1e-5)
    assert {chart.marker for chart in (*board.lines.values(), *board.maps)} == {5}
    assert "step 5 of 20" in board.scrub._words.text()
    board.scrub.live.click()
    qtbot.waitUntil(lambda: np.array_equal(board.blocks.table().columns[-1], newest))
    assert {chart.marker for chart in (*board.lines.values(), *board.maps)} == {None}


def test_the_ratio_leaves_stem_and_head_out(program: Composition, qtbot: QtBot) -> None:
    values = np.array([100, 4, 3, 2, 100], np.float32)
    kinds = (("stem", 0), ("basic", 1), ("basic", 2), ("basic", 3), ("head", 0))
    blocks = tuple(BlockInfo(f"b{n}", kind, stage, 1, "none", 1) for n, (kind, stage) in enumerate(kinds))  # type: ignore[arg-type]
    network = NetworkOutline("cifar", "plain8", "Plain-8", blocks, 5)
    assert first_to_last(network, values) == 2.0
    assert first_to_last(network, np.array([1, np.nan, 3, 1.5, 1], np.float32)) == 2.0
    assert first_to_last(network, np.array([1, 1, 3, 0, 1], np.float32)) is None


def test_other_quantities_of_blocks(program: Composition, qtbot: QtBot) -> None:
    make_twins(paths.user_runs() / "pair")
    board = lab(program).board
    qtbot.waitUntil(lambda: len(board.tracks.all) == 2 and all(track.last_step == 20 for track in board.tracks.all))
    qtbot.waitUntil(lambda: len(board.blocks.table().columns) == 4)
    outputs = board.blocks.table().columns[2].copy()
    board.choose_quantity("parameter_gradient")
    qtbot.waitUntil(lambda: np.allclose(board.blocks.table().columns[2] * 2, outputs))
    board.choose_quantity("update_ratio")
    qtbot.waitUntil(lambda: np.allclose(board.blocks.table().columns[2] * 200, outputs, rtol=1e-5))
    board.choose_quantity("branches")  # never measured here
    qtbot.waitUntil(lambda: np.isnan(board.blocks.table().columns[-1]).all())


def test_more_runs_than_two_are_told_apart(program: Composition, qtbot: QtBot) -> None:
    for number in range(3):
        make_twins(paths.user_runs() / f"pair {number}")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 6)
    page.table.tick([run.path for run in page.index.runs])
    tracks = page.board.tracks.all
    assert len({track.token for track in tracks}) == 6
    assert len({track.legend for track in tracks}) == 6
    page.table.tick([])
    assert page.board.tracks.all == ()
    assert all(not chart.entries() for chart in page.board.lines.values())


def test_before_anything_was_trained_one_click_begins(
    program: Composition, qtbot: QtBot, started: list[list[str]]
) -> None:
    page = lab(program)
    qtbot.waitUntil(page.welcome.isVisible)
    assert not page.board.isVisible()
    page.welcome.first.click()
    qtbot.waitUntil(lambda: len(started) == 1)
    assert started[0][:3] == ["train", "--preset", "first-look"]
    assert page.board.isVisible() and not page.welcome.isVisible()


def test_every_control_has_a_name_and_a_tip(program: Composition, qtbot: QtBot) -> None:
    make_run(paths.user_runs() / "done")
    page = lab(program)
    qtbot.waitUntil(lambda: page.table.rowCount() == 1)
    page.panel.form.more_button.click()
    kinds = (QAbstractButton, QComboBox, QSlider, QTableWidget)
    for kind in kinds:
        for widget in page.findChildren(kind):
            if widget.isVisible() and not widget.objectName().startswith("qt_"):
                assert widget.objectName(), widget
                words = widget.toolTip() or widget.accessibleName()
                assert words or (isinstance(widget, QAbstractButton) and widget.text()), widget.objectName()


def test_an_estimate_comes_from_what_was_clocked_here(tmp_path: Path) -> None:
    run = describe(make_run(tmp_path / "done", depth=20))
    write_json(run.path / SUMMARY, {"pictures_per_second": 1000.0, "train_error": 1.0, "test_error": 2.0})
    run = describe(run.path)
    same = Experiment(data="shapes", device="cpu", depth=20, budget=1000, batch=100)
    assert estimate.seconds(same, [run]) == pytest.approx(100)
    assert estimate.seconds(same.changed({"depth": 38}), [run]) == pytest.approx(200)
    assert estimate.seconds(same.changed({"twin": True}), [run]) == pytest.approx(200)
    assert estimate.seconds(same.changed({"block": "bottleneck", "depth": 29}), [run]) is None
    assert estimate.seconds(same.changed({"budget": 3, "budget_unit": "minutes"}), []) == 180
    assert "No estimate yet" in estimate.sentence([same], [])


@pytest.mark.parametrize("own", [False, True])
def test_ones_own_run_is_shown_first_else_the_deepest_pair_that_came_with_the_program(
    program: Composition, qtbot: QtBot, tmp_path: Path, own: bool
) -> None:
    bundled = tmp_path / "came-with-the-program"
    pair = make_twins(bundled / "deep", depth=56)
    for path in pair:
        write_status(path, state="finished", started=100.0)
    make_twins(bundled / "newer", depth=20)
    make_run(bundled / "alone", depth=110)
    mine = make_run(paths.user_runs() / "mine") if own else None
    page = lab(program)
    qtbot.waitUntil(lambda: len(page.index.runs) == (6 if own else 5) and bool(page.table.ticked))
    assert page.table.ticked == ((mine,) if own else pair)
