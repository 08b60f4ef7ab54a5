"""The right side of Explore: which model, what it says, how it is explained."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSlider, QVBoxLayout, QWidget

from app.core.records import MethodInfo, NetworkOutline, Prediction
from app.ui.changed_card import ChangedCard
from app.ui.colour_scale import ColourScale
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.prediction_bars import PredictionBars
from app.ui.tokens import GRID

WIDTH = 37 * GRID
OPEN_MODEL = "open-model"
TOP = 5


class Inspector(QScrollArea):
    """Pickers and bars; it knows nothing of engines and pictures.

    Signals:
        model_chosen(reference): `OPEN_MODEL` where the user wants to open a file.
        method_chosen(name), block_chosen(name), class_chosen(index), opacity_changed(0…1), colour_map_chosen(name)
    """

    model_chosen = Signal(str)
    method_chosen = Signal(str)
    block_chosen = Signal(str)
    class_chosen = Signal(int)
    opacity_changed = Signal(float)
    colour_map_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(WIDTH)
        body = named(QFrame(), "panel")
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._layout.setSpacing(GRID)
        self.setWidget(body)

        self._caption(self.tr("Model"))
        self.models = self._picker("models", self.tr("Model"))
        self._gap()
        self._caption(self.tr("Prediction"))
        self.bars = PredictionBars(self)
        self.bars.setObjectName("predictionBars")
        self._layout.addWidget(self.bars)
        self.live = QVBoxLayout()  # what live mode adds to the prediction
        self._layout.addLayout(self.live)
        self._gap()
        self._caption(self.tr("Explanation"))
        self._slow: set[int] = set()  # rows of the methods that need many forwards
        self.methods = self._picker("methods", self.tr("Explanation method"))
        self.blocks = self._picker("blocks", self.tr("Block to explain at"))
        self._layout.addLayout(self._opacity_row())
        self.colour_maps = self._picker("colourMaps", self.tr("Colour map"))
        self.scale = ColourScale(self)
        self.scale.setObjectName("colourScale")
        self._layout.addWidget(self.scale)
        self.note = named(QLabel(), "mapNote")
        self.note.setWordWrap(True)
        self.note.setProperty("role", "quiet")
        self.note.hide()
        self._layout.addWidget(self.note)
        self.changed_card = ChangedCard()
        self._layout.addWidget(self.changed_card)
        self._layout.addStretch(1)

        self.models.activated.connect(lambda: self.model_chosen.emit(self.models.currentData()))
        self.methods.activated.connect(lambda: self.method_chosen.emit(self.methods.currentData()))
        self.blocks.activated.connect(lambda: self.block_chosen.emit(self.blocks.currentData()))
        self.colour_maps.activated.connect(lambda: self.colour_map_chosen.emit(self.colour_maps.currentData()))
        self.bars.class_chosen.connect(self.class_chosen)

    def set_models(self, models: Sequence[tuple[str, str]], current: str) -> None:
        """Offer models as (reference, title), and a way to open a file."""
        with QSignalBlocker(self.models):
            self.models.clear()
            for reference, title in models:
                self.models.addItem(title, reference)
            self.models.insertSeparator(self.models.count())
            self.models.addItem(self.tr("Open a model file …"), OPEN_MODEL)
        self.show_model(current)

    def show_model(self, reference: str) -> None:
        """Show which model is in use."""
        with QSignalBlocker(self.models):
            self.models.setCurrentIndex(self.models.findData(reference))

    def set_methods(self, methods: Sequence[MethodInfo], current: str) -> None:
        """Offer the engine's explanation methods."""
        with QSignalBlocker(self.methods):
            self.methods.clear()
            self._slow = {row for row, method in enumerate(methods) if method.slow}
            for method in methods:
                self.methods.addItem(method.title, method.name)
                tip = f"{method.summary}\n{method.source}"
                self.methods.setItemData(self.methods.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self.methods.setCurrentIndex(self.methods.findData(current))

    def show_method(self, method: MethodInfo) -> None:
        """Show which method is in use, and whether the choice of a block matters to it."""
        with QSignalBlocker(self.methods):
            self.methods.setCurrentIndex(self.methods.findData(method.name))
        self.methods.setToolTip(f"{method.summary}\n{method.source}")
        self.blocks.setVisible(method.uses_block)
        self.colour_maps.setVisible(not method.signed)

    def offer_slow_methods(self, offered: bool) -> None:
        """Let methods be chosen that need many forwards, or not: they cannot follow a live picture."""
        model = self.methods.model()
        for row in range(self.methods.count()):
            if row in self._slow and isinstance(model, QStandardItemModel):
                model.item(row).setEnabled(offered)

    def show_prediction(self, prediction: Prediction, labels: Sequence[str], explained: int | None) -> None:
        """Show the most probable classes, and the explained one where it is not among them; None for the winner."""
        top = list(prediction.top(TOP))
        target = top[0] if explained is None else explained
        if target not in top:
            top[-1] = target
        rows = [(index, labels[index], float(prediction.probabilities[index])) for index in top]
        self.bars.set_rows(rows, target)

    def set_outline(self, outline: NetworkOutline) -> None:
        """Offer the blocks of a network, the last first: that is where people look."""
        with QSignalBlocker(self.blocks):
            self.blocks.clear()
            for block in reversed(outline.blocks):
                if block.explainable:
                    self.blocks.addItem(block.label, block.name)

    def show_block(self, name: str, size: tuple[int, int] | None = None) -> None:
        """Show at which block the map was made, and the map's (height, width)."""
        with QSignalBlocker(self.blocks):
            self.blocks.setCurrentIndex(self.blocks.findData(name))
        self.blocks.setToolTip("" if size is None else self.tr("{0} × {1} cells").format(*size))

    def set_colour_maps(self, names: Sequence[str], current: str) -> None:
        """Offer colour maps."""
        with QSignalBlocker(self.colour_maps):
            self.colour_maps.clear()
            for name in names:
                self.colour_maps.addItem(name, name)
            self.colour_maps.setCurrentIndex(self.colour_maps.findData(current))

    def set_note(self, text: str) -> None:
        """Say something about the map, or nothing."""
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def set_opacity(self, opacity: float) -> None:
        """Show the heatmap's opacity, 0 to 1."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(100 * opacity))
        self._opacity_label.setText(f"{round(100 * opacity)} %")

    def _caption(self, text: str) -> None:
        label = QLabel(text.upper())
        label.setProperty("role", "caption")
        self._layout.addWidget(label)

    def _gap(self) -> None:
        self._layout.addSpacing(GRID)

    def _picker(self, name: str, accessible_name: str) -> Picker:
        picker = Picker(name, accessible_name, self)
        self._layout.addWidget(picker)
        return picker

    def _opacity_row(self) -> QVBoxLayout:
        rows = QVBoxLayout()
        rows.setSpacing(GRID // 2)
        head = QHBoxLayout()
        name = QLabel(self.tr("Opacity"))
        self._opacity_label = QLabel()
        for label in (name, self._opacity_label):
            label.setProperty("role", "quiet")
        head.addWidget(name)
        head.addStretch(1)
        head.addWidget(self._opacity_label)
        self.slider = named(QSlider(Qt.Orientation.Horizontal), "opacity")
        self.slider.setRange(0, 100)
        self.slider.setPageStep(10)
        self.slider.setAccessibleName(self.tr("Opacity of the heatmap"))
        self.slider.setToolTip(self.tr("Opacity of the heatmap  ([ and ])"))
        name.setBuddy(self.slider)
        self.slider.valueChanged.connect(lambda value: self.opacity_changed.emit(value / 100))
        self.slider.valueChanged.connect(lambda value: self._opacity_label.setText(f"{value} %"))
        rows.addLayout(head)
        rows.addWidget(self.slider)
        return rows
