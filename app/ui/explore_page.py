"""The Explore page: a picture, what the network says of it, and where it looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.core.errors import AnatomyError, ExplorerError
from app.core.lesions import Lesions
from app.core.records import Answer, Frame, MethodInfo, ModelInfo, Request
from app.ui.actions import Actions
from app.ui.background import Background
from app.ui.canvas import Canvas
from app.ui.engine_bridge import EngineBridge
from app.ui.film_strip import FilmStrip
from app.ui.inspector import Inspector
from app.ui.lesion_marks import Comparison, LesionMarks
from app.ui.map_words import map_note
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.session import Session
from app.ui.spine import Spine
from app.ui.surgery import Surgery
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Pixels

TOP = 5
MAP_SIDE = 320  # pixels to which a map is enlarged before it is coloured; the canvas scales the rest
SPINE_HEIGHT = 13 * GRID


@dataclass(frozen=True, eq=False)
class Shown:
    """What is on the page now: the picture, what the network saw of it, and the newest answer."""

    entry: int
    frame: Frame
    view: NetworkView | None = None
    answer: Answer | None = None


class ExplorePage(QWidget):
    """Pictures come from the session, answers from the engine; this page asks and shows.

    Signals:
        status_changed(text): class and map in milliseconds, the crop.
        title_changed(text): the picture's name.
    """

    status_changed = Signal(str)
    title_changed = Signal(str)

    def __init__(self, session: Session, engine: EngineBridge, background: Background, actions: Actions) -> None:
        super().__init__()
        self.setObjectName("explorePage")
        self.session, self.engine, self._background, self._actions = session, engine, background, actions
        self.model: ModelInfo | None = None
        self.method: MethodInfo | None = None
        self.colour_map = "inferno"
        self._shown: Shown | None = None
        self._block: str | None = None
        self._target: int | None = None
        self._network_view = False
        self._heatmap_visible = True
        self._asked = 0
        self._asked_method: str | None = None
        self._asked_lesions: Lesions = ()
        self._samples: set[int] = set()

        self.notices = NoticeBar()
        self.canvas = Canvas()
        self.canvas.setObjectName("canvas")
        self.spine = Spine()
        self.spine.setObjectName("spine")
        self.spine.setFixedHeight(SPINE_HEIGHT)
        self.strip = FilmStrip()
        self.strip.setObjectName("filmStrip")
        self.inspector = Inspector()
        self.surgery = Surgery(self)
        self._comparison = Comparison(self.surgery, engine)
        LesionMarks(self.surgery, self.spine, self.inspector.changed_card)
        self._buttons = self._make_buttons()
        self._lay_out()
        self._connect()
        self.show_empty()

    # What the composition tells the page.

    def set_method(self, method: MethodInfo) -> None:
        """Explain with this method from now on."""
        self.method = method
        self.inspector.show_method(method)
        self._ask()

    def set_model(self, model: ModelInfo) -> None:
        """Use this model from now on; the picture at hand is classified anew."""
        self.model = model
        self._block = self._target = None
        self.spine.set_outline(model.outline)
        self.inspector.set_outline(model.outline)
        self._show_block()
        self.surgery.set_model(model)
        self.notices.clear("model")
        for notice in model.notices:
            self.notices.show_notice(notice, key="model", trouble=False)
        if self._shown is not None:
            self._look(self._shown.entry, self._shown.frame)

    def set_samples(self, ids: list[int]) -> None:
        """These entries are the program's own; they make room when the user brings pictures."""
        self._samples = set(ids)

    def set_opacity(self, opacity: float) -> None:
        """Show the heatmap at this opacity, 0 to 1."""
        self.inspector.set_opacity(opacity)
        self.canvas.set_opacity(opacity if self._heatmap_visible else 0.0)

    def set_colour_map(self, name: str) -> None:
        """Colour unsigned maps with this map."""
        self.colour_map = name
        self._show_heatmap()

    def set_drop_active(self, active: bool) -> None:
        """Invite to let go, while something hovers over the window."""
        self.canvas.set_drop_active(active)

    # What the user does.

    def explain_at(self, block: str | None) -> None:
        """Make the map at this block; None for the last."""
        if self.model is None or (block is not None and not self._explainable(block)):
            return
        self._block = block
        self._show_block()
        if self.method is not None and self.method.uses_block:
            self._ask()

    def explain_class(self, index: int | None) -> None:
        """Explain this class; None for the winning one."""
        self._target = index
        self._ask()

    def step_block(self, by: int) -> None:
        """Explain one block earlier or later."""
        if self.model is None:
            return
        names = [block.name for block in self.model.outline.blocks if block.explainable]
        place = names.index(self.block) + by
        self.explain_at(names[max(0, min(place, len(names) - 1))])

    def toggle_network_view(self) -> None:
        """Show what the network really saw, or the whole picture again."""
        self._network_view = not self._network_view
        self._buttons["network-view"].setChecked(self._network_view)
        self._show_picture()
        self._show_heatmap()

    def toggle_heatmap(self) -> None:
        """Show or hide the heatmap."""
        self._heatmap_visible = not self._heatmap_visible
        self.canvas.set_opacity(self.opacity if self._heatmap_visible else 0.0)

    def cancel(self) -> None:
        """Stop the explanation under way."""
        if self.engine.busy:
            self.engine.cancel()
            self.canvas.set_busy(False)
            self.status_changed.emit(self.tr("stopped"))

    # What others may read.

    @property
    def shown(self) -> Shown | None:
        """What is on the page now."""
        return self._shown

    @property
    def block(self) -> str:
        """The block at which maps are made now; "" without a model."""
        if self.model is None:
            return ""
        return self._block or self.model.outline.default_block

    @property
    def opacity(self) -> float:
        """The heatmap's opacity, 0 to 1, shown or hidden."""
        return float(self.inspector.slider.value()) / 100

    def show_empty(self) -> None:
        """Say what to do."""
        self._shown = None
        self.canvas.set_picture(None, None)
        self.canvas.set_heatmap(None)
        self.canvas.set_message(
            self.tr("Drop a picture here"),
            self.tr("or a folder, or paste one, or pick a sample below"),
        )
        self.inspector.bars.set_rows([], -1)
        self.inspector.set_note("")
        self.title_changed.emit("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the buttons over the picture when the canvas changes its size."""
        if watched is self.canvas and event.type() in (QEvent.Type.Resize, QEvent.Type.Show):
            self._place_buttons()
        return super().eventFilter(watched, event)

    # The way from a picture to an answer.

    def _on_current(self, entry: int) -> None:
        self.strip.set_current(entry)
        if entry < 0:
            self.engine.cancel()
            self.show_empty()
            return
        self._target = None
        self.title_changed.emit(self.session.entry(entry).name)

    def _on_frame(self, entry: int, frame: Frame) -> None:
        self.notices.clear("picture")
        if entry not in self._samples and self._samples:
            samples, self._samples = self._samples, set()
            for sample in samples:
                self.session.remove(sample)
        self._shown = Shown(entry, frame)
        self.surgery.forget_picture()
        self.canvas.set_message("", "")
        self.canvas.set_heatmap(None)
        self._show_picture()
        self._look(entry, frame)

    def _on_frame_failed(self, entry: int, error: ExplorerError) -> None:
        self.engine.cancel()
        self._shown = None
        self.canvas.set_picture(None, None)
        self.canvas.set_heatmap(None)
        self.canvas.set_message(error.what, error.remedy, trouble=True)
        self.inspector.bars.set_rows([], -1)
        self.strip.set_error(entry, str(error))

    def _look(self, entry: int, frame: Frame) -> None:
        """Cut out what the network sees, in the background; then ask."""
        if self.model is None:
            return
        model = self.model

        def seen(view: NetworkView | ExplorerError) -> None:
            if self._shown is None or self._shown.frame is not frame or self.model is not model:
                return
            if isinstance(view, ExplorerError):
                self.notices.show_notice(str(view), key="picture")
                return
            self._shown = Shown(entry, frame, view)
            self._show_picture()
            self._ask()

        self._background.run("view", lambda: model.preprocessing.view(frame.pixels), seen)

    def _ask(self) -> None:
        shown, model, method = self._shown, self.model, self.method
        if shown is None or shown.view is None or model is None or method is None:
            return
        # A slow method's answer takes a while: the prediction comes first, on its own.
        prediction_first = method.slow and shown.answer is None
        self._asked_method = None if prediction_first else method.name
        request = Request(
            id=0,
            model=model.reference,
            pixels=shown.view.pixels,
            method=self._asked_method,
            block=self.block if method.uses_block else None,
            target=self._target,
            lesions=self.surgery.lesions,
        )
        self._asked_lesions = self.surgery.lesions
        self._asked = self.engine.ask(request)
        self._comparison.want(request)
        self.canvas.set_busy(True)

    def _on_answer(self, answer: Answer) -> None:
        if answer.id != self._asked or self._shown is None or self.model is None:
            return
        self._shown = Shown(self._shown.entry, self._shown.frame, self._shown.view, answer)
        self.canvas.set_busy(False)
        self.notices.clear("engine")
        for notice in answer.notices:
            self.notices.show_notice(notice, key="answer", trouble=False)
        self._show_prediction(answer)
        self.surgery.show_answer(answer, self._asked_lesions)
        self._show_heatmap()
        best = answer.prediction.top(1)[0]
        self.strip.set_label(self._shown.entry, self.model.labels[best])
        what = self.tr("class and map") if answer.heatmap is not None else self.tr("class")
        self.status_changed.emit(f"{what} {answer.milliseconds:.1f} ms    {self.model.preprocessing.summary}")
        if answer.heatmap is None and self.method is not None and self._asked_method is None:
            self._ask()

    def _on_failure(self, request: int, error: ExplorerError) -> None:
        if request == self._asked:
            self.canvas.set_busy(False)
            self.notices.show_notice(str(error), key="engine")
            if isinstance(error, AnatomyError):  # what cannot be done is not left standing
                self.surgery.refuse(error)

    def _on_progress(self, request: int, share: float) -> None:
        if request == self._asked and self.method is not None:
            text = self.tr("{method} {share} %, Esc stops it")
            self.status_changed.emit(text.format(method=self.method.title, share=round(100 * share)))

    # Showing.

    def _show_picture(self) -> None:
        shown = self._shown
        if shown is None:
            return
        if self._network_view and shown.view is not None:
            height, width = shown.view.pixels.shape[:2]
            self.canvas.set_picture(shown.view.pixels, (0, 0, width, height))
        else:
            self.canvas.set_picture(shown.frame.pixels, shown.view.box if shown.view else None)

    def _show_prediction(self, answer: Answer) -> None:
        assert self.model is not None
        explained = answer.heatmap.target if answer.heatmap else self._target
        top = list(answer.prediction.top(TOP))
        if explained is None:
            explained = top[0]
        if explained not in top:
            top[-1] = explained
        probabilities = answer.prediction.probabilities
        rows = [(index, self.model.labels[index], float(probabilities[index])) for index in top]
        self.inspector.bars.set_rows(rows, explained)

    def _show_heatmap(self) -> None:
        answer = self._shown.answer if self._shown else None
        heatmap = answer.heatmap if answer else None
        if heatmap is None or self.method is None:
            self.canvas.set_heatmap(None)
            return
        if heatmap.block:
            self.inspector.show_block(heatmap.block, heatmap.values.shape)
        self.inspector.set_note(map_note(heatmap, self.model.labels[heatmap.target]) if self.model else "")
        name, quantity = self.colour_map, self.method.quantity

        def coloured(result: tuple[Pixels, tuple[float, float]] | ExplorerError) -> None:
            now = self._shown.answer if self._shown else None
            if now is None or now.heatmap is not heatmap or isinstance(result, ExplorerError):
                return
            pixels, (low, high) = result
            self.canvas.set_heatmap(pixels)
            scale_name = "diverging" if heatmap.signed else name
            self.inspector.scale.set_scale(scale_name, low, high, quantity)

        def colour() -> tuple[Pixels, tuple[float, float]]:
            from app.render import overlay

            span = overlay.limits(heatmap)
            pixels = overlay.colourise(
                heatmap.values, limits=span, name=name, signed=heatmap.signed, size=(MAP_SIDE, MAP_SIDE)
            )
            return pixels, span

        self._background.run("colour", colour, coloured)

    def _show_block(self) -> None:
        self.spine.set_selected(self.block)
        self.inspector.show_block(self.block)

    def _explainable(self, name: str) -> bool:
        block = self.model.outline.block(name) if self.model else None
        return block is not None and block.explainable

    # Putting together.

    def _make_buttons(self) -> dict[str, QPushButton]:
        buttons = {}
        for name, text in (("open", self.tr("Open")), ("network-view", self.tr("What the network saw"))):
            button = named(QPushButton(text, self.canvas), f"{name}-button")
            button.setToolTip(self._actions.tip(name))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self._actions[name].trigger)
            buttons[name] = button
        buttons["network-view"].setCheckable(True)
        return buttons

    def _lay_out(self) -> None:
        self._over_picture = QWidget(self.canvas)
        row = QHBoxLayout(self._over_picture)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for button in self._buttons.values():
            row.addWidget(button)
        self.canvas.picture_moved.connect(self._place_buttons)
        self.canvas.installEventFilter(self)

        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notices)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.spine)
        middle.addWidget(self.strip)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(middle, 1)
        layout.addWidget(self.inspector)

    def _connect(self) -> None:
        self.session.added.connect(self._on_added)
        self.session.removed.connect(self.strip.remove)
        self.session.current_changed.connect(self._on_current)
        self.session.frame_ready.connect(self._on_frame)
        self.session.frame_failed.connect(self._on_frame_failed)
        self.session.thumbnail_ready.connect(self.strip.set_thumbnail)
        self.session.thumbnail_failed.connect(lambda entry, error: self.strip.set_error(entry, str(error)))
        self.session.notice.connect(lambda text: self.notices.show_notice(text, key="session", trouble=False))
        self.strip.chosen.connect(self.session.choose)
        self.strip.removed.connect(self.session.remove)
        self.strip.thumbnail_wanted.connect(self.session.want_thumbnail)
        self.engine.answered.connect(self._on_answer)
        self.engine.failed.connect(self._on_failure)
        self.engine.progressed.connect(self._on_progress)
        self.spine.block_clicked.connect(self.explain_at)
        self.surgery.changed.connect(self._ask)
        inspector = self.inspector
        inspector.class_chosen.connect(self.explain_class)
        inspector.block_chosen.connect(self.explain_at)

    def _place_buttons(self) -> None:
        """Keep the buttons inside the picture's lower left corner, and inside the canvas when zoomed in."""
        margin = 2 * GRID
        self._buttons["network-view"].setVisible(self._shown is not None)
        self._over_picture.adjustSize()
        picture = self.canvas.picture_rect().toAlignedRect().intersected(self.canvas.rect())
        if picture.isEmpty():
            picture = self.canvas.rect()
        self._over_picture.move(picture.left() + margin, picture.bottom() - margin - self._over_picture.height() + 1)

    def _on_added(self, ids: list[int]) -> None:
        self.strip.add([(entry, self.session.entry(entry).name) for entry in ids])
