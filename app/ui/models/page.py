"""The Models page: a row of tabs, and below it one panel. A new panel is one line here and one module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.ui.model_library import ModelLibrary
from app.ui.naming import named
from app.ui.question import QuestionBar
from app.ui.shell import Shell
from app.ui.tokens import GRID


@dataclass(frozen=True)
class PanelSpec:
    """A tab of the Models page and what it shows.

    Attributes:
        name: Of its button ("models-tab-<name>") and its settings.
        text: What the user reads.
        tip: What it is for.
        module: Has `build(shell, library) -> QWidget`, imported when the tab is first shown. `shell` is what every
            page gets; `library` has the cards, tells when they change (`changed`) and leads to Explore (`choose`).
            A panel may have `take_paths(paths) -> bool`, for files and folders that are dropped while it is shown.
    """

    name: str
    text: str
    tip: str
    module: str

    def build(self, shell: Shell, library: ModelLibrary) -> QWidget:
        """Make the panel."""
        make = cast("Callable[[Shell, ModelLibrary], QWidget]", import_module(self.module).build)
        return make(shell, library)


# In the order of the tabs.
PANELS: tuple[PanelSpec, ...] = (
    PanelSpec(
        "library",
        str(QT_TRANSLATE_NOOP("PanelSpec", "Library")),
        str(QT_TRANSLATE_NOOP("PanelSpec", "Every model: what it is, where it comes from, how good it is")),
        "app.ui.models.library_panel",
    ),
    PanelSpec(
        "evaluate",
        str(QT_TRANSLATE_NOOP("PanelSpec", "Evaluate")),
        str(QT_TRANSLATE_NOOP("PanelSpec", "How often a model is wrong on labelled pictures, and on which")),
        "app.ui.models.evaluate_panel",
    ),
    PanelSpec(
        "batch",
        str(QT_TRANSLATE_NOOP("PanelSpec", "Batch")),
        str(QT_TRANSLATE_NOOP("PanelSpec", "What a model says of every picture of a folder, as a table")),
        "app.ui.models.batch_panel",
    ),
    PanelSpec(
        "compare",
        str(QT_TRANSLATE_NOOP("PanelSpec", "Compare")),
        str(QT_TRANSLATE_NOOP("PanelSpec", "Up to four models on the picture of Explore")),
        "app.ui.models.compare_panel",
    ),
)


class ModelsPage(QWidget):
    """Tabs above, one panel below; a panel is made when it is first shown."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("modelsPage")
        self.shell, self.library = shell, shell.library
        self._made: dict[str, QWidget] = {}
        self._panels = named(QStackedWidget(), "modelsPanels")
        self._tabs = QButtonGroup(self)
        self._tabs.setExclusive(True)
        self.question = QuestionBar(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.question)
        layout.addWidget(self._tab_row())
        layout.addWidget(self._panels, 1)
        shell.window.close_guards.append(self.may_close)
        self.library.inspection_wanted.connect(self._on_inspection)
        wanted = shell.settings().models_panel
        self.show_panel(wanted if wanted in (spec.name for spec in PANELS) else PANELS[0].name)

    def show_panel(self, name: str) -> QWidget:
        """Bring a panel to the front, and give it."""
        place = [spec.name for spec in PANELS].index(name)
        if name not in self._made:
            self._made[name] = PANELS[place].build(self.shell, self.library)
            self._panels.addWidget(self._made[name])
        self._panels.setCurrentWidget(self._made[name])
        self._tabs.button(place).setChecked(True)
        self.shell.change(models_panel=name)
        return self._made[name]

    def take_paths(self, paths: list[Path]) -> bool:
        """Let the panel that is shown have what was dropped, if it wants it."""
        take = getattr(self._panels.currentWidget(), "take_paths", None)
        return bool(take is not None and take(paths))

    def may_close(self) -> bool:
        """Whether the window may close now; where work is under way here, the user is asked once."""
        stakes = [words for panel in self._made.values() if (words := getattr(panel, "at_stake", ""))]
        if not stakes or self.question.key == "closing":
            return True  # whoever closes the window twice means it
        window = self.shell.window
        window.show_page("models")
        self.question.ask(
            " ".join(stakes),
            [
                (self.tr("Close the window"), lambda: window.go_on_closing(self.may_close)),
                (self.tr("Stay here"), lambda: None),
            ],
            key="closing",
        )
        return False

    def _on_inspection(self, path: Path) -> None:
        from app.ui.models.library_panel import LibraryPanel

        panel = self.show_panel("library")
        assert isinstance(panel, LibraryPanel)
        panel.inspect(path)

    def _tab_row(self) -> QFrame:
        row = named(QFrame(), "modelsTabs", self.tr("Parts of the Models page"))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        layout.setSpacing(GRID // 2)
        for place, spec in enumerate(PANELS):
            text = QCoreApplication.translate("PanelSpec", spec.text)
            button = named(QPushButton(text), f"models-tab-{spec.name}", text)
            button.setCheckable(True)
            button.setProperty("role", "tab")
            button.setToolTip(QCoreApplication.translate("PanelSpec", spec.tip))
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _checked=False, name=spec.name: self.show_panel(name))
            self._tabs.addButton(button, place)
            layout.addWidget(button)
        layout.addStretch(1)
        return row


def build(shell: Shell) -> QWidget:
    """The page, for the window."""
    return ModelsPage(shell)
