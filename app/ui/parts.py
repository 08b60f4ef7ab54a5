"""Parts of the window that are made when they are first shown: pages of the rail, and tabs of a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.ui.naming import named
from app.ui.tokens import GRID


@dataclass(frozen=True)
class PartSpec:
    """A page of the rail, or a tab of a page. Its texts are marked with `QT_TRANSLATE_NOOP("PartSpec", …)`.

    Attributes:
        name: Of its icon, button, action and settings.
        text: What the user reads, untranslated.
        module: Has `build(…) -> QWidget`, imported when the part is first shown; "" where its owner makes it.
            Where the widget has a method `take_paths(paths) -> bool`, it is asked first about files and folders that
            are dropped while it is shown.
        tip: What it is for, untranslated; pages have none.
    """

    name: str
    text: str
    module: str
    tip: str = ""

    @property
    def title(self) -> str:
        """What the user reads."""
        return QCoreApplication.translate("PartSpec", self.text)

    @property
    def tooltip(self) -> str:
        """What it is for, in the user's language."""
        return QCoreApplication.translate("PartSpec", self.tip) if self.tip else ""

    def build(self, *owner: object) -> QWidget:
        """Make it, for whoever owns it: a page gets the shell, a tab what its page says."""
        return cast("Callable[..., QWidget]", import_module(self.module).build)(*owner)


class TabbedPanels(QWidget):
    """A row of tabs, and below it one panel; a panel is made when it is first shown.

    Args:
        page: Name of the page, for object names: "<page>Tabs", "<page>Panels", "<page>-tab-<name>".
        title: What the row is, for screen readers.
        specs: In the order of the tabs.
        build: Makes a panel.

    Signals:
        shown(name): another panel is in front.
    """

    shown = Signal(str)

    def __init__(
        self,
        page: str,
        title: str,
        specs: Sequence[PartSpec],
        build: Callable[[PartSpec], QWidget],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{page}Tabbed")
        self._specs, self._build = tuple(specs), build
        self._made: dict[str, QWidget] = {}
        self._stack = named(QStackedWidget(), f"{page}Panels")
        self._buttons = QButtonGroup(self)
        self._buttons.setExclusive(True)
        row = named(QFrame(), f"{page}Tabs", title)
        across = QHBoxLayout(row)
        across.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        across.setSpacing(GRID // 2)
        for place, spec in enumerate(self._specs):
            button = named(QPushButton(spec.title), f"{page}-tab-{spec.name}", spec.title)
            button.setCheckable(True)
            button.setProperty("role", "tab")
            button.setToolTip(spec.tooltip)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _checked=False, name=spec.name: self.show_panel(name))
            self._buttons.addButton(button, place)
            across.addWidget(button)
        across.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(row)
        layout.addWidget(self._stack, 1)

    @property
    def made(self) -> tuple[QWidget, ...]:
        """The panels that were shown already."""
        return tuple(self._made.values())

    @property
    def current(self) -> QWidget | None:
        """The panel in front."""
        return self._stack.currentWidget()

    @property
    def tabs(self) -> QButtonGroup:
        """The buttons; their ids are their places."""
        return self._buttons

    def has(self, name: str) -> bool:
        """Whether there is such a tab."""
        return any(spec.name == name for spec in self._specs)

    def show_panel(self, name: str) -> QWidget:
        """Bring a panel to the front, and give it."""
        place = [spec.name for spec in self._specs].index(name)
        if name not in self._made:
            self._made[name] = self._build(self._specs[place])
            self._stack.addWidget(self._made[name])
        self._stack.setCurrentWidget(self._made[name])
        self._buttons.button(place).setChecked(True)
        self.shown.emit(name)
        return self._made[name]

    def step(self, by: int) -> None:
        """Go to a neighbouring tab; after the last comes the first."""
        self.show_panel(self._specs[(self._buttons.checkedId() + by) % len(self._specs)].name)

    def take_paths(self, paths: list[Path]) -> bool:
        """Let the panel in front have what was dropped, if it wants it."""
        take = getattr(self.current, "take_paths", None)
        return bool(take is not None and take(paths))
