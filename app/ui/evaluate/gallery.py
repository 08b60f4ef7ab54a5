"""Pictures of an evaluation as a film strip: the worst mistakes, or a cell of the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.film_strip import FilmStrip

if TYPE_CHECKING:
    from pathlib import Path

    from app.core.records import Frame
    from app.evaluation.data import LabelledSet
    from app.evaluation.records import EvaluationRecord

SIDE = 160  # pixels, enough for a 72-pixel thumbnail at 200 %


@dataclass(frozen=True)
class Shot:
    """One picture of the strip.

    Attributes:
        number: Its place in the data.
        name: What it is called.
        label: What stands below it.
    """

    number: int
    name: str
    label: str


class Gallery(QObject):
    """Fills a film strip with pictures of a labelled set, read when they are seen.

    Signals:
        opened(Frame, path): a picture was chosen and read; path is "" where it has no file.
        failed(ExplorerError): the data, or a picture, cannot be read any more.
    """

    opened = Signal(object, str)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._record: EvaluationRecord | None = None
        self._data: LabelledSet | None = None
        self._shots: dict[int, Shot] = {}
        self._round = 0
        self.strip = FilmStrip()
        self.strip.setObjectName("mistakes")
        self.strip.setAccessibleName(self.tr("Pictures of the evaluation"))
        self.strip.setToolTip("")
        self.strip.set_hint("")
        self.strip.thumbnail_wanted.connect(self._on_thumbnail_wanted)
        self.strip.chosen.connect(self._on_chosen)

    def set_record(self, record: EvaluationRecord) -> None:
        """The pictures are of this evaluation's data from now on."""
        if self._record is None or self._record.data != record.data or self._record.fingerprint != record.fingerprint:
            self._data = None
        self._record = record
        self._round += 1

    def show_shots(self, shots: Sequence[Shot]) -> None:
        """Show these pictures."""
        self._round += 1
        self._shots = dict(enumerate(shots, 1))
        self.strip.clear()
        self.strip.add((place, shot.name) for place, shot in self._shots.items())
        for place, shot in self._shots.items():
            self.strip.set_label(place, shot.label)

    def _on_thumbnail_wanted(self, place: int) -> None:
        number, now = self._shots[place].number, self._round

        def shrink() -> Any:
            return None if now != self._round else _small(self._read(number))

        def shown(outcome: Any) -> None:
            if now != self._round or outcome is None:
                return
            if isinstance(outcome, ExplorerError):
                self.strip.set_error(place, str(outcome))
            else:
                self.strip.set_thumbnail(place, outcome)

        self._background.run("gallery", shrink, shown)

    def _on_chosen(self, place: int) -> None:
        number = self._shots[place].number

        def read(outcome: Frame | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self.failed.emit(outcome)
            else:
                self.opened.emit(outcome, outcome.path)

        self._background.run("gallery", lambda: self._read(number), read)

    def _read(self, number: int) -> Frame:
        """On the gallery's thread: the data are listed once, and only that one thread has them."""
        record = self._record
        assert record is not None
        if self._data is None:
            self._data = _same_data(record)
        return self._data.picture(number)


def _same_data(record: EvaluationRecord) -> LabelledSet:
    from pathlib import Path

    from app.core.errors import DataError
    from app.evaluation.data import labelled_set

    labels: Path | None = Path(record.labels_file) if record.labels_file else None
    data = labelled_set(Path(record.data), labels=labels)
    if data.told and data.fingerprint != record.fingerprint:  # a record from when the labels file's order counted
        data = data.as_told()
    if data.fingerprint != record.fingerprint:
        raise DataError(f"{record.data} has changed since it was evaluated.", "Evaluate again to see its pictures.")
    return data


def _small(frame: Frame) -> Any:
    import numpy as np
    from PIL import Image

    picture = Image.fromarray(frame.pixels)
    if max(picture.size) < SIDE:
        scale = SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.NEAREST)
    else:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(picture)
