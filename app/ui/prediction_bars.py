"""The top classes as bars; any of them can be chosen to be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QLocale, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui.drawing import KEYBOARD_REASONS, elided, resized, tabular
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

ROWS = 5
_BAR = 8.0
_TEXT_GAP = GRID / 2
_ROW_GAP = GRID
_RING = 3.0  # how far the ring of the keyboard's focus reaches beyond a bar


@dataclass(frozen=True)
class Row:
    """One class.

    Attributes:
        index: Of the class.
        label: Its name.
        probability: 0 to 1.
    """

    index: int
    label: str
    probability: float


class PredictionBars(QWidget):
    """One row per class: its name, its probability, a thin bar.

    Keys: Up and Down, Home and End move; Enter or Space chooses.

    Signals:
        class_chosen(index): The user wants this class explained.
    """

    class_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("predictionBars")
        self._rows: list[Row] = []
        self._explained = -1
        self._hovered: int | None = None
        self._cursor = 0
        self._cursor_shown = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)
        self._describe()

    def set_rows(self, rows: Sequence[tuple[int, str, float]], explained: int) -> None:
        """Show classes as (index, label, probability), the most probable first; `explained` is a class index."""
        resize = max(len(rows), ROWS) != max(len(self._rows), ROWS)
        self._rows = [Row(index, label, float(probability)) for index, label, probability in rows]
        self._explained = explained
        places = [place for place, row in enumerate(self._rows) if row.index == explained]
        self._cursor = places[0] if places and not self.hasFocus() else min(self._cursor, max(0, len(rows) - 1))
        self._hovered = self._hovered if self._hovered is not None and self._hovered < len(rows) else None
        if resize:
            self.updateGeometry()
        self._describe()
        self.update()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return tuple(self._rows)

    def sizeHint(self) -> QSize:
        count = max(len(self._rows), ROWS)  # an empty list keeps its place: nothing jumps when the answer comes
        return QSize(32 * GRID, round(count * self._pitch() - _ROW_GAP + GRID / 2))

    def minimumSizeHint(self) -> QSize:
        return QSize(12 * GRID, self.sizeHint().height())

    def row_rect(self, place: int) -> QRectF:
        """Where a row is: its text and its bar."""
        pitch = self._pitch()
        return QRectF(0, place * pitch, self.width(), pitch - _ROW_GAP)

    def _pitch(self) -> float:
        text = QFontMetricsF(resized(self.font(), 1.0, bold=True)).height()
        return round(text) + _TEXT_GAP + _BAR + _ROW_GAP

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.LanguageChange):
            self.updateGeometry()
            self._describe()
        super().changeEvent(event)

    # --- painting ---

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:  # an exception must not leave a painter on a widget: Qt would crash
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for place in range(max(len(self._rows), ROWS)):
                rect = self.row_rect(place)
                bar = QRectF(rect.left(), rect.bottom() - _BAR, rect.width(), _BAR)
                self._pill(painter, bar, "raised")
                if place < len(self._rows):
                    self._paint_row(painter, rect, bar, place)

    def _paint_row(self, painter: QPainter, rect: QRectF, bar: QRectF, place: int) -> None:
        row = self._rows[place]
        explained = row.index == self._explained
        if self.hasFocus() and self._cursor_shown and place == self._cursor:
            ring = bar.adjusted(0.75, 0.75 - _RING, -0.75, _RING - 0.75)
            painter.setPen(QPen(colour("text"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ring, ring.height() / 2, ring.height() / 2)
            bar = bar.adjusted(_RING, 0, -_RING, 0)
        number = percent(row.probability)
        figures = tabular(self.font())
        number_width = QFontMetricsF(figures).horizontalAdvance(number)
        text = QRectF(rect.left(), rect.top(), rect.width(), rect.height() - _BAR - _TEXT_GAP)
        painter.setFont(figures)
        painter.setPen(colour("text" if explained else "quiet"))
        painter.drawText(text, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        font = self._label_font(explained)
        painter.setFont(font)
        painter.setPen(colour("text"))
        metrics = QFontMetricsF(font)
        label, marked = self._shown_label(row, metrics, text.width() - number_width - GRID)
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, label)
        if marked:
            mark = QRectF(text.left() + metrics.horizontalAdvance(label) + GRID, text.center().y() - 3, 6, 6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent"))
            painter.drawEllipse(mark)
        share = min(max(row.probability, 0.0), 1.0)
        filled = QRectF(bar.left(), bar.top(), max(share * bar.width(), _BAR / 2 if share > 0 else 0), _BAR)
        token = "accent" if explained else "quiet" if place == self._hovered else "bar"
        self._pill(painter, filled, token)

    def _label_font(self, explained: bool) -> QFont:
        return resized(self.font(), 1.0, bold=True) if explained else self.font()

    def _shown_label(self, row: Row, metrics: QFontMetricsF, width: float) -> tuple[str, bool]:
        """The label, shortened where it must be, and whether a dot says that it is explained.

        “· explained” stays unless too little of the name would be left; then the dot has to do.
        """
        if row.index != self._explained:
            return elided(row.label, metrics, width), False
        suffix = " · " + self.tr("explained")
        room = width - metrics.horizontalAdvance(suffix)
        if room < min(metrics.horizontalAdvance(row.label), width / 2):
            return elided(row.label, metrics, width - 2 * GRID), True
        return elided(row.label, metrics, room) + suffix, False

    def _pill(self, painter: QPainter, rect: QRectF, token: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(token))
        radius = min(_BAR / 2, rect.width() / 2)
        painter.drawRoundedRect(rect, radius, radius)

    # --- choosing ---

    def _place_at(self, y: float) -> int | None:
        place = int((y + _ROW_GAP / 2) // self._pitch())
        return place if 0 <= place < len(self._rows) else None

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._place_at(event.pos().y())
            if place is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.row_tip(place), self, self.row_rect(place).toRect())
            return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._handles(event):
            event.accept()
            return True
        return super().event(event)

    def row_tip(self, place: int) -> str:
        """The whole label, its probability to more figures, and what a click does."""
        row = self._rows[place]
        number = QLocale().toString(100 * row.probability, "f", 3)
        what = self.tr("explained now") if row.index == self._explained else self.tr("click to explain this class")
        return self.tr("{label}: {number} %, class {index}, {what}").format(
            label=row.label, number=number, index=row.index, what=what
        )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._place_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _hover(self, place: int | None) -> None:
        if place != self._hovered:
            self._hovered = place
            shape = Qt.CursorShape.ArrowCursor if place is None else Qt.CursorShape.PointingHandCursor
            self.setCursor(shape)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._cursor_shown = False
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place = self._place_at(event.position().y())
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and place is not None and inside:
            self._choose(place)

    def _handles(self, event: QKeyEvent) -> bool:
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        return plain and bool(self._rows) and Qt.Key(event.key()) in (*_MOVES, *_CHOOSE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handles(event):
            super().keyPressEvent(event)
            return
        self._cursor_shown = True
        key = Qt.Key(event.key())
        last = len(self._rows) - 1
        if key in _CHOOSE:
            self._choose(self._cursor)
        else:
            steps = {
                Qt.Key.Key_Up: self._cursor - 1,
                Qt.Key.Key_Down: self._cursor + 1,
                Qt.Key.Key_Home: 0,
                Qt.Key.Key_End: last,
            }
            self._cursor = min(max(0, steps[key]), last)
            self._describe()
            self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._cursor_shown = event.reason() in KEYBOARD_REASONS
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    def _choose(self, place: int) -> None:
        self._cursor = place
        self.class_chosen.emit(self._rows[place].index)
        self._describe()
        self.update()

    def _describe(self) -> None:
        """Tell screen readers which row the keyboard is on."""
        if not self._rows:
            self.setAccessibleName(self.tr("Predictions"))
            self.setAccessibleDescription(self.tr("Nothing has been classified yet."))
            return
        row = self._rows[self._cursor]
        name = self.tr("Predictions: {label}, {number}, {place} of {count}").format(
            label=row.label, number=percent(row.probability), place=self._cursor + 1, count=len(self._rows)
        )
        explained = row.index == self._explained
        self.setAccessibleName(name)
        self.setAccessibleDescription(
            self.tr("explained") if explained else self.tr("Press Enter to explain this class.")
        )


_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)
_CHOOSE = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


def percent(probability: float) -> str:
    """“82.0 %”; never a rounded 0.0 or 100.0 for what is neither."""
    locale = QLocale()
    probability = float(probability)
    if 0 < probability < 0.0005:
        return f"< {locale.toString(0.1, 'f', 1)} %"
    if 0.9995 <= probability < 1:
        return f"> {locale.toString(99.9, 'f', 1)} %"
    return f"{locale.toString(100 * probability, 'f', 1)} %"
