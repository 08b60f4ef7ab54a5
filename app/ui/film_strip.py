"""The session's pictures as a strip of thumbnails. It decodes nothing: it asks for the thumbnails that are seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QBrush,
    QFontMetricsF,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QListView, QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui.drawing import WHEEL_STEP, elided, image_from, resized
from app.ui.film_model import FilmModel, Picture
from app.ui.icons import paint_icon
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.ui.session import Session

THUMBNAIL = QSize(9 * GRID, 6 * GRID)
_CELL = QSize(THUMBNAIL.width() + GRID + GRID // 2, 10 * GRID)
_HEIGHT = 11 * GRID  # the cells, and the scroll bar below them
_RADIUS = 6.0
_LABEL_SIZE = 0.8
_PATIENCE = 40  # milliseconds after scrolling before thumbnails are asked for: what flies past is not decoded


class FilmStrip(QListView):
    """Thumbnails side by side, the current one ringed; 10,000 are as cheap as ten.

    Keys: Left, Right, Home and End go through the pictures, Delete takes one off.

    Signals:
        chosen(id): The user wants to see this picture.
        removed(id): The user wants it off the strip; the owner decides and calls `remove`.
        thumbnail_wanted(id): It is in sight and has no thumbnail yet.
    """

    chosen = Signal(int)
    removed = Signal(int)
    thumbnail_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmStrip")
        self.setAccessibleName(self.tr("Pictures of this session"))
        self._pictures = FilmModel(self)
        self._quiet = False
        self._hint: str | None = None
        self.setModel(self._pictures)
        self.setItemDelegate(_Delegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMovement(QListView.Movement.Static)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setDragDropMode(QListView.DragDropMode.NoDragDrop)
        self.setViewportMargins(2 * GRID, 0, 2 * GRID, 0)
        self.setMouseTracking(True)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self._ask_for_thumbnails)
        self.horizontalScrollBar().valueChanged.connect(self._look_again)
        self._pictures.rowsInserted.connect(self._look_again)
        self._pictures.rowsRemoved.connect(self._look_again)
        self.selectionModel().currentChanged.connect(self._on_current_changed)
        theme().changed.connect(self.viewport().update)

    # --- pictures ---

    def show_session(self, session: Session) -> None:
        """Show a session's pictures from now on; what the user does here is done to it."""
        session.added.connect(lambda ids: self.add([(entry, session.entry(entry).name) for entry in ids]))
        session.removed.connect(self.remove)
        session.thumbnail_ready.connect(self.set_thumbnail)
        session.thumbnail_failed.connect(lambda entry, error: self.set_error(entry, str(error)))
        self.chosen.connect(session.choose)
        self.removed.connect(session.remove)
        self.thumbnail_wanted.connect(session.want_thumbnail)

    def add(self, pictures: Iterable[tuple[int, str]]) -> None:
        """Add pictures as (id, name) at the end."""
        self._pictures.append(Picture(picture_id, name) for picture_id, name in pictures)

    def remove(self, picture_id: int) -> None:
        """Take a picture off; nothing is chosen in its place."""
        self._quiet = True
        self._pictures.remove(picture_id)
        self._quiet = False

    def clear(self) -> None:
        """Take every picture off."""
        self._pictures.clear()

    def set_current(self, picture_id: int) -> None:
        """Ring a picture and bring it into sight; -1 for none."""
        self._quiet = True
        index = self._pictures.index_of(picture_id)
        self.setCurrentIndex(index)
        if index.isValid():
            self.scrollTo(index)
        self._quiet = False
        self.viewport().update()

    def set_thumbnail(self, picture_id: int, thumbnail: QImage | NDArray[np.uint8]) -> None:
        """Show a thumbnail: an image, or (h, w, 3) uint8 RGB pixels, at least `THUMBNAIL` in size."""
        image = thumbnail if isinstance(thumbnail, QImage) else image_from(thumbnail)
        self._pictures.set_thumbnail(picture_id, _cover(image, self.devicePixelRatioF()))

    def set_label(self, picture_id: int, label: str) -> None:
        """Write what a picture was classified as below it."""
        self._pictures.set_label(picture_id, label)

    def set_error(self, picture_id: int, error: str) -> None:
        """Mark a picture that cannot be shown; the tooltip says why."""
        self._pictures.set_error(picture_id, error)

    @property
    def ids(self) -> tuple[int, ...]:
        """The pictures' ids, in order."""
        return tuple(self._pictures.picture(row).id for row in range(self._pictures.rowCount()))

    @property
    def current(self) -> int:
        """The ringed picture's id, or -1."""
        index = self.currentIndex()
        return self._pictures.picture(index.row()).id if index.isValid() else -1

    def set_hint(self, hint: str) -> None:
        """What to say behind the last picture, instead of an invitation to drop some."""
        self._hint = hint
        self.viewport().update()

    # --- thumbnails ---

    @Slot()
    def _look_again(self) -> None:
        self._patience.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._patience.start()

    def visible_rows(self) -> range:
        """The rows that are at least partly in sight."""
        count = self._pictures.rowCount()
        if not count:
            return range(0)
        start = self.horizontalScrollBar().value()
        first = start // _CELL.width()
        return range(min(first, count), min(count, (start + self.viewport().width()) // _CELL.width() + 1))

    @Slot()
    def _ask_for_thumbnails(self) -> None:
        for row in self.visible_rows():
            picture = self._pictures.picture(row)
            self._pictures.touch(picture.id)
            if not picture.asked and not picture.error and not self._pictures.has_thumbnail(picture.id):
                picture.asked = True
                self.thumbnail_wanted.emit(picture.id)

    # --- the user ---

    @Slot(QModelIndex, QModelIndex)
    def _on_current_changed(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and not self._quiet:
            self.chosen.emit(self._pictures.picture(now.row()).id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and not event.modifiers():
            if self.current >= 0:
                self.removed.emit(self.current)
            return
        super().keyPressEvent(event)

    def keyboardSearch(self, search: str) -> None:
        """Letters are the page's shortcuts; they do not jump to a file's name."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().x() or event.angleDelta().y()
        pixels = event.pixelDelta().x() or event.pixelDelta().y() or turn * _CELL.width() // WHEEL_STEP
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - pixels)
        event.accept()

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        hint = self.tr("Drop pictures or folders anywhere") if self._hint is None else self._hint
        count = self._pictures.rowCount()
        left = count * _CELL.width() - self.horizontalScrollBar().value() + (GRID if count else 0)
        room = self.viewport().width() - left
        metrics = QFontMetricsF(self.font())
        if count and room < metrics.horizontalAdvance(hint):
            return
        with QPainter(self.viewport()) as painter:
            painter.setPen(colour("quiet"))
            place = QRectF(left, thumbnail_rect(QRect(0, 0, 0, 0)).top(), room, THUMBNAIL.height())
            painter.setFont(self.font())
            align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, align, elided(hint, metrics, room))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.setAccessibleName(self.tr("Pictures of this session"))
        super().changeEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(60 * GRID, _HEIGHT)


def thumbnail_rect(cell: QRect) -> QRectF:
    """Where the thumbnail is in its cell."""
    return QRectF(cell.left() + GRID // 2, cell.top() + GRID, THUMBNAIL.width(), THUMBNAIL.height())


class _Delegate(QStyledItemDelegate):
    """Paints one cell: the thumbnail or what stands for it, its ring, its label."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return _CELL

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        strip = self.parent()
        assert isinstance(strip, FilmStrip)
        picture: Picture = index.data(Qt.ItemDataRole.UserRole)
        thumbnail = index.data(Qt.ItemDataRole.DecorationRole)
        cell: QRect = option.rect
        frame = thumbnail_rect(cell)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        current = strip.currentIndex().row() == index.row()
        if thumbnail is not None and not picture.error:
            self._paint_thumbnail(painter, frame, thumbnail)
        else:
            self._paint_stand_in(painter, frame, picture)
        if current:
            self._paint_ring(painter, frame, focused=strip.hasFocus())
        elif strip.underMouse() and cell.contains(strip.viewport().mapFromGlobal(strip.cursor().pos())):
            painter.setPen(QPen(colour("quiet"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame.adjusted(-1.75, -1.75, 1.75, 1.75), _RADIUS + 1.75, _RADIUS + 1.75)
        if picture.label and not picture.error:
            self._paint_label(painter, frame, picture.label, current=current)
        painter.restore()

    def _paint_thumbnail(self, painter: QPainter, frame: QRectF, thumbnail: QPixmap) -> None:
        brush = QBrush(thumbnail)
        scale = frame.width() / max(1, thumbnail.width())
        brush.setTransform(QTransform(scale, 0, 0, scale, frame.left(), frame.top()))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush)
        painter.drawRoundedRect(frame, _RADIUS, _RADIUS)

    def _paint_stand_in(self, painter: QPainter, frame: QRectF, picture: Picture) -> None:
        painter.setPen(QPen(colour("line"), 1))
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        side = 2.5 * GRID
        middle = QRectF(frame.center().x() - side / 2, frame.center().y() - side / 2, side, side)
        if picture.error:
            paint_icon(painter, "warning", middle, colour("plain"))
        else:
            paint_icon(painter, "picture", middle, colour("quiet", 0.5))

    def _paint_ring(self, painter: QPainter, frame: QRectF, *, focused: bool) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour("accent"), 2))
        painter.drawRoundedRect(frame.adjusted(-3, -3, 3, 3), _RADIUS + 3, _RADIUS + 3)
        if focused:
            painter.setPen(QPen(colour("text"), 1))
            painter.drawRoundedRect(frame.adjusted(-4.5, -4.5, 4.5, 4.5), _RADIUS + 4.5, _RADIUS + 4.5)

    def _paint_label(self, painter: QPainter, frame: QRectF, label: str, *, current: bool) -> None:
        strip = self.parent()
        assert isinstance(strip, FilmStrip)
        font = resized(strip.font(), _LABEL_SIZE)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        painter.setPen(colour("text" if current else "quiet"))
        place = QRectF(frame.left() - 2, frame.bottom() + 6, frame.width() + 4, metrics.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, elided(label, metrics, place.width()))


def _cover(image: QImage, ratio: float) -> QPixmap:
    """The middle of an image, as large as a thumbnail on this screen."""
    size = THUMBNAIL * ratio
    scaled = image.scaled(
        size, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    left, top = (scaled.width() - size.width()) // 2, (scaled.height() - size.height()) // 2
    return QPixmap.fromImage(scaled.copy(left, top, size.width(), size.height()))
