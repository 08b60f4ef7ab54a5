"""A live source recorded: a video with the heatmap in it, and a table of what the network said, and when.

Both appear under their names only when they are complete. A thread composes and writes; the window hands frames over
and never waits: what does not fit into a short queue is dropped, and counted.
"""

from __future__ import annotations

import csv
import queue
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.core.errors import ExplorerError, SourceError
from app.core.files import replacing
from app.core.records import Answer

if TYPE_CHECKING:
    from app.core.records import Pixels
    from app.ui.live.feed import Ready

LEAST_FREE = 100_000_000  # bytes on the disk, below which a recording ends while it can still be completed
LONGEST_GAP = 2.0  # seconds without a picture that are filled with the last one; a longer gap is left out
TOP = 5
_QUEUE = 4
_LOOK = 1.0  # seconds between looks at the disk


@dataclass(frozen=True)
class Recorded:
    """What came of it.

    Attributes:
        video, table: The files; None where nothing was kept.
        seconds: How long the video is.
        dropped: Frames that the thread was too slow for.
        trouble: Why it ended before it was told to, or why nothing was kept; "" where all went well.
    """

    video: Path | None
    table: Path | None
    seconds: float
    dropped: int = 0
    trouble: str = ""


@dataclass(frozen=True, eq=False)
class Said:
    """One answer, its picture, and how it is shown.

    Attributes:
        labels: Of the classes.
        opacity: Of the heatmap, 0 where it is hidden.
        colour_map: Of an unsigned one.
    """

    ready: Ready
    answer: Answer
    labels: Sequence[str]
    opacity: float
    colour_map: str


@dataclass
class _Clock:
    """From monotonic time to the video's, which stands still where no picture came for long."""

    start: float | None = None
    last: float = 0.0
    left_out: float = field(default=0.0)

    def place(self, captured: float) -> float:
        """Seconds in the video."""
        if self.start is None:
            self.start = self.last = captured
        if captured - self.last > LONGEST_GAP:
            self.left_out += captured - self.last
        self.last = max(self.last, captured)
        return max(0.0, captured - self.start - self.left_out)


class Recording:
    """One recording.

    Args:
        video: The file to write, MP4; the table has the same name with ".csv".
        rate: Frames per second of the video.
        ended: Called on that thread when it is over.
    """

    def __init__(
        self,
        video: Path,
        rate: float,
        ended: Callable[[Recorded], None],
    ) -> None:
        self.video = video
        self.dropped = 0
        self._rate, self._ended = rate, ended
        self._items: queue.Queue[Ready | Said] = queue.Queue(_QUEUE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-recording", daemon=True)
        self.started = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def frame(self, ready: Ready) -> None:
        """This frame is shown now."""
        self._put(ready)

    def answer(self, said: Said) -> None:
        """The engine said this of a frame: its heatmap lies over the next ones."""
        self._put(said)

    def stop(self, timeout: float = 0.0) -> bool:
        """End and complete the files; whether they are, within a time."""
        self._stop.set()
        if timeout > 0:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _put(self, item: Ready | Said) -> None:
        if self._stop.is_set():
            return
        try:
            self._items.put_nowait(item)
        except queue.Full:
            self.dropped += 1

    # What runs on the thread.

    def _run(self) -> None:
        try:
            outcome = self._record()
        except OSError as error:
            reason = error.strerror or str(error)
            outcome = Recorded(None, None, 0.0, self.dropped, f"{self.video} cannot be written: {reason}.")
        except ExplorerError as error:
            outcome = Recorded(None, None, 0.0, self.dropped, str(error))
        self._ended(outcome)

    def _record(self) -> Recorded:
        from app.sources.video_writer import VideoWriter

        table_path = self.video.with_suffix(".csv")
        trouble = ""
        with replacing(self.video) as video, replacing(table_path) as table:
            writer = VideoWriter(video, self._rate)
            with table.open("w", encoding="utf-8", newline="") as file:
                try:
                    written, trouble = self._write(writer, csv.writer(file, lineterminator="\n"))
                finally:
                    writer.close()
            if not written:
                raise SourceError("Nothing was recorded: no picture came.", "Record while pictures are shown.")
            _check(video)
        return Recorded(self.video, table_path, written / self._rate, self.dropped, trouble)

    def _write(self, writer: Any, table: Any) -> tuple[int, str]:
        """Until it is stopped: (frames written, why it ended by itself)."""
        table.writerow(["time", "seconds", "frame", "rank", "index", "label", "probability", "milliseconds"])
        clock, written, last = _Clock(), 0, 0.0
        said: Said | None = None
        sheet: tuple[Said, tuple[int, ...], Any] | None = None
        while True:
            try:
                item = self._items.get(timeout=0.1)
            except queue.Empty:
                if self._stop.is_set():
                    return written, ""
                continue
            if isinstance(item, Said):
                said = item
                self._write_rows(table, item, clock.place(item.ready.frame.captured))
                continue
            due = round(clock.place(item.frame.captured) * self._rate) + 1
            if due > written:
                sheet = self._sheet(said, item, sheet)
                pixels = item.shown if sheet is None else sheet[2].over(item.shown)
                for _ in range(due - written):
                    writer.write(pixels)
                written = due
            if time.monotonic() - last > _LOOK:
                last = time.monotonic()
                if shutil.disk_usage(self.video.parent).free < LEAST_FREE:
                    return written, "The disk is nearly full: the recording has ended, and what was recorded is kept."

    def _sheet(self, said: Said | None, ready: Ready, before: tuple[Said, tuple[int, ...], Any] | None) -> Any:
        """(answer, size, heatmap ready to be laid over frames of this size); made anew only for a new answer."""
        if said is None or said.answer.heatmap is None or said.ready.view is None:
            return None
        shape = ready.shown.shape
        if said.ready.frame.pixels.shape != ready.frame.pixels.shape:
            return None
        if before is not None and before[0] is said and before[1] == shape:
            return before
        from app.render import overlay

        box = ready.on_canvas(said.ready.view.box)
        made = overlay.sheet((shape[1], shape[0]), said.answer.heatmap, box, opacity=said.opacity, name=said.colour_map)
        return said, shape, made

    def _write_rows(self, table: Any, said: Said, seconds: float) -> None:
        when = datetime.now().astimezone().isoformat(timespec="milliseconds")
        prediction = said.answer.prediction
        for rank, index in enumerate(prediction.top(TOP), 1):
            table.writerow(
                [
                    when,
                    f"{seconds:.3f}",
                    said.ready.frame.index,
                    rank,
                    index,
                    said.labels[index],
                    f"{prediction.probabilities[index]:.8g}",
                    f"{said.answer.milliseconds:.3f}",
                ]
            )


def _check(video: Path) -> None:
    """OpenCV does not tell when the disk was full: see whether the video can be read.

    Raises:
        SourceError: where it cannot.
    """
    from app.sources.registry import open_stream

    try:
        stream = open_stream(str(video))
        try:
            first: Pixels | None = frame.pixels if (frame := stream.read()) is not None else None
        finally:
            stream.close()
    except SourceError:
        first = None
    if first is None:
        raise SourceError("The recording could not be completed: the disk may be full.", "Make room, and record again.")
