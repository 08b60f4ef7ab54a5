"""How tables look everywhere: no frame, no grid, rows of one height, digits of one width."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QFrame, QTableView

from app.ui.drawing import tabular
from app.ui.naming import named
from app.ui.tokens import GRID

ROW = 3 * GRID + GRID // 2


def dress(view: QTableView, name: str, accessible_name: str) -> None:
    """Give a table its name and the program's looks; its cells are not edited, and Tab leaves it."""
    named(view, name, accessible_name)
    view.setToolTip("")
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setShowGrid(False)
    view.setFont(tabular(view.font()))
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(ROW)
    view.horizontalHeader().setFixedHeight(ROW)
    view.horizontalHeader().setHighlightSections(False)
