"""Choosing one of the models that are on this machine, or a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.ui.model_library import CHECKPOINT_SUFFIXES, ModelLibrary
from app.ui.picker import Picker
from app.ui.shell import Shell

_FILE = "\0file"


class ModelPicker(Picker):
    """Follows the library; keeps its choice where that is still there.

    Args:
        empty: What an entry without a model says; "" for no such entry.

    Signals:
        model_chosen(reference): by the user; "" for none.
        followed(): Explore has another model, and so has this picker.
        lost(reference): the model that was chosen was removed; what is chosen now is another one, or none.
    """

    model_chosen = Signal(str)
    followed = Signal()
    lost = Signal(str)

    def __init__(
        self, name: str, accessible_name: str, library: ModelLibrary, *, empty: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(name, accessible_name, parent)
        self._library, self._empty = library, empty
        self._before = ""
        self._touched = False
        self.activated.connect(self._on_activated)
        library.changed.connect(self._fill)
        library.files_changed.connect(self._fill)
        self._fill()

    @property
    def reference(self) -> str:
        """The chosen model, or ""."""
        chosen = self.currentData()
        return chosen if isinstance(chosen, str) and chosen != _FILE else ""

    def choose(self, reference: str) -> None:
        """Choose a model; a file joins the list."""
        if reference and self.findData(reference) < 0:
            self._library.add_file(reference)
        with QSignalBlocker(self):
            self.setCurrentIndex(max(0, self.findData(reference)))
        self._before = self.reference

    def follow(self, shell: Shell) -> None:
        """Show Explore's model until the user chooses another one here."""
        if shell.explore.model is not None:
            self.choose(shell.explore.model.reference)
        shell.engine.model_loaded.connect(lambda model: None if self._touched else self._follow(model.reference))

    def _follow(self, reference: str) -> None:
        if self.isEnabled() and reference != self.reference:
            self.choose(reference)
            self.followed.emit()

    def _fill(self) -> None:
        before = self.reference
        with QSignalBlocker(self):
            self.clear()
            if self._empty:
                self.addItem(self._empty, "")
            here = self._library.here
            files = self._library.files
            shown = titles([(card.title, card.id) for card in here]) + file_names(files)
            entries = dict(zip([*(card.id for card in here), *files], shown, strict=True))
            for reference, text in entries.items():
                self.addItem(text, reference)
                self.setItemData(self.count() - 1, reference, Qt.ItemDataRole.ToolTipRole)
            self.insertSeparator(self.count())
            self.addItem(self.tr("Open a model file …"), _FILE)
            place = self.findData(before) if before or self._empty else -1
            self.setCurrentIndex(max(0, place))
        self._before = self.reference
        if before and before != self.reference:
            self.lost.emit(before)

    def _on_activated(self) -> None:
        self._touched = True
        if self.currentData() != _FILE:
            self._before = self.reference
            self.model_chosen.emit(self.reference)
            return
        patterns = " ".join(f"*{suffix}" for suffix in CHECKPOINT_SUFFIXES)
        chosen, _ = QFileDialog.getOpenFileName(
            self.window(),
            self.tr("Open a model file"),
            "",
            self.tr("Checkpoints ({0});;All files (*)").format(patterns),
        )
        self.choose(chosen or self._before)
        if chosen:
            self.model_chosen.emit(self.reference)


def titles(cards: Sequence[tuple[str, str]]) -> list[str]:
    """What cards are called, given their (title, id): of equal titles each has its id beside it."""
    counts = Counter(title for title, _ in cards)
    return [f"{title} · {id_}" if counts[title] > 1 else title for title, id_ in cards]


def file_names(files: Sequence[str]) -> list[str]:
    """What files are called: of equal names each begins with as many folders as tell it from the others."""
    parts = [Path(file).parts for file in files]
    shown = []
    for own in parts:
        length = 1
        while length < len(own) and sum(other[-length:] == own[-length:] for other in parts) > 1:
            length += 1
        shown.append("/".join(own[-length:]))
    return shown
