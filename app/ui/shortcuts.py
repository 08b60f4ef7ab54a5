"""The sheet that lists every shortcut, by group."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.ui.actions import ACTIONS
from app.ui.tokens import GRID

# What the widgets themselves understand, beside the actions.
WIDGET_KEYS = (
    ("Network", "Move between blocks", "← →"),
    ("Network", "Explain at the block", "Enter"),
    ("Network", "Zoom the network", "+ −"),
    ("Picture", "Zoom to the pointer", "Wheel"),
    ("Picture", "Fit, or original size", "0  1"),
)


class ShortcutSheet(QDialog):
    """All shortcuts at a glance; Escape closes it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("shortcutSheet")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.setModal(True)
        rows: dict[str, list[tuple[str, str]]] = {}
        for spec in ACTIONS:
            if spec.shortcuts:
                keys = "   ".join(
                    QKeySequence(one).toString(QKeySequence.SequenceFormat.NativeText) for one in spec.shortcuts[:2]
                )
                rows.setdefault(spec.group, []).append((spec.text, keys))
        for group, text, keys in WIDGET_KEYS:
            rows.setdefault(group, []).append((text, keys))
        columns = [QVBoxLayout(), QVBoxLayout()]
        heights = [0, 0]
        for group, pairs in rows.items():
            shorter = heights.index(min(heights))
            heights[shorter] += len(pairs) + 2
            columns[shorter].addLayout(self._group(group, pairs))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        layout.setSpacing(5 * GRID)
        for column in columns:
            column.setSpacing(2 * GRID)
            column.addStretch(1)
            layout.addLayout(column, 1)

    def _group(self, group: str, pairs: list[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(0, 1)
        caption = QLabel(QCoreApplication.translate("Actions", group).upper())
        caption.setProperty("role", "caption")
        grid.addWidget(caption, 0, 0, 1, 2)
        for row, (text, keys) in enumerate(pairs, 1):
            grid.addWidget(QLabel(QCoreApplication.translate("Actions", text)), row, 0)
            label = QLabel(keys)
            label.setProperty("role", "quiet")
            grid.addWidget(label, row, 1, Qt.AlignmentFlag.AlignRight)
        return grid
