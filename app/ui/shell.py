"""What every page gets to work with, and the table of pages. A new page is one line here and one module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QT_TRANSLATE_NOOP

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.ui.background import Background
    from app.ui.engine_bridge import EngineBridge
    from app.ui.explore_page import ExplorePage
    from app.ui.main_window import MainWindow
    from app.ui.model_library import ModelLibrary
    from app.ui.session import Session
    from app.ui.settings import Settings


@dataclass(frozen=True, eq=False)
class Shell:
    """The window's parts, for pages.

    Attributes:
        window: The frame; has `actions_table`, `show_page(name)`, `set_status(text)`.
        session: The pictures of this session.
        engine: The engine: short questions (`ask`, `run`) one after the other; long work gets a `Job`.
        background: Threads for everything else that takes longer than a frame.
        explore: The first page: its picture, answer, model, block and lesions.
        library: The models' cards; `changed` when one comes or goes.
        settings: The remembered choices as they are now.
        change: Remember other choices: `change(page="lab")`.
    """

    window: MainWindow
    session: Session
    engine: EngineBridge
    background: Background
    explore: ExplorePage
    library: ModelLibrary
    settings: Callable[[], Settings]
    change: Callable[..., None]


@dataclass(frozen=True)
class PageSpec:
    """A page of the rail.

    Attributes:
        name: Of its icon, its action (`page-<name>`) and its settings.
        text: What the user reads.
        module: Has `build(shell) -> QWidget`, imported when the page is first shown. Where the widget has a method
            `take_paths(paths) -> bool`, it is asked first about files and folders that are dropped while it is shown.
    """

    name: str
    text: str
    module: str

    def build(self, shell: Shell) -> QWidget:
        """Make the page."""
        make = cast("Callable[[Shell], QWidget]", import_module(self.module).build)
        return make(shell)


# Below Explore, which is always there: in the order of the rail and of Ctrl+2 … Ctrl+4.
PAGES: tuple[PageSpec, ...] = (
    PageSpec("anatomy", str(QT_TRANSLATE_NOOP("PageSpec", "Anatomy")), "app.ui.anatomy.page"),
    PageSpec("lab", str(QT_TRANSLATE_NOOP("PageSpec", "Lab")), "app.ui.lab.page"),
    PageSpec("models", str(QT_TRANSLATE_NOOP("PageSpec", "Models")), "app.ui.models.page"),
)
