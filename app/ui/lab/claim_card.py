"""A card of the page “The paper”: what it is about, what the paper says of it, and below that what the card adds."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.ui.naming import named
from app.ui.tokens import GRID


class ClaimCard(QFrame):
    """The frame that the cards share.

    Args:
        name: Of the object.
        title: What it is about.
        source: What the paper says, and where.

    Attributes:
        column: Where a card puts its own widgets.

    Signals:
        said(str): what was copied or saved.
        failed(ExplorerError): what cannot be read or measured.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(self, name: str, title: str, source: str) -> None:
        super().__init__()
        self.setObjectName(f"{name}Claims")
        self.setProperty("role", "card")
        heading = QLabel(title)
        heading.setProperty("role", "strong")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID + GRID // 2)
        self.column.setSpacing(GRID)
        self.column.addWidget(heading)
        self.column.addWidget(quiet(f"{name}Source", source))

    def add_buttons(self, *buttons: QWidget) -> None:
        """Add a row of buttons."""
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in buttons:
            row.addWidget(button)
        row.addStretch(1)
        self.column.addLayout(row)


def quiet(name: str, text: str = "") -> QLabel:
    """Quiet words, over several lines where they must."""
    label = named(QLabel(text), name)
    label.setProperty("role", "quiet")
    label.setWordWrap(True)
    return label
