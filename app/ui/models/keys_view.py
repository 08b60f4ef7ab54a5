"""The keys of a file: how many were taken, renamed, made, left over; each list to be opened and copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.models.words import tr
from app.ui.naming import named
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.zoo.report import Report

_LINES = 12


class KeyList(QFrame):
    """A heading with a number; a click opens the list below it."""

    def __init__(self, name: str, title: str, lines: Sequence[str], *, opened: bool = False) -> None:
        super().__init__()
        self.setObjectName(f"keys-{name}")
        self._lines = tuple(lines)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        head = QHBoxLayout()
        self.button = named(QPushButton(f"{title}  {len(lines)}"), f"open-{name}", title)
        self.button.setProperty("role", "link")
        self.button.setToolTip(tr("Show or hide these keys"))
        self.button.setEnabled(bool(lines))
        copy = named(QPushButton(tr("Copy")), f"copy-{name}", tr("Copy these keys"))
        copy.setProperty("role", "link")
        copy.setToolTip(tr("Copy these keys"))
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText("\n".join(self._lines)))
        self._copy = copy
        head.addWidget(self.button)
        head.addStretch(1)
        head.addWidget(copy)
        column.addLayout(head)
        self.text = named(QPlainTextEdit(), f"list-{name}", title)
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setProperty("role", "keys")
        self.text.setTabChangesFocus(True)
        self.text.hide()
        column.addWidget(self.text)
        self.button.clicked.connect(self._toggle)
        copy.hide()
        if opened and lines:
            self._toggle()

    def _toggle(self) -> None:
        opening = self.text.isHidden()
        if opening and not self.text.toPlainText():
            self.text.setPlainText("\n".join(self._lines))
            rows = min(len(self._lines), _LINES) + 2
            self.text.setFixedHeight(rows * self.text.fontMetrics().lineSpacing())
        self.text.setVisible(opening)
        self._copy.setVisible(opening)


def keys_of(report: Report) -> QWidget:
    """Every list of a report's keys."""
    box = named(QFrame(), "reportKeys", tr("Keys"))
    box.setProperty("role", "card")
    column = QVBoxLayout(box)
    column.setContentsMargins(GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
    column.setSpacing(GRID // 2)
    caption = QLabel(tr("Keys").upper())
    caption.setProperty("role", "caption")
    column.addWidget(caption)
    if report.accepted:
        same = QLabel(tr("{0} taken as they are").format(report.matched))
        same.setProperty("role", "quiet")
        column.addWidget(same)
        renamed = [f"{one.key}  →  {one.name}" + (f"  ({one.change})" if one.change else "") for one in report.renamed]
        made = [f"{one.name}: {one.change}" for one in report.made]
        column.addWidget(KeyList("renamed", tr("Renamed"), renamed))
        column.addWidget(KeyList("made", tr("Made, because the file does not have them"), made))
        column.addWidget(KeyList("left-over", tr("Left over"), report.left_over))
        column.addWidget(KeyList("missing", tr("Missing"), report.missing))
    else:
        if report.would_run:
            title = tr("What it would have run or imported")
            column.addWidget(KeyList("would-run", title, report.would_run, opened=True))
        if report.odd_keys:
            title = tr("Keys that break the pattern")
            column.addWidget(KeyList("odd", title, report.odd_keys, opened=True))
    column.setAlignment(Qt.AlignmentFlag.AlignTop)
    return box
