"""A line of text that gives way: shortened with “…” where there is no room, whole under the mouse."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel

from app.ui.drawing import elided
from app.ui.tokens import GRID


class ElidedLabel(QLabel):
    """Takes the width that its text wants, and works with less; its tooltip is the text where that is shortened."""

    def minimumSizeHint(self) -> QSize:
        return QSize(min(6 * GRID, self.sizeHint().width()), super().minimumSizeHint().height())

    def setText(self, text: str) -> None:
        super().setText(text)
        self._tell()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._tell()

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            self.style().drawItemText(
                painter,
                self.contentsRect(),
                int(self.alignment() | Qt.AlignmentFlag.AlignAbsolute),
                self.palette(),
                self.isEnabled(),
                self._shown(),
                self.foregroundRole(),
            )

    def _shown(self) -> str:
        return elided(self.text(), QFontMetricsF(self.font()), self.contentsRect().width() + 0.5)

    def _tell(self) -> None:
        self.setToolTip(self.text() if self._shown() != self.text() else "")
