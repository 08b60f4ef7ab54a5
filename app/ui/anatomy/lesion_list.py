"""Every change of the network in a list: renamed by typing, taken away one by one."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.core.lesions import Lesion, Lesions
from app.ui.icons import icon
from app.ui.naming import named
from app.ui.surgery import Surgery
from app.ui.tokens import GRID

MOST_ROWS = 60


class LesionList(QWidget):
    """Follows a surgery.

    Signals:
        block_chosen(name): the user wants to see the block of a change.
    """

    block_chosen = Signal(str)

    def __init__(self, surgery: Surgery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "lesionList", self.tr("Changes of the network"))
        self._surgery = surgery
        self._rows: list[_Row] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID // 2)
        self._note = named(QLabel(), "lesionNote")
        self._note.setProperty("role", "quiet")
        self._note.setWordWrap(True)
        self._layout.addWidget(self._note)
        surgery.shown.connect(self.refresh)
        self.refresh()

    @property
    def rows(self) -> tuple[_Row, ...]:
        """The rows as they stand."""
        return tuple(self._rows)

    def refresh(self) -> None:
        """Show the changes as they are; rows that stay keep the keyboard."""
        lesions = self._surgery.lesions
        shown = lesions[:MOST_ROWS]
        if [_key(row.lesion) for row in self._rows] != [_key(one) for one in shown]:
            self._rebuild(shown)
        for row, lesion in zip(self._rows, shown, strict=True):
            row.show_lesion(lesion, self._surgery.name_of(lesion), self._surgery.description(lesion))
        more = len(lesions) - len(shown)
        text = self.tr("Double-click a block on the spine to bypass it, or use its gate.")
        self._note.setText(self.tr("and {0} more").format(more) if more else "" if lesions else text)
        self._note.setVisible(bool(self._note.text()))

    def _rebuild(self, lesions: Lesions) -> None:
        for row in self._rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [_Row(self, self._surgery, place, lesion) for place, lesion in enumerate(lesions)]
        for place, row in enumerate(self._rows):
            self._layout.insertWidget(place, row)


def _key(lesion: Lesion) -> tuple[str, str, str]:
    return lesion.kind, lesion.block, lesion.other


class _Row(QWidget):
    def __init__(self, owner: LesionList, surgery: Surgery, place: int, lesion: Lesion) -> None:
        super().__init__()
        self.setObjectName(f"lesion{place}")
        self.lesion = lesion
        self.name = named(QLineEdit(), f"lesionName{place}")
        self.name.setProperty("role", "flat")
        self.name.setToolTip(self.tr("Type another name"))
        self.look = _button("search", f"lesionLook{place}", self.tr("Open this block"))
        self.remove = _button("close", f"lesionRemove{place}", self.tr("Take this change away"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.name, 1)
        layout.addWidget(self.look)
        layout.addWidget(self.remove)
        self.name.editingFinished.connect(lambda: surgery.rename(self.lesion, self.name.text()))
        self.remove.clicked.connect(lambda: surgery.remove(self.lesion))
        self.look.clicked.connect(lambda: owner.block_chosen.emit(self.lesion.block))

    def show_lesion(self, lesion: Lesion, name: str, description: str) -> None:
        self.lesion = lesion
        if not self.name.isModified() and self.name.text() != name:
            self.name.setText(name)
            self.name.setCursorPosition(0)
        elif self.name.text() == name:
            self.name.setModified(False)
        self.name.setAccessibleName(description)
        self.name.setToolTip(self.tr("{0}: type another name").format(description))


def _button(picture: str, name: str, text: str) -> QToolButton:
    button = named(QToolButton(), name, text)
    button.setProperty("role", "quiet")
    button.setIcon(icon(picture))
    button.setIconSize(QSize(2 * GRID, 2 * GRID))
    button.setToolTip(text)
    return button
