"""The Anatomy page with a quick engine: what it asks, what it shows, what the knife does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.core.anatomy import QUANTITIES
from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import NetworkOutline, Request
from app.ui.anatomy.colouring import Colouring
from app.ui.anatomy.page import AnatomyPage
from app.ui.composition import Composition
from app.ui.spine import Spine
from tests.ui.anatomy_records import measurement, opened
from tests.ui.outlines import cifar, vgg
from tests.ui.prompt_engine import PromptEngine, outline

Start = Callable[..., tuple[Composition, AnatomyPage]]


class AnatomyEngine(PromptEngine):
    """Measures and opens, too."""

    network: NetworkOutline = outline()

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.verbs["anatomy.measure"] = lambda request: measurement(self.network, request)
        self.verbs["anatomy.tensors"] = lambda request, block: opened(self.network, request, block)

    def asked(self, verb: str) -> list[tuple[object, ...]]:
        return [arguments for name, arguments in self.ran if name == verb]


@pytest.fixture
def start(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    made: list[Composition] = []

    def begin(*, picture: bool = True) -> tuple[Composition, AnatomyPage]:
        path = tmp_path / "a.png"
        Image.new("RGB", (60, 40), (7, 7, 7)).save(path)
        composition = Composition([path] if picture else [], client=AnatomyEngine)  # type: ignore[arg-type]
        made.append(composition)
        qtbot.addWidget(composition.window)
        with qtbot.waitSignal(composition.engine.answered if picture else composition.engine.model_loaded):
            composition.show()
        composition.window.show_page("anatomy")
        page = composition.window.pages.currentWidget()
        assert isinstance(page, AnatomyPage)
        if picture:
            qtbot.waitUntil(lambda: page.desk.measurement is not None and page.desk.block_opened is not None)
        return composition, page

    yield begin
    for composition in made:
        composition.close()
        composition.window.hide()


def _engine() -> AnatomyEngine:
    engine = PromptEngine.instances[-1]
    assert isinstance(engine, AnatomyEngine)
    return engine


def test_the_picture_at_hand_is_measured_and_the_last_block_opened(start: Start) -> None:
    _, page = start()
    assert page.block == "layer3.2"
    assert page.desk.block_opened is not None and page.desk.block_opened.block.name == "layer3.2"
    assert page.block_panel.title.text() == "stage 3, block 3"
    assert not page.block_panel.empty.isVisible()
    assert page.side.bars.isVisible()
    tip = page.spine.block_tip("layer2.1")
    assert "1 × 16 × 32 × 32" in tip and "7,407,402 multiply-adds" in tip


def test_nothing_is_asked_twice_nor_out_of_sight(start: Start, qtbot: QtBot) -> None:
    composition, page = start()
    engine = _engine()
    count = len(engine.asked("anatomy.measure"))
    page.desk.refresh()
    qtbot.wait(300)
    assert len(engine.asked("anatomy.measure")) == count
    composition.window.show_page("explore")
    with qtbot.waitSignal(composition.engine.answered):
        page.surgery.toggle_bypass("layer1.1")
    qtbot.wait(300)
    assert len(engine.asked("anatomy.measure")) == count
    composition.window.show_page("anatomy")
    qtbot.waitUntil(lambda: len(engine.asked("anatomy.measure")) == count + 1)
    (request,) = engine.asked("anatomy.measure")[-1]
    assert isinstance(request, Request) and request.lesions == (Lesion("bypass", "layer1.1"),)


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda quantity: quantity.name)
def test_the_blocks_are_coloured_by_any_quantity(start: Start, quantity: object) -> None:
    _, page = start()
    name = quantity.name  # type: ignore[attr-defined]
    page.colouring.choose(name)
    assert page.spine._fills[1] is not None
    assert (page.spine._fills[-1] is None) == (name in ("gradient", "ratio")), "the head adds nothing"
    assert page.colouring.scale.accessibleDescription() != "no heatmap"


def test_the_next_colour_comes_by_key_and_goes_round(start: Start) -> None:
    composition, page = start()
    for _ in QUANTITIES:
        composition.window.actions_table["anatomy-next-colour"].trigger()
    assert page.colouring.quantity is QUANTITIES[0]


def test_a_click_opens_a_block_and_a_double_click_bypasses_it(start: Start, qtbot: QtBot) -> None:
    _, page = start()
    page.spine.block_clicked.emit("layer1.0")
    qtbot.waitUntil(lambda: page.desk.block_opened is not None and page.desk.block_opened.block.name == "layer1.0")
    page.spine.block_double_clicked.emit("layer1.0")
    assert page.spine.bypassed == {"layer1.0"}
    qtbot.waitUntil(lambda: page.desk.block_opened is not None and page.desk.block_opened.alpha == 0)
    assert "bypassed" in page.block_panel.subtitle.text()
    assert page.side.bypass.text() == "Bring back"


def test_b_bypasses_the_block_of_the_page_that_is_shown(start: Start) -> None:
    composition, page = start()
    page.choose_block("layer1.2")
    composition.window.actions_table["bypass"].trigger()
    assert page.surgery.lesions == (Lesion("bypass", "layer1.2"),)
    composition.window.actions_table["previous-block"].trigger()
    assert page.block == "layer1.1"
    composition.window.show_page("explore")
    composition.window.actions_table["bypass"].trigger()
    assert page.surgery.lesions[-1].block == composition.explore.block != "layer1.1"


def test_the_gate_follows_slider_and_keys(start: Start, qtbot: QtBot) -> None:
    composition, page = start()
    page.choose_block("layer2.1")
    page.side.gate.setValue(40)
    assert page.surgery.lesions == (Lesion("gate", "layer2.1", alpha=0.4),)
    composition.window.actions_table["gate-down"].trigger()
    assert page.surgery.lesions[0].alpha == pytest.approx(0.3)
    composition.window.actions_table["undo-lesion"].trigger()
    assert page.side.gate.value() == 40
    page.side.gate.setValue(100)
    assert page.surgery.lesions == ()


def test_stem_and_head_have_no_knife(start: Start) -> None:
    _, page = start()
    page.choose_block("fc")
    assert not page.side.gate.isEnabled() and not page.side.bypass.isEnabled() and not page.side.swap.isEnabled()


def test_only_blocks_of_equal_shape_are_offered_for_a_swap(start: Start) -> None:
    composition, page = start()
    page.choose_block("layer2.1")
    offered = [page.side.swap_with.itemData(place) for place in range(page.side.swap_with.count())]
    assert offered == ["layer2.2"], "layer2.0 has another shortcut"
    composition.window.actions_table["swap-block"].trigger()
    assert page.surgery.lesions == (Lesion("swap", "layer2.1", other="layer2.2"),)
    page.choose_block("layer2.0")
    assert not page.side.swap.isEnabled()


def test_every_change_is_listed_named_and_taken_away_alone(start: Start, qtbot: QtBot) -> None:
    _, page = start()
    page.surgery.toggle_bypass("layer1.1")
    page.surgery.set_gate("layer2.1", 0.5)
    rows = page.side.list.rows
    assert [row.name.text() for row in rows] == ["stage 1, block 2 bypassed", "stage 2, block 2 counts 50 %"]
    rows[1].name.selectAll()
    qtbot.keyClicks(rows[1].name, "half asleep")
    qtbot.keyClick(rows[1].name, Qt.Key.Key_Return)
    assert page.surgery.name_of(page.surgery.lesions[1]) == "half asleep"
    rows[0].remove.click()
    assert page.surgery.lesions == (Lesion("gate", "layer2.1", alpha=0.5),)
    assert [row.name.text() for row in page.side.list.rows] == ["half asleep"]


def test_a_refusal_says_why(start: Start, qtbot: QtBot) -> None:
    composition, page = start()
    _engine().error = AnatomyError("They cannot change places: their shapes differ.", "Choose two of one stage.")
    with qtbot.waitSignal(composition.engine.failed):
        page.surgery.swap("layer1.0", "layer2.0")
    qtbot.waitUntil(lambda: "shapes differ" in page.notices.text)
    assert page.surgery.lesions == ()
    _engine().error = None


def test_the_answer_before_and_after_stands_beside_the_picture(start: Start, qtbot: QtBot) -> None:
    _, page = start()
    page.surgery.toggle_bypass("layer1.1")
    qtbot.waitUntil(lambda: "→" in page.side.effect.text())
    assert page.side.effect.isVisible()
    page.surgery.restore()
    assert not page.side.effect.isVisible()


def test_an_engine_that_dies_changes_nothing(start: Start, qtbot: QtBot) -> None:
    composition, page = start()
    page.surgery.toggle_bypass("layer1.1")
    with qtbot.waitSignal(composition.engine.state_changed):
        _engine().die()
    assert page.spine.bypassed == {"layer1.1"}
    composition.explore.explain_class(3)
    qtbot.waitUntil(lambda: _engine().requests[-1].target == 3)
    assert _engine().requests[-1].lesions == (Lesion("bypass", "layer1.1"),)


def test_without_a_picture_the_page_says_what_to_do(start: Start) -> None:
    _, page = start(picture=False)
    assert page.block_panel.empty.isVisible() and "Drop a picture" in page.block_panel.empty.text()
    assert page.table_panel.model.rowCount() == len(outline().blocks), "what needs no picture is there"
    assert page.desk.request is None


def test_the_table_sorts_copies_and_saves(start: Start, qtbot: QtBot, tmp_path: Path) -> None:
    _, page = start()
    panel = page.table_panel
    panel.table.sortByColumn(8, Qt.SortOrder.DescendingOrder)  # parameters: 1000 each, 650, 464
    lines = panel.text().splitlines()
    assert lines[0].startswith("name,Block,Kind,In,Out,")
    assert lines[-1].startswith("relu,stem") and lines[-2].startswith("fc,head")
    assert "1234567" in lines[-1], "counts are exact"
    panel.copy()
    assert QGuiApplication.clipboard().text() == panel.text()
    with qtbot.waitSignal(panel.said):
        panel.save_to(tmp_path / "table")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == panel.text()
    with qtbot.waitSignal(panel.failed):
        panel.save_to(tmp_path / "a.png" / "no.csv")
    assert "272,474" in panel.totals.text() and "published" in panel.totals.text()


def test_a_stage_is_the_sum_of_its_blocks(start: Start) -> None:
    _, page = start()
    panel = page.table_panel
    panel.rows.setCurrentIndex(1)
    panel.rows.activated.emit(1)
    rows = {row.texts[0]: row for row in panel.model.rows}
    assert list(rows) == ["stem", "stage 1", "stage 2", "stage 3", "head"]
    assert rows["stage 1"].values[8] == 3000
    assert rows["stage 1"].values[9] == 1_234_567 * (2 + 3 + 4)
    assert rows["stage 1"].texts[4] == "–", "a ratio of a stage was not measured"


def test_a_row_opens_its_block_and_a_block_finds_its_row(start: Start) -> None:
    _, page = start()
    page.table_panel.table.selectRow(2)
    assert page.block == "layer1.1"
    page.choose_block("layer3.0")
    index = page.table_panel.table.currentIndex()
    assert page.table_panel.model.rows[page.table_panel._proxy.mapToSource(index).row()].block == "layer3.0"


def test_every_panel_can_be_reached_by_key(start: Start) -> None:
    composition, page = start()
    seen = {page.panels.tabs.checkedId()}
    for _ in page.panels.tabs.buttons():
        composition.window.actions_table["anatomy-next-panel"].trigger()
        seen.add(page.panels.tabs.checkedId())
    assert seen == set(range(len(page.panels.tabs.buttons())))


@pytest.mark.parametrize("network", [cifar(1202), vgg()], ids=["1202 layers", "no blocks"])
def test_networks_of_any_kind_are_shown(
    start: Start, qtbot: QtBot, network: NetworkOutline, monkeypatch: pytest.MonkeyPatch
) -> None:
    composition, page = start()
    monkeypatch.setattr(_engine(), "network", network, raising=False)
    model = composition.explore.model
    assert model is not None
    another = replace(model, outline=network, reference="another")
    composition.explore.set_model(another)
    composition.engine.model_loaded.emit(another)
    qtbot.waitUntil(lambda: page.desk.measurement is not None, timeout=10_000)
    assert page.table_panel.model.rowCount() == len(network.blocks)
    middle = next(block.name for block in network.blocks if block.stage == 2)
    page.choose_block(middle)
    page.surgery.toggle_bypass(middle)
    assert page.spine.bypassed == {middle}
    if network.title == "VGG-16":
        assert not page.side.swap.isEnabled(), "a layer has nothing to change places with"
        assert page.side.list.rows[0].name.text() == "stage 2, layer 1 bypassed"
    assert np.isfinite(page.colouring.scale._high)


def test_where_nothing_is_added_the_blocks_are_coloured_by_their_energy(qapp: object) -> None:
    plain, spine = cifar(20, plain=True), Spine()
    colouring = Colouring(spine)
    spine.set_outline(plain)
    request = Request(1, "r20", np.zeros((32, 32, 3), np.uint8))
    colouring.show_network(plain, measurement(plain, request))
    assert colouring.quantity.name == "energy" and spine._fills[1] is not None
    colouring.show_network(outline(), measurement(outline(), request))
    assert colouring.quantity.name == "ratio"
    colouring.choose("gradient")
    colouring.show_network(plain, measurement(plain, request))
    assert colouring.quantity.name == "gradient", "what was chosen stays"
