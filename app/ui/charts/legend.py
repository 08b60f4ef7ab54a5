"""A chart's series as small switches: each shows its line and its name, and hides or shows it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLineF, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLayout, QLayoutItem, QSizePolicy, QWidget

from app.ui.charts.colours import series_colour
from app.ui.charts.plot import Entry, Plot
from app.ui.drawing import elided, resized
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

_SWATCH = 2.25 * GRID
_WIDEST = 22 * GRID
_SIZE = 0.95


class LegendEntry(QAbstractButton):
    """One series."""

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFont(resized(self.font(), _SIZE))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._entry = entry
        self.show_entry(entry)
        theme().changed.connect(self.update)

    def show_entry(self, entry: Entry) -> None:
        """Show another state of the series."""
        self._entry = entry
        self.setObjectName(f"legend-{entry.key}")
        self.setText(entry.short or entry.label)
        self.setAccessibleName(entry.label)
        self.setChecked(entry.visible)
        hint = self.tr("Hide {0}") if entry.visible else self.tr("Show {0}")
        self.setToolTip(hint.format(entry.label))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        width = _SWATCH + GRID + metrics.horizontalAdvance(self.text()) + 2
        return QSize(round(min(_WIDEST, width)), round(metrics.height() + GRID))

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setOpacity(1.0 if self.isChecked() else 0.45)
            draw_swatch(painter, QRectF(0, 0, _SWATCH, self.height()), self._entry)
            metrics = QFontMetricsF(self.font())
            row = QRectF(self.rect()).adjusted(_SWATCH + 0.75 * GRID, 0, 0, 0)
            painter.setPen(colour("text" if self.underMouse() or self.hasFocus() else "quiet"))
            text = elided(self.text(), metrics, row.width())
            painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            if not self.isChecked():
                middle = row.center().y() + 1
                painter.drawLine(QLineF(row.left(), middle, row.left() + metrics.horizontalAdvance(text), middle))
            if self.hasFocus():
                painter.setOpacity(1.0)
                painter.setPen(QPen(colour("accent"), 1))
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def enterEvent(self, event: QEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()


def draw_swatch(painter: QPainter, rect: QRectF, entry: Entry) -> None:
    """A piece of a series' line in the middle of a rectangle."""
    middle = rect.center().y()
    pen = QPen(series_colour(entry.colour), 2.5, c=Qt.PenCapStyle.RoundCap)
    if entry.dashed:
        pen = QPen(series_colour(entry.colour), 2.5, c=Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([2.0, 1.2])
    painter.setPen(pen)
    painter.drawLine(QLineF(rect.left() + 1.5, middle, rect.right() - 1.5, middle))


class Legend(QWidget):
    """The series of a chart, in rows that break where there is no room.

    Signals:
        rebuilt(): it needs another width now, perhaps.
    """

    rebuilt = Signal()

    def __init__(self, chart: Plot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("legend")
        self._chart = chart
        self._buttons: dict[str, LegendEntry] = {}
        self._flow = _Flow(self)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        chart.entries_changed.connect(self._rebuild)
        self._rebuild()

    def _rebuild(self) -> None:
        entries = [entry for entry in self._chart.entries() if not entry.beside]
        keys = [entry.key for entry in entries]
        kept = [key for key in self._buttons if key in keys]
        if keys[: len(kept)] != kept:  # another order
            kept = []
        for key in [key for key in self._buttons if key not in kept]:
            button = self._buttons.pop(key)
            self._flow.removeWidget(button)
            button.deleteLater()
        for entry in entries[len(kept) :]:
            button = self._buttons[entry.key] = LegendEntry(entry, self)
            button.toggled.connect(lambda on, key=entry.key: self._chart.set_visible(key, on))
            self._flow.addWidget(button)
            button.show()
        for entry in entries:
            self._buttons[entry.key].show_entry(entry)
        self._flow.invalidate()
        self.updateGeometry()
        self.rebuilt.emit()


class _Flow(QLayout):
    """Left to right, aligned to the right, breaking into rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def sizeHint(self) -> QSize:
        width = sum(item.sizeHint().width() + 2 * GRID for item in self._items)
        return QSize(width, max((item.sizeHint().height() for item in self._items), default=0))

    def minimumSize(self) -> QSize:
        widest = max((item.sizeHint().width() for item in self._items), default=0)
        return QSize(widest, max((item.sizeHint().height() for item in self._items), default=0))

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        rows: list[list[QLayoutItem]] = [[]]
        used = 0
        for item in self._items:
            width = item.sizeHint().width()
            if rows[-1] and used + 2 * GRID + width > rect.width():
                rows.append([])
                used = 0
            used += width + (2 * GRID if rows[-1] else 0)
            rows[-1].append(item)
        top = rect.top()
        for row in rows:
            height = max((item.sizeHint().height() for item in row), default=0)
            total = sum(item.sizeHint().width() for item in row) + 2 * GRID * max(0, len(row) - 1)
            left = rect.right() + 1 - total
            for item in row:
                if move:
                    item.setGeometry(QRect(QPoint(left, top), item.sizeHint()))
                left += item.sizeHint().width() + 2 * GRID
            top += height
        return top - rect.top()
