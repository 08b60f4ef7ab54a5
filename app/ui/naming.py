"""Names for widgets: tests, style sheets and screen readers find them by these."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QWidget

Named = TypeVar("Named", bound=QWidget)


def named(widget: Named, name: str, accessible_name: str = "") -> Named:
    """The widget, with its object name and, where given, what a screen reader says."""
    widget.setObjectName(name)
    if accessible_name:
        widget.setAccessibleName(accessible_name)
    return widget
