"""Batch: what a model says of every picture of a folder, as a table."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import paths
from app.core.errors import ExplorerError
from app.evaluation.batch_lock import BatchBusyError
from app.evaluation.batch_store import DONE, FAILED, BatchDone, Counts
from app.ui.batch.table_model import THUMBNAIL, BatchTable
from app.ui.evaluate.class_table import make_view
from app.ui.model_library import ModelLibrary
from app.ui.models.model_picker import ModelPicker
from app.ui.models.path_field import PathField
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.picker import Picker
from app.ui.shell import Shell
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

FORM_WIDTH = 33 * GRID
PACE = 1000  # milliseconds between looks at a growing table
PATIENCE = 60  # milliseconds after scrolling or typing before anything is asked for


class BatchPanel(QWidget):
    """The form on the left, the table on the right. A table is kept, and goes on where it stopped."""

    def __init__(self, shell: Shell, library: ModelLibrary) -> None:
        super().__init__()
        self.setObjectName("batchPanel")
        self._shell, self._library = shell, library
        self._store: Path | None = None
        self._watching = False  # another process fills the table that is shown
        self.notices = NoticeBar()
        self.table = BatchTable(shell.background, self)
        self._pace = QTimer(self, interval=PACE)
        self._pace.timeout.connect(self.table.look)
        self._patience = QTimer(self, singleShot=True, interval=PATIENCE)
        self._patience.timeout.connect(self._ask_for_thumbnails)
        self._typing = QTimer(self, singleShot=True, interval=3 * PATIENCE)
        self._typing.timeout.connect(self._filter)
        self._make()
        self._lay_out()
        self._connect()
        self._open_store()

    def take_paths(self, paths: list[Path]) -> bool:
        """A folder that is dropped is what to classify."""
        folders = [path for path in paths if path.is_dir()]
        if folders:
            self.folder.set_path(folders[0])
        return bool(folders)

    def classify(self) -> None:
        """Classify what has no answer yet."""
        folder = self.folder.path
        if not self.model.reference or folder is None:
            self.notices.show_notice(
                self.tr("Choose a model, and name a folder: drop one here, or Browse."), key="batch"
            )
            return
        if not folder.exists():
            self.notices.show_notice(self.tr("{0} does not exist.").format(folder), key="batch")
            return
        self.notices.clear()
        self._watching = False
        store = store_path(self.model.reference, folder)
        self.work.run("batch.classify", self.model.reference, (str(folder.absolute()),), str(store))
        self.model.setEnabled(False)
        self.folder.setEnabled(False)
        self._pace.start()

    @property
    def at_stake(self) -> str:
        """What closing the window would interrupt, in a sentence; "" for nothing."""
        if not self.work.running:
            return ""
        return self.tr(
            "A folder is being classified, {0} % done; what is done is kept, and it goes on from there."
        ).format(round(100 * self.work.share))

    # --- inside

    def _open_store(self) -> None:
        """Show the table of this model and folder, if there is one."""
        folder, reference = self.folder.path, self.model.reference
        store = store_path(reference, folder) if folder is not None and reference else None
        if store is not None and not store.is_file():
            store = None
        if store != self._store:
            self._store = store
            self._watching = False
            self.table.open(store)
        if store is None:
            self._show_counts(Counts(0, 0, 0))

    def _on_look(self, counts: Counts) -> None:
        self._show_counts(counts)
        self._patience.start()
        if self._watching and not counts.waiting:
            self._watching = False
            self._pace.stop()
            self.notices.clear("busy")

    def _show_counts(self, counts: Counts) -> None:
        there = counts.total > 0
        self.empty.setVisible(not there)
        self.view.setVisible(there)
        self.export.setEnabled(counts.done > 0)
        for widget in (self.search, self.states, self.shares):
            widget.setEnabled(there)
        text = ""
        if there:
            text = self.tr("{0:,} pictures · {1:,} classified").format(counts.total, counts.done)
            if counts.failed:
                text += self.tr(" · {0:,} could not be read").format(counts.failed)
            if self.table.rowCount() != counts.total:
                text += self.tr(" · {0:,} shown").format(self.table.rowCount())
        self.count.setText(text)
        goes_on = 0 < counts.done + counts.failed < counts.total
        self.work.set_text(self.tr("Go on: {0:,} left").format(counts.waiting) if goes_on else self.tr("Classify"))

    def _on_done(self, done: BatchDone) -> None:
        for notice in done.notices:
            self.notices.show_notice(notice, key="batch", trouble=False)
        if not done.counts.total:
            self.notices.show_notice(
                self.tr("There is no picture in {0}.").format(self.folder.path), key="batch", trouble=False
            )

    def _on_failed(self, error: ExplorerError) -> None:
        busy = isinstance(error, BatchBusyError)
        if busy:
            self._open_store()  # first: a table that is opened is taken for one that nobody fills
            self._watching = True
        self.notices.show_notice(str(error), key="busy" if busy else "batch", trouble=not busy)

    def _on_ended(self) -> None:
        if not self._watching:
            self._pace.stop()
        self.model.setEnabled(True)
        self.folder.setEnabled(True)
        self._open_store()
        self.table.look()

    def _on_ticked(self, _share: float) -> None:
        if self._store is None:
            self._open_store()

    def _filter(self) -> None:
        self.table.filter(self.search.text(), int(self.states.currentData()), self.shares.currentData())

    def _ask_for_thumbnails(self) -> None:
        if self.table.rowCount() and self.view.isVisible():
            first = self.view.rowAt(0)
            last = self.view.rowAt(self.view.viewport().height() - 1)
            last = last if last >= 0 else self.table.rowCount() - 1
            self.table.want_thumbnails(range(max(0, first), last + 1))

    def _open_in_explore(self, index: QModelIndex) -> None:
        row = self.table.row(index.row())
        if row is None:
            return
        model = self._shell.explore.model
        if model is None or model.reference != self.model.reference:
            self._library.choose(self.model.reference)
        self._shell.session.add_paths([row.path])
        self._shell.window.show_page("explore")

    def _export(self, suffix: str) -> None:
        folder = self.folder.path
        if self._store is None or folder is None:
            return
        suggestion = str(folder.parent / f"{folder.name}{suffix}")
        kinds = f"{suffix[1:].upper()} (*{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Export the table"), suggestion, kinds)
        if chosen:
            path = Path(chosen)
            self.write(path if path.suffix == suffix else path.with_name(path.name + suffix))

    def write(self, path: Path) -> None:
        """Write the table to a file of the kind that its name says."""
        store = self._store
        assert store is not None

        def work() -> int:
            from app.evaluation.batch_export import export
            from app.evaluation.batch_store import BatchStore

            with BatchStore(store, reading=True) as table:
                return export(table, path)

        def written(outcome: int | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self.notices.show_notice(str(outcome), key="export")
            else:
                self._shell.window.set_status(self.tr("{0:,} rows saved to {1}").format(outcome, path))

        self._shell.background.run("export", work, written)

    # --- putting together

    def _make(self) -> None:
        self.model = ModelPicker("batchModel", self.tr("Model to classify with"), self._library)
        self.model.follow(self._shell)
        self.folder = PathField(
            "batchFolder", self.tr("Folder of pictures"), self.tr("drop a folder"), files="", folders=True
        )
        self.work = WorkRow(
            "batch",
            self.tr("Classify"),
            self._shell,
            tip=self.tr("Classify every picture that has no answer yet, in a process of its own"),
            upright=True,
        )
        self.search = named(QLineEdit(), "batchSearch", self.tr("Filter the table"))
        self.search.setPlaceholderText(self.tr("Filter by name, folder or class"))
        self.search.setToolTip(self.tr("Rows in which every word occurs"))
        self.search.setClearButtonEnabled(True)
        self.states = Picker("batchStates", self.tr("Which rows to show"))
        for text, state in (
            (self.tr("All"), -1),
            (self.tr("Classified"), DONE),
            (self.tr("Waiting"), 0),
            (self.tr("Could not be read"), FAILED),
        ):
            self.states.addItem(text, state)
        self.shares = Picker("batchShares", self.tr("Which probabilities of the best class to show"))
        for text, shares in (
            (self.tr("Any probability"), None),
            (self.tr("Under 50 %"), (0.0, 0.5)),
            (self.tr("50 to 90 %"), (0.5, 0.9)),
            (self.tr("90 % or more"), (0.9, 2.0)),
        ):
            self.shares.addItem(text, shares)
        for picker in (self.states, self.shares):
            picker.setMinimumWidth(20 * GRID)
        self.count = named(QLabel(), "batchCount")
        self.count.setProperty("role", "quiet")
        self.export = named(QPushButton(self.tr("Export …")), "batchExport", self.tr("Export the table"))
        self.export.setToolTip(self.tr("Save the whole table as CSV, JSON or Parquet"))
        menu = QMenu(self.export)
        for suffix in (".csv", ".json", ".parquet"):
            action = QAction(suffix[1:].upper() if suffix != ".parquet" else "Parquet", menu)
            action.setObjectName(f"export{suffix}")
            action.triggered.connect(lambda _checked=False, suffix=suffix: self._export(suffix))
            menu.addAction(action)
        self.export.setMenu(menu)
        self.view = make_view(self.table, "batchTable", self.tr("Pictures and answers"))
        self.view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.view.horizontalHeader().setSortIndicatorClearable(True)
        self.view.verticalHeader().setDefaultSectionSize(THUMBNAIL + GRID)
        self.view.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        for column, width in enumerate((26, 15, 12, 20, 20, 20, 20, 8, 30, 40)):
            self.view.setColumnWidth(column, width * GRID)
        self.empty = named(
            QLabel(
                self.tr(
                    "Drop a folder of pictures, however many, then press Classify.\n"
                    "The table grows while it works; stopped or closed, it goes on where it was."
                )
            ),
            "batchEmpty",
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "quiet")

    def _lay_out(self) -> None:
        form = named(QFrame(), "panel")
        column = QVBoxLayout(form)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        for text, widget in ((self.tr("Model"), self.model), (self.tr("Folder"), self.folder)):
            caption = QLabel(text.upper())
            caption.setProperty("role", "caption")
            column.addWidget(caption)
            column.addWidget(widget)
        column.addSpacing(GRID // 2)
        column.addWidget(self.work)
        column.addStretch(1)
        form.setFixedWidth(max(FORM_WIDTH, form.sizeHint().width()))
        bar = QHBoxLayout()
        bar.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID)
        bar.setSpacing(GRID)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.states)
        bar.addWidget(self.shares)
        bar.addWidget(self.export)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.notices)
        right.addLayout(bar)
        right.addWidget(self.view, 1)
        right.addWidget(self.empty, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, GRID)
        foot.addWidget(self.count)
        right.addLayout(foot)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(form)
        layout.addLayout(right, 1)

    def _connect(self) -> None:
        self.work.wanted.connect(self.classify)
        self.work.done.connect(self._on_done)
        self.work.failed.connect(self._on_failed)
        self.work.ended.connect(self._on_ended)
        self.work.ticked.connect(self._on_ticked)
        self.model.model_chosen.connect(lambda _reference: self._open_store())
        self.model.followed.connect(self._open_store)
        self.model.lost.connect(lambda _reference: self._open_store())
        self.folder.changed.connect(self._open_store)
        self.search.textChanged.connect(lambda _text: self._typing.start())
        for picker in (self.states, self.shares):
            picker.activated.connect(lambda _place: self._filter())
        self.table.counted.connect(self._on_look)
        self.table.dataChanged.connect(lambda *_: self._patience.start())
        self.table.failed.connect(lambda error: self.notices.show_notice(str(error), key="table"))
        self.view.verticalScrollBar().valueChanged.connect(lambda _value: self._patience.start())
        self.view.doubleClicked.connect(self._open_in_explore)
        enter = QShortcut(QKeySequence(Qt.Key.Key_Return), self.view)
        enter.setContext(Qt.ShortcutContext.WidgetShortcut)
        enter.activated.connect(lambda: self._open_in_explore(self.view.currentIndex()))


def store_path(reference: str, folder: Path) -> Path:
    """Where the table of a model and a folder is kept."""
    digest = hashlib.sha256(f"{reference}\0{folder.absolute()}".encode("utf-8", "surrogateescape")).hexdigest()
    return paths.user_data() / "batches" / f"{digest[:24]}.sqlite"


def build(shell: Shell, library: ModelLibrary) -> QWidget:
    """The panel, for the Models page."""
    return BatchPanel(shell, library)
