"""The command palette: type a few letters of any action, press Enter."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.naming import named
from app.ui.theme import colour
from app.ui.tokens import GRID, RADIUS_SMALL

ROWS = 10
WIDTH = 60 * GRID


def matches(query: str, text: str) -> int | None:
    """How well a text fits a query, smaller is better; None where it does not.

    Every word of the query must occur; else its letters must occur in order.
    """
    query, text = query.casefold().strip(), text.casefold()
    if not query:
        return 0
    words = query.split()
    if all(word in text for word in words):
        return min(text.index(word) for word in words)
    place = 0
    for letter in query.replace(" ", ""):
        place = text.find(letter, place) + 1
        if place == 0:
            return None
    return 1000 + place


class _Row(QStyledItemDelegate):
    """The action's text on the left, its shortcut quietly on the right."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("raised"))
            painter.drawRoundedRect(option.rect, RADIUS_SMALL, RADIUS_SMALL)
        rect = option.rect.adjusted(GRID, 0, -GRID, 0)
        action: QAction = index.data(Qt.ItemDataRole.UserRole)
        painter.setPen(colour("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect, middle | Qt.AlignmentFlag.AlignLeft, action.text())
        painter.setPen(colour("quiet"))
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        painter.drawText(rect, middle | Qt.AlignmentFlag.AlignRight, keys)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(super().sizeHint(option, index).width(), 4 * GRID)


class Palette(QFrame):
    """A list of actions over the window, filtered while typing."""

    def __init__(self, actions: Iterable[QAction], window: QWidget) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self._window = window
        self._actions = list(actions)
        self.search = named(QLineEdit(self), "paletteSearch")
        self.search.setPlaceholderText(self.tr("Search actions"))
        self.search.setAccessibleName(self.tr("Search actions"))
        self.list = named(QListWidget(self), "paletteList")
        self.list.setAccessibleName(self.tr("Actions"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_Row(self.list))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list.itemClicked.connect(lambda _item: self._run())

    def open(self) -> None:
        """Show the palette, empty, in the upper middle of the window."""
        window = self._window.window()
        self.search.clear()
        self._filter("")
        height = self.search.sizeHint().height() + ROWS * 4 * GRID + 3 * GRID
        self.resize(min(WIDTH, window.width() - 4 * GRID), min(height, window.height() - 8 * GRID))
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + 6 * GRID)
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move in the list while the cursor stays in the search field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = event.key()
            moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
            if key in moves:
                row = self.list.currentRow() + moves[Qt.Key(key)]
                self.list.setCurrentRow(max(0, min(row, self.list.count() - 1)))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
        return super().eventFilter(watched, event)

    def _filter(self, query: str) -> None:
        found: list[tuple[int, int, QAction]] = []
        for order, action in enumerate(self._actions):
            fit = matches(query, action.text())
            if fit is not None and action.isEnabled():
                found.append((fit, order, action))
        self.list.clear()
        for _, _, action in sorted(found, key=lambda one: one[:2]):
            item = QListWidgetItem(action.text())
            item.setData(Qt.ItemDataRole.UserRole, action)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _run(self) -> None:
        item = self.list.currentItem()
        self.close()
        if item is not None:
            item.data(Qt.ItemDataRole.UserRole).trigger()
