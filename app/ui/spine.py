"""The spine: any network as one row of blocks, with its skip connections as arcs. The same widget on every page."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from app.ui.drawing import KEYBOARD_REASONS, WHEEL_STEP, pinch, watch_pinches
from app.ui.spine_view import SpineView
from app.ui.tokens import GRID

_ZOOM_STEP = 1.25
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_BYPASS = (Qt.Key.Key_Space, Qt.Key.Key_B)
_ZOOM = {
    Qt.Key.Key_Plus: _ZOOM_STEP,
    Qt.Key.Key_Equal: _ZOOM_STEP,
    Qt.Key.Key_Minus: 1 / _ZOOM_STEP,
    Qt.Key.Key_0: 0.0,
}
_MOVES = (
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
)
_KEYS = frozenset((*_CHOOSE, *_BYPASS, *_ZOOM, *_MOVES))


class Spine(SpineView):
    """Draws a network and lets its blocks be chosen, bypassed and coloured by a measurement.

    Keys: Left, Right, Home, End, Up and Down (stages) move; Enter chooses; Space or B bypasses; +, − and
    0 zoom. The wheel and two fingers zoom, dragging and Shift with the wheel scroll.

    Signals:
        block_clicked(name): A click or Enter on a block with a feature map (the head too, with `choose_head`).
        block_double_clicked(name): A double-click, Space or B: the user wants the block bypassed, or back.
        block_hovered(name): The block under the pointer, "" for none.

    Args:
        parent: The parent widget.
        choose_head: Whether the head can be clicked; it has no feature map, so Explore cannot use it.
    """

    block_clicked = Signal(str)
    block_double_clicked = Signal(str)
    block_hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, choose_head: bool = False) -> None:
        super().__init__(parent)
        self._choose_head = choose_head
        self._pressed: QPointF | None = None
        self._pressed_scroll = 0.0
        self._dragging = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        watch_pinches(self)

    # --- pointer ---

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            self._show_tip(event)
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._handles(event):
            event.accept()  # Space and the digits mean something else to the page
            return True
        fingers = pinch(event, self)
        if fingers is not None:
            self.set_zoom(self._zoom * fingers[0], fingers[1].x())
            return True
        return super().event(event)

    def _index_under(self, place: QPointF) -> int | None:
        layout = self._laid_out()
        if layout is None or not layout.top - layout.arc - 4 <= place.y() <= layout.top + layout.height + 8:
            return None
        return layout.index_at(place.x() + self._scroll)

    def _show_tip(self, event: QHelpEvent) -> None:
        index = self._index_under(QPointF(event.pos()))
        name = self._name(index)
        if name is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPos() + QPoint(0, GRID), self.block_tip(name), self, self.block_rect(name))

    def _choosable(self, index: int | None) -> bool:
        if index is None or self._outline is None:
            return False
        return self._choose_head or self._outline.blocks[index].explainable

    def _bypassable(self, index: int | None) -> bool:
        return index is not None and self._outline is not None and self._outline.blocks[index].stage > 0

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position()
            self._pressed_scroll = self._scroll
            self._dragging = False
            self._cursor_shown = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None:
            moved = event.position().x() - self._pressed.x()
            if abs(moved) >= QApplication.startDragDistance():
                self._dragging = True
            if self._dragging:
                self._scroll_to(self._pressed_scroll - moved)
                return
        self._hover(self._index_under(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if event.button() != Qt.MouseButton.LeftButton or pressed is None or self._dragging:
            return
        index = self._index_under(event.position())
        if index is not None and index == self._index_under(pressed):
            self._cursor = index
            self._choose(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._bypass(self._index_under(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index == self._hovered:
            return
        self._hovered = index
        active = self._choosable(index)
        self.setCursor(Qt.CursorShape.PointingHandCursor if active else Qt.CursorShape.ArrowCursor)
        self.block_hovered.emit(self._name(index) or "")
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        sideways = turn.x() if abs(turn.x()) > abs(turn.y()) else turn.y() if shifted else 0
        if sideways:
            pixels = event.pixelDelta().x() or sideways * 8 * GRID / WHEEL_STEP
            self._scroll_to(self._scroll - pixels)
        elif turn.y():
            before = self._zoom
            self.set_zoom(self._zoom * _ZOOM_STEP ** (turn.y() / WHEEL_STEP), event.position().x())
            if before == self._zoom:
                event.ignore()  # nothing left to zoom: let the page scroll
                return
        event.accept()

    # --- keyboard ---

    def _handles(self, event: QKeyEvent) -> bool:
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        return plain and Qt.Key(event.key()) in _KEYS and self._outline is not None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handles(event):
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        self._cursor_shown = True
        if key in _CHOOSE:
            self._choose(self._cursor)
        elif key in _BYPASS:
            self._bypass(self._cursor)
        elif key in _ZOOM:
            factor = _ZOOM[key]
            x = None if self._cursor is None else self.block_rect(self._name(self._cursor) or "").center().x()
            self.set_zoom(self._zoom * factor if factor else 1.0, x)
        else:
            self._move_cursor(key)
        event.accept()

    def _move_cursor(self, key: Qt.Key) -> None:
        layout = self._laid_out()
        assert layout is not None
        last = len(self._index) - 1
        now = self._cursor if self._cursor is not None else self._selected if self._selected is not None else -1
        stages = [stage.first for stage in layout.stages]
        if key == Qt.Key.Key_Left:
            now = max(0, now - 1)
        elif key == Qt.Key.Key_Right:
            now = min(last, now + 1)
        elif key == Qt.Key.Key_Home:
            now = 0
        elif key == Qt.Key.Key_End:
            now = last
        elif key == Qt.Key.Key_Down:
            now = next((first for first in stages if first > now), last)
        else:
            now = next((first for first in reversed(stages) if first < now), 0)
        self._cursor = now
        self._reveal(now)
        self._describe()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() in KEYBOARD_REASONS:
            self._cursor_shown = True
            if self._cursor is None:
                self._cursor = self._selected if self._selected is not None else 0 if self._index else None
        self._describe()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def _choose(self, index: int | None) -> None:
        name = self._name(index)
        if name is not None and self._choosable(index):
            self.block_clicked.emit(name)
        self._describe()
        self.update()

    def _bypass(self, index: int | None) -> None:
        name = self._name(index)
        if name is not None and self._bypassable(index):
            self.block_double_clicked.emit(name)
