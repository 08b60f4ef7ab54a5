"""A batch's table for the screen: only the rows in sight are read, and only their thumbnails are made."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPixmap

from app.core.errors import ExplorerError
from app.evaluation.batch_store import FAILED, TOP, WAITING, BatchRow, BatchStore, Column, Counts
from app.ui.background import Background
from app.ui.drawing import image_from
from app.ui.prediction_bars import percent
from app.ui.theme import colour
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from collections.abc import Sequence

Index = QModelIndex | QPersistentModelIndex

PAGE = 100  # rows read at once
KEPT_PAGES = 60
KEPT_THUMBNAILS = 500
THUMBNAIL = 4 * GRID  # logical pixels
_COLUMNS: tuple[Column, ...] = (
    "name", "label", "probability", "p2", "p3", "p4", "p5", "milliseconds", "folder", "error",
)  # fmt: skip


class BatchTable(QAbstractTableModel):
    """The rows of a store in some order.

    Signals:
        counted(Counts): after each look at the store.
        failed(ExplorerError): it cannot be read.
    """

    counted = Signal(object)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._path: Path | None = None
        self._labels: Sequence[str] = ()
        self._numbers: list[int] = []
        self._pages: OrderedDict[int, dict[int, BatchRow]] = OrderedDict()
        self._asked: set[int] = set()
        self._thumbnails: OrderedDict[int, QPixmap | None] = OrderedDict()
        self._order: Column = "number"
        self._descending = False
        self._words, self._state = "", -1
        self._shares: tuple[float, float] | None = None
        self._round = 0
        self._looking = self._look_again = False
        tr = self._tr
        self._heads = (
            tr("Picture"), tr("Top-1"), tr("Probability"), tr("Top-2"), tr("Top-3"), tr("Top-4"), tr("Top-5"),
            tr("ms"), tr("Folder"), tr("Error"),
        )  # fmt: skip

    def open(self, path: Path | None) -> None:
        """Show another store, or none."""
        self.beginResetModel()
        self._path = path
        self._round += 1
        self._numbers, self._labels = [], ()
        self._pages.clear()
        self._asked.clear()
        self._thumbnails.clear()
        self.endResetModel()
        if path is not None:
            self.look()

    def filter(self, words: str, state: int, shares: tuple[float, float] | None = None) -> None:
        """Show only rows with these words, in this state (−1 for all), with such a probability of their best class."""
        self._words, self._state, self._shares = words, state, shares
        self.look()

    def look(self) -> None:
        """Look into the store again: rows came, or were answered."""
        if self._looking:
            self._look_again = True
            return
        path, now = self._path, self._round
        if path is None:
            return
        order, down, words, state, shares = self._order, self._descending, self._words, self._state, self._shares

        def work() -> tuple[Counts, list[int], tuple[str, ...]]:
            with BatchStore(path, reading=True) as store:
                labels = tuple(store.about.get("labels", "").split("\n"))
                numbers = store.numbers(order, descending=down, words=words, state=state, shares=shares)
                return store.counts(), numbers, labels

        def done(outcome: Any) -> None:
            self._looking = False
            if now == self._round:
                if isinstance(outcome, ExplorerError):
                    self.failed.emit(outcome)
                else:
                    self._take(*outcome)
            if self._look_again:
                self._look_again = False
                self.look()

        self._looking = True
        self._background.run("batch", work, done)

    def row(self, place: int) -> BatchRow | None:
        """A row, if it has been read; else it is asked for."""
        page = place // PAGE
        rows = self._pages.get(page)
        if rows is None:
            self._ask(page)
            return None
        self._pages.move_to_end(page)
        return rows.get(self._numbers[place])

    def want_thumbnails(self, places: range) -> None:
        """These rows are in sight."""
        for place in places:
            row = self.row(place)
            if row is None or row.state == FAILED or row.number in self._thumbnails:
                continue
            self._thumbnails[row.number] = None
            self._make_thumbnail(row.number, row.path)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._numbers)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(self._heads)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._numbers):
            return None
        column = index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column in (2, 7) else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.DecorationRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.ForegroundRole,
        ):
            return None
        row = self.row(index.row())
        if row is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole and column == 0 else None
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(row.number) or _blank() if column == 0 else None
        if role == Qt.ItemDataRole.ForegroundRole:
            return _ink(row, column)
        text = self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(row.path) if column == 0 else text
        return text

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            if _COLUMNS[section] in ("p2", "p3", "p4", "p5"):
                return self._tr("Sorts by the probability of this class; a third click gives the folder's own order")
            return self._tr("Sorts by this column; a third click gives the folder's own order")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in (2, 7) else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """The store sorts; the rows follow in a moment."""
        self._order = _COLUMNS[column] if column >= 0 else "number"
        self._descending = order == Qt.SortOrder.DescendingOrder
        self.look()

    def _take(self, counts: Counts, numbers: list[int], labels: tuple[str, ...]) -> None:
        """Rows are added or taken at the end, then all change places: the view stays where it is."""
        self._labels = labels
        before = len(self._numbers)
        if len(numbers) > before:
            self.beginInsertRows(QModelIndex(), before, len(numbers) - 1)
            self._numbers += numbers[before:]
            self.endInsertRows()
        elif len(numbers) < before:
            self.beginRemoveRows(QModelIndex(), len(numbers), before - 1)
            del self._numbers[len(numbers) :]
            self.endRemoveRows()
        self._numbers = numbers
        self._stale()
        self.counted.emit(counts)

    def _stale(self) -> None:
        """What was read may be old: read it again, showing the old meanwhile where rows kept their places."""
        known = {row.number: row for rows in self._pages.values() for row in rows.values()}
        shown = list(self._pages)
        self._pages.clear()
        self._asked.clear()
        for page in shown:
            numbers = self._numbers[page * PAGE : (page + 1) * PAGE]
            if numbers and all(number in known for number in numbers):
                self._pages[page] = {number: known[number] for number in numbers}
                self._ask(page)
        if self._numbers:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._numbers) - 1, self.columnCount() - 1))

    def _ask(self, page: int) -> None:
        path, now = self._path, self._round
        if page in self._asked or path is None:
            return
        self._asked.add(page)
        numbers = self._numbers[page * PAGE : (page + 1) * PAGE]

        def work() -> dict[int, BatchRow]:
            with BatchStore(path, reading=True) as store:
                return store.rows(numbers)

        def done(outcome: dict[int, BatchRow] | ExplorerError) -> None:
            if now != self._round or isinstance(outcome, ExplorerError):
                return
            if self._numbers[page * PAGE : (page + 1) * PAGE] != numbers:  # sorted anew meanwhile
                self._asked.discard(page)
                return
            self._pages[page] = outcome
            self._pages.move_to_end(page)
            while len(self._pages) > KEPT_PAGES:
                gone, _ = self._pages.popitem(last=False)
                self._asked.discard(gone)
            last = min(len(self._numbers), (page + 1) * PAGE) - 1
            self.dataChanged.emit(self.index(page * PAGE, 0), self.index(last, self.columnCount() - 1))

        self._background.run("batch", work, done)

    def _make_thumbnail(self, number: int, path: Path) -> None:
        now = self._round

        def shrink() -> Any:
            return _thumbnail(path) if now == self._round and number in self._thumbnails else None

        def done(outcome: Any) -> None:
            if now != self._round or outcome is None or isinstance(outcome, ExplorerError):
                return
            pixmap = QPixmap.fromImage(image_from(outcome))
            pixmap.setDevicePixelRatio(2)
            self._thumbnails[number] = pixmap
            self._thumbnails.move_to_end(number)
            while len(self._thumbnails) > KEPT_THUMBNAILS:
                self._thumbnails.popitem(last=False)
            self._tell(number)

        self._background.run("batch-thumbnails", shrink, done)

    def _tell(self, number: int) -> None:
        for page, rows in self._pages.items():
            if number in rows:
                numbers = self._numbers[page * PAGE : (page + 1) * PAGE]
                if number in numbers:
                    index = self.index(page * PAGE + numbers.index(number), 0)
                    self.dataChanged.emit(index, index)
                return

    def _text(self, row: BatchRow, column: int) -> str:
        if column == 0:
            return row.name
        if column == 8:
            return row.folder
        if column == 9:
            return row.error
        if not row.classes:
            return self._tr("waiting") if column == 1 and row.state == WAITING else ""
        if column == 1:
            return self._labels[row.classes[0]]
        if column == 2:
            return percent(row.probabilities[0])
        if column == 7:
            return f"{row.milliseconds:.1f}" if row.milliseconds is not None else ""
        rank = column - 2
        if rank >= min(TOP, len(row.classes)):
            return ""
        return f"{self._labels[row.classes[rank]]}  {percent(row.probabilities[rank])}"

    @staticmethod
    def _tr(text: str) -> str:
        return QCoreApplication.translate("BatchTable", text)


def _ink(row: BatchRow, column: int) -> QColor | None:
    if column == 9:
        return colour("plain")
    if column >= 3 or row.state != 1:
        return colour("quiet")
    return None


def _blank() -> QPixmap:
    """Stands for a thumbnail, so that nothing moves when it comes."""
    pixmap = QPixmap(THUMBNAIL, THUMBNAIL)
    pixmap.fill(colour("raised"))
    return pixmap


def _thumbnail(path: Path) -> Any:
    """(2 × THUMBNAIL, 2 × THUMBNAIL, 3) uint8: the picture's middle square."""
    import numpy as np
    from PIL import Image, ImageOps

    from app.sources.files import read_picture

    picture = Image.fromarray(read_picture(path).pixels)
    return np.asarray(ImageOps.fit(picture, (2 * THUMBNAIL, 2 * THUMBNAIL), Image.Resampling.BILINEAR))
