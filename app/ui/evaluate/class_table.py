"""The table of classes, sorted by any column."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from app.ui.charts.plot import Table
from app.ui.tables import dress
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.evaluation.measures import ClassRow

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Heading:
    """A column: what stands above it, what it means, what is in it."""

    text: str
    tip: str
    value: Callable[[ClassRow], float | str]
    per_cent: bool = False


def headings() -> tuple[Heading, ...]:
    """The columns in the user's language."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("ClassTable", text)

    return (
        Heading(tr("Class"), tr("Its name"), lambda row: row.label),
        Heading(tr("Pictures"), tr("How many pictures are of this class"), lambda row: row.pictures),
        Heading(tr("Right"), tr("The share of its pictures that is called so (recall)"), lambda row: row.recall, True),
        Heading(
            tr("In top 5"),
            tr("The share of its pictures that has it among the five most probable"),
            lambda row: 100 * row.among / row.pictures if row.pictures else math.nan,
            True,
        ),
        Heading(tr("Called so"), tr("How many pictures of any class are called so"), lambda row: row.called),
        Heading(
            tr("Precision"), tr("The share of those called so that is of this class"), lambda row: row.precision, True
        ),
    )


class ClassModel(QAbstractTableModel):
    """One row per class."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._headings = headings()
        self._rows: list[ClassRow] = []
        self._order = (2, Qt.SortOrder.AscendingOrder)  # the hardest classes first

    def set_rows(self, rows: Sequence[ClassRow]) -> None:
        """Show these, in the order that was chosen last."""
        self.beginResetModel()
        self._rows = list(rows)
        self._sort()
        self.endResetModel()

    def row(self, place: int) -> ClassRow:
        """The class in a row of the table."""
        return self._rows[place]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(self._headings)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        heading = self._headings[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return written(heading, heading.value(self._rows[index.row()]))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if index.column() == 0 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 0:
            return self._rows[index.row()].label
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section].text
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._headings[section].tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section == 0 else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self.layoutAboutToBeChanged.emit()
        self._order = (column, order)
        self._sort()
        self.layoutChanged.emit()

    def table(self) -> Table:
        """What is shown, for CSV; a share that is not known is empty."""
        columns = []
        for heading in self._headings:
            values = [heading.value(row) for row in self._rows]
            columns.append(np.array(values) if values else np.array([], np.float64))
        return Table(tuple(one.text + (" (%)" if one.per_cent else "") for one in self._headings), tuple(columns))

    def _sort(self) -> None:
        column, order = self._order
        value = self._headings[column].value
        down = order == Qt.SortOrder.DescendingOrder

        def key(row: ClassRow) -> tuple[bool, float | str]:
            found = value(row)
            missing = isinstance(found, float) and math.isnan(found)
            return (missing != down, 0.0) if missing else (down, found.casefold() if isinstance(found, str) else found)

        self._rows.sort(key=key, reverse=down)


def written(heading: Heading, value: float | str) -> str:
    """A cell's text."""
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "–"
    return f"{value:.1f} %" if heading.per_cent else f"{value:,}"


def make_view(model: QAbstractTableModel, name: str, accessible_name: str, parent: QWidget | None = None) -> QTableView:
    """A table in the program's looks: no grid, whole rows, sorted by a click on a heading."""
    view = QTableView(parent)
    dress(view, name, accessible_name)
    view.setModel(model)
    view.setSortingEnabled(True)
    view.setWordWrap(False)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    header = view.horizontalHeader()
    header.setMinimumSectionSize(5 * GRID)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    return view
