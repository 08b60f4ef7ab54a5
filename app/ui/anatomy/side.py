"""The right side of Anatomy: the picture and what the network says of it, the chosen block's knife, every change."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.core.lesions import bypassed, gate_of
from app.core.records import BlockInfo, NetworkOutline
from app.ui.actions import Actions
from app.ui.anatomy.lesion_list import LesionList
from app.ui.anatomy.words import block_kind
from app.ui.changed_card import ChangedCard
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.prediction_bars import PredictionBars
from app.ui.spine_words import block_label
from app.ui.surgery import Surgery
from app.ui.theme import colour, theme
from app.ui.tokens import GRID, HAIRLINE, RADIUS_SMALL

WIDTH = 37 * GRID
PICTURE = 15 * GRID


class Side(QScrollArea):
    """Pictures, knife and list; what is done goes to the surgery.

    Signals:
        block_chosen(name): from the list of changes.
        class_chosen(index): explain this class.
    """

    block_chosen = Signal(str)
    class_chosen = Signal(int)

    def __init__(self, surgery: Surgery, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._surgery, self._actions = surgery, actions
        self._block: BlockInfo | None = None
        body = named(QFrame(), "panel")
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._layout.setSpacing(GRID)
        self.setWidget(body)
        self._make_picture()
        self._make_knife()
        self._make_list()
        self._layout.addStretch(1)
        surgery.shown.connect(self.refresh)
        self.setFixedWidth(WIDTH)
        self.refresh()

    def set_block(self, block: BlockInfo | None) -> None:
        """The block that the knife is for."""
        self._block = block
        self._offer_swaps()
        self.refresh()

    def show_picture(self, image: QImage | None) -> None:
        """The crop with its map, or nothing."""
        self.picture.show_image(image)

    def refresh(self) -> None:
        """Show the chosen block's state and what came of the changes."""
        surgery, block = self._surgery, self._block
        changeable = block is not None and block.stage > 0
        self.block_name.setText(block_label(block) if block else self.tr("no block chosen"))
        self.block_kind.setText(block_kind(block) if block else "")
        alpha = gate_of(surgery.lesions, block.name) if block else 1.0
        passed = block is not None and block.name in bypassed(surgery.lesions)
        with QSignalBlocker(self.gate):
            self.gate.setValue(round(100 * alpha))
        self._gate_text.setText(f"α = {alpha:.2f}")
        self.bypass.setText(self.tr("Bring back") if passed else self.tr("Bypass"))
        for widget in (self.gate, self.bypass):
            widget.setEnabled(changeable)
        can_swap = changeable and bool(self.swap_with.currentData())
        self.swap_with.setEnabled(can_swap)
        self.swap.setEnabled(can_swap)
        self.undo.setEnabled(surgery.can_undo)
        self.redo.setEnabled(surgery.can_redo)
        self.restore.setEnabled(bool(surgery.lesions))
        effect = surgery.effect
        self.effect.setText(effect.text if effect else "")
        self.effect.setVisible(effect is not None)
        names = dict(surgery.offer.names)
        self.offer.show_offer([names.get(one) or surgery.description(one) for one in surgery.offer.lesions])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the body the width that it needs where words are longer than English ones."""
        body = self.widget()
        if event.type() == QEvent.Type.LayoutRequest and body is not None:
            needed = body.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width() + HAIRLINE
            self.setFixedWidth(max(WIDTH, needed))
        return super().eventFilter(watched, event)

    # Putting together.

    def _make_picture(self) -> None:
        self._caption(self.tr("Picture"))
        self.picture = named(_Picture(), "anatomyPicture", self.tr("The picture that goes through the network"))
        self.bars = PredictionBars(self)
        self.bars.setObjectName("anatomyBars")
        self.effect = named(QLabel(), "anatomyEffect")
        self.effect.setWordWrap(True)
        self.effect.setProperty("role", "strong")
        self.effect.setTextFormat(Qt.TextFormat.PlainText)
        for widget in (self.picture, self.bars, self.effect):
            self._layout.addWidget(widget)
        self.bars.class_chosen.connect(self.class_chosen)
        self._layout.addSpacing(GRID)

    def _make_knife(self) -> None:
        self._caption(self.tr("Block"))
        self.block_name = named(QLabel(), "knifeBlock")
        self.block_name.setProperty("role", "strong")
        self.block_kind = named(QLabel(), "knifeKind")
        self.block_kind.setProperty("role", "quiet")
        self.block_kind.setWordWrap(True)
        self.bypass = named(QPushButton(), "knifeBypass", self.tr("Let only the shortcut act, or bring the block back"))
        self.bypass.setToolTip(self._actions.tip("bypass"))
        self.bypass.clicked.connect(self._actions["bypass"].trigger)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.block_name)
        words.addWidget(self.block_kind)
        head = QHBoxLayout()
        head.addLayout(words, 1)
        head.addWidget(self.bypass)
        self._layout.addLayout(head)
        self._layout.addLayout(self._gate_row())
        self._layout.addLayout(self._swap_row())
        self._layout.addSpacing(GRID)

    def _gate_row(self) -> QHBoxLayout:
        label = QLabel(self.tr("Gate"))
        self.gate = named(
            QSlider(Qt.Orientation.Horizontal), "gate", self.tr("How much the branch counts, in per cent")
        )
        self.gate.setRange(0, 100)
        self.gate.setPageStep(10)
        self.gate.setToolTip(
            self.tr("How much the branch counts: y = α·F(x) + x; in a plain network y = α·F(x) + (1 − α)·x")
        )
        self._gate_text = named(QLabel(), "gateText")
        self._gate_text.setProperty("role", "quiet")
        self._gate_text.setMinimumWidth(7 * GRID)
        label.setBuddy(self.gate)
        self.gate.valueChanged.connect(self._on_gate)
        self.gate.sliderReleased.connect(self._surgery.end_gate)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.gate, 1)
        row.addWidget(self._gate_text)
        return row

    def _swap_row(self) -> QHBoxLayout:
        self.swap_with = Picker("swapWith", self.tr("The block to change places with"))
        self.swap = named(QPushButton(self.tr("Swap")), "swapBlocks", self.tr("Let the two blocks change places"))
        self.swap.setToolTip(self.swap.accessibleName())
        self.swap.clicked.connect(self._on_swap)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.swap_with, 1)
        row.addWidget(self.swap)
        return row

    def _make_list(self) -> None:
        self._caption(self.tr("Changes"))
        self.list = LesionList(self._surgery)
        self.list.block_chosen.connect(self.block_chosen)
        self._layout.addWidget(self.list)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.undo = self._button("undo-lesion", self.tr("Undo"))
        self.redo = self._button("redo-lesion", self.tr("Redo"))
        self.restore = self._button("restore-network", self.tr("Put back all"))
        for button in (self.undo, self.redo, self.restore):
            row.addWidget(button)
        row.addStretch(1)
        self._layout.addLayout(row)
        self.offer = ChangedCard()
        self.offer.offer_taken.connect(self._surgery.take_offer)
        self.offer.offer_declined.connect(self._surgery.decline_offer)
        self._layout.addWidget(self.offer)

    def _button(self, action: str, text: str) -> QPushButton:
        button = named(QPushButton(text), f"{action}-button", self._actions[action].text())
        button.setToolTip(self._actions.tip(action))
        button.clicked.connect(self._actions[action].trigger)
        return button

    def _caption(self, text: str) -> None:
        label = QLabel(text.upper())
        label.setProperty("role", "caption")
        self._layout.addWidget(label)

    # What the user does.

    def _on_gate(self, value: int) -> None:
        if self._block is not None:
            self._surgery.set_gate(self._block.name, value / 100, dragging=self.gate.isSliderDown())

    def _on_swap(self) -> None:
        if self._block is not None and self.swap_with.currentData():
            self._surgery.swap(self._block.name, self.swap_with.currentData())

    def _offer_swaps(self) -> None:
        self.swap_with.clear()
        outline = self._surgery.outline
        partners = swap_partners(outline, self._block) if outline is not None and self._block is not None else ()
        for block in partners:
            self.swap_with.addItem(block_label(block), block.name)
        tip = self.tr("The block to change places with")
        if not partners:
            tip = self.tr("No other block has this one's shape: there is nothing to swap it with")
            self.swap_with.addItem(self.tr("nothing of its shape"), "")
        self.swap_with.setToolTip(tip)


def swap_partners(outline: NetworkOutline, block: BlockInfo) -> tuple[BlockInfo, ...]:
    """The blocks that are of one kind and size with this one, the nearest first. The engine has the last word."""
    if block.stage == 0 or block.kind == "layer":
        return ()

    def alike(other: BlockInfo) -> bool:
        mine = (block.stage, block.kind, block.shortcut, block.parameters)
        return other.name != block.name and (other.stage, other.kind, other.shortcut, other.parameters) == mine

    found = [other for other in outline.blocks if alike(other)]
    return tuple(sorted(found, key=lambda other: (abs(other.index - block.index), other.index)))


class _Picture(QWidget):
    """The crop with its heatmap, small."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def show_image(self, image: QImage | None) -> None:
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH - 4 * GRID, PICTURE)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if self._image is None:
                painter.setPen(colour("line"))
                painter.setBrush(colour("raised"))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS_SMALL, RADIUS_SMALL)
                painter.setPen(colour("quiet"))
                place = self.rect().adjusted(GRID, 0, -GRID, 0)
                flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                painter.drawText(place, flags, self.tr("Drop a picture anywhere"))
                return
            factor = min(self.width() / self._image.width(), self.height() / self._image.height())
            rect = QRectF(0, 0, self._image.width() * factor, self._image.height() * factor)
            clip = QPainterPath()
            clip.addRoundedRect(rect, RADIUS_SMALL, RADIUS_SMALL)
            painter.setClipPath(clip)
            painter.drawImage(rect, self._image)
