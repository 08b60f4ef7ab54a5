"""The panel “Block”: one block drawn open, and below it its tensors as mosaics: x, F(x) and their sum on one scale."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.core.anatomy import OpenedBlock, Step
from app.ui.anatomy.block_diagram import BlockDiagram, step_facts
from app.ui.anatomy.channel_card import ChannelCard, by_order
from app.ui.anatomy.filters import FilterView
from app.ui.anatomy.mosaic import MosaicView, colours_of
from app.ui.anatomy.words import block_kind, shape_text
from app.ui.background import Background
from app.ui.colour_scale import ColourScale
from app.ui.drawing import number_text
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.spine_words import block_label
from app.ui.tokens import GRID

SIDE_BY_SIDE = ("x", "F(x)", "F(x) + s(x)")
TENSORS_HEIGHT = 32 * GRID


class BlockPanel(QScrollArea):
    """Shows an opened block.

    Signals:
        pictures_wanted(channel): the pictures of a data set that drive this channel of the block's output hardest.
    """

    pictures_wanted = Signal(int)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "blockPanel", self.tr("The block, taken apart"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._block: OpenedBlock | None = None
        self._label = ""  # of the class
        self._step: int | None = None  # the only step that is shown; None for x, F(x) and their sum
        self.title = named(QLabel(), "blockTitle")
        self.title.setProperty("role", "strong")
        self.subtitle = named(QLabel(), "blockSubtitle")
        self.subtitle.setProperty("role", "quiet")
        self.subtitle.setWordWrap(True)
        self.diagram = BlockDiagram()
        self._views = [_Tensor(f"mosaic{place}", background) for place in range(len(SIDE_BY_SIDE))]
        self.filters = FilterView()
        self.channel = ChannelCard()
        self.empty = named(QLabel(), "blockEmpty")
        self.empty.setProperty("role", "quiet")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self._make_controls()
        self._lay_out()
        self.diagram.step_chosen.connect(self._show_step)
        self.order.activated.connect(self._show_tensors)
        self.together.clicked.connect(lambda: self._show_step(None))
        self.first_filters.clicked.connect(self._show_tensors)
        self.channel.channel_chosen.connect(self._choose_channel)
        self.channel.pictures_wanted.connect(self.pictures_wanted)
        for view in self._views:
            view.mosaic.channel_chosen.connect(self._choose_channel)
        self.set_block(None, "")

    def set_block(self, block: OpenedBlock | None, label: str) -> None:
        """Show another block; `label` is the class that the contributions are for."""
        old, self._block, self._label = self._block, block, label
        if old is None or block is None or old.block != block.block or len(old.steps) != len(block.steps):
            self._step = None
            self.diagram.select(None)
            self.channel.show_channel("", None, -1)
        self.body.setVisible(block is not None)
        self.empty.setVisible(block is None)
        self.diagram.set_block(block)
        if block is None:
            return
        self.title.setText(block_label(block.block))
        self.subtitle.setText(self._describe(block))
        self.order.model().item(2).setEnabled(block.contribution is not None)  # type: ignore[attr-defined]
        self.first_filters.setVisible(block.filters is not None)
        self.filters.set_filters(block.filters)
        self.channel.show_top(label, block.contribution)
        self._show_tensors()

    def set_empty_text(self, text: str) -> None:
        """What to say while there is no block to show."""
        self.empty.setText(text)

    def _describe(self, block: OpenedBlock) -> str:
        first, last = block.step("x"), block.step("y")
        parts = [block_kind(block.block)]
        if first is not None and last is not None:
            parts.append(f"{shape_text(first.shape)} → {shape_text(last.shape)}")
        branch, short = block.step("F(x)"), block.step("s(x)")
        if branch is not None and short is not None and short.norm > 0:
            parts.append(f"‖F(x)‖ / ‖s(x)‖ = {number_text(branch.norm / short.norm)}")
        if block.alpha == 0:
            parts.append(self.tr("bypassed"))
        elif block.alpha < 1:
            parts.append(self.tr("F(x) counts {0} %").format(round(100 * block.alpha)))
        if block.standing != block.block.name:
            parts.append(self.tr("swapped: {0} stands here").format(block.standing))
        return "   ·   ".join(parts)

    # Tensors.

    def _show_step(self, index: int | None) -> None:
        self._step = index
        self.diagram.select(index)
        self.first_filters.setChecked(False)
        self._show_tensors()

    def _shown_steps(self) -> list[Step]:
        assert self._block is not None
        if self._step is not None:
            return [self._block.steps[self._step]]
        found = [step for symbol in SIDE_BY_SIDE if (step := self._block.step(symbol)) is not None]
        last = self._block.step("y")
        if len(found) < 2 and last is not None:
            found.append(last)
        return found

    def _show_tensors(self) -> None:
        block = self._block
        if block is None:
            return
        as_filters = self.first_filters.isChecked() and block.filters is not None
        self.filters.setVisible(as_filters)
        steps = self._shown_steps()
        order = self.order.currentData()
        for place, view in enumerate(self._views):
            view.setVisible(not as_filters and place < len(steps))
            if place < len(steps):
                step = steps[place]
                view.show_step(step, by_order(step.mosaic, order, block.contribution))
        self.together.setChecked(self._step is None and not as_filters)
        if steps:
            mosaic = steps[-1].mosaic
            self.scale.set_scale(*colours_of(mosaic.low, mosaic.high), self.tr("activation"))
        self.scale.setVisible(not as_filters)

    def _choose_channel(self, channel: int) -> None:
        block = self._block
        if block is None:
            return
        steps = self._shown_steps()
        shown = next((step for step in reversed(steps) if channel < len(step.mosaic.pixels)), None)
        sender = self.sender()
        for view, step in zip(self._views, steps, strict=False):
            if view.mosaic is sender:
                shown = step
        for view, step in zip(self._views, steps, strict=False):
            view.mosaic.choose(channel if channel < len(step.mosaic.pixels) else None)
        of_output = block.contribution
        same = of_output is not None and shown is not None and len(of_output) == len(shown.mosaic.pixels)
        contribution = float(of_output[channel]) if of_output is not None and same else None
        name = shown.symbol or shown.path.rpartition(".")[2] if shown is not None else ""
        self.channel.show_channel(name, shown.mosaic if shown else None, channel, contribution)

    # Putting together.

    def _make_controls(self) -> None:
        self.order = Picker("channelOrder", self.tr("Order of the channels"))
        self.order.addItem(self.tr("channels in order"), "index")
        self.order.addItem(self.tr("strongest first"), "strength")
        self.order.addItem(self.tr("most for the class first"), "class")
        self.order.setMinimumContentsLength(18)
        self.together = named(QPushButton("x · F(x) · Σ"), "sideBySide")
        self.together.setCheckable(True)
        self.together.setToolTip(self.tr("x, F(x) and their sum side by side, on one scale"))
        self.first_filters = named(QPushButton(self.tr("Filters")), "firstFilters")
        self.first_filters.setCheckable(True)
        self.first_filters.setToolTip(self.tr("The filters of the first layer, as pictures"))
        for button in (self.together, self.first_filters):
            button.setAccessibleName(button.toolTip())
        self.scale = ColourScale()
        self.scale.setFixedWidth(26 * GRID)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self.title)
        head.addWidget(self.subtitle, 1)
        controls = QHBoxLayout()
        controls.setSpacing(GRID)
        controls.addWidget(self.together)
        controls.addWidget(self.first_filters)
        controls.addWidget(self.order)
        controls.addStretch(1)
        controls.addWidget(self.scale)
        tensors = QHBoxLayout()
        tensors.setSpacing(2 * GRID)
        for view in self._views:
            tensors.addWidget(view, 1)
        tensors.addWidget(self.filters, 3)
        tensors.addWidget(self.channel)
        self.body = QWidget()
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(self._diagram_area())
        layout.addLayout(controls)
        layout.addLayout(tensors, 1)
        whole = named(QWidget(), "blockBody")
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.body, 1)
        rows.addWidget(self.empty, 1)
        self.setWidget(whole)

    def _diagram_area(self) -> QScrollArea:
        """The diagram scrolls sideways where the window is narrow."""
        area = named(_Sideways(), "diagramArea")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.diagram)
        self.diagram.grown.connect(lambda: area.setFixedHeight(self.diagram.height() + GRID))
        return area


class _Sideways(QScrollArea):
    """A scroll area as high as what is in it."""


class _Tensor(QWidget):
    """A mosaic under its name."""

    def __init__(self, name: str, background: Background) -> None:
        super().__init__()
        self.setObjectName(f"{name}Tensor")
        self.caption = named(QLabel(), f"{name}Caption")
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self.mosaic = MosaicView(name, background)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.caption)
        layout.addWidget(self.mosaic, 1)
        self.setMinimumHeight(TENSORS_HEIGHT)
        self.setMinimumWidth(14 * GRID)

    def show_step(self, step: Step, order: object) -> None:
        name = step.symbol or step.path.rpartition(".")[2]
        self.caption.setText(f"{name}   {shape_text(step.shape[1:])}")
        self.caption.setToolTip("\n".join(step_facts(step)))
        self.mosaic.show_mosaic(name, step.mosaic, order)  # type: ignore[arg-type]
