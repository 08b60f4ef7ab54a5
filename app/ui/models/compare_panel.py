"""Compare: up to four models on the picture that Explore shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import CancelledError, ExplorerError
from app.core.records import Answer, EngineInfo, Frame, ModelInfo, Request
from app.ui.colour_scale import ColourScale
from app.ui.compare.agreement_table import AgreementCard, Opinion
from app.ui.compare.class_choice import ClassChoice, place_of
from app.ui.compare.lane import Lane, coloured
from app.ui.compare.stopwatch import Stopwatch
from app.ui.engine_bridge import EngineBridge
from app.ui.model_library import ModelLibrary
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.picker import Picker
from app.ui.shell import Shell
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView

MOST = 4
SIDE = 640  # pixels of the longer side at which maps are laid over the picture
NO_MAP = ""


class ComparePanel(QWidget):
    """Four lanes, one scale for all maps, and a table of who agrees with whom.

    Its engine is a process of its own, started when the panel is first shown: it holds several models, and Explore's
    stays as quick as ever.
    """

    def __init__(self, shell: Shell, library: ModelLibrary) -> None:
        super().__init__()
        self.setObjectName("comparePanel")
        self._shell, self._library = shell, library
        self._frame: Frame | None = None
        self._models: dict[str, ModelInfo] = {}
        self._round = 0  # of the picture: answers to earlier rounds are dropped
        self._led = -1  # the round in which the first model answered, or could not
        self._stale = False
        self._loading = ""  # one model is loaded at a time: of those chosen in a hurry only the last are
        self._asked: set[int] = set()  # the lanes that wait for an answer
        self._engine: EngineBridge | None = None
        self._signed: dict[str, bool] = {}
        self._quantity: dict[str, str] = {}
        self.notices = NoticeBar()
        self.lanes = [Lane(place, library) for place in range(MOST)]
        self.picture = named(QLabel(), "comparePicture")
        self.picture.setProperty("role", "strong")
        self.methods = Picker("compareMethods", self.tr("Explanation method"))
        self.methods.addItem(self.tr("No map"), NO_MAP)
        self.classes = ClassChoice()
        self.scale = ColourScale(self)
        self.scale.setObjectName("compareScale")
        self.scale.setToolTip(self.tr("One scale for every map"))
        self.agreement = AgreementCard()
        self.table = self.agreement.table
        self.stopwatch = Stopwatch(self._time, self)
        self.stopwatch.timed.connect(self._show_timings)
        self._lay_out()
        self.scale.hide()
        self._touched = False  # whether the user chose models; until then they follow Explore's
        self._choose_first()
        library.changed.connect(self._choose_first)
        shell.engine.model_loaded.connect(lambda _model: self._choose_first())
        for lane in self.lanes:
            lane.chosen.connect(self._on_chosen)
            lane.picker.lost.connect(lambda reference, lane=lane: self._on_lost(lane, reference))
        for picker in (self.methods, self.classes):
            picker.activated.connect(lambda _place: self._ask_all())
        shell.session.frame_ready.connect(lambda _entry, frame: self.set_frame(frame))
        shell.window.closing.connect(self.close_engine)
        if shell.explore.shown is not None:
            self._frame = shell.explore.shown.frame
        self._show_picture_name()

    def set_frame(self, frame: Frame) -> None:
        """Compare on this picture; while the panel is out of sight, when it comes back."""
        if frame is self._frame:
            return
        self._frame = frame
        self._show_picture_name()
        self._ask_all()

    def choose(self, place: int, reference: str) -> None:
        """Put a model into a lane; "" takes it away."""
        self.lanes[place].picker.choose(reference)
        self._on_chosen(place, reference)

    def take_paths(self, paths: list[Path]) -> bool:
        """Pictures that are dropped become the session's; this panel follows without going to Explore."""
        self._shell.session.add_paths(paths)
        return True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._engine is None:
            self._start()
        if self._stale:
            self._ask_all()
        else:
            self._settle()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.stopwatch.pause()

    def close_engine(self) -> None:
        """End the engine of the comparison."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    # --- asking

    def _start(self) -> None:
        self._engine = EngineBridge(self._shell.engine.device, self, client=self._shell.engine.client_type)
        self._engine.state_changed.connect(self._on_state)
        self._engine.start()
        self._stale = True

    def _on_state(self, state: str, info: EngineInfo | None) -> None:
        if state != "ready" or info is None or self.methods.count() > 1:
            return
        for method in info.methods:
            self._signed[method.name], self._quantity[method.name] = method.signed, method.quantity
            if not method.slow:
                self.methods.addItem(method.title, method.name)
        wanted = self._shell.settings().method
        self.methods.setCurrentIndex(max(1, self.methods.findData(wanted)))
        self._ask_all()

    def _on_chosen(self, place: int, reference: str) -> None:
        self._touched = True
        lane = self.lanes[place]
        self._asked.discard(place)
        lane.clear(self.tr("Loading …") if reference else "")
        self._show_agreement()
        self._colour()
        self._offer_classes()
        if self.classes.follows_leader:
            self._ask_all()
        elif reference:
            self._ask(lane)
        else:
            self._settle()

    def _on_lost(self, lane: Lane, reference: str) -> None:
        """A model was removed: its lane says so, the others go on; another one may come by its name."""
        self._models.pop(reference, None)
        if self._engine is not None:
            self._engine.run("compare.forget", reference, then=lambda _nothing: None)
        self._on_chosen(lane.place, lane.reference)
        if not lane.reference:
            lane.map.set_text(self.tr("This model was removed"))

    def _ask_all(self) -> None:
        self._stale = not self.isVisible() or self._engine is None
        if self._engine is None or self._stale:
            return
        self._engine.withdraw(self._round)
        self._round += 1
        self._asked.clear()
        leader = self._leader
        for lane in self.lanes:
            if lane.reference and (lane is leader or not self.classes.follows_leader):
                self._ask(lane)

    @property
    def _leader(self) -> Lane | None:
        """The first lane with a model."""
        return next((lane for lane in self.lanes if lane.reference), None)

    def _follow_leader(self, lane: Lane) -> None:
        """The first model has answered, or cannot: now the others can be asked about its class."""
        if lane is self._leader and self.classes.follows_leader and self._led != self._round:
            self._led = self._round
            for other in self.lanes:
                if other.reference and other is not lane:
                    self._ask(other)

    def _class_for(self, lane: Lane) -> str:
        """The name of the class that a lane's map shall explain; "" for the model's own."""
        leader = self._leader
        if not self.classes.follows_leader or leader is None or leader is lane:
            return self.classes.class_name
        if leader.answer is None or leader.model is None:
            return ""
        return leader.model.labels[leader.answer.prediction.top(1)[0]]

    def _offer_classes(self) -> None:
        self.classes.offer(self._models[lane.reference].labels for lane in self.lanes if lane.reference in self._models)

    def _ask(self, lane: Lane) -> None:
        """The model first, then its crop, then the question: each hears only of the newest picture."""
        engine, frame, reference, now = self._engine, self._frame, lane.reference, self._round
        if engine is None:
            return
        if frame is None:
            lane.clear(self.tr("Open a picture in Explore, or drop one here"))
            return
        self.stopwatch.pause()
        self._asked.add(lane.place)

        def current() -> bool:
            return self._engine is engine and now == self._round and lane.reference == reference

        def loaded(outcome: ModelInfo | ExplorerError) -> None:
            self._loading = ""
            if isinstance(outcome, ExplorerError):
                for other in self._those_with(reference):
                    self._tell(other, outcome)
            else:
                self._models[reference] = outcome
                self._offer_classes()
            self._ask_those_that_wait(reference)

        def cut_out() -> None:
            preprocessing = self._models[reference].preprocessing
            self._shell.background.run("compare", lambda: preprocessing.view(frame.pixels), cut)

        def cut(view: NetworkView | ExplorerError) -> None:
            if not current():
                return
            if isinstance(view, ExplorerError):
                self._tell(lane, view)
                return
            method = self.methods.currentData() or None
            wanted, note = self._class_for(lane), ""
            target = place_of(wanted, self._models[reference]) if wanted else None
            if wanted and target is None and method is not None:
                method, note = None, self.tr("It has no class “{0}”: no map.").format(wanted)
            request = Request(self._round, reference, view.pixels, method, target=target)
            engine.run("compare.answer", request, then=lambda answer: answered(view, note, answer))

        def answered(view: NetworkView, note: str, answer: Answer | ExplorerError) -> None:
            if not current():
                return
            if isinstance(answer, ExplorerError):
                self._tell(lane, answer)
                return
            self._asked.discard(lane.place)
            lane.show_answer(self._models[reference], view, answer, note=note)
            lane.show_timing(self.stopwatch.timing(reference))
            for notice in answer.notices:
                self.notices.show_notice(notice, key="compare", trouble=False)
            self._show_agreement()
            self._colour()
            self._follow_leader(lane)
            self._settle()

        if reference in self._models:
            cut_out()
            return
        lane.map.set_text(self.tr("Loading …"))
        if not self._loading:
            self._loading = reference
            engine.run("compare.load", reference, then=loaded)

    def _those_with(self, reference: str) -> list[Lane]:
        return [lane for lane in self.lanes if lane.reference == reference and lane.place in self._asked]

    def _ask_those_that_wait(self, loaded: str) -> None:
        """A model is there, or cannot be had: ask whoever waits for it, or for his turn to load another one."""
        for lane in self.lanes:
            if lane.place in self._asked and (lane.reference == loaded or lane.reference not in self._models):
                self._ask(lane)

    # --- the time that each takes

    def _time(self, reference: str, then: Callable[[Any], None]) -> None:
        engine = self._engine
        if engine is None:
            then(None)
        else:
            engine.run("compare.call", reference, then=then)

    def _settle(self) -> None:
        """Everybody has answered: now there is time to measure how long it takes."""
        if not self._asked and self._engine is not None and self.isVisible():
            self.stopwatch.measure(lane.reference for lane in self.lanes if lane.answer is not None and lane.reference)
            self._show_timings()

    def _show_timings(self) -> None:
        for lane in self.lanes:
            if lane.answer is not None and lane.reference:
                lane.show_timing(self.stopwatch.timing(lane.reference))

    def _tell(self, lane: Lane, error: ExplorerError) -> None:
        if isinstance(error, CancelledError):
            return
        self._asked.discard(lane.place)
        lane.clear(error.what)
        self.notices.show_notice(str(error), key="compare")
        self._show_agreement()
        self._follow_leader(lane)
        self._settle()

    # --- showing

    def _opinions(self) -> list[Opinion]:
        found = []
        for lane in self.lanes:
            if lane.model is not None and lane.view is not None and lane.answer is not None and lane.reference:
                twice = sum(other.reference == lane.reference for other in self.lanes) > 1
                name = f"{lane.place + 1}: {lane.name}" if twice else lane.name
                found.append(Opinion(name, lane.model, lane.view, lane.answer))
        return found

    def _show_agreement(self) -> None:
        self.agreement.show_opinions(self._opinions())

    def _colour(self) -> None:
        """Lay every map over the picture, all on one scale; again whenever another answer changes that scale."""
        frame, now = self._frame, self._round
        answers = [
            (lane.place, lane.answer.heatmap, lane.view.box)
            for lane in self.lanes
            if lane.answer is not None and lane.view is not None and lane.reference
        ]
        self.scale.setVisible(any(heatmap is not None for _, heatmap, _ in answers))
        if frame is None or not answers:
            return
        opacity, name = self._shell.explore.opacity, self._shell.explore.colour_map
        method = str(self.methods.currentData() or NO_MAP)

        def shown(outcome: Any) -> None:
            if now != self._round or isinstance(outcome, ExplorerError):
                return
            (low, high), signed, pictures = outcome
            for place, pixels in pictures:
                if self.lanes[place].answer is not None:
                    self.lanes[place].map.set_pixels(pixels)
            if high > low:
                self.scale.set_scale("diverging" if signed else name, low, high, self._quantity.get(method, ""))
            else:
                self.scale.set_scale(None)

        self._shell.background.run(
            "compare", lambda: coloured(frame, answers, opacity=opacity, name=name, side=SIDE), shown
        )

    def _show_picture_name(self) -> None:
        self.picture.setText(self._frame.name if self._frame is not None else self.tr("No picture yet"))

    def _choose_first(self) -> None:
        """Explore's model, and another one that is here, where there is one: of the same classes, if it can be."""
        if self._touched:
            return
        model = self._shell.explore.model
        here = {card.id: card.labels for card in self._library.here}
        first = model.reference if model is not None else next(iter(here), "")
        labels = model.labels if model is not None else here.get(first, ())
        others = sorted((one for one in here if one != first), key=lambda one: here[one] != labels)
        wanted = (first, others[0] if others else "")
        if wanted == (self.lanes[0].reference, self.lanes[1].reference):
            return
        for lane, reference in zip(self.lanes, wanted, strict=False):
            lane.picker.choose(reference)
            lane.clear()
        self._ask_all()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self.picture)
        head.addStretch(1)
        head.addWidget(self.methods)
        head.addWidget(self.classes)
        self.methods.setMinimumWidth(20 * GRID)
        self.classes.setMinimumWidth(27 * GRID)
        self.scale.setFixedWidth(28 * GRID)
        head.addWidget(self.scale)
        row = QHBoxLayout()
        row.setSpacing(GRID + GRID // 2)
        for lane in self.lanes:
            row.addWidget(lane, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        body = QVBoxLayout()
        body.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, 2 * GRID)
        body.setSpacing(GRID + GRID // 2)
        body.addLayout(head)
        body.addLayout(row)
        body.addWidget(self.agreement)
        body.addStretch(1)
        inner = QWidget()
        inner.setLayout(body)
        area = named(QScrollArea(), "compareArea", self.tr("Models beside each other"))
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout.addWidget(area, 1)


def build(shell: Shell, library: ModelLibrary) -> QWidget:
    """The panel, for the Models page."""
    return ComparePanel(shell, library)
