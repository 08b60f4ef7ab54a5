"""One model as a tile: its portrait, its name, its figures, and whether it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.core.records import NetworkOutline
from app.ui.models.words import accuracy_line, size_line
from app.ui.spine_view import SpineView
from app.ui.theme import colour, theme
from app.ui.tokens import GRID, RADIUS_LARGE

if TYPE_CHECKING:
    from app.zoo.cards import Card

WIDTH = 31 * GRID
_PORTRAIT = 5 * GRID
_PAD = GRID + GRID // 2


class ModelTile(QAbstractButton):
    """Shows a card; a click chooses it, a double-click uses it.

    Signals:
        double_clicked(): the user wants to use, or to download, this model at once.
    """

    double_clicked = Signal()

    def __init__(self, card: Card, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self._outline: NetworkOutline | None = None
        self._here = self._used = False
        self._share: float | None = None
        self._trouble = ""
        self.setObjectName(f"model-{card.id}")
        self.setCheckable(True)
        self.setAutoExclusive(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)
        self._describe()

    def set_outline(self, outline: NetworkOutline | None) -> None:
        """Draw this network as the portrait."""
        self._outline = outline
        self.update()

    def set_state(self, *, here: bool, used: bool, share: float | None = None, trouble: str = "") -> None:
        """Say whether the weights are here and used by Explore, how far the download is (0 to 1), and what is wrong."""
        if (here, used, share, trouble) != (self._here, self._used, self._share, self._trouble):
            self._here, self._used, self._share, self._trouble = here, used, share, trouble
            self._describe()
            self.update()

    def sizeHint(self) -> QSize:
        line = QFontMetrics(self.font()).height()
        return QSize(WIDTH, 2 * _PAD + _PORTRAIT + GRID + 3 * line + GRID // 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(22 * GRID, self.sizeHint().height())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        rim = colour("accent") if chosen or self.hasFocus() else colour("quiet" if self.underMouse() else "line")
        painter.setPen(QPen(rim, 2 if chosen else 1))
        painter.setBrush(colour("panel"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS_LARGE, RADIUS_LARGE)
        inside = self.rect().adjusted(_PAD, _PAD, -_PAD, -_PAD)
        if self._outline is not None:
            size = QSize(inside.width(), _PORTRAIT)
            painter.setOpacity(1.0 if self._here else 0.55)
            painter.drawPixmap(inside.topLeft(), SpineView.thumbnail(self._outline, size, self.devicePixelRatioF()))
            painter.setOpacity(1.0)
        metrics = QFontMetrics(self.font())
        line = metrics.height()
        top = inside.top() + _PORTRAIT + GRID
        strong = QFont(self.font())
        strong.setWeight(QFont.Weight.DemiBold)
        painter.setFont(strong)
        painter.setPen(colour("text"))
        state = self._state_text()
        room = inside.width() - (metrics.horizontalAdvance(state) + 2 * GRID if state else 0)
        title = QFontMetrics(strong).elidedText(self.card.title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(inside.left(), top + metrics.ascent(), title)
        painter.setFont(self.font())
        if state:
            painter.setPen(colour("accent" if self._used else "quiet"))
            painter.drawText(inside.right() - metrics.horizontalAdvance(state), top + metrics.ascent(), state)
        painter.setPen(colour("plain" if self._trouble else "quiet"))
        for number, text in enumerate(self._lines(), 1):
            text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
            painter.drawText(inside.left(), top + number * line + GRID // 4 + metrics.ascent(), text)
        if self._share is not None:
            self._paint_progress(painter)

    def _paint_progress(self, painter: QPainter) -> None:
        track = QRectF(_PAD, self.height() - GRID, self.width() - 2 * _PAD, GRID / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(track, GRID / 4, GRID / 4)
        track.setWidth(max(GRID / 2, track.width() * (self._share or 0.0)))
        painter.setBrush(colour("accent"))
        painter.drawRoundedRect(track, GRID / 4, GRID / 4)

    def _lines(self) -> tuple[str, ...]:
        if self._trouble:
            return self.tr("cannot be used"), self._trouble
        return size_line(self.card), accuracy_line(self.card)

    def _state_text(self) -> str:
        if self._share is not None:
            return f"{round(100 * self._share)} %"
        return self.tr("in use") if self._used else ""

    def _describe(self) -> None:
        if self._trouble:
            self.setAccessibleName(self.tr("{0}, cannot be used").format(self.card.title))
            self.setAccessibleDescription(self._trouble)
            self.setToolTip(self._trouble)
            return
        state = self._state_text() or (self.tr("on this machine") if self._here else self.tr("not downloaded"))
        self.setAccessibleName(f"{self.card.title}, {state}")
        self.setAccessibleDescription(". ".join(self._lines()))
        self.setToolTip(f"{self.card.id}: {state}")
