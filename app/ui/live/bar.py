"""What can be done with a live source: its state in words, tools, and the transport of a video."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSlider, QToolButton, QVBoxLayout, QWidget

from app.ui.actions import Actions
from app.ui.drawing import tabular
from app.ui.icons import icon
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
_TITLE_WIDTH = 22 * GRID


class LiveBar(QFrame):
    """Below the picture while a live source is open.

    Signals:
        seek_wanted(index), speed_chosen(factor), loop_chosen(on)
    """

    seek_wanted = Signal(int)
    speed_chosen = Signal(float)
    loop_chosen = Signal(bool)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("liveBar")
        self._actions = actions
        self._rate = 25.0
        self._title = named(QLabel(), "liveTitle")
        self._state = named(QLabel(), "liveState")
        self._state.setProperty("role", "quiet")
        self._tools: dict[str, QToolButton] = {}
        self.freeze = named(QPushButton(self.tr("Freeze")), "freeze-button")
        self.freeze.setToolTip(actions.tip("freeze"))
        self.freeze.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.freeze.clicked.connect(actions["freeze"].trigger)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, GRID // 2)
        rows.setSpacing(GRID // 2)
        rows.addLayout(self._main_row())
        self._transport = QWidget()
        self._transport.setLayout(self._transport_row())
        rows.addWidget(self._transport)
        self._transport.hide()
        self.hide()

    def show_source(self, title: str, *, frames: int | None, rate: float) -> None:
        """Show what is played; `frames` where one can go to places in it."""
        self._title.setToolTip(title)
        elided = QFontMetrics(self._title.font()).elidedText(title, Qt.TextElideMode.ElideMiddle, _TITLE_WIDTH)
        self._title.setText(elided)
        self._rate = rate
        self._transport.setVisible(frames is not None)
        if frames is not None:
            with QSignalBlocker(self.place):
                self.place.setRange(0, max(0, frames - 1))
            self._show_times(self.place.value())

    def show_state(self, state: str, *, silent: float, film: bool) -> None:
        """Say how it stands.

        Args:
            state: A `PlayerState`, or "frozen", or "silent" where it plays and no picture comes.
            silent: Seconds since the last picture.
            film: Whether it is a video, not a camera.
        """
        words = {
            "opening": self.tr("opening …"),
            "playing": self.tr("playing") if film else self.tr("live"),
            "paused": self.tr("paused"),
            "ended": self.tr("at its end"),
            "lost": self.tr("lost; trying again"),
            "frozen": self.tr("frozen; Space goes back"),
            "silent": self.tr("no picture for {0} s").format(round(silent)),
        }
        self._state.setText(words.get(state, ""))
        frozen, playing = state == "frozen", state in ("playing", "silent")
        self.freeze.setText(self.tr("Go on") if frozen else self.tr("Freeze"))
        play = self._tools["play-pause"]
        play.setIcon(icon("pause" if playing else "play"))
        play.setAccessibleName(self.tr("Pause") if playing else self.tr("Play"))

    def show_checked(self, name: str, on: bool) -> None:
        """Show whether a tool is switched on."""
        self._tools[name].setChecked(on)

    def show_place(self, index: int) -> None:
        """Show which frame of a video is on screen."""
        if not self.place.isSliderDown():
            with QSignalBlocker(self.place):
                self.place.setValue(index)
            self._show_times(index)

    @property
    def state(self) -> str:
        """What is said now."""
        return str(self._state.text())

    def _main_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID // 2)
        row.addWidget(self._title)
        row.addSpacing(GRID)
        row.addWidget(self._state, 1)
        row.addWidget(self.freeze)
        row.addSpacing(GRID // 2)
        tools = (
            ("snapshot", "snapshot", False),
            ("record", "record", True),
            ("mirror", "mirror", True),
            ("turn", "turn", False),
            ("square", "crop", True),
            ("figures", "lab", True),
        )
        for action, picture, checkable in tools:
            row.addWidget(self._tool(action, picture, checkable=checkable))
        return row

    def _transport_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for action, picture in (("frame-earlier", "step-back"), ("play-pause", "pause"), ("frame-later", "step-on")):
            row.addWidget(self._tool(action, picture))
        self.place = named(QSlider(Qt.Orientation.Horizontal), "videoPlace", self.tr("Place in the video"))
        self.place.setToolTip(self.tr("Place in the video"))
        self.place.valueChanged.connect(self._show_times)
        self.place.valueChanged.connect(self.seek_wanted)
        row.addWidget(self.place, 1)
        self._times = named(QLabel(), "videoTimes")
        self._times.setFont(tabular(self._times.font()))
        self._times.setProperty("role", "quiet")
        row.addWidget(self._times)
        self.speeds = Picker("videoSpeed", self.tr("Speed"))
        self.speeds.setMinimumContentsLength(5)
        for speed in SPEEDS:
            self.speeds.addItem(f"{speed:g} ×", speed)
        self.speeds.setCurrentIndex(SPEEDS.index(1.0))
        self.speeds.activated.connect(lambda: self.speed_chosen.emit(self.speeds.currentData()))
        row.addWidget(self.speeds)
        loop = self._plain_tool("loop", "retry", self.tr("Begin again at the end"))
        loop.setCheckable(True)
        loop.toggled.connect(self.loop_chosen)
        row.addWidget(loop)
        return row

    def _tool(self, action: str, picture: str, *, checkable: bool = False) -> QToolButton:
        button = self._plain_tool(action, picture, self._actions.tip(action))
        button.setAccessibleName(self._actions[action].text())
        button.setCheckable(checkable)
        button.clicked.connect(self._actions[action].trigger)
        return button

    def _plain_tool(self, name: str, picture: str, tip: str) -> QToolButton:
        button = named(QToolButton(), f"{name}-button", tip)
        button.setIcon(icon(picture))
        button.setIconSize(QSize(2 * GRID + GRID // 2, 2 * GRID + GRID // 2))
        button.setToolTip(tip)
        button.setProperty("role", "rail")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._tools[name] = button
        return button

    def _show_times(self, index: int) -> None:
        self._times.setText(f"{clock(index / self._rate)} / {clock(self.place.maximum() / self._rate)}")


def clock(seconds: float) -> str:
    """“1:02:03.4” or “2:03.4”."""
    tenths = round(10 * seconds)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{head}:{tenths // 10:02d}.{tenths % 10}"
