"""Naming a file or folder: a field to type into, a button to look for it, a place to drop it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QPushButton, QWidget

from app.ui.icons import icon
from app.ui.naming import named
from app.ui.tokens import GRID


class PathField(QWidget):
    """One path.

    Args:
        name: Of the field, for object names.
        accessible_name: What it is.
        hint: What may be given, shown while it is empty.
        files: The dialog's filter for files ("NumPy (*.npz)"); "" where only folders make sense.
        folders: Whether folders make sense.

    Signals:
        changed(): the text is another one.
    """

    changed = Signal()

    def __init__(self, name: str, accessible_name: str, hint: str, *, files: str, folders: bool = True) -> None:
        super().__init__()
        self._files = files
        self.edit = named(QLineEdit(), name, accessible_name)
        self.edit.setPlaceholderText(hint)
        self.edit.setToolTip(accessible_name)
        self.edit.setClearButtonEnabled(True)
        self.button = named(QPushButton(), f"{name}Browse", self.tr("Browse"))
        self.button.setIcon(icon("open"))
        self.button.setToolTip(self.tr("Look for it"))
        self.button.setProperty("role", "browse")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.edit, 1)
        layout.addWidget(self.button)
        if folders and files:
            menu = QMenu(self.button)
            for object_name, text, slot in (
                ("browseFolder", self.tr("A folder …"), self._ask_folder),
                ("browseFile", self.tr("A file …"), self._ask_file),
            ):
                action = QAction(text, menu)
                action.setObjectName(object_name)
                action.triggered.connect(slot)
                menu.addAction(action)
            self.button.setMenu(menu)
        else:
            self.button.clicked.connect(self._ask_folder if folders else self._ask_file)
        self.edit.textChanged.connect(lambda _text: self.changed.emit())

    @property
    def path(self) -> Path | None:
        """What is named; None while nothing is."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def set_path(self, path: Path | str) -> None:
        """Name it."""
        self.edit.setText(str(path))
        self.edit.setToolTip(str(path))

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.window(), self.edit.accessibleName(), self.edit.text())
        if chosen:
            self.set_path(chosen)

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self.window(), self.edit.accessibleName(), self.edit.text(), f"{self._files};;{self.tr('All files')} (*)"
        )
        if chosen:
            self.set_path(chosen)
