"""The models as every page sees them: one list, read off the window's thread, told of when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import ExplorerError

if TYPE_CHECKING:
    from app.ui.background import Background
    from app.zoo.cards import Card, Damaged, Library

CHECKPOINT_SUFFIXES = (
    ".pt", ".pth", ".th", ".ckpt", ".tar", ".bin", ".safetensors", ".onnx", ".pkl", ".pickle", ".h5", ".hdf5",
    ".keras", ".model", ".ts", ".jit", ".pdparams", ".caffemodel", ".msgpack", ".t7", ".params",
)  # fmt: skip
LOOK = 2000  # milliseconds between looks at the dates of the library's folders
_CHECKPOINT_FOLDER = ("config.json", "model.safetensors.index.json", "pytorch_model.bin.index.json")


class ModelLibrary(QObject):
    """Every model's card, and the way for a file of weights to the Models page.

    Signals:
        changed(): there is another list of cards, or weights came or went.
        hub_wanted(): somebody wants to name a model of the Hugging Face Hub; the Models page asks for the name.
        inspection_wanted(Path): somebody brought a file of weights; the Models page shows what it is.
        choice_wanted(reference): Explore shall use this model from now on.
        files_changed(): another file joined `files`.

    Attributes:
        files: Files of weights that were opened as they are; every list of models offers them.
    """

    changed = Signal()
    hub_wanted = Signal()
    inspection_wanted = Signal(object)
    choice_wanted = Signal(str)
    files_changed = Signal()

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._library: Library | None = None
        self._here: frozenset[str] = frozenset()
        self.files: list[str] = []
        self._dates: Dates | None = None
        # Looked at instead of watched: a watched folder cannot be deleted on Windows, and network drives tell nothing.
        self._ticker = QTimer(self, interval=LOOK)
        self._ticker.timeout.connect(self._tick)
        self._ticker.start()

    @property
    def cards(self) -> tuple[Card, ...]:
        """Every card: bundled, the user's, the published ones. Empty before the first reading."""
        return self._library.cards if self._library else ()

    @property
    def problems(self) -> tuple[ExplorerError, ...]:
        """One complaint per card that cannot be read."""
        return self._library.problems if self._library else ()

    @property
    def other_problems(self) -> tuple[ExplorerError, ...]:
        """The problems that concern no model of the user's: those the Models page lists, with what can be done."""
        return tuple(one for one in self.problems if all(one is not damaged.error for damaged in self.damaged))

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """The models of the user's whose cards cannot be read."""
        return self._library.damaged if self._library else ()

    @property
    def here(self) -> tuple[Card, ...]:
        """The models whose weights are on this machine: those that can be used now."""
        return tuple(card for card in self.cards if card.id in self._here)

    def card(self, id_: str) -> Card | None:
        """The card of that id, as last read."""
        return next((card for card in self.cards if card.id == id_), None)

    def read_now(self) -> None:
        """Read on this thread: for the start, when nothing else can be done meanwhile."""
        self._take(_look_and_read())

    def refresh(self, then: Callable[[], None] | None = None) -> None:
        """Read again in the background; `changed` tells when it is done, then `then` is called."""

        def done(outcome: Reading | ExplorerError) -> None:
            if not isinstance(outcome, ExplorerError):
                self._take(outcome)
            if then is not None:
                then()

        self._background.run("models", _look_and_read, done)

    def close(self) -> None:
        """Look at the folders no longer."""
        self._ticker.stop()

    def _tick(self) -> None:
        """Whether models came or went, or a card was edited, behind the program's back; only then `changed` tells."""

        def dated(dates: Dates | ExplorerError) -> None:
            if not isinstance(dates, ExplorerError) and dates != self._dates:
                self._background.run("models", _look_and_read, read)

        def read(outcome: Reading | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                return
            self._dates, library, here = outcome
            if here != self._here or self._library is None or _content(library) != _content(self._library):
                self._take(outcome)

        if self._library is not None:
            self._background.run("library", _look, dated)

    def ask_hub(self) -> None:
        """Have the Models page ask for the name of a model of the Hugging Face Hub."""
        self.hub_wanted.emit()

    def inspect(self, path: Path) -> None:
        """Have the Models page look at a file or folder of weights."""
        self.inspection_wanted.emit(path)

    def add_file(self, file: str) -> None:
        """Offer a file of weights in every list of models, from now until the program ends."""
        if file not in self.files:
            self.files.append(file)
            self.files_changed.emit()

    def choose(self, reference: str) -> None:
        """Have Explore use a model: a card's id, or a file."""
        self.choice_wanted.emit(reference)

    def _take(self, outcome: Reading) -> None:
        self._dates, self._library, self._here = outcome
        self.changed.emit()


Dates = frozenset[tuple[str, int]]
"""Files and folders of the library, each with the time of its last change."""
Reading = tuple[Dates, "Library", frozenset[str]]
"""The dates before the library was read, the library, and the ids of the models whose weights are here."""


def _read() -> tuple[Library, frozenset[str]]:
    from app.zoo.cards import read_library

    library = read_library()
    return library, frozenset(card.id for card in library.cards if card.available)


def _look_and_read() -> Reading:
    return _look(), *_read()


def _look() -> Dates:
    from app import paths
    from app.zoo.card_file import CARD_NAME

    dates: set[tuple[str, int]] = set()
    waiting = [paths.user_models(), paths.torch_checkpoints()]
    try:
        waiting += [one for one in waiting[0].iterdir() if not one.name.startswith(".")]
    except OSError:
        waiting = waiting[:2]  # not there, or not readable: reading the library says which
    for one in (*waiting, *(folder / CARD_NAME for folder in waiting[2:])):
        try:
            dates.add((str(one), one.stat().st_mtime_ns))
        except OSError:
            continue  # that it is absent is what is noticed
    return frozenset(dates)


def _content(library: Library) -> tuple[object, ...]:
    """What makes two readings different: errors are never equal, their words are."""
    return library.cards, tuple(map(str, library.problems)), tuple((one.folder, one.weights) for one in library.damaged)


def is_checkpoint(path: Path) -> bool:
    """Whether a file's or folder's name says that it holds weights, not pictures."""
    name = path.name.lower()
    if name.endswith(CHECKPOINT_SUFFIXES) or name.endswith(".index.json"):
        return not path.is_dir()
    return path.is_dir() and any((path / one).is_file() for one in _CHECKPOINT_FOLDER)
