"""The list of runs, living and finished: one line each, with a box that puts it into the charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.runs.folder import RunInfo
from app.training.claims import network_title
from app.ui.drawing import tabular
from app.ui.lab.run_index import Listed
from app.ui.lab.words import count, percent, state_words, trouble
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

_PATH = Qt.ItemDataRole.UserRole
ROW = 4 * GRID
WIDEST_STATE = 22 * GRID
NAME, STEP, TRAIN, TEST, STATE = range(5)


class RunTable(QTableWidget):
    """Shows runs.

    Signals:
        compared(tuple of Path): which runs are ticked, in the order of the list.
        chosen(path or None): another line is the current one.
    """

    compared = Signal(tuple)
    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 5, parent)
        self.setObjectName("runTable")
        self.setAccessibleName(self.tr("Runs"))
        self.setToolTip(self.tr("Tick a run to see it in the charts"))
        self._runs: tuple[Listed, ...] = ()
        self._ticked: tuple[Path, ...] = ()
        self._colours: dict[Path, QColor] = {}
        self._shown: dict[int, tuple[object, ...]] = {}  # what each line says now
        names = (self.tr("Run"), self.tr("Step"), self.tr("Train"), self.tr("Test"), self.tr("State"))
        self.setHorizontalHeaderLabels(names)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.setShowGrid(False)
        self.setFont(tabular(self.font()))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(GRID + 2, GRID + 2))
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(STATE, QHeaderView.ResizeMode.Fixed)
        for column in (STEP, TRAIN, TEST):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.itemChanged.connect(self._on_changed)
        self.currentItemChanged.connect(lambda *_: self.chosen.emit(self.current))
        theme().changed.connect(self._repaint)

    @property
    def current(self) -> Path | None:
        """The run of the current line."""
        item = self.item(self.currentRow(), NAME)
        return Path(item.data(_PATH)) if item is not None else None

    @property
    def ticked(self) -> tuple[Path, ...]:
        """The runs to compare."""
        return self._ticked

    def show_runs(self, runs: Sequence[Listed]) -> None:
        """Show these runs; ticks and the current line stay with their runs."""
        current = self.current
        same = [run.path for run in runs] == [run.path for run in self._runs]
        self._runs = tuple(runs)
        with QSignalBlocker(self):
            if not same:
                self.setRowCount(len(runs))
                self._shown.clear()
            for row, run in enumerate(runs):
                self._fill(row, run)
                if run.path == current and not same:
                    self.setCurrentCell(row, NAME)
        # The names have what the states leave. Not in resizeEvent: scroll bars that come and go would answer.
        self.setColumnWidth(STATE, min(self.sizeHintForColumn(STATE) + GRID, WIDEST_STATE))
        there = {run.path for run in runs}
        if any(path not in there for path in self._ticked):
            self.tick([path for path in self._ticked if path in there])
        if self.current != current:
            self.chosen.emit(self.current)

    def tick(self, paths: Sequence[Path]) -> None:
        """Tick exactly these runs; those that are not listed yet are ticked when they come."""
        if tuple(paths) == self._ticked:
            return
        self._ticked = tuple(paths)
        self._refresh_ticks()
        self.compared.emit(self._ticked)

    def choose(self, path: Path) -> None:
        """Make a run's line the current one."""
        for row, run in enumerate(self._runs):
            if run.path == path:
                self.setCurrentCell(row, NAME)

    def set_colours(self, colours: Mapping[Path, QColor]) -> None:
        """The colours that the ticked runs have in the charts."""
        self._colours = dict(colours)
        self._repaint()

    def _fill(self, row: int, run: Listed) -> None:
        info = run.info
        name = run.folder.name if run.folder != run.path else ""
        title = network_title(info)
        texts = (
            f"{title} · {name}" if name else f"{title} · {run.path.name}",
            count(info.status.step) if info.status.step else "",
            *_errors(info),
            state_words(info),
        )
        for column, text in enumerate(texts):
            item = self.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                if column == NAME:
                    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                self.setItem(row, column, item)
            if item.text() != text:
                item.setText(text)
        facts = (texts, run.path, run.path in self._ticked, self._colours.get(run.path), theme().choice, trouble(info))
        if self._shown.get(row) == facts:
            return
        self._shown[row] = facts
        first, state = self.item(row, NAME), self.item(row, STATE)
        assert first is not None and state is not None
        first.setData(_PATH, str(run.path))
        first.setToolTip(str(run.path))
        first.setCheckState(Qt.CheckState.Checked if run.path in self._ticked else Qt.CheckState.Unchecked)
        first.setIcon(self._dot(run.path))
        state.setToolTip(trouble(info) or texts[STATE])
        state.setForeground(colour("plain" if trouble(info) else "quiet"))

    def _dot(self, path: Path) -> QIcon:
        side = 2 * (GRID + 2)
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colours.get(path, colour("line")))
            painter.drawEllipse(pixmap.rect())
        dot = QIcon(pixmap)
        dot.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
        return dot

    def _repaint(self) -> None:
        self._shown.clear()
        with QSignalBlocker(self):
            for row, run in enumerate(self._runs):
                self._fill(row, run)

    def _refresh_ticks(self) -> None:
        with QSignalBlocker(self):
            for row, run in enumerate(self._runs):
                if (item := self.item(row, NAME)) is not None:
                    on = run.path in self._ticked
                    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                    self._shown.pop(row, None)

    def _on_changed(self, item: QTableWidgetItem) -> None:
        if item.column() != NAME:
            return
        path, on = Path(item.data(_PATH)), item.checkState() == Qt.CheckState.Checked
        if on != (path in self._ticked):
            self.tick([*self._ticked, path] if on else [one for one in self._ticked if one != path])


def _errors(info: RunInfo) -> tuple[str, str]:
    """Training and test error, in words; "" where there are none yet."""
    status, summary = info.status, info.summary
    train = summary.get("train_error", status.train_error)
    test = summary.get("test_error", status.test_error)
    return tuple(percent(value) if isinstance(value, int | float) and value >= 0 else "" for value in (train, test))  # type: ignore[return-value]
