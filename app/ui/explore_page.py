"""The Explore page: a picture, what the network says of it, and where it looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.errors import AnatomyError, ExplorerError
from app.core.lesions import Lesions
from app.core.records import Answer, Frame, MethodInfo, ModelInfo, Prediction, Request
from app.ui.actions import Actions
from app.ui.background import Background
from app.ui.canvas import Canvas
from app.ui.colouring import Colouring
from app.ui.engine_bridge import EngineBridge
from app.ui.explore_layout import lay_out
from app.ui.film_strip import FilmStrip
from app.ui.inspector import Inspector
from app.ui.lesion_marks import Comparison, LesionMarks
from app.ui.map_words import map_note
from app.ui.notice_bar import NoticeBar
from app.ui.over_picture import OverPicture
from app.ui.session import Session
from app.ui.shown import Shown
from app.ui.spine import Spine
from app.ui.surgery import Surgery
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Pixels
    from app.ui.canvas import Box

SPINE_HEIGHT = 13 * GRID


class ExplorePage(QWidget):
    """Pictures come from the session, answers from the engine; this page asks and shows.

    Signals:
        status_changed(text): class and map in milliseconds, the crop.
        title_changed(text): the picture's name.
        model_changed(): `model` is another one now.
        wish_changed(): while a live source is followed, something else is to be asked about its pictures.
        heatmap_shown(Answer): this answer's heatmap lies on the canvas now.
    """

    status_changed = Signal(str)
    title_changed = Signal(str)
    model_changed = Signal()
    wish_changed = Signal()
    heatmap_shown = Signal(object)

    def __init__(self, session: Session, engine: EngineBridge, background: Background, actions: Actions) -> None:
        super().__init__()
        self.setObjectName("explorePage")
        self.session, self.engine, self._background = session, engine, background
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
        self._following = False
        self._colouring = Colouring(background)

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
        self.over_picture = OverPicture(self.canvas, actions)
        self.below_picture = lay_out(self)  # what live mode adds goes there
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
        if not self._following:
            self._withdraw()
            if self._shown is not None:  # the old model's answer must not stand beside the new one's classes
                self._shown = Shown(self._shown.entry, self._shown.frame)
        self.spine.set_outline(model.outline)
        self.inspector.set_outline(model.outline)
        self._show_block()
        self.surgery.set_model(model)
        self.notices.clear("model")
        for notice in model.notices:
            self.notices.show_notice(notice, key="model", trouble=False)
        if self._following:
            self._shown = None
        self.model_changed.emit()
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
        self.over_picture.set_network_view(self._network_view)
        self._show_picture()
        self._show_heatmap()

    def toggle_heatmap(self) -> None:
        """Show or hide the heatmap."""
        self._heatmap_visible = not self._heatmap_visible
        self.canvas.set_opacity(self.shown_opacity)

    def cancel(self) -> None:
        """Stop the explanation under way."""
        if self.engine.busy:
            self._withdraw()
            self.canvas.set_busy(False)
            self.status_changed.emit(self.tr("stopped"))

    def ask_again(self) -> None:
        """Ask once more what has no answer yet: a model that could not be loaded took its place in the engine."""
        if self._asked and not self._following:
            self._ask()

    # A live source is shown instead of the session's picture: `app.ui.live` brings its frames and asks about them.

    def follow(self, following: bool) -> None:
        """Let live frames be shown from now on, or no longer."""
        if following == self._following:
            return
        self._following = following
        self.inspector.offer_slow_methods(not following)
        self.surgery.forget_picture()
        self.canvas.set_heatmap(None)
        self.canvas.set_busy(False)
        self.inspector.set_note("")
        if following:
            self.engine.cancel()
            self.strip.set_current(-1)
            self._shown, self._asked, self._target = None, 0, None
            self.notices.clear("picture")
            self.canvas.set_message("", "")

    def show_frame(self, pixels: Pixels, box: Box | None, view: NetworkView | None) -> None:
        """Show the next frame of the live source: the whole of it, or what the network sees."""
        if not self._network_view:
            self.canvas.set_picture(pixels, box, keep_view=True)
        elif view is not None:
            self.canvas.set_picture(view.pixels, (0, 0, *view.pixels.shape[1::-1]), keep_view=True)

    def show_live_answer(self, frame: Frame, view: NetworkView, answer: Answer, steadied: Prediction) -> None:
        """Show what the engine said of a frame, which is what is saved and copied; the bars show it steadied."""
        self._shown = Shown(-1, frame, view, answer)
        self._show_answer(answer, steadied)

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

    @property
    def shown_opacity(self) -> float:
        """The heatmap's opacity as it is seen: 0 while it is hidden."""
        return self.opacity if self._heatmap_visible else 0.0

    def show_empty(self) -> None:
        """Say what to do."""
        self._shown = None
        self.canvas.set_picture(None, None)
        self._clear_answer()
        self.canvas.set_message(
            self.tr("Drop a picture here"),
            self.tr("or a folder, or paste one, or pick a sample below"),
        )
        self.title_changed.emit("")

    # The way from a picture to an answer.

    def _on_current(self, entry: int) -> None:
        if self._following and entry < 0:
            return
        self.strip.set_current(entry)
        if entry < 0:
            self._withdraw()
            self.show_empty()
            return
        self._target = None
        self.title_changed.emit(self.session.entry(entry).name)

    def _on_frame(self, entry: int, frame: Frame) -> None:
        if self._following:  # it was on its way when the live source came back
            return
        self._withdraw()
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
        self.strip.set_error(entry, str(error))
        if self._following:
            return
        self._withdraw()
        self._shown = None
        self.canvas.set_picture(None, None)
        self._clear_answer()
        self.canvas.set_message(error.what, error.remedy, trouble=True)

    def _look(self, entry: int, frame: Frame) -> None:
        """Cut out what the network sees, in the background; then ask."""
        if self.model is None:
            return
        model = self.model

        def seen(view: NetworkView | ExplorerError) -> None:
            if self._shown is None or self._shown.frame is not frame or self.model is not model:
                return
            if isinstance(view, ExplorerError):
                self._clear_answer()
                self.notices.show_notice(str(view), key="picture")
                return
            self._shown = Shown(entry, frame, view)
            self._show_picture()
            self._ask()

        self._background.run("view", lambda: model.preprocessing.view(frame.pixels), seen)

    def request(self, view: NetworkView, *, explain: bool = True) -> Request | None:
        """What is asked about a view as things are chosen now; None where something is missing.

        Args:
            explain: Whether a map is wanted too.
        """
        model, method = self.model, self.method
        if model is None or method is None:
            return None
        return Request(
            id=0,
            model=model.reference,
            pixels=view.pixels,
            method=method.name if explain else None,
            block=self.block if method.uses_block else None,
            target=self._target,
            lesions=self.surgery.lesions,
        )

    def _withdraw(self) -> None:
        """What is under way is about another picture or model: it must not be shown as an answer to this one."""
        self._asked = 0
        self.engine.cancel()

    def _ask(self) -> None:
        if self._following:
            self.wish_changed.emit()
            return
        shown, method = self._shown, self.method
        if shown is None or shown.view is None or method is None:
            return
        # A slow method's answer takes a while: the prediction comes first, on its own.
        request = self.request(shown.view, explain=not (method.slow and shown.answer is None))
        if request is None:
            return
        self._asked_method, self._asked_lesions = request.method, request.lesions
        self._asked = self.engine.ask(request)
        self._comparison.want(request)
        self.canvas.set_busy(True)

    def _on_answer(self, answer: Answer) -> None:
        if answer.id != self._asked or self._shown is None or self.model is None:
            return
        self._asked = 0
        self._shown = Shown(self._shown.entry, self._shown.frame, self._shown.view, answer)
        self._show_answer(answer)
        self.surgery.show_answer(answer, self._asked_lesions)
        best = answer.prediction.top(1)[0]
        self.strip.set_label(self._shown.entry, self.model.labels[best])
        if answer.heatmap is None and self.method is not None and self._asked_method is None:
            self._ask()

    def _on_failure(self, request: int, error: ExplorerError) -> None:
        if request == self._asked:
            self._asked = 0
            self.canvas.set_busy(False)
            if self._shown is None or self._shown.answer is None:  # what stands there is another picture's or model's
                self._clear_answer()
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
            self.canvas.set_picture(shown.view.pixels, (0, 0, *shown.view.pixels.shape[1::-1]))
        else:
            self.canvas.set_picture(shown.frame.pixels, shown.view.box if shown.view else None)

    def _show_answer(self, answer: Answer, prediction: Prediction | None = None) -> None:
        if self.model is None:
            return
        self.canvas.set_busy(False)
        self.notices.clear("engine")
        for notice in answer.notices:
            self.notices.show_notice(notice, key="answer", trouble=False)
        explained = answer.heatmap.target if answer.heatmap else self._target
        self.inspector.show_prediction(prediction or answer.prediction, self.model.labels, explained)
        self._show_heatmap()
        what = self.tr("class and map") if answer.heatmap is not None else self.tr("class")
        self.status_changed.emit(f"{what} {answer.milliseconds:.1f} ms    {self.model.preprocessing.summary}")

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

        def show(pixels: Pixels, span: tuple[float, float]) -> None:
            now = self._shown.answer if self._shown else None
            # Of a live source, an older map is better than none: where answers are quick, there is always a newer one.
            if now is None or (now is not answer and not (self._following and now.heatmap)):
                return
            self.canvas.set_heatmap(pixels)
            self.heatmap_shown.emit(answer)
            self.inspector.scale.set_scale("diverging" if heatmap.signed else name, *span, quantity)

        self._colouring.colour(heatmap, name, show)

    def _clear_answer(self) -> None:
        """Nothing is said of this picture, and nothing is under way."""
        self.canvas.set_busy(False)
        self.canvas.set_heatmap(None)
        self.inspector.bars.set_rows([], -1)
        self.inspector.set_note("")

    def _show_block(self) -> None:
        self.spine.set_selected(self.block)
        self.inspector.show_block(self.block)

    def _explainable(self, name: str) -> bool:
        block = self.model.outline.block(name) if self.model else None
        return block is not None and block.explainable

    # Putting together.

    def _connect(self) -> None:
        self.strip.show_session(self.session)
        self.session.current_changed.connect(self._on_current)
        self.session.frame_ready.connect(self._on_frame)
        self.session.frame_failed.connect(self._on_frame_failed)
        self.session.notice.connect(lambda text: self.notices.show_notice(text, key="session", trouble=False))
        self.engine.answered.connect(self._on_answer)
        self.engine.failed.connect(self._on_failure)
        self.engine.progressed.connect(self._on_progress)
        self.spine.block_clicked.connect(self.explain_at)
        self.surgery.changed.connect(self._ask)
        inspector = self.inspector
        inspector.class_chosen.connect(self.explain_class)
        inspector.block_chosen.connect(self.explain_at)
