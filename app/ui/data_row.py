"""Which labelled pictures: a path, chosen, typed or dropped; one for all panels, remembered."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QSpinBox, QWidget

from app.ui.naming import named
from app.ui.shell import Shell
from app.ui.tokens import GRID


class DataRow(QWidget):
    """A path of labelled pictures: a folder per class, an NPZ file, or whatever `evaluate` takes.

    Signals:
        changed(): another path.
    """

    changed = Signal()

    def __init__(self, name: str, shell: Shell, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}Data")
        self._shell = shell
        tip = self.tr("Labelled pictures: a folder with a folder per class, an NPZ file, or CIFAR-10's own files")
        self.edit = named(QLineEdit(), f"{name}Path", self.tr("Path of the labelled pictures"))
        self.edit.setPlaceholderText(self.tr("Labelled pictures: a folder or a file"))
        self.edit.setToolTip(tip)
        folder = named(QPushButton(self.tr("Folder …")), f"{name}Folder", self.tr("Choose a folder of pictures"))
        file = named(QPushButton(self.tr("File …")), f"{name}File", self.tr("Choose a file of pictures"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.edit, 1)
        for button, slot in ((folder, self._ask_folder), (file, self._ask_file)):
            button.setToolTip(button.accessibleName())
            button.clicked.connect(slot)
            layout.addWidget(button)
        self.edit.textChanged.connect(self._on_text)
        self.refresh()

    @property
    def path(self) -> str:
        """The path; "" for none."""
        return self.edit.text().strip()

    def refresh(self) -> None:
        """Show the path that another panel may have changed."""
        remembered = self._shell.settings().anatomy_data
        if remembered != self.path:
            self.edit.setText(remembered)

    def set_path(self, path: Path) -> None:
        """Take these pictures."""
        self.edit.setText(str(path))

    def _on_text(self) -> None:
        self._shell.change(anatomy_data=self.path)
        self.changed.emit()

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.window(), self.tr("Choose a folder"), self._near())
        if chosen:
            self.set_path(Path(chosen))

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.window(), self.tr("Choose a file"), self._near())
        if chosen:
            self.set_path(Path(chosen))

    def _near(self) -> str:
        return str(Path(self.path).parent) if self.path else ""


def count_box(name: str) -> QSpinBox:
    """How many of the pictures; 0 for all. The style sheet hides its arrows: with `NoButtons` it would leave the text
    a pixel."""
    box = named(QSpinBox(), name, QCoreApplication.translate("DataRow", "How many pictures, 0 for all"))
    box.setRange(0, 10_000_000)
    box.setSingleStep(500)
    box.setValue(1000)
    box.setSuffix(QCoreApplication.translate("DataRow", " pictures"))
    box.setSpecialValueText(QCoreApplication.translate("DataRow", "all pictures"))
    box.setToolTip(QCoreApplication.translate("DataRow", "How many pictures, evenly spread over the set; 0 for all"))
    box.setMinimumWidth(15 * GRID)
    box.lineEdit().setTextMargins(GRID + GRID // 2, 0, GRID, 0)  # a style sheet's padding does not reach it
    return box
