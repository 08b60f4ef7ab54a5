"""The film strip's list: what is known of every picture, and the thumbnails of those that were seen last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QPixmap

Index = QModelIndex | QPersistentModelIndex

KEPT_THUMBNAILS = 400  # of 72 × 48 logical pixels: 22 MB on a screen of double resolution


@dataclass
class Picture:
    """One picture of the session.

    Attributes:
        id: The session's number for it.
        name: What to call it.
        label: What it was classified as, or "".
        error: Why it cannot be shown, or "".
        asked: Whether its thumbnail is on its way.
    """

    id: int
    name: str
    label: str = ""
    error: str = ""
    asked: bool = False


class FilmModel(QAbstractListModel):
    """Pictures in order; `Qt.UserRole` is the `Picture`, `Qt.DecorationRole` its thumbnail or None."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures: list[Picture] = []
        self._rows: dict[int, int] = {}
        self._thumbnails: OrderedDict[int, QPixmap] = OrderedDict()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._pictures)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        picture = self._pictures[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return picture.name
        if role == Qt.ItemDataRole.UserRole:
            return picture
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(picture.id)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            parts = (picture.name, picture.error or picture.label)
            return ("\n" if role == Qt.ItemDataRole.ToolTipRole else ", ").join(part for part in parts if part)
        return None

    def index_of(self, picture_id: int) -> QModelIndex:
        """The index of a picture; invalid where there is none."""
        row = self._rows.get(picture_id)
        return QModelIndex() if row is None else self.index(row)

    def picture(self, row: int) -> Picture:
        """The picture in a row."""
        return self._pictures[row]

    def has_thumbnail(self, picture_id: int) -> bool:
        """Whether a picture's thumbnail is at hand."""
        return picture_id in self._thumbnails

    def append(self, pictures: Iterable[Picture]) -> None:
        """Add pictures at the end; those that are there already are left alone."""
        new = [picture for picture in pictures if picture.id not in self._rows]
        if not new:
            return
        first = len(self._pictures)
        self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
        self._pictures.extend(new)
        self._rows.update((picture.id, first + place) for place, picture in enumerate(new))
        self.endInsertRows()

    def remove(self, picture_id: int) -> None:
        """Take a picture off; nothing happens where there is none."""
        row = self._rows.get(picture_id)
        if row is None:
            return
        self.beginRemoveRows(QModelIndex(), row, row)
        del self._pictures[row]
        self._thumbnails.pop(picture_id, None)
        self._rows = {picture.id: place for place, picture in enumerate(self._pictures)}
        self.endRemoveRows()

    def clear(self) -> None:
        """Take every picture off."""
        self.beginResetModel()
        self._pictures.clear()
        self._rows.clear()
        self._thumbnails.clear()
        self.endResetModel()

    def set_thumbnail(self, picture_id: int, thumbnail: QPixmap) -> None:
        """Keep a thumbnail; the ones that were seen longest ago make room for it."""
        if picture_id not in self._rows:
            return
        self._thumbnails[picture_id] = thumbnail
        self._thumbnails.move_to_end(picture_id)
        while len(self._thumbnails) > KEPT_THUMBNAILS:
            old, _ = self._thumbnails.popitem(last=False)
            self._pictures[self._rows[old]].asked = False
        self._tell(picture_id)

    def touch(self, picture_id: int) -> None:
        """Note that a thumbnail is on screen, so that others make room first."""
        if picture_id in self._thumbnails:
            self._thumbnails.move_to_end(picture_id)

    def set_label(self, picture_id: int, label: str) -> None:
        """Note what a picture was classified as."""
        row = self._rows.get(picture_id)
        if row is not None:
            self._pictures[row].label = label
            self._tell(picture_id)

    def set_error(self, picture_id: int, error: str) -> None:
        """Note why a picture cannot be shown."""
        row = self._rows.get(picture_id)
        if row is not None:
            self._pictures[row].error = error
            self._tell(picture_id)

    def _tell(self, picture_id: int) -> None:
        index = self.index_of(picture_id)
        self.dataChanged.emit(index, index)
