"""What every page gets to work with, and the table of pages. A new page is one line here and one module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.ui.parts import PartSpec

if TYPE_CHECKING:
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


# Below Explore, which is always there: in the order of the rail and of Ctrl+2 … Ctrl+4.
PAGES: tuple[PartSpec, ...] = (
    PartSpec("anatomy", str(QT_TRANSLATE_NOOP("PartSpec", "Anatomy")), "app.ui.anatomy.page"),
    PartSpec("lab", str(QT_TRANSLATE_NOOP("PartSpec", "Lab")), "app.ui.lab.page"),
    PartSpec("models", str(QT_TRANSLATE_NOOP("PartSpec", "Models")), "app.ui.models.page"),
)
