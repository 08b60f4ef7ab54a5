"""By what the spine's blocks are coloured, and what the colours mean."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.core.anatomy import QUANTITIES, Measurement, Quantity
from app.core.records import NetworkOutline
from app.ui.anatomy.words import quantity_caption, quantity_title, value_of
from app.ui.colour_scale import ColourScale
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.spine import Spine
from app.ui.tokens import GRID

COLOURS = "viridis"


class Colouring(QWidget):
    """A picker and a scale above the spine."""

    def __init__(self, spine: Spine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("colouring")
        self._spine = spine
        self._outline: NetworkOutline | None = None
        self._measurement: Measurement | None = None
        self._by_hand = False
        self.title = named(QLabel(), "networkTitle")
        self.title.setProperty("role", "title")
        self.quantities = Picker("quantities", self.tr("Colour the blocks by"))
        for quantity in QUANTITIES:
            self.quantities.addItem(quantity_title(quantity), quantity.name)
            tip = quantity_caption(quantity)
            self.quantities.setItemData(self.quantities.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.quantities.setMinimumContentsLength(20)
        self.scale = ColourScale()
        self.scale.setMaximumWidth(56 * GRID)
        policy = self.scale.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing moves when the first measurement comes
        self.scale.setSizePolicy(policy)
        self.scale.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.title)
        layout.addStretch(1)
        layout.addWidget(self.quantities)
        layout.addWidget(self.scale, 3)
        self.quantities.activated.connect(self._on_chosen)
        self._colour()

    @property
    def quantity(self) -> Quantity:
        """What the blocks are coloured by."""
        return QUANTITIES[self.quantities.currentIndex()]

    def choose(self, name: str) -> None:
        """Colour by this quantity; a name that there is not is ignored."""
        place = self.quantities.findData(name)
        if place >= 0:
            self.quantities.setCurrentIndex(place)
            self._on_chosen()

    def next(self) -> None:
        """Colour by the next quantity; after the last comes the first."""
        self.quantities.setCurrentIndex((self.quantities.currentIndex() + 1) % len(QUANTITIES))
        self._on_chosen()

    def show_network(self, outline: NetworkOutline | None, measurement: Measurement | None) -> None:
        """Colour a network, measured or not yet."""
        self._outline, self._measurement = outline, measurement
        adds = outline is None or any(block.shortcut != "none" for block in outline.blocks)
        if not self._by_hand:  # where nothing is added there is nothing to compare the branch with
            self.quantities.setCurrentIndex(self.quantities.findData("ratio" if adds else "energy"))
        self.title.setText(outline.title if outline else "")
        self._colour()

    def _on_chosen(self) -> None:
        self._by_hand = True
        self._colour()

    def _colour(self) -> None:
        quantity = self.quantity
        values: dict[str, float] = {}
        if self._measurement is not None:
            found = {block.name: value_of(block, quantity) for block in self._measurement.blocks}
            values = {name: value for name, value in found.items() if value is not None}
        elif self._outline is not None and quantity.name == "parameters":
            values = {block.name: float(block.parameters) for block in self._outline.blocks}
        caption = quantity_caption(quantity)
        self._spine.set_values(
            values or None, lut_name=COLOURS, log=quantity.logarithmic, caption=quantity_title(quantity)
        )
        shown = [value for value in values.values() if value > 0] if quantity.logarithmic else list(values.values())
        self.scale.setVisible(bool(shown))
        if shown:
            self.scale.set_scale(COLOURS, min(shown), max(shown), caption)
        else:
            self.scale.set_scale(None, caption=caption)
