"""A card with a title, one widget, and a menu that saves and copies it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.charts import export
from app.ui.charts.plot import Table
from app.ui.icons import icon
from app.ui.naming import named
from app.ui.theme import colour
from app.ui.tokens import GRID


class Sheet(QFrame):
    """Title, a quiet line beside it, the content.

    Args:
        name: For object names and as the suggested name of files.
        title: Above the content.
        content: Becomes the card's.
        table: Gives the content's numbers, for CSV; None where there are none.
        picture: Whether the content can be saved as PNG.

    Signals:
        said(str): what was saved or copied.
        failed(ExplorerError): a file could not be written.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        name: str,
        title: str,
        content: QWidget,
        background: Background,
        *,
        table: Callable[[], Table] | None = None,
        picture: bool = True,
    ) -> None:
        super().__init__()
        self.setObjectName(f"{name}Sheet")
        self.setProperty("role", "card")
        self._name, self._background, self._table = name, background, table
        self.content = content
        self._title = named(QLabel(title), f"{name}Title")
        self._title.setProperty("role", "strong")
        self.aside = named(QLabel(), f"{name}Aside")
        self.aside.setProperty("role", "quiet")
        self.aside.setTextFormat(Qt.TextFormat.PlainText)
        self.head = QHBoxLayout()
        self.head.setSpacing(GRID)
        self.head.addWidget(self._title)
        self.head.addWidget(self.aside, 1)
        if table is not None or picture:
            self.head.addWidget(self._menu_button(picture))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        layout.setSpacing(GRID)
        layout.addLayout(self.head)
        layout.addWidget(content, 1)

    def set_title(self, title: str) -> None:
        """Put another text above the content."""
        self._title.setText(title)

    def save(self, path: Path) -> None:
        """Write the content to a file of the kind that the name says: .png or .csv."""
        if path.suffix == ".csv" and self._table is not None:
            text = export.csv_text(self._table())
            self._work(lambda: export.write(path, text.encode("utf-8")))
        else:
            image = self._image()
            self._work(lambda: export.write(path, export.png_bytes(image)))

    def copy_picture(self) -> None:
        """Put the content on the clipboard, as a picture."""
        QGuiApplication.clipboard().setImage(self._image())
        self.said.emit(self.tr("picture copied"))

    def copy_data(self) -> None:
        """Put the numbers on the clipboard, as CSV."""
        if self._table is not None:
            QGuiApplication.clipboard().setText(export.csv_text(self._table()))
            self.said.emit(self.tr("numbers copied"))

    def _image(self) -> QImage:
        """The content at twice its size."""
        image = QImage(self.content.size() * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2)
        image.fill(colour("panel"))
        self.content.render(image)
        return image

    def _work(self, work: Callable[[], Path]) -> None:
        def done(outcome: Path | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self.failed.emit(outcome)
            else:
                self.said.emit(self.tr("saved {0}").format(outcome))

        self._background.run("save", work, done)

    def _menu_button(self, picture: bool) -> QToolButton:
        button = named(QToolButton(), f"{self._name}Menu", self.tr("Save and copy"))
        button.setToolTip(self.tr("Save and copy"))
        button.setProperty("role", "quiet")
        button.setIcon(icon("more"))
        button.setIconSize(QSize(2 * GRID, 2 * GRID))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        entries: list[tuple[str, str, Callable[[], object]]] = []
        if picture:
            entries.append(("sheetSavePng", self.tr("Save PNG…"), lambda: self._ask(".png")))
        if self._table is not None:
            entries.append(("sheetSaveCsv", self.tr("Save CSV…"), lambda: self._ask(".csv")))
        if picture:
            entries.append(("sheetCopyPicture", self.tr("Copy picture"), self.copy_picture))
        if self._table is not None:
            entries.append(("sheetCopyData", self.tr("Copy data"), self.copy_data))
        for name, text, run in entries:
            action = QAction(text, menu)
            action.setObjectName(name)
            action.triggered.connect(lambda _checked=False, run=run: run())
            menu.addAction(action)
        button.setMenu(menu)
        return button

    def _ask(self, suffix: str) -> None:
        kinds = f"{suffix[1:].upper()} (*{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Save"), f"{self._name}{suffix}", kinds)
        if chosen:
            path = Path(chosen)
            self.save(path if path.suffix == suffix else path.with_name(path.name + suffix))
