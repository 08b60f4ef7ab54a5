"""A table as tall as its lines: it stands in a page that scrolls, and does not scroll itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from app.ui.drawing import SMALL, resized, tabular
from app.ui.tables import ROW, dress
from app.ui.tokens import GRID


@dataclass(frozen=True)
class Column:
    """A column: its heading, and whether it holds numbers, which stand to the right, or a text that takes the room."""

    title: str
    number: bool = False
    wide: bool = False


class FactTable(QTableWidget):
    """Facts in lines; a line can be chosen with the mouse and the arrow keys.

    Args:
        name: Of the object.
        text: What screen readers call it.
        columns: From left to right.
    """

    def __init__(self, name: str, text: str, columns: Sequence[Column], parent: QWidget | None = None) -> None:
        super().__init__(0, len(columns), parent)
        dress(self, name, text)
        self.setProperty("role", "facts")
        self._columns = tuple(columns)
        self.setFont(tabular(resized(self.font(), SMALL)))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        for place, column in enumerate(self._columns):
            item = QTableWidgetItem(column.title)
            item.setTextAlignment(_aligned(column))
            item.setFont(self.font())
            self.setHorizontalHeaderItem(place, item)
            mode = QHeaderView.ResizeMode.Stretch if column.wide else QHeaderView.ResizeMode.ResizeToContents
            header.setSectionResizeMode(place, mode)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_lines(self, lines: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show these lines, with what each says under the mouse; what was chosen stays so."""
        chosen = self.currentRow()
        self.setRowCount(len(lines))
        for row, line in enumerate(lines):
            for place, text in enumerate(line):
                item = self.item(row, place)
                if item is None:
                    item = QTableWidgetItem()
                    item.setTextAlignment(_aligned(self._columns[place]))
                    self.setItem(row, place, item)
                if item.text() != text:
                    item.setText(text)
                item.setToolTip(tips[row] if row < len(tips) else "")
        if 0 <= chosen < len(lines):
            self.setCurrentCell(chosen, 0)
        self.setFixedHeight((1 + len(lines)) * ROW + GRID)  # with room for a bar to scroll sideways

    def copy(self) -> None:
        """Put everything on the clipboard, with tabs between the columns."""
        lines = ["\t".join(column.title for column in self._columns)]
        for row in range(self.rowCount()):
            cells = (self.item(row, place) for place in range(self.columnCount()))
            lines.append("\t".join(item.text() if item else "" for item in cells))
        QGuiApplication.clipboard().setText("\n".join(lines) + "\n")

    def sizeHint(self) -> QSize:
        return QSize(60 * GRID, self.minimumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(30 * GRID, self.minimumHeight())


def _aligned(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
