"""The Models page: a row of tabs, and below it one panel. A new panel is one line here and one module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.parts import PartSpec, TabbedPanels
from app.ui.question import QuestionBar
from app.ui.shell import Shell

if TYPE_CHECKING:
    from app.ui.models.library_panel import LibraryPanel

# In the order of the tabs. Each module has `build(shell, library) -> QWidget`: `shell` is what every page gets;
# `library` has the cards, tells when they change (`changed`) and leads to Explore (`choose`).
PANELS: tuple[PartSpec, ...] = (
    PartSpec(
        "library",
        str(QT_TRANSLATE_NOOP("PartSpec", "Library")),
        "app.ui.models.library_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "Every model: what it is, where it comes from, how good it is")),
    ),
    PartSpec(
        "evaluate",
        str(QT_TRANSLATE_NOOP("PartSpec", "Evaluate")),
        "app.ui.models.evaluate_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "How often a model is wrong on labelled pictures, and on which")),
    ),
    PartSpec(
        "batch",
        str(QT_TRANSLATE_NOOP("PartSpec", "Batch")),
        "app.ui.models.batch_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "What a model says of every picture of a folder, as a table")),
    ),
    PartSpec(
        "compare",
        str(QT_TRANSLATE_NOOP("PartSpec", "Compare")),
        "app.ui.models.compare_panel",
        str(QT_TRANSLATE_NOOP("PartSpec", "Up to four models on the picture of Explore")),
    ),
)


class ModelsPage(QWidget):
    """Tabs above, one panel below; a panel is made when it is first shown."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("modelsPage")
        self.shell, self.library = shell, shell.library
        self.panels = TabbedPanels(
            "models",
            self.tr("Parts of the Models page"),
            PANELS,
            lambda spec: spec.build(shell, shell.library),
            self,
        )
        self.question = QuestionBar(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.question)
        layout.addWidget(self.panels, 1)
        shell.window.close_guards.append(self.may_close)
        self.library.inspection_wanted.connect(self._on_inspection)
        self.library.hub_wanted.connect(self._on_hub)
        wanted = shell.settings().models_panel
        self.show_panel(wanted if self.panels.has(wanted) else PANELS[0].name)
        self.panels.shown.connect(lambda name: shell.change(models_panel=name))

    def show_panel(self, name: str) -> QWidget:
        """Bring a panel to the front, and give it."""
        return self.panels.show_panel(name)

    def take_paths(self, paths: list[Path]) -> bool:
        """Let the panel that is shown have what was dropped, if it wants it."""
        return self.panels.take_paths(paths)

    def may_close(self) -> bool:
        """Whether the window may close now; where work is under way here, the user is asked once."""
        stakes = [words for panel in self.panels.made if (words := getattr(panel, "at_stake", ""))]
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
        self._library_panel().inspect(path)

    def _on_hub(self) -> None:
        self._library_panel().ask_hub()

    def _library_panel(self) -> LibraryPanel:
        from app.ui.models.library_panel import LibraryPanel

        panel = self.show_panel("library")
        assert isinstance(panel, LibraryPanel)
        return panel


def build(shell: Shell) -> QWidget:
    """The page, for the window."""
    return ModelsPage(shell)
