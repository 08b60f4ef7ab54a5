"""What can be done to a live picture while it is followed: turned, mirrored, sought in, looked at with figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from app.ui.live.bar import LiveBar
from app.ui.live.feed import Feed
from app.ui.shell import Shell

if TYPE_CHECKING:
    from app.sources.player import Player
    from app.ui.live.mode import LiveMode


class LiveTools(QObject):
    """Connects the bar and the actions with the player.

    Attributes:
        square: Whether the square that the network sees is outlined.
    """

    def __init__(self, mode: LiveMode, shell: Shell, feed: Feed, bar: LiveBar) -> None:
        super().__init__(mode)
        self._mode, self._shell, self._feed, self._bar = mode, shell, feed, bar
        self.square = True
        bar.seek_wanted.connect(lambda index: self._do(lambda player: player.seek(index)))
        bar.speed_chosen.connect(lambda speed: self._do(lambda player: player.set_manner(speed=speed)))
        bar.loop_chosen.connect(lambda on: self._do(lambda player: player.set_manner(loop=on)))
        actions = shell.window.actions_table
        for name, slot in (
            ("play-pause", self.play_or_pause),
            ("frame-later", lambda: self.step(1)),
            ("frame-earlier", lambda: self.step(-1)),
            ("mirror", self.mirror),
            ("turn", self.turn),
            ("square", self.toggle_square),
            ("figures", self.toggle_figures),
        ):
            actions.on(name, slot)
        if isinstance(application := QApplication.instance(), QApplication):
            application.focusChanged.connect(self._on_focus)

    @property
    def seekable(self) -> bool:
        """Whether one can go to a place in the open source."""
        player = self._feed.player
        return player is not None and player.info is not None and player.info.seekable

    @property
    def figures_wanted(self) -> bool:
        """Whether the figures are to be shown."""
        return self._shell.settings().figures != "hidden"

    def show(self) -> None:
        """Show which tools are switched on."""
        player = self._feed.player
        self._bar.show_checked("mirror", player is not None and player.manner.mirror)
        self._bar.show_checked("square", self.square)
        self._bar.show_checked("figures", self.figures_wanted)
        self._shell.explore.canvas.set_crop_visible(self._mode.following and self.square)
        self._mode.place_figures()

    def play_or_pause(self) -> None:
        """Of a video; a camera is frozen instead."""
        player = self._feed.player
        if player is None:
            return
        if not self._mode.following or not self.seekable:
            self._mode.freeze_or_go_on()
        elif player.paused:
            player.resume()
        else:
            player.pause()

    def step(self, by: int) -> None:
        """Pause the video and show a frame later or earlier."""
        if self._mode.following and self.seekable:
            self._do(lambda player: player.step(by))

    def mirror(self) -> None:
        """Exchange left and right, or put them back."""
        self._do(lambda player: player.set_manner(mirror=not player.manner.mirror))
        self.show()

    def turn(self) -> None:
        """Turn the picture a quarter clockwise."""
        self._do(lambda player: player.set_manner(quarter_turns=(player.manner.quarter_turns + 1) % 4))

    def toggle_square(self) -> None:
        """Outline the square that the network sees, or not."""
        self.square = not self.square
        self.show()

    def toggle_figures(self) -> None:
        """Show or hide the figures."""
        self._shell.change(figures="hidden" if self.figures_wanted else "shown")
        self.show()

    def _do(self, what: Callable[[Player], None]) -> None:
        if (player := self._feed.player) is not None:
            what(player)

    @Slot(QWidget, QWidget)
    def _on_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Space presses the button that the keyboard is on; elsewhere it freezes."""
        on_page = self._shell.window.page == "explore"
        self._shell.window.actions_table["freeze"].setEnabled(on_page and not isinstance(now, QAbstractButton))
