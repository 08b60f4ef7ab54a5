"""The networks of the compared pair, each block coloured by what is measured in it, now or at an earlier step."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.core.records import NetworkOutline
from app.ui.drawing import number_text, tabular
from app.ui.lab.measures import BlockQuantity
from app.ui.naming import named
from app.ui.spine import Spine
from app.ui.tokens import GRID


class LiveSpine(QWidget):
    """A network with its title and the ratio of its first block to its last.

    Signals:
        block_hovered(name)
    """

    block_hovered = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.title = named(QLabel(), f"{name}Title")
        self.title.setProperty("role", "quiet")
        self.ratio = named(QLabel(), f"{name}Ratio")
        self.ratio.setFont(tabular(self.ratio.font()))
        self.spine = Spine(choose_head=True)
        self.spine.setObjectName(f"{name}Spine")
        self.spine.set_compact(True)
        self.spine.block_hovered.connect(self.block_hovered)
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.ratio)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(head)
        layout.addWidget(self.spine)

    def show_network(self, title: str, outline: NetworkOutline | None) -> None:
        """Draw a network; None while it is not known."""
        self.title.setText(title)
        if outline is not self.spine.outline:
            self.spine.set_outline(outline)

    def show_values(
        self, values: NDArray[np.float32], quantity: BlockQuantity, limits: tuple[float, float] | None
    ) -> None:
        """Colour the blocks.

        Args:
            values: (B,) in the order of the outline; empty where nothing was measured.
            limits: Of the colours, the same for both networks and for the maps.
        """
        outline = self.spine.outline
        if outline is None or len(values) != len(outline.blocks):
            self.spine.set_values(None)
            self.ratio.setText("")
            return
        by_name = {block.name: float(value) for block, value in zip(outline.blocks, values, strict=True)}
        self.spine.set_values(by_name, limits=limits, log=True, caption=quantity.short)
        ratio = first_to_last(outline, values)
        self.ratio.setText("" if ratio is None else self.tr("first to last block {0} : 1").format(number_text(ratio)))
        self.ratio.setToolTip(self.tr("{0} of the first block, divided by that of the last").format(quantity.title))


def first_to_last(outline: NetworkOutline, values: NDArray[np.float32]) -> float | None:
    """A quantity of the first residual block over that of the last, stem and head left out; None where it has none."""
    inner = [place for place, block in enumerate(outline.blocks) if block.stage > 0]
    inner = [place for place in inner if not math.isnan(values[place])]
    if len(inner) < 2:
        return None
    first, last = float(values[inner[0]]), float(values[inner[-1]])
    if not math.isfinite(first) or not math.isfinite(last) or last == 0:
        return None
    return first / last


class SpinesCard(QFrame):
    """Both networks, one above the other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("spinesCard")
        self.setProperty("role", "card")
        self.caption = named(QLabel(), "spinesCaption")
        self.caption.setProperty("role", "strong")
        self.spines = (LiveSpine("firstNetwork"), LiveSpine("secondNetwork"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID + GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self.caption)
        for spine in self.spines:
            layout.addWidget(spine)
        layout.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
