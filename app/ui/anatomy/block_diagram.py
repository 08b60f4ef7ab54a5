"""A block drawn open: its convolutions, norms and ReLUs, its shortcut, and the addition, with the tensors of a picture.

Under each operation lies the strongest channel of what comes out of it. The wires of F(x) and of the shortcut are as
thick as the two signals are strong.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.core.anatomy import OpenedBlock, Step
from app.ui.anatomy.diagram_geometry import NODE_HEIGHT, SHORTCUT_ROOM, THUMB, Box, Drawing, lay_out
from app.ui.anatomy.diagram_paint import DiagramPainter
from app.ui.anatomy.mosaic import atlas_pixels
from app.ui.anatomy.words import count_text, shape_text, step_title
from app.ui.drawing import KEYBOARD_REASONS, number_text
from app.ui.theme import colour, theme
from app.ui.tokens import GRID


class BlockDiagram(QWidget):
    """Draws one opened block; its steps can be chosen.

    Keys: Left and Right go from step to step, Enter chooses.

    Signals:
        step_chosen(index): of the block's steps.
        grown(): it has another height now.
    """

    step_chosen = Signal(int)
    grown = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("blockDiagram")
        self._block: OpenedBlock | None = None
        self._thumbnails: list[QImage] = []
        self._drawing: Drawing | None = None
        self._selected: int | None = None
        self._hovered: int | None = None
        self._cursor = 0  # in the drawing's boxes
        self._cursor_shown = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)
        self._describe()

    def set_block(self, block: OpenedBlock | None) -> None:
        """Draw another block, or none."""
        before = self._block
        self._block = block
        self._thumbnails = [_thumbnail(step) for step in block.steps] if block else []
        same = before is not None and block is not None and before.block == block.block
        if not same or block is None or len(before.steps if before else ()) != len(block.steps):
            self._selected, self._cursor = None, 0
        self._relayout()
        self._describe()

    def select(self, step: int | None) -> None:
        """Mark a step; None for none."""
        self._selected = step
        self.update()

    @property
    def drawing(self) -> Drawing | None:
        """Where everything is."""
        return self._drawing

    def step_words(self, index: int) -> str:
        """What a step is, in a few lines."""
        assert self._block is not None
        return "\n".join(step_facts(self._block.steps[index]))

    def sizeHint(self) -> QSize:
        height = self._drawing.height if self._drawing else SHORTCUT_ROOM + NODE_HEIGHT + THUMB + 5 * GRID
        return QSize(80 * GRID, round(height))

    def minimumSizeHint(self) -> QSize:
        narrow = lay_out(self._block, 0).width if self._block else 20.0 * GRID
        return QSize(round(narrow), self.sizeHint().height())

    def resizeEvent(self, event: QEvent) -> None:
        self._drawing = lay_out(self._block, self.width()) if self._block else None

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            if self._block is None or self._drawing is None:
                painter.setPen(colour("quiet"))
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("Choose a block on the spine"))
                return
            focused = self._drawing.boxes[self._cursor].step if self.hasFocus() and self._cursor_shown else None
            DiagramPainter(painter, self._block, self._drawing, self._thumbnails).paint(
                self.font(), selected=self._selected, hovered=self._hovered, focused=focused
            )

    # Pointer and keyboard.

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            box = self._box_at(QPointF(event.pos()))
            if box is None:
                QToolTip.hideText()
            else:
                place = QRect(round(box.left), round(box.top), round(box.width), round(box.height + THUMB))
                QToolTip.showText(event.globalPos() + QPoint(0, GRID), self.step_words(box.step), self, place)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        box = self._box_at(event.position())
        hovered = box.step if box else None
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.PointingHandCursor if box else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box = self._box_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and box is not None and self._drawing is not None:
            self._cursor_shown = False
            self._choose(self._drawing.boxes.index(box))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        drawing = self._drawing
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if drawing is None or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            super().keyPressEvent(event)
        elif key in steps:
            self._cursor = min(max(0, self._cursor + steps[key]), len(drawing.boxes) - 1)
            self._cursor_shown = True
            self._describe()
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._cursor)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._cursor_shown = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def _choose(self, place: int) -> None:
        assert self._drawing is not None
        self._cursor = place
        self._selected = self._drawing.boxes[place].step
        self._describe()
        self.update()
        self.step_chosen.emit(self._selected)

    def _box_at(self, point: QPointF) -> Box | None:
        return self._drawing.at(point.x(), point.y()) if self._drawing else None

    def _relayout(self) -> None:
        self._drawing = lay_out(self._block, self.width()) if self._block else None
        self._cursor = min(self._cursor, len(self._drawing.boxes) - 1) if self._drawing else 0
        self.updateGeometry()
        self.setMinimumWidth(self.minimumSizeHint().width())
        self.setFixedHeight(self.sizeHint().height())
        self.grown.emit()
        self.update()

    def _describe(self) -> None:
        self.setAccessibleName(self.tr("The block, drawn open"))
        if self._block is None or self._drawing is None:
            self.setAccessibleDescription(self.tr("No block is open."))
        else:
            words = self.step_words(self._drawing.boxes[self._cursor].step).replace("\n", ", ")
            self.setAccessibleDescription(words)


def step_facts(step: Step) -> list[str]:
    """What is known of a step, a phrase each."""
    title = step_title(step.kind)
    if step.kind in ("convolution", "pool") and step.kernel:
        title = f"{title} {step.kernel}×{step.kernel}"
        if step.stride > 1:
            title += f", stride {step.stride}"
        if step.groups > 1:
            title += f", {step.groups} groups"
    lines = [f"{step.symbol}: {title}" if step.symbol else title]
    if step.path:
        lines.append(step.path)
    lines.append(f"{shape_text(step.shape)} (N, C, H, W)" if len(step.shape) == 4 else shape_text(step.shape))
    if step.parameters:
        lines.append(QCoreApplication.translate("Anatomy", "{0} parameters").format(count_text(step.parameters)))
    if step.multiply_adds:
        lines.append(QCoreApplication.translate("Anatomy", "{0} multiply-adds").format(count_text(step.multiply_adds)))
    low, high, mean, deviation = (number_text(one) for one in (step.minimum, step.maximum, step.mean, step.deviation))
    lines.append(
        QCoreApplication.translate("Anatomy", "from {0} to {1}, mean {2}, σ {3}").format(low, high, mean, deviation)
    )
    lines.append(f"‖·‖ = {number_text(step.norm)}")
    return lines


def _thumbnail(step: Step) -> QImage:
    """The strongest channel in colours, one pixel per place."""
    from dataclasses import replace

    strongest = step.mosaic.strongest(1)
    if not strongest:
        return QImage()
    one = slice(strongest[0], strongest[0] + 1)
    pixels = atlas_pixels(replace(step.mosaic, pixels=step.mosaic.pixels[one]), 1)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
