"""Several evaluations beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.ui.charts.plot import Table
from app.ui.tables import ROW, dress
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.evaluation.measures import Verdicts
    from app.evaluation.records import EvaluationRecord


@dataclass(frozen=True)
class Pair:
    """What two evaluations of the same pictures have apart.

    Attributes:
        both: Pictures that both get right.
        first: Only the first one.
        second: Only the second one.
        neither: Neither.
    """

    both: int
    first: int
    second: int
    neither: int


def pair(one: Verdicts, other: Verdicts) -> Pair:
    """Counted over the pictures that both could read."""
    counted = one.counted & other.counted
    a, b = one.right[counted], other.right[counted]
    return Pair(int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum()))


class SideBySide(QTableWidget):
    """One column per evaluation, one row per figure."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, list[str]]] = []
        self._titles: list[str] = []
        dress(self, "sideBySide", self.tr("Evaluations beside each other"))
        self.setProperty("role", "facts")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def show_records(self, records: Sequence[EvaluationRecord]) -> None:
        """Compare these."""
        self._rows = rows = figures(records)
        self._titles = [record.title for record in records]
        self.clear()
        self.setRowCount(len(rows))
        self.setColumnCount(1 + len(records))
        self.setHorizontalHeaderLabels(["", *self._titles])
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        for row, (name, values) in enumerate(rows):
            for column, value in enumerate([name, *values]):
                item = QTableWidgetItem(value)
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(value)
                self.setItem(row, column, item)
        self.setFixedHeight((1 + len(rows)) * ROW + GRID)

    def table(self) -> Table:
        """What is shown, for CSV."""
        columns = [np.array(values) for values in zip(*(values for _, values in self._rows), strict=True)]
        return Table(("", *self._titles), (np.array([name for name, _ in self._rows]), *columns))


def figures(records: Sequence[EvaluationRecord]) -> list[tuple[str, list[str]]]:
    """(name, one text per evaluation)."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("SideBySide", text)

    def rate(record: EvaluationRecord, name: str) -> str:
        found = record.top1 if name == "top1" else record.top5
        if found is None:
            return "–"
        low, high = found.interval
        return f"{found.per_cent:.2f} % ({low:.2f} – {high:.2f})"

    same = len({record.fingerprint for record in records}) == 1
    return [
        (tr("Top-1 error"), [rate(record, "top1") for record in records]),
        (tr("Top-5 error"), [rate(record, "top5") for record in records]),
        (tr("ECE"), [f"{100 * record.calibration.ece:.2f} %" for record in records]),
        (tr("Log loss"), [f"{record.log_loss:.4f}" for record in records]),
        (tr("Pictures"), [f"{record.pictures:,}" for record in records]),
        (tr("Same pictures"), [tr("yes") if same else record.fingerprint[:8] for record in records]),
        (tr("Data"), [Path(record.data).name for record in records]),
        (tr("Weights"), [record.model_hash[:8] or "–" for record in records]),
        (tr("Device"), [record.device for record in records]),
        (tr("Seconds"), [f"{record.seconds:.1f}" for record in records]),
        (tr("Date (UTC)"), [record.date[:16].replace("T", " ") for record in records]),
    ]
