"""The action that records, and what is said of it."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject

from app import paths
from app.core.records import Answer
from app.ui.live.feed import Ready
from app.ui.live.mode import LiveMode
from app.ui.live.recording import Recorded, Recording, Said
from app.ui.shell import Shell

_CLOSING = 10.0  # seconds that a recording gets to be completed when the program ends


class Recorder(QObject):
    """Starts and ends recordings of what live mode shows; one at a time."""

    def __init__(self, mode: LiveMode, shell: Shell) -> None:
        super().__init__(mode)
        self._mode, self._shell = mode, shell
        self.recording: Recording | None = None
        shell.window.actions_table.on("record", self.toggle)
        mode.framed.connect(self._on_frame)
        mode.answered.connect(self._on_answer)
        mode.changed.connect(self._on_mode)

    def toggle(self) -> None:
        """Record from now on, or end and keep what was recorded."""
        if self.recording is not None:
            self.recording.stop()
        else:
            self._begin()
        self._show()

    def shut_down(self) -> None:
        """The program ends: complete what is under way."""
        if self.recording is not None:
            self.recording.stop(_CLOSING)

    def _begin(self) -> None:
        page, player = self._shell.explore, self._mode.feed.player
        if player is None or player.info is None or page.model is None or not self._mode.following:
            text = self.tr("There is nothing to record: follow a camera or a video first.")
            page.notices.show_notice(text, key="live", trouble=False)
            return
        name = f"{time.strftime('%Y-%m-%d %H.%M.%S')} {Path(player.info.title).stem}"
        kept = "".join(letter if letter.isalnum() or letter in " .-_" else "-" for letter in name)[:80].rstrip(" .")
        post = self._shell.background.post
        self.recording = Recording(
            paths.recordings() / f"{kept}.mp4",
            player.info.rate,
            ended=lambda outcome: post(self._on_end, outcome),
        )
        self.recording.start()

    def _show(self) -> None:
        self._mode.bar.show_checked("record", self.recording is not None)

    def _on_frame(self, ready: Ready) -> None:
        if self.recording is not None:
            self.recording.frame(ready)

    def _on_answer(self, ready: Ready, answer: Answer) -> None:
        if self.recording is not None:
            page = self._shell.explore
            labels = page.model.labels if page.model is not None else ()
            self.recording.answer(Said(ready, answer, labels, page.shown_opacity, page.colour_map))

    def _on_mode(self) -> None:
        if self.recording is not None and not self._mode.address:
            self.recording.stop()

    def _on_end(self, outcome: Recorded) -> None:
        self.recording = None
        self._show()
        notices = self._shell.explore.notices
        if outcome.video is None:
            notices.show_notice(outcome.trouble, key="record")
            return
        text = self.tr("Recorded {seconds} s: {video}, with the predictions beside it.")
        text = text.format(seconds=f"{outcome.seconds:.1f}", video=outcome.video)
        if outcome.dropped:
            text += " " + self.tr("{0} pictures were left out: the computer was too slow for them.").format(
                outcome.dropped
            )
        notices.show_notice(f"{outcome.trouble} {text}".strip(), key="record", trouble=bool(outcome.trouble))
