"""The panel “Table”: every block or every stage with its shapes, counts and measurements; sorted, copied, saved."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.core.anatomy import Measurement
from app.core.errors import ExplorerError
from app.core.records import NetworkOutline
from app.ui.anatomy.saving import write_text_file
from app.ui.anatomy.table_model import SORT, BlockTable, block_rows, csv_text, stage_rows, totals_text
from app.ui.background import Background
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID


class TablePanel(QWidget):
    """Shows a network's rows.

    Signals:
        block_chosen(name): a row was clicked.
        said(text): something was copied or saved.
        failed(ExplorerError)
    """

    block_chosen = Signal(str)
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tablePanel")
        self._background = background
        self._outline: NetworkOutline | None = None
        self._measurement: Measurement | None = None
        self.model = BlockTable()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self.model)
        self._proxy.setSortRole(SORT)
        self.table = named(QTableView(), "blockTable", self.tr("The network's blocks"))
        self.table.setModel(self._proxy)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.rows = Picker("tableRows", self.tr("What a row is"))
        self.rows.setMinimumContentsLength(14)
        self.rows.addItem(self.tr("a row per block"), "blocks")
        self.rows.addItem(self.tr("a row per stage"), "stages")
        self.totals = named(QLabel(), "tableTotals")
        self.totals.setProperty("role", "quiet")
        self.totals.setWordWrap(True)
        self._lay_out()
        self.rows.activated.connect(self._show)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)

    def show_network(self, outline: NetworkOutline | None, measurement: Measurement | None) -> None:
        """Show a network, measured or not yet."""
        another = outline is not self._outline or (self._measurement is None) != (measurement is None)
        self._outline, self._measurement = outline, measurement
        self._show()
        if another and outline is not None:
            self.table.resizeColumnsToContents()

    def select(self, block: str) -> None:
        """Bring a block's row into sight, without telling."""
        if self.rows.currentData() != "blocks":
            return
        row = next((place for place, one in enumerate(self.model.rows) if one.block == block), None)
        if row is not None:
            with QSignalBlocker(self.table.selectionModel()):
                self.table.setCurrentIndex(self._proxy.mapFromSource(self.model.index(row, 0)))
            self.table.viewport().update()

    def text(self) -> str:
        """The rows as they stand, as CSV."""
        order = [self._proxy.mapToSource(self._proxy.index(row, 0)).row() for row in range(self._proxy.rowCount())]
        return csv_text([self.model.rows[row] for row in order])

    def copy(self) -> None:
        """Put the table on the clipboard, as CSV."""
        QGuiApplication.clipboard().setText(self.text())
        self.said.emit(self.tr("table copied"))

    def save(self) -> None:
        """Ask for a name and save the table as CSV."""
        title = self._outline.title if self._outline else "network"
        chosen, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Save"), f"{title}-anatomy.csv", "CSV (*.csv)")
        if chosen:
            self.save_to(Path(chosen))

    def save_to(self, path: Path) -> None:
        """Save the table as CSV."""
        text = self.text()

        def written(outcome: Path | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self.failed.emit(outcome)
            else:
                self.said.emit(self.tr("saved {0}").format(outcome))

        self._background.run("save", lambda: write_text_file(path, text, ".csv"), written)

    def _show(self) -> None:
        if self._outline is None:
            self.model.set_rows([])
            self.totals.setText(self.tr("Choose a model on Explore to see its blocks."))
            return
        make = block_rows if self.rows.currentData() == "blocks" else stage_rows
        self.model.set_rows(make(self._outline, self._measurement))
        self.totals.setText(totals_text(self._measurement, self._outline))

    def _on_row(self) -> None:
        index = self.table.currentIndex()
        if index.isValid():
            self.block_chosen.emit(self.model.rows[self._proxy.mapToSource(index).row()].block)

    def _lay_out(self) -> None:
        copy = named(QPushButton(self.tr("Copy")), "copyBlocks", self.tr("Copy the table as CSV"))
        save = named(QPushButton(self.tr("Save CSV …")), "saveBlocks", self.tr("Save the table as CSV"))
        for button, slot in ((copy, self.copy), (save, self.save)):
            button.setToolTip(button.accessibleName())
            button.clicked.connect(slot)
        controls = QHBoxLayout()
        controls.setSpacing(GRID)
        controls.addWidget(self.rows)
        controls.addWidget(self.totals, 1)
        controls.addWidget(copy)
        controls.addWidget(save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(controls)
        layout.addWidget(self.table, 1)
