"""The table of a network: a row per block or per stage, measured where a picture was."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QPersistentModelIndex, Qt

from app.core.anatomy import QUANTITIES, BlockMeasurement, Measurement
from app.core.records import BlockInfo, NetworkOutline
from app.ui.anatomy.words import block_kind, count_text, quantity_title, shape_text, value_of, value_text
from app.ui.drawing import number_text
from app.ui.spine_words import block_label

SORT = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex
_COUNTED = ("parameters", "multiply_adds", "milliseconds", "activation_bytes")  # what a stage is the sum of


@dataclass(frozen=True)
class Row:
    """A row as it is shown, and as it sorts.

    Attributes:
        block: The block's name; the first block's of a stage.
        texts: What is read.
        values: What is sorted by and saved: numbers, or texts where there are none; None where nothing is known.
    """

    block: str
    texts: tuple[str, ...]
    values: tuple[float | int | str | None, ...]


def headers() -> tuple[str, ...]:
    """The columns' titles."""
    tr = QCoreApplication.translate
    titles = [quantity_title(one) + (f" [{one.unit}]" if one.unit else "") for one in QUANTITIES]
    return (tr("Anatomy", "Block"), tr("Anatomy", "Kind"), tr("Anatomy", "In"), tr("Anatomy", "Out"), *titles)


def block_rows(outline: NetworkOutline, measurement: Measurement | None) -> list[Row]:
    """A row per block, stem and head included."""
    known = {block.name: block for block in measurement.blocks} if measurement else {}
    return [_block_row(place, block, known.get(block.name)) for place, block in enumerate(outline.blocks)]


def stage_rows(outline: NetworkOutline, measurement: Measurement | None) -> list[Row]:
    """A row per stage: counts and times are sums, what is measured of tensors is left to the blocks."""
    known = {block.name: block for block in measurement.blocks} if measurement else {}
    groups: list[list[BlockInfo]] = []
    for block in outline.blocks:
        if groups and block.stage > 0 and groups[-1][0].stage == block.stage:
            groups[-1].append(block)
        else:
            groups.append([block])
    return [_stage_row(place, group, known) for place, group in enumerate(groups)]


def _block_row(place: int, block: BlockInfo, measured: BlockMeasurement | None) -> Row:
    texts = [block_label(block), block_kind(block)]
    values: list[float | int | str | None] = [place, block_kind(block)]
    for shape in (measured.shape_in, measured.shape) if measured else (None, None):
        texts.append(shape_text(shape) if shape else "–")
        values.append(_size(shape) if shape else None)
    for quantity in QUANTITIES:
        value: float | None = value_of(measured, quantity) if measured else None
        if measured is None and quantity.name == "parameters":
            value = block.parameters
        texts.append(value_text(value, quantity))
        values.append(value)
    return Row(block.name, tuple(texts), tuple(values))


def _stage_row(place: int, group: Sequence[BlockInfo], known: dict[str, BlockMeasurement]) -> Row:
    tr = QCoreApplication.translate
    first = group[0]
    if first.stage == 0:
        return _block_row(place, first, known.get(first.name))
    label = tr("Anatomy", "stage {0}").format(first.stage)
    kinds = tr("Anatomy", "{0} × {1}").format(len(group), block_kind(group[-1]))
    measured = [known[block.name] for block in group if block.name in known]
    whole = len(measured) == len(group)
    texts = [label, kinds]
    values: list[float | int | str | None] = [place, kinds]
    for shape in (measured[0].shape_in, measured[-1].shape) if whole else (None, None):
        texts.append(shape_text(shape) if shape else "–")
        values.append(_size(shape) if shape else None)
    for quantity in QUANTITIES:
        value: float | None = None
        if quantity.name == "parameters":
            value = sum(block.parameters for block in group)
        elif quantity.name in _COUNTED and whole:
            value = sum(getattr(block, quantity.name) for block in measured)
        texts.append(value_text(value, quantity))
        values.append(value)
    return Row(first.name, tuple(texts), tuple(values))


def _size(shape: Sequence[int]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def totals_text(measurement: Measurement | None, outline: NetworkOutline) -> str:
    """Parameters and multiply-adds of the whole network, with the published numbers beside."""
    tr = QCoreApplication.translate
    if measurement is None:
        return tr("Anatomy", "{0} parameters").format(count_text(outline.parameters))
    parts = [tr("Anatomy", "{0} parameters").format(count_text(measurement.parameters))]
    if measurement.published_parameters:
        parts[0] += " " + tr("Anatomy", "(published {0})").format(count_text(measurement.published_parameters))
    parts.append(tr("Anatomy", "{0} multiply-adds").format(count_text(measurement.multiply_adds)))
    if measurement.published_multiply_adds:
        published = number_text(measurement.published_multiply_adds)
        parts[1] += " " + tr("Anatomy", "(published {0} G)").format(published)
    parts.append(tr("Anatomy", "{0} ms on {1}").format(number_text(measurement.milliseconds), measurement.device))
    return "   ·   ".join(parts)


def csv_text(rows: Sequence[Row]) -> str:
    """The rows as CSV: exact numbers, shapes as they are read."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *headers()])
    for row in rows:
        read = row.texts[:4]
        writer.writerow([row.block, *read, *("" if value is None else f"{value:.8g}" for value in _numbers(row))])
    return text.getvalue()


def _numbers(row: Row) -> list[Any]:
    return [_Exact(value) if isinstance(value, int) else value for value in row.values[4:]]


class _Exact(int):
    """A count, which no format may round."""

    def __format__(self, spec: str) -> str:
        return str(int(self))


class BlockTable(QAbstractTableModel):
    """Rows for a `QTableView`; sorting is a proxy's, by the role `SORT`."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def set_rows(self, rows: list[Row]) -> None:
        """Show other rows; where they are of the same blocks the selection stays."""
        if [row.block for row in rows] == [row.block for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 4 + len(QUANTITIES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return headers()[section]
        if role == Qt.ItemDataRole.ToolTipRole and section >= 4:
            quantity = QUANTITIES[section - 4]
            return QCoreApplication.translate("Quantity", quantity.formula) or headers()[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(section))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.texts[index.column()]
        if role == SORT:
            value = row.values[index.column()]
            return float("-inf") if value is None else value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(index.column()))
        return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column >= 2 else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
