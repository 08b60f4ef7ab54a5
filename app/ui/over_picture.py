"""The buttons over the picture, in its lower left corner."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.ui.actions import Actions
from app.ui.canvas import Canvas
from app.ui.naming import named
from app.ui.tokens import GRID


class OverPicture(QWidget):
    """Open, camera, what the network saw: each does what the action of its name does."""

    def __init__(self, canvas: Canvas, actions: Actions) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self._buttons: dict[str, QPushButton] = {}
        texts = {
            "open": self.tr("Open"),
            "camera": self.tr("Camera"),
            "network-view": self.tr("What the network saw"),
        }
        for name, text in texts.items():
            button = named(QPushButton(text), f"{name}-button")
            button.setToolTip(actions.tip(name))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(actions[name].trigger)
            row.addWidget(button)
            self._buttons[name] = button
        self._buttons["network-view"].setCheckable(True)
        canvas.picture_moved.connect(self.place)
        canvas.installEventFilter(self)

    def set_network_view(self, on: bool) -> None:
        """Show whether the network's view is shown."""
        self._buttons["network-view"].setChecked(on)

    def set_live(self, live: bool) -> None:
        """Show whether a live source is open: then the button closes it."""
        self._buttons["camera"].setText(self.tr("Stop") if live else self.tr("Camera"))
        self.place()

    def place(self) -> None:
        """Stay inside the picture, and inside the canvas where it is zoomed in."""
        margin = 2 * GRID
        picture = self._canvas.picture_rect().toAlignedRect()
        self._buttons["network-view"].setVisible(not picture.isEmpty())
        self.adjustSize()
        picture = picture.intersected(self._canvas.rect())
        if picture.isEmpty():
            picture = self._canvas.rect()
        self.move(picture.left() + margin, picture.bottom() - margin - self.height() + 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the canvas when it changes its size."""
        if watched is self._canvas and event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self.place()
        return super().eventFilter(watched, event)
