"""Wires the window together. The only place that knows every part."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QFileDialog

from app import paths
from app.core.errors import ExplorerError
from app.sources.samples import sample_pictures
from app.ui.background import Background
from app.ui.engine_bridge import EngineBridge
from app.ui.explore_page import ExplorePage
from app.ui.inspector import OPEN_MODEL
from app.ui.lesion_memory import LesionMemory
from app.ui.live.mode import LiveMode
from app.ui.live.recorder import Recorder
from app.ui.main_window import MainWindow
from app.ui.model_library import CHECKPOINT_SUFFIXES, ModelLibrary, is_checkpoint
from app.ui.saving import Saving
from app.ui.session import Session
from app.ui.settings import Settings, SettingsFile
from app.ui.shell import PAGES, Shell
from app.ui.theme import SCHEMES, theme
from app.ui.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.core.records import EngineInfo, ModelInfo
    from app.engine.client import EngineClient

log = logging.getLogger(__name__)

OPACITY_STEP = 0.1
SAVE_DELAY = 1000  # milliseconds after the last change of a setting


class Composition(QObject):
    """One window with everything behind it.

    Args:
        pictures: Files and folders to open at once.
        model: A model to use instead of the remembered one.
        device: A device to use instead of the remembered one.
        window: Already on screen, where the start could not wait for everything else.
        client: What to talk to instead of a real engine (tests).
    """

    def __init__(
        self,
        pictures: Sequence[Path] = (),
        model: str = "",
        device: str = "",
        *,
        window: MainWindow | None = None,
        client: type[EngineClient] | None = None,
    ) -> None:
        super().__init__()
        self._file = SettingsFile(paths.config() / "settings.json")
        self.settings: Settings = self._file.read()
        if model:
            self.settings = dataclasses.replace(self.settings, model=model)
        self._pictures = list(pictures)
        self.window = window or MainWindow()
        self.background = Background(self)
        self.session = Session(self.background, self)
        self.engine = EngineBridge(device or self.settings.device, self, client=client)
        self.library = ModelLibrary(self.background, self)
        self.explore = ExplorePage(self.session, self.engine, self.background, self.window.actions_table)
        self._lesions = LesionMemory(paths.config() / "lesions.json", self.background, self)
        self.explore.surgery.set_memory(self._lesions)
        self.shell = Shell(
            self.window,
            self.session,
            self.engine,
            self.background,
            self.explore,
            self.library,
            settings=lambda: self.settings,
            change=self._change,
        )
        self.window.add_page("explore", self.tr("Explore"), lambda: self.explore)
        for spec in PAGES:
            self.window.add_page(spec.name, spec.title, partial(spec.build, self.shell))
        self.live = LiveMode(self.shell)
        self._recorder = Recorder(self.live, self.shell)
        self._saver = QTimer(self, singleShot=True, interval=SAVE_DELAY)
        self._saver.timeout.connect(self._save_settings)
        self._titles: dict[str, str] = {}
        self._info: EngineInfo | None = None
        self.upkeep = Upkeep(self.shell, self)
        self._connect()
        self._connect_actions()
        self.explore.set_opacity(self.settings.opacity)
        if window is None:
            self.window.restore_geometry_text(self.settings.geometry)
        self.window.set_engine_state("starting", self.tr("Starting the engine …"))

    def show(self) -> None:
        """Show the window and begin."""
        self.window.show()
        QTimer.singleShot(0, self.begin)

    def close(self) -> None:
        """End threads and the engine; the settings are saved."""
        self._saver.stop()
        self.settings = dataclasses.replace(self.settings, geometry=self.window.save_geometry_text())
        self._save_settings()
        self._lesions.close()
        self.library.close()
        self._recorder.shut_down()
        self.live.shut_down()
        self.engine.close()
        self.background.close()

    def begin(self) -> None:
        """Start the engine, load the model, open the pictures."""
        from app.render.colormaps import colour_map_names

        self.engine.start()
        self.window.show_page(self.settings.page)
        self.window.pages.setFocus()  # else the search, first in the order of Tab, would have it, with its ring
        self.window.page_shown.connect(lambda name: self._change(page=name))
        self.explore.colour_map = self.settings.colour_map
        self.explore.inspector.set_colour_maps(colour_map_names(), self.settings.colour_map)
        if self._file.notice:
            self.explore.notices.show_notice(self._file.notice, key="settings")
        self._list_models()
        self.upkeep.begin()
        if self._pictures:
            self.open_paths(self._pictures)
        else:
            self.show_samples()

    def open_paths(self, opened: list[Path]) -> None:
        """Open what the system or another start hands over: the window comes to the front, pictures go to Explore."""
        self.window.bring_to_front()
        if any(not is_checkpoint(path) for path in opened):
            self.window.show_page("explore")
        self._take_paths(opened)

    def show_samples(self) -> None:
        """Put the program's own pictures on the strip, none of them chosen."""
        card = self.library.card(self.settings.model) or next(iter(self.library.cards), None)
        samples = sample_pictures(card.labels if card else ())
        self.explore.set_samples(self.session.add_unchosen(samples))

    def _list_models(self) -> None:
        self.library.read_now()
        self.library.changed.connect(self._offer_models)
        cards = self.library.here
        self._titles = {card.id: card.title for card in cards}
        for problem in self.library.other_problems:
            self.explore.notices.show_notice(str(problem), key="cards")
        wanted = self.settings.model or (cards[0].id if cards else "")
        if wanted not in self._titles and Path(wanted).is_file():
            self._titles[wanted] = Path(wanted).name
        if wanted not in self._titles and cards:
            text = self.tr("{0} is not there any more, or cannot be used (Models, Ctrl+4); {1} is used instead.")
            self.explore.notices.show_notice(text.format(wanted, cards[0].title), key="instead")
            wanted = cards[0].id
        self.explore.inspector.set_models(list(self._titles.items()), wanted)
        if wanted:
            self.engine.load(wanted)
        else:
            self.explore.notices.show_notice(
                self.tr("No model is installed. Open a model file with Ctrl+M."), key="model"
            )

    def _offer_models(self) -> None:
        """Offer what is here now, and the files that were opened in this session."""
        files = {reference: title for reference, title in self._titles.items() if Path(reference).is_absolute()}
        self._titles = {card.id: card.title for card in self.library.here} | files
        model = self.explore.model
        current = model.reference if model else ""
        if model is not None and current not in self._titles:
            self._titles[current] = self.tr("{0} (deleted)").format(model.title)
            text = self.tr("{0} was deleted from this machine. It stays usable until another model is chosen.")
            self.explore.notices.show_notice(text.format(model.title), key="gone", trouble=False)
        else:
            self.explore.notices.clear("gone")
        self.explore.inspector.set_models(list(self._titles.items()), current)

    def _connect(self) -> None:
        window, explore, inspector = self.window, self.explore, self.explore.inspector
        window.paths_dropped.connect(self._take_paths)
        self.library.choice_wanted.connect(self._choose_model)
        for dropped in (window.url_dropped, window.bytes_dropped, window.image_dropped):
            dropped.connect(self._show_pictures)
        window.url_dropped.connect(self.session.add_url)
        window.bytes_dropped.connect(self.session.add_bytes)
        window.image_dropped.connect(self._add_image)
        window.drag_changed.connect(explore.canvas.set_drop_active)
        window.closing.connect(self.close)
        explore.status_changed.connect(window.set_status)
        explore.title_changed.connect(window.set_picture_name)
        self.engine.state_changed.connect(self._on_engine_state)
        self.engine.model_loaded.connect(self._on_model)
        self.engine.model_failed.connect(self._on_model_failed)
        inspector.model_chosen.connect(self._choose_model)
        inspector.method_chosen.connect(self._choose_method)
        inspector.opacity_changed.connect(self._choose_opacity)
        inspector.colour_map_chosen.connect(self._choose_colour_map)

    def _connect_actions(self) -> None:
        explore, window, on = self.explore, self.window, self.window.actions_table.on
        on("open", self._open_pictures)
        on("open-folder", self._open_folder)
        on("paste", window.paste)
        on("samples", self.show_samples)
        on("next", lambda: self.session.step(1))
        on("previous", lambda: self.session.step(-1))
        on("remove", lambda: self.session.remove(self.session.current))
        on("clear-recent", lambda: self._change(recent=()))
        on("network-view", explore.toggle_network_view)
        on("heatmap", explore.toggle_heatmap)
        on("opacity-up", lambda: self._choose_opacity(min(1.0, explore.opacity + OPACITY_STEP)))
        on("opacity-down", lambda: self._choose_opacity(max(0.0, explore.opacity - OPACITY_STEP)))
        on("fit", explore.canvas.fit)
        on("zoom-in", explore.canvas.zoom_in)
        on("zoom-out", explore.canvas.zoom_out)
        on("scheme", self._next_scheme)
        on("winning-class", lambda: explore.explain_class(None))
        on("last-block", lambda: explore.explain_at(None))
        on("next-block", lambda: self._block_page.step_block(1))
        on("previous-block", lambda: self._block_page.step_block(-1))
        on("next-method", self._next_method)
        on("cancel", explore.cancel)
        on("bypass", lambda: explore.surgery.toggle_bypass(self._block_page.block))
        on("undo-lesion", explore.surgery.undo)
        on("redo-lesion", explore.surgery.redo)
        on("restore-network", explore.surgery.restore)
        on("lesions-again", explore.surgery.take_offer)
        on("open-model", self._open_model)
        on("open-hub", self._open_hub)
        on("palette", self._open_palette)
        on("shortcuts", self._show_shortcuts)
        on("log-folder", self.upkeep.open_logs)
        on("about", self.upkeep.show_about)
        on("quit", window.quit)
        saving = Saving(explore, self.background)
        on("save-picture", saving.save_picture)
        on("save-map", saving.save_map)
        on("save-table", saving.save_table)
        on("copy-picture", saving.copy_picture)
        on("copy-table", saving.copy_table)

    @property
    def _block_page(self) -> Any:
        """The page whose chosen block is meant: the one that is shown, if it has one; else Explore."""
        shown = self.window.pages.currentWidget()
        return shown if hasattr(shown, "step_block") else self.explore

    # Pictures.

    def _take_paths(self, dropped: list[Path]) -> None:
        """What was dropped: weights go to the Models page, the rest to the page that is shown, else it is pictures."""
        checkpoints = [path for path in dropped if is_checkpoint(path)]
        others = [path for path in dropped if path not in checkpoints]
        take = getattr(self.window.pages.currentWidget(), "take_paths", None)
        if others and not (take is not None and take(others)):
            self._add_paths(others)
            if self.window.page == "models":  # where the picture could not be seen
                self.window.show_page("explore")
        if checkpoints:
            self.window.show_page("models")
            self.library.inspect(checkpoints[0])

    def _show_pictures(self) -> None:
        """Leave the Lab, which shows no picture, for one that comes in."""
        if self.window.page == "lab":
            self.window.show_page("explore")

    def _add_paths(self, dropped: list[Path]) -> None:
        self._show_pictures()
        settings = self.settings
        for path in dropped[:1]:
            settings = settings.with_recent(path.absolute())
        self._change(recent=settings.recent)
        from app.sources.video import VIDEO_SUFFIXES

        videos = [path for path in dropped if path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()]
        self.session.add_paths([path for path in dropped if path not in videos])
        if videos:
            self.live.open(str(videos[0]))

    def _add_image(self, image: QImage, name: str) -> None:
        from app.ui.pixels import frame_of

        self.session.add_frame(frame_of(image, name))

    def _open_pictures(self) -> None:
        from app.sources.files import PICTURE_SUFFIXES

        patterns = " ".join(f"*{suffix}" for suffix in sorted(PICTURE_SUFFIXES))
        chosen, _ = QFileDialog.getOpenFileNames(
            self.window,
            self.tr("Open pictures"),
            self._last_folder(),
            self.tr("Pictures ({0});;All files (*)").format(patterns),
        )
        if chosen:
            self._add_paths([Path(one) for one in chosen])

    def _open_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.window, self.tr("Open a folder"), self._last_folder())
        if chosen:
            self._add_paths([Path(chosen)])

    def _last_folder(self) -> str:
        if not self.settings.recent:
            return ""
        last = Path(self.settings.recent[0])
        return str(last if last.is_dir() else last.parent)

    # Models and the engine.

    def _on_engine_state(self, state: str, info: EngineInfo | None) -> None:
        if state == "ready" and info is not None:
            self._info = info
            self.upkeep.show_engine(info)
            self.window.set_engine_state(state, info.device_title)
            names = [method.name for method in info.methods]
            current = self.settings.method if self.settings.method in names else names[0]
            self.explore.inspector.set_methods(info.methods, current)
            if self.explore.method is None:
                self._choose_method(current)
            self.explore.notices.clear("died")
        elif state == "died":
            self.window.set_engine_state(state, self.tr("The engine died"))
            text = self.tr("The engine died. A new one is starting and will repeat what was asked.")
            self.explore.notices.show_notice(text, key="died")
        else:
            self.window.set_engine_state(state, self.tr("Starting the engine …"))

    def _choose_model(self, reference: str) -> None:
        if reference == OPEN_MODEL:
            self.explore.inspector.show_model(self.settings.model)
            self._open_model()
            return
        self.explore.notices.clear("instead")
        self.window.set_status(self.tr("Loading {0} …").format(self._titles.get(reference, reference)))
        self.engine.load(reference)

    def _open_model(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in CHECKPOINT_SUFFIXES)
        chosen, _ = QFileDialog.getOpenFileName(
            self.window,
            self.tr("Open a model file"),
            self._last_folder(),
            self.tr("Checkpoints ({0});;All files (*)").format(patterns),
        )
        if chosen:
            self.window.show_page("models")
            self.library.inspect(Path(chosen))

    def _open_hub(self) -> None:
        self.window.show_page("models")
        self.library.ask_hub()

    def _on_model(self, model: ModelInfo) -> None:
        self._titles.setdefault(model.reference, model.title)
        self.explore.inspector.set_models(list(self._titles.items()), model.reference)
        self.window.set_engine_state("ready", model.device_title)
        self.window.set_status("")
        self._change(model=model.reference)
        self.explore.set_model(model)

    def _on_model_failed(self, reference: str, error: ExplorerError) -> None:
        self.explore.notices.show_notice(str(error), key="model")
        self.window.set_status("")
        current = self.explore.model.reference if self.explore.model else ""
        if Path(reference).is_absolute():  # a file that could not be taken in is not offered again
            self._titles.pop(reference, None)
        self.explore.inspector.set_models(list(self._titles.items()), current)
        self.explore.ask_again()
        others = [card for card in self.library.here if card.id != reference]
        if self.explore.model is None and others and reference == self.settings.model:
            text = self.tr("{0} {1} is used instead.").format(error, others[0].title)
            self.explore.notices.show_notice(text, key="instead")
            self.engine.load(others[0].id)

    # Explanations and looks.

    def _choose_method(self, name: str) -> None:
        if self._info is None:
            return
        method = next(method for method in self._info.methods if method.name == name)
        self._change(method=name)
        self.explore.set_method(method)

    def _next_method(self) -> None:
        if self._info is not None and self.explore.method is not None:
            names = [method.name for method in self._info.methods if not (method.slow and self.live.following)]
            here = self.explore.method.name if self.explore.method.name in names else names[-1]
            self._choose_method(names[(names.index(here) + 1) % len(names)])

    def _choose_opacity(self, opacity: float) -> None:
        self.explore.set_opacity(opacity)
        self._change(opacity=opacity)

    def _choose_colour_map(self, name: str) -> None:
        self._change(colour_map=name)
        self.explore.set_colour_map(name)

    def _next_scheme(self) -> None:
        choice = SCHEMES[(SCHEMES.index(theme().choice) + 1) % len(SCHEMES)]
        theme().choose(choice)
        self._change(scheme=choice)
        self.window.set_status(self.tr("colours: {0}").format(choice))

    # Overlays.

    def _open_palette(self) -> None:
        from app.ui.palette import Palette

        Palette([*self.window.actions_table, *self._recent_actions()], self.window).open()

    def _recent_actions(self) -> list[QAction]:
        actions: list[QAction] = []
        for path in self.settings.recent:
            action = QAction(self.tr("Open recent: {0}").format(path), self.window)
            action.triggered.connect(lambda _checked=False, path=path: self._add_paths([Path(path)]))
            actions.append(action)
        return actions

    def _show_shortcuts(self) -> None:
        from app.ui.shortcuts import ShortcutSheet

        ShortcutSheet(self.window).open()

    # Settings.

    def _change(self, **changes: object) -> None:
        self.settings = dataclasses.replace(self.settings, **changes)  # type: ignore[arg-type]
        self._saver.start()

    def _save_settings(self) -> None:
        self._file.write(self.settings)
