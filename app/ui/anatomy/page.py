"""The Anatomy page: the spine coloured by what was measured, a block taken apart, and the knife."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.anatomy import Measurement, OpenedBlock
from app.core.errors import ExplorerError
from app.core.records import Answer, ModelInfo
from app.ui.anatomy.block_panel import BlockPanel
from app.ui.anatomy.colouring import Colouring
from app.ui.anatomy.desk import Desk
from app.ui.anatomy.side import Side
from app.ui.anatomy.table_panel import TablePanel
from app.ui.anatomy.words import block_facts
from app.ui.drawing import image_from
from app.ui.notice_bar import NoticeBar
from app.ui.parts import PartSpec, TabbedPanels
from app.ui.shell import Shell
from app.ui.spine import Spine
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.records import Pixels

SPINE_HEIGHT, SPINE_HEIGHT_LOW = 15 * GRID, 11 * GRID
LOW = 75 * GRID  # a page lower than this has the lower spine
TOP = 5


# In the order of the tabs. Each module has `build(page) -> QWidget`; Block and Table are the page's own.
PANELS: tuple[PartSpec, ...] = (
    PartSpec(
        "block",
        str(QT_TRANSLATE_NOOP("PartSpec", "Block")),
        "",
        str(QT_TRANSLATE_NOOP("PartSpec", "The chosen block drawn open, with the tensors of the picture")),
    ),
    PartSpec(
        "table",
        str(QT_TRANSLATE_NOOP("PartSpec", "Table")),
        "",
        str(QT_TRANSLATE_NOOP("PartSpec", "Every block and stage: shapes, counts, measurements")),
    ),
    PartSpec(
        "channels",
        str(QT_TRANSLATE_NOOP("PartSpec", "Channels")),
        "app.ui.anatomy.drivers_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "The pictures of a data set that drive the block's channels hardest")),
    ),
    PartSpec(
        "sweep",
        str(QT_TRANSLATE_NOOP("PartSpec", "Sweep")),
        "app.ui.anatomy.sweep_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "The error with each block deleted in turn")),
    ),
    PartSpec(
        "paths",
        str(QT_TRANSLATE_NOOP("PartSpec", "Paths")),
        "app.ui.anatomy.paths_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "How deep the network effectively is")),
    ),
    PartSpec(
        "trust",
        str(QT_TRANSLATE_NOOP("PartSpec", "Trust")),
        "app.ui.anatomy.trust_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "How far the heatmap can be trusted")),
    ),
)


class AnatomyPage(QWidget):
    """Spine above, panels below, picture and knife on the right.

    Signals:
        block_chosen(name): another block is the one that is meant.
    """

    block_chosen = Signal(str)

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("anatomyPage")
        self.shell = shell
        self.surgery = shell.explore.surgery
        self.desk = Desk(shell.explore, shell.engine, self)
        self.block = ""
        self._composed: Answer | None = None  # whose map lies over the small picture
        self.notices = NoticeBar()
        self.spine = Spine(choose_head=True)
        self.colouring = Colouring(self.spine)
        self.block_panel = BlockPanel(shell.background)
        self.table_panel = TablePanel(shell.background)
        self.side = Side(self.surgery, shell.window.actions_table)
        self.panels = TabbedPanels("anatomy", self.tr("Parts of the Anatomy page"), PANELS, self._make_panel, self)
        self._lay_out()
        self._connect()
        self.show_panel("block")
        if shell.explore.model is not None:
            self._on_model(shell.explore.model)
        self._say_what_to_do()

    # What the user does.

    def choose_block(self, name: str) -> None:
        """Open this block."""
        outline = self.surgery.outline
        block = outline.block(name) if outline else None
        if block is None:
            return
        self.block = name
        self.spine.set_selected(name)
        self.side.set_block(block)
        self.table_panel.select(name)
        self.desk.open_block(name)
        self.block_chosen.emit(name)

    def step_block(self, by: int) -> None:
        """Open the block before or after."""
        outline = self.surgery.outline
        if outline is not None:
            names = [block.name for block in outline.blocks]
            place = names.index(self.block) + by if self.block in names else 0
            self.choose_block(names[max(0, min(place, len(names) - 1))])

    def show_panel(self, name: str) -> QWidget:
        """Bring a panel to the front, and give it."""
        return self.panels.show_panel(name)

    def take_paths(self, paths: list[Path]) -> bool:
        """Let the panel that is shown have what was dropped, if it wants it; pictures go to the session."""
        return self.panels.take_paths(paths)

    def show_pictures_of(self, channel: int) -> None:
        """Look for the pictures that drive a channel of the chosen block."""
        panel = self.show_panel("channels")
        ask = getattr(panel, "ask_about", None)
        if ask is not None:
            ask(channel)

    def step_panel(self, by: int) -> None:
        """Go to a neighbouring tab; after the last comes the first."""
        self.panels.step(by)

    def step_gate(self, by: float) -> None:
        """Let the chosen block's branch count more or less."""
        if self.side.gate.isEnabled():
            self.side.gate.setValue(self.side.gate.value() + round(100 * by))

    # What happens.

    def _on_model(self, model: ModelInfo) -> None:
        self.spine.set_outline(model.outline)
        self.spine.set_lesions(self.surgery.lesions)
        self.table_panel.show_network(model.outline, None)
        self.colouring.show_network(model.outline, None)
        self.notices.clear()
        self.block = ""
        self.choose_block(model.outline.default_block)
        self._say_what_to_do()

    def _on_measured(self, measurement: Measurement | None) -> None:
        outline = self.surgery.outline
        self.colouring.show_network(outline, measurement)
        self.table_panel.show_network(outline, measurement)
        if measurement is None:
            self.spine.set_details({})
            self.side.bars.set_rows([], -1)
            self.side.show_picture(None)
            self._composed = None
            self._say_what_to_do()
            return
        self.notices.clear("engine")
        self.spine.set_details({block.name: block_facts(block) for block in measurement.blocks})
        for notice in measurement.notices:
            self.notices.show_notice(notice, key="measure", trouble=False)

    def _on_opened(self, block: OpenedBlock | None) -> None:
        model = self.shell.explore.model
        label = model.labels[block.target] if block is not None and model is not None else ""
        self.block_panel.set_block(block, label)

    def _on_failed(self, error: ExplorerError) -> None:
        self.notices.show_notice(str(error), key="engine")

    def _on_answer(self, answer: Answer) -> None:
        """Explore has the picture and its map; here they are small."""
        shown, model = self.shell.explore.shown, self.shell.explore.model
        if not self.isVisible() or shown is None or shown.answer is not answer or model is None:
            return
        explained = answer.heatmap.target if answer.heatmap is not None else -1
        top = list(answer.prediction.top(TOP))
        if explained >= 0 and explained not in top:
            top[-1] = explained
        shares = answer.prediction.probabilities
        self.side.bars.set_rows([(one, model.labels[one], float(shares[one])) for one in top], explained)
        self._compose()

    def _compose(self) -> None:
        explore = self.shell.explore
        shown = explore.shown
        if shown is None or shown.view is None or shown.answer is None:
            return
        answer, pixels, opacity, name = shown.answer, shown.view.pixels, explore.opacity, explore.colour_map
        if answer is self._composed:
            return
        self._composed = answer
        heatmap = answer.heatmap

        def compose() -> Pixels:
            if heatmap is None:
                return pixels
            from app.render import overlay

            height, width = pixels.shape[:2]
            return overlay.composite(pixels, heatmap, (0, 0, width, height), opacity=opacity, name=name)

        def composed(result: Pixels | ExplorerError) -> None:
            if self._composed is answer and not isinstance(result, ExplorerError):
                self.side.show_picture(image_from(result))

        self.shell.background.run("anatomy", compose, composed)

    def _on_lesions(self) -> None:
        self.spine.set_lesions(self.surgery.lesions)
        self.notices.clear("refused")

    def _on_refused(self, error: ExplorerError) -> None:
        self.notices.show_notice(str(error), key="refused")

    def _say_what_to_do(self) -> None:
        if self.shell.explore.model is None:
            text = self.tr("No model is loaded. Choose one on Explore (Ctrl+1), or on Models (Ctrl+4).")
        elif self.shell.session.current < 0:
            text = self.tr("Drop a picture anywhere, or press Page Down for the first one of the strip.")
        else:
            text = self.tr("Measuring …")
        self.block_panel.set_empty_text(text)

    # Qt.

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._say_what_to_do()
        shown = self.shell.explore.shown
        if shown is not None and shown.answer is not None:
            self._on_answer(shown.answer)
        self.desk.set_active(True)

    def hideEvent(self, event: QHideEvent) -> None:
        self.desk.set_active(False)
        super().hideEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.spine.setFixedHeight(SPINE_HEIGHT_LOW if self.height() < LOW else SPINE_HEIGHT)

    # Putting together.

    def _lay_out(self) -> None:
        main = QVBoxLayout()
        main.setSpacing(0)
        main.addWidget(self.notices)
        main.addWidget(self.colouring)
        main.addWidget(self.spine)
        main.addWidget(self.panels, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(main, 1)
        layout.addWidget(self.side)

    def _make_panel(self, spec: PartSpec) -> QWidget:
        own = {"block": self.block_panel, "table": self.table_panel}
        return own[spec.name] if spec.name in own else spec.build(self)

    def _on_panel(self, _name: str) -> None:
        if (data := getattr(self.panels.current, "data", None)) is not None:
            data.refresh()  # another panel may have chosen other pictures

    def _connect(self) -> None:
        shell, surgery, desk = self.shell, self.surgery, self.desk
        self.spine.block_clicked.connect(self.choose_block)
        self.spine.block_double_clicked.connect(surgery.toggle_bypass)
        self.table_panel.block_chosen.connect(self.choose_block)
        self.side.block_chosen.connect(self.choose_block)
        self.block_panel.pictures_wanted.connect(self.show_pictures_of)
        self.side.class_chosen.connect(shell.explore.explain_class)
        for panel in (self.table_panel,):
            panel.said.connect(shell.window.set_status)
            panel.failed.connect(self._on_failed)
        self.panels.shown.connect(self._on_panel)
        desk.measured.connect(self._on_measured)
        desk.opened.connect(self._on_opened)
        desk.failed.connect(self._on_failed)
        surgery.changed.connect(self._on_lesions)
        surgery.refused.connect(self._on_refused)
        shell.engine.model_loaded.connect(self._on_model)
        shell.engine.answered.connect(self._on_answer)
        shell.explore.heatmap_shown.connect(self._on_answer)
        shell.session.current_changed.connect(lambda _entry: self._say_what_to_do())
        on = shell.window.actions_table.on
        on("anatomy-next-panel", lambda: self.step_panel(1))
        on("anatomy-previous-panel", lambda: self.step_panel(-1))
        on("anatomy-next-colour", self.colouring.next)
        on("gate-up", lambda: self.step_gate(0.1))
        on("gate-down", lambda: self.step_gate(-0.1))
        on("swap-block", self.side.swap.click)
        on("copy-blocks", self.table_panel.copy)
        on("save-blocks", self.table_panel.save)


def build(shell: Shell) -> QWidget:
    """The page, for the window."""
    return AnatomyPage(shell)
