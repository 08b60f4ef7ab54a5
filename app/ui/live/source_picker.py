"""Where live pictures come from: the cameras by name, a file, a folder, an address; all of it from the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.naming import named
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.sources.registry import Asks, Place

WIDTH = 46 * GRID
LOOK_AGAIN = 2000  # milliseconds between looks at which cameras are plugged in, while the picker is shown


@dataclass(frozen=True)
class Kind:
    """A kind of source, as it is offered (`app.sources.registry.Source`)."""

    title: str
    asks: Asks
    hint: str


@dataclass(frozen=True)
class Offer:
    """What there is to choose from."""

    kinds: tuple[Kind, ...]
    places: tuple[Place, ...]


def look() -> Offer:
    """Every kind of source and every camera; takes up to seconds."""
    from app.sources.registry import cameras, sources

    kinds = tuple(Kind(source.title, source.asks, source.hint) for _, source in sources.items())
    return Offer(kinds, cameras())


class SourcePicker(QFrame):
    """A card over the canvas.

    Signals:
        chosen(address): Open this.
    """

    chosen = Signal(str)

    def __init__(self, over: QWidget, background: Background) -> None:
        super().__init__(over)
        self.setObjectName("sourcePicker")
        self.setAccessibleName(self.tr("Live source"))
        self.setFixedWidth(WIDTH)
        self._over, self._background = over, background
        self._remembered = ""
        self._offer: Offer | None = None
        self._again = QTimer(self, singleShot=True, interval=LOOK_AGAIN)
        self._again.timeout.connect(self._look)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._rows.setSpacing(GRID)
        head = QHBoxLayout()
        title = QLabel(self.tr("Live source"))
        title.setProperty("role", "title")
        head.addWidget(title)
        head.addStretch(1)
        close = named(QPushButton(self.tr("Close")), "closeSources")
        close.setProperty("role", "link")
        close.setToolTip(self.tr("Close  (Esc)"))
        close.clicked.connect(self.hide)
        head.addWidget(close)
        self._rows.addLayout(head)
        self._cameras = QVBoxLayout()
        self._cameras.setSpacing(GRID)
        self._rows.addLayout(self._cameras)
        self._words = named(QLabel(), "cameraWords")
        self._words.setWordWrap(True)
        self._words.setProperty("role", "quiet")
        self._rows.addWidget(self._words)
        self._others = QVBoxLayout()
        self._others.setSpacing(GRID)
        self._rows.addLayout(self._others)
        over.installEventFilter(self)
        self.hide()

    def offer(self, remembered: str) -> None:
        """Show it; the source of last time comes first where it is there."""
        self._remembered = remembered
        self._words.setText(self.tr("Looking for cameras …"))
        self._words.show()
        self.show()
        self.raise_()
        self.setFocus()
        self._place()
        self._look()

    def hideEvent(self, event: QEvent) -> None:
        self._again.stop()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # Esc is the page's shortcut, too; while this is shown, it is for this.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            typed = isinstance(self.focusWidget(), QLineEdit)
            if event.key() == Qt.Key.Key_Escape or (typed and not event.modifiers()):
                event.accept()
                return True
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        self.adjustSize()
        room = self._over.rect()
        self.move(max(0, (room.width() - self.width()) // 2), max(0, (room.height() - self.height()) // 2))

    def _look(self) -> None:
        self._background.run("cameras", look, self._show)

    def _show(self, offer: Offer | ExplorerError) -> None:
        if not self.isVisible():
            return
        self._again.start()
        if isinstance(offer, ExplorerError):
            self._words.setText(str(offer))
            return
        before, self._offer = self._offer, offer
        if before is None:
            self._show_others(offer.kinds)
        if before is None or before.places != offer.places or self._cameras.count() == 0:
            self._show_cameras(offer.places)
        self._words.setText(self.tr("No camera was found. Plug one in: it appears here by itself."))
        self._words.setVisible(not offer.places)
        self._place()

    def _show_cameras(self, places: tuple[Place, ...]) -> None:
        while (item := self._cameras.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        ordered = sorted(places, key=lambda place: place.address != self._remembered)
        for number, place in enumerate(ordered):
            button = named(QPushButton(place.title), f"camera-{number}")
            button.setToolTip(self.tr("Follow this camera"))
            button.clicked.connect(lambda _checked=False, address=place.address: self._choose(address))
            self._cameras.addWidget(button)
            if number == 0:
                button.setProperty("role", "primary")
                button.setFocus()

    def _show_others(self, kinds: tuple[Kind, ...]) -> None:
        files = QHBoxLayout()
        files.setSpacing(GRID)
        for kind in kinds:
            if kind.asks in ("file", "folder"):
                button = named(QPushButton(f"{kind.title} …"), f"source-{kind.asks}")
                button.setToolTip(self.tr("Choose it in a dialog"))
                button.clicked.connect(lambda _checked=False, kind=kind: self._ask_path(kind))
                files.addWidget(button, 1)
        self._others.addLayout(files)
        for kind in kinds:
            if kind.asks == "address":
                self._others.addLayout(self._address_row(kind))

    def _address_row(self, kind: Kind) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        line = named(QLineEdit(), "sourceAddress", kind.title)
        line.setPlaceholderText(kind.hint)
        line.setToolTip(kind.title)
        if "://" in self._remembered:
            line.setText(self._remembered)
        connect = named(QPushButton(self.tr("Connect")), "connectSource")
        connect.setToolTip(self.tr("Follow this address"))
        for signal in (connect.clicked, line.returnPressed):
            signal.connect(lambda *_: self._choose(line.text().strip()))
        row.addWidget(line, 1)
        row.addWidget(connect)
        return row

    def _ask_path(self, kind: Kind) -> None:
        if kind.asks == "folder":
            chosen = QFileDialog.getExistingDirectory(self.window(), kind.title)
        else:
            kinds = self.tr("{kind} ({patterns});;All files (*)").format(kind=kind.title, patterns=kind.hint)
            chosen, _ = QFileDialog.getOpenFileName(self.window(), kind.title, "", kinds)
        self._choose(chosen)

    def _choose(self, address: str) -> None:
        if address:
            self.hide()
            self.chosen.emit(address)
