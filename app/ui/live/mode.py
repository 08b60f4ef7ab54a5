"""Live mode on the Explore page: opens sources, shows their pictures, lets the engine follow, freezes.

Three states: off; following, where live pictures are shown; and frozen, where a picture of the session is shown and the
source waits for its return.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.core.errors import AnatomyError, ExplorerError, SourceError
from app.core.records import Answer, Frame, Request
from app.ui.live.bar import LiveBar, clock
from app.ui.live.feed import Feed, Ready
from app.ui.live.figures import Figures
from app.ui.live.loop import LiveLoop
from app.ui.live.measuring import Measuring
from app.ui.live.panel import LivePanel
from app.ui.live.permission import ask_for_camera
from app.ui.live.source_picker import SourcePicker
from app.ui.live.tools import LiveTools
from app.ui.shell import Shell

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.ui.canvas import Box

log = logging.getLogger(__name__)

STRIP_EVERY = 100  # milliseconds between paintings of the strip
FIGURES_EVERY = 5  # of those between figures: they must be readable
SILENCE = 2.0  # seconds without a picture, after which that is said
_CLOSING = 2.0  # seconds that a thread gets to end when the program does


class LiveMode(QObject):
    """Everything live; the page does not know of it, it knows the page.

    Signals:
        answered(Ready, Answer): the engine said this of that frame.
        framed(Ready): this frame is on the canvas now.
        changed(): another state.
    """

    answered = Signal(object, object)
    framed = Signal(object)
    changed = Signal()

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window)
        self._shell, self._page = shell, shell.explore
        page, actions = self._page, shell.window.actions_table
        self.feed = Feed(self)
        self.loop = LiveLoop(self.feed, shell.engine, self._request, self)
        self.bar = LiveBar(actions)
        self.panel = LivePanel()
        self.figures = Figures(page.canvas)
        self.picker = SourcePicker(page.canvas, shell.background)
        self.measuring = Measuring()
        self.address = ""  # of the open source; "" while live mode is off
        self.following = False
        self.engine_follows = True  # off for measurements of the pictures alone
        self._title = ""
        self._player_state = ""
        self._newest: Ready | None = None  # on the canvas
        self._heard = 0.0  # when the newest came
        self._asked_for = 0  # how many times a source was wanted: an answer to a permission may be late
        self._last_box: tuple[tuple[int, ...], Box | None] = ((), None)  # of a frame's shape
        self._ticks = 0
        page.below_picture.addWidget(self.bar)
        page.inspector.live.addWidget(self.panel)
        self._tick = QTimer(self, interval=STRIP_EVERY)
        self.tools = LiveTools(self, shell, self.feed, self.bar)
        self._connect()
        for name, slot in (
            ("camera", self.toggle),
            ("freeze", self.freeze_or_go_on),
            ("snapshot", self.snapshot),
        ):
            actions.on(name, slot)

    def _connect(self) -> None:
        page, shell = self._page, self._shell
        self.feed.came.connect(self._on_frame)
        self.feed.state_changed.connect(self._on_state)
        self.loop.answered.connect(self._on_answer)
        self.loop.failed.connect(self._on_failure)
        self.picker.chosen.connect(self.open)
        self.panel.steadying_chosen.connect(self._choose_steadying)
        self._tick.timeout.connect(self._on_tick)
        page.model_changed.connect(self._on_model)
        page.wish_changed.connect(self._on_wish)
        page.heatmap_shown.connect(self.measuring.heatmap_set)
        page.canvas.painted.connect(self._on_painted)
        page.canvas.picture_moved.connect(self.place_figures)
        shell.session.current_changed.connect(self._on_current)
        shell.engine.state_changed.connect(self._on_engine)

    # What the user does.

    def toggle(self) -> None:
        """Close the live source, or offer what there is to open."""
        if self.address:
            self.close()
        elif self.picker.isVisible():
            self.picker.hide()
        else:
            self.picker.offer(self._shell.settings().camera)

    def open(self, address: str) -> None:
        """Open a source and follow it; returns at once."""
        from app.sources.registry import source_for

        self.picker.hide()
        self._asked_for += 1
        wanted = self._asked_for
        try:
            source = source_for(address)
        except SourceError as error:
            self._page.notices.show_notice(str(error), key="live")
            return

        def permitted(granted: bool) -> None:
            if wanted != self._asked_for:
                return
            if granted:
                self._open(address)
            else:
                self._page.notices.show_notice(
                    self.tr(
                        "The camera is forbidden to this program. Allow it in System Settings, Privacy & Security, "
                        "Camera, and open it again."
                    ),
                    key="live",
                )

        if source.asks == "place":
            ask_for_camera(self, permitted)
        else:
            permitted(True)

    def close(self) -> None:
        """Stop it all; the session's picture is shown again."""
        if not self.address:
            return
        self.address, self._newest = "", None
        self._asked_for += 1
        self.loop.stop()
        self.feed.close()
        self._tick.stop()
        was_following, self.following = self.following, False
        for widget in (self.bar, self.panel, self.figures):
            widget.hide()
        page = self._page
        page.over_picture.set_live(False)
        page.canvas.set_crop_visible(False)
        page.notices.clear("live")
        if was_following:
            page.follow(False)
            page.show_empty()
            if self._shell.session.current >= 0:
                self._shell.session.choose(self._shell.session.current)
        self.changed.emit()

    def shut_down(self) -> None:
        """The program ends."""
        self.close()
        if not self.feed.close(_CLOSING):
            log.warning("a source did not end within %s s", _CLOSING)

    def freeze_or_go_on(self) -> None:
        """Make the picture on the canvas one of the session's, or go back to the source."""
        if self.address and not self.following:
            self._go_on()
        elif (frame := self._as_picture()) is not None:
            self._shell.session.add_frame(frame)

    def snapshot(self) -> None:
        """Make the picture one of the session's and go on."""
        if (frame := self._as_picture()) is not None:
            self._shell.session.add_unchosen_frame(frame)
            self._page.status_changed.emit(self.tr("on the strip: {0}").format(frame.name))

    # Opening, freezing, returning.

    def _open(self, address: str) -> None:
        from app.sources.network import shown
        from app.sources.player import Manner

        self.loop.stop()
        self.address = address
        self._newest, self._player_state = None, "opening"
        self._title = shown(address) if "://" in address else address.removeprefix("camera:")
        if "@" not in address.partition("://")[2].partition("/")[0]:  # a password is not written into the settings
            self._shell.change(camera=address)
        self.measuring.clear()
        self.measuring.steadied.seconds = self._shell.settings().steadying
        self.panel.show_steadying(self.measuring.steadied.seconds)
        self._page.notices.clear("live")
        self._follow()
        self._page.show_empty()
        self._page.canvas.set_message(self.tr("Opening {0} …").format(self._title), self.tr("This can take seconds."))
        self.bar.show_source(self._title, frames=None, rate=0)
        self.feed.open(address, Manner())
        self._page.canvas.setFocus()  # not a button: Space would press it
        self.bar.show()
        self.panel.show()
        self._page.over_picture.set_live(True)
        self.tools.show()
        self._show_state()
        self.changed.emit()

    def _follow(self) -> None:
        self.following = True
        self._page.follow(True)
        self._page.title_changed.emit(self._title)
        self._page.canvas.set_crop_visible(self.tools.square)
        self._on_model()
        self._heard = time.monotonic()
        self._tick.start()
        self.loop.start()

    def _go_on(self) -> None:
        self._follow()
        if self._newest is not None:
            self._show(self._newest)
        if (player := self.feed.player) is not None:
            player.resume()
        self._show_state()
        self.tools.show()
        self.changed.emit()

    @Slot(int)
    def _on_current(self, entry: int) -> None:
        """A picture of the session was chosen: the live source waits for its return."""
        if not self.following or entry < 0:
            return
        self.following = False
        self.loop.stop()
        self._tick.stop()
        self.figures.hide()
        if (player := self.feed.player) is not None:
            player.pause()
        self._page.canvas.set_crop_visible(False)
        self._page.follow(False)
        self._page.strip.set_current(entry)
        self._show_state()
        self.changed.emit()

    # What comes from the feed and from the engine.

    @Slot()
    def _on_frame(self) -> None:
        ready = self.feed.take()
        if ready is None or not self.following:
            return
        self._heard = time.monotonic()
        seen = self._seen()
        wanted = seen and self.engine_follows
        if wanted != self.loop.running:
            (self.loop.start if wanted else self.loop.stop)()
        if not seen:
            return
        self._show(ready)
        self.loop.offer(ready)
        self.framed.emit(ready)

    def _show(self, ready: Ready) -> None:
        view = ready.view
        if self._newest is None or ready.frame is not self._newest.frame:
            self.measuring.frame_set()
        self._newest = ready
        box = self._box(ready)
        self._page.show_frame(ready.shown, None if box is None else ready.on_canvas(box), view)
        if self.tools.seekable:
            self.bar.show_place(ready.frame.index)

    def _box(self, ready: Ready) -> Box | None:
        """Of what the network sees; that of the last view where this frame of the same size has none."""
        shape = ready.frame.pixels.shape
        if ready.view is not None:
            self._last_box = (shape, ready.view.box)
        known, box = self._last_box
        return box if shape == known else None

    @Slot(str, object)
    def _on_state(self, state: str, error: SourceError | None) -> None:
        self._player_state = state
        if state == "ended" and error is not None:
            self.close()
            self._page.notices.show_notice(str(error), key="live")
            return
        player = self.feed.player
        if state == "lost" and error is not None and self.following:
            self._page.canvas.set_message(error.what, error.remedy, trouble=True)
        elif state in ("playing", "paused"):
            self._heard = time.monotonic()
            if self.following:
                self._page.canvas.set_message("", "")
            if player is not None and player.info is not None:
                info = player.info
                self._title = info.title
                frames = info.frames if info.seekable else None
                self.bar.show_source(info.title, frames=frames, rate=info.rate)
                if self.following:
                    self._page.title_changed.emit(info.title)
        self._show_state()

    def _request(self, view: NetworkView) -> Request | None:
        """What to ask about a frame: slow methods wait for a frozen one; the steadied winner is explained."""
        method = self._page.method
        request = self._page.request(view, explain=method is not None and not method.slow)
        if request is not None and request.target is None:
            request = dataclasses.replace(request, target=self.measuring.steadied.winner(time.monotonic()))
        return request

    @Slot(object, object)
    def _on_answer(self, ready: Ready, answer: Answer) -> None:
        assert ready.view is not None
        model = self._page.model
        if model is None or answer.model != model.reference:  # asked before the model was changed
            return
        steadied = self.measuring.answer(answer, ready.frame.captured)
        self._page.show_live_answer(Frame(ready.frame.pixels, self._picture_name(ready)), ready.view, answer, steadied)
        method = self._page.method
        if method is not None and method.slow:
            text = self.tr("{0} takes too long to follow a live picture. Space freezes one, and explains it.")
            self._page.inspector.set_note(text.format(method.title))
        self.answered.emit(ready, answer)

    @Slot(object)
    def _on_failure(self, error: ExplorerError) -> None:
        self._page.notices.show_notice(str(error), key="engine")
        if isinstance(error, AnatomyError):  # what cannot be done is not left standing
            self._page.surgery.refuse(error)

    @Slot()
    def _on_model(self) -> None:
        model = self._page.model
        self.feed.preprocessing = model.preprocessing if model is not None else None
        self.measuring.forget()
        if self.following:
            self._page.canvas.set_heatmap(None)
            self._page.inspector.bars.set_rows([], -1)
            self.feed.forget_view()
            self.loop.forget_views()

    @Slot()
    def _on_wish(self) -> None:
        if self.following:
            self.loop.again()

    @Slot(str, object)
    def _on_engine(self, state: str, _info: object) -> None:
        if state == "died" and self.following:
            self._page.canvas.set_heatmap(None)  # the pictures go on, and this one is not of them

    @Slot()
    def _on_painted(self) -> None:
        if self.following:
            self.measuring.painted(time.monotonic())

    # Showing.

    @Slot()
    def _on_tick(self) -> None:
        now = time.monotonic()
        if not self._seen():
            return
        model = self._page.model
        self.panel.strip.set_moments(self.measuring.confidences.moments, model.labels if model else (), now)
        self._ticks += 1
        if self._ticks % FIGURES_EVERY:
            return
        self.figures.show_measured(self.measuring.measured(now, self.feed.dropped))
        self.place_figures()
        if self._player_state == "playing" and now - self._heard > SILENCE:
            self._show_state()

    @Slot()
    def place_figures(self) -> None:
        """Keep the figures in the picture's corner, where they are wanted."""
        shown = self.following and self._newest is not None and self.tools.figures_wanted
        self.figures.setVisible(shown and bool(self.figures.rows))
        if shown:
            self.figures.place(self._page.canvas.picture_rect())

    def _show_state(self) -> None:
        silent = time.monotonic() - self._heard
        state = self._player_state
        if not self.following:
            state = "frozen"
        elif state == "playing" and silent > SILENCE:
            state = "silent"
        self.bar.show_state(state, silent=silent, film=self.tools.seekable)

    def _seen(self) -> bool:
        """Whether anybody can see the canvas: where not, the engine rests."""
        window = self._shell.window
        handle = window.windowHandle()
        exposed = handle is None or handle.isExposed()
        return self._page.canvas.isVisible() and not window.isMinimized() and exposed

    def _choose_steadying(self, seconds: float) -> None:
        self.measuring.steadied.seconds = seconds
        self._shell.change(steadying=seconds)

    # Small things.

    def _picture_name(self, ready: Ready) -> str:
        when = clock(ready.frame.moment) if self.tools.seekable else time.strftime("%H:%M:%S")
        return f"{self._title} {when}"

    def _as_picture(self) -> Frame | None:
        if not self.following or self._newest is None:
            return None
        return Frame(self._newest.frame.pixels, self._picture_name(self._newest))
