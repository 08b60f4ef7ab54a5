"""The evaluations so far: one is shown, several are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.evaluation.records import EvaluationRecord

LONGEST_NAME = 14  # letters


class Earlier(QListWidget):
    """The newest first. Ctrl-click or Shift-click chooses several; Delete removes one after asking the owner.

    Signals:
        chosen(list of EvaluationRecord): one to show, or several to compare.
        removal_wanted(id)
    """

    chosen = Signal(object)
    removal_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("earlierEvaluations")
        self.setAccessibleName(self.tr("Earlier evaluations"))
        self.setToolTip(self.tr("Choose one to see it, several (Ctrl-click) to compare them"))
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(True)
        self.setSpacing(GRID // 4)
        self._records: dict[str, EvaluationRecord] = {}
        self.itemSelectionChanged.connect(self._on_selection)

    def set_records(self, records: Sequence[EvaluationRecord]) -> None:
        """List these; what is chosen stays chosen where it is still there."""
        kept = {item.data(Qt.ItemDataRole.UserRole) for item in self.selectedItems()}
        with QSignalBlocker(self):
            self.clear()
            self._records = {record.id: record for record in records}
            for record in records:
                when = record.date[:16].replace("T", " ")
                text = self.tr("{0}\n{1:.2f} % error · {2}\n{3}").format(
                    record.title, record.top1.per_cent, _short(Path(record.data).name), when
                )
                item = QListWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, record.id)
                item.setToolTip(f"{record.data}\n{record.command}")
                self.addItem(item)
                item.setSelected(record.id in kept)

    def choose(self, record_id: str) -> None:
        """Choose one."""
        for row in range(self.count()):
            item = self.item(row)
            if item.data(Qt.ItemDataRole.UserRole) == record_id:
                # Alone, whatever keys are held down just then.
                self.setCurrentItem(item, QItemSelectionModel.SelectionFlag.ClearAndSelect)
                return

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and (items := self.selectedItems()):
            for item in items:
                self.removal_wanted.emit(item.data(Qt.ItemDataRole.UserRole))
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Letters are the page's shortcuts; they do not jump to a title."""

    def _on_selection(self) -> None:
        rows = sorted(self.row(item) for item in self.selectedItems())
        ids = [self.item(row).data(Qt.ItemDataRole.UserRole) for row in rows]
        if ids:
            self.chosen.emit([self._records[one] for one in ids])


def _short(name: str) -> str:
    """As much of a name as has room beside the error; the tooltip has all of it."""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
