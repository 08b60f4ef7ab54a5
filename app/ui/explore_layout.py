"""Where everything is on the Explore page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

if TYPE_CHECKING:
    from app.ui.explore_page import ExplorePage


def lay_out(page: ExplorePage) -> QVBoxLayout:
    """Put the page's widgets in their places; the empty one below the picture is returned."""
    middle = QVBoxLayout()
    middle.setSpacing(0)
    middle.addWidget(page.notices)
    middle.addWidget(page.canvas, 1)
    below_picture = QVBoxLayout()
    middle.addLayout(below_picture)
    middle.addWidget(page.spine)
    middle.addWidget(page.strip)
    layout = QHBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addLayout(middle, 1)
    layout.addWidget(page.inspector)
    return below_picture
