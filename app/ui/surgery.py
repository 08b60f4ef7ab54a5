"""What the user did to the network: bypasses, gates and swaps, their undo and redo, and what came of them.

A model without a screen. Pages show it (`app/ui/lesion_marks.py` on Explore, `app/ui/anatomy` on Anatomy) and change
it; whoever asks the engine puts `lesions` into its request. The engine keeps nothing, so its death changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Signal

from app.core.errors import ExplorerError
from app.core.lesions import Lesion, Lesions, with_bypass_toggled, with_gate
from app.core.records import Answer, ModelInfo, NetworkOutline
from app.ui.spine_words import block_label


@dataclass(frozen=True)
class Named:
    """Lesions with the names that the user gave to some of them."""

    lesions: Lesions = ()
    names: tuple[tuple[Lesion, str], ...] = ()


class Memory(Protocol):
    """Where lesions outlive the program; see `app.ui.lesion_memory`."""

    def recall(self, model: ModelInfo) -> Named:
        """What was done to this model last; nothing where its blocks are others now."""

    def keep(self, model: ModelInfo, done: Named) -> None:
        """Remember it for the next start."""


@dataclass(frozen=True)
class Effect:
    """What the lesions did to the answer.

    Attributes:
        label: The class that the whole network names.
        before: Its probability, 0 to 1, as the whole network says.
        after: The same, of the changed one.
        winner: The class that the changed network names.
    """

    label: str
    before: float
    after: float
    winner: str

    @property
    def text(self) -> str:
        """“tabby 91.3 → 82.0 %”, and who wins now where that is another."""
        locale = QLocale()
        before, after = (locale.toString(100 * share, "f", 1) for share in (self.before, self.after))
        text = f"{self.label} {before} → {after} %"
        if self.winner == self.label:
            return text
        return QCoreApplication.translate("Surgery", "{0}; now {1}").format(text, self.winner)


class Surgery(QObject):
    """The lesions of one network, in the order in which they were made.

    Signals:
        changed: The network is another one now; whoever shows its answer asks anew.
        shown: Something else is to be shown: names, the effect, what is offered from last time.
        refused(ExplorerError): The last change cannot be made, for this reason, and was taken back.
    """

    changed = Signal()
    shown = Signal()
    refused = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lesions: Lesions = ()
        self.offer = Named()
        self.picture = 0  # counts the pictures that were at hand
        self._model: ModelInfo | None = None
        self._memory: Memory | None = None
        self._names: dict[Lesion, str] = {}
        self._done: list[Lesions] = []
        self._undone: list[Lesions] = []
        self._dragged = ""  # the block whose gate is under the pointer
        self._whole: Answer | None = None  # of the picture at hand, by the network as it is
        self._changed: Answer | None = None  # of the same picture, by the network with these lesions

    # What others may read.

    @property
    def outline(self) -> NetworkOutline | None:
        """The network's outline; None before a model is loaded."""
        return self._model.outline if self._model else None

    @property
    def effect(self) -> Effect | None:
        """Before and after; None where nothing was done, or one of the two answers is missing."""
        whole, changed = self._whole, self._changed
        if self._model is None or not self.lesions or whole is None or changed is None:
            return None
        best, wins = (answer.prediction.top(1)[0] for answer in (whole, changed))
        before, after = (float(answer.prediction.probabilities[best]) for answer in (whole, changed))
        return Effect(self._model.labels[best], before, after, self._model.labels[wins])

    @property
    def lacks_comparison(self) -> bool:
        """Whether nobody knows what the whole network says of the picture at hand."""
        return bool(self.lesions) and self._whole is None

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change that was taken back."""
        return bool(self._undone)

    def name_of(self, lesion: Lesion) -> str:
        """The user's name for it, or what it is: “stage 3, block 2 bypassed”."""
        return self._names.get(lesion) or self.description(lesion)

    def description(self, lesion: Lesion) -> str:
        """What it is, in words."""
        one, other = self._label(lesion.block), self._label(lesion.other)
        if lesion.kind == "swap":
            return self.tr("{0} and {1} swapped").format(one, other)
        if lesion.kind == "gate":
            return self.tr("{0} counts {1} %").format(one, QLocale().toString(round(100 * lesion.alpha)))
        return self.tr("{0} bypassed").format(one)

    # What the user does.

    def toggle_bypass(self, block: str) -> None:
        """Let the signal pass a block by on its shortcut, or through it again."""
        if self._changeable(block):
            self._change(with_bypass_toggled(self.lesions, block))

    def set_gate(self, block: str, alpha: float, *, dragging: bool = False) -> None:
        """Let a block's branch count α times; 1 takes the gate away.

        Args:
            dragging: One of many steps of one movement, which is undone as a whole; `end_gate` ends it.
        """
        lesions = with_gate(self.lesions, block, alpha)
        if not self._changeable(block) or lesions == self.lesions:
            return
        for old in self.lesions:
            if old.kind == "gate" and old.block == block and old in self._names and alpha < 1:
                self._names[Lesion("gate", block, alpha=alpha)] = self._names.pop(old)
        if dragging and self._dragged == block:
            self._set(lesions)
        else:
            self._change(lesions)
        self._dragged = block if dragging else ""

    def end_gate(self) -> None:
        """The slider was let go: what comes next is another change."""
        self._dragged = ""

    def swap(self, block: str, other: str) -> None:
        """Let two blocks change places. Whether their shapes are equal, the engine says."""
        if block != other and self._changeable(block) and self._changeable(other):
            self._change((*self.lesions, Lesion("swap", block, other=other)))

    def remove(self, lesion: Lesion) -> None:
        """Take one change away and leave the others."""
        if lesion in self.lesions:
            place = self.lesions.index(lesion)
            self._change(self.lesions[:place] + self.lesions[place + 1 :])

    def rename(self, lesion: Lesion, name: str) -> None:
        """Call a change by a name of the user's; "" for what it is."""
        name = name.strip()
        if name and name != self.description(lesion):
            self._names[lesion] = name
        else:
            self._names.pop(lesion, None)
        self._keep()
        self.shown.emit()

    def restore(self) -> None:
        """The network as it was; can be undone."""
        if self.lesions:
            self._change(())

    def undo(self) -> None:
        """Take the last change back."""
        if self._done:
            self._undone.append(self.lesions)
            self._set(self._done.pop())

    def redo(self) -> None:
        """Do again what was undone."""
        if self._undone:
            self._done.append(self.lesions)
            self._set(self._undone.pop())

    def take_offer(self) -> None:
        """Do to the network what was done to it last time."""
        offer = self.offer
        if offer.lesions:
            self._names.update(offer.names)
            self._change(offer.lesions)

    def decline_offer(self) -> None:
        """Forget what was done last time."""
        self.offer = Named()
        self._keep()
        self.shown.emit()

    # What the pages tell.

    def set_memory(self, memory: Memory) -> None:
        """Where to keep the lesions between starts."""
        self._memory = memory

    def set_model(self, model: ModelInfo) -> None:
        """Another network starts whole; the same one, loaded again, keeps what was done to it."""
        if self._model is None or self._model.outline != model.outline or self._model.reference != model.reference:
            self.lesions, self._done, self._undone, self._names = (), [], [], {}
            self.offer = self._memory.recall(model) if self._memory is not None else Named()
        self._model = model
        self.forget_picture()

    def forget_picture(self) -> None:
        """Another picture is at hand: what the whole network said of the old one is nothing to compare with."""
        self.picture += 1
        self._whole = self._changed = None
        self.shown.emit()

    def show_answer(self, answer: Answer, lesions: Lesions) -> None:
        """What the network says of the picture at hand, with these lesions."""
        if not lesions:
            self._whole = answer
        elif lesions == self.lesions:
            self._changed = answer
        self.shown.emit()

    def refuse(self, error: ExplorerError | None = None) -> None:
        """The last change cannot be made: it does not stay on the list, nor among what can be done again."""
        self.undo()
        self._undone.clear()
        if error is not None:
            self.refused.emit(error)

    def _change(self, lesions: Lesions) -> None:
        self._done.append(self.lesions)
        self._undone.clear()
        self.offer = Named()
        self._set(lesions)

    def _set(self, lesions: Lesions) -> None:
        self.lesions = lesions
        self._changed, self._dragged = None, ""
        self._keep()
        self.shown.emit()
        self.changed.emit()

    def _keep(self) -> None:
        if self._memory is not None and self._model is not None:
            names = tuple((lesion, self._names[lesion]) for lesion in self.lesions if lesion in self._names)
            self._memory.keep(self._model, Named(self.lesions, names))

    def _changeable(self, block: str) -> bool:
        found = self._model.outline.block(block) if self._model else None
        return found is not None and found.stage > 0

    def _label(self, block: str) -> str:
        found = self._model.outline.block(block) if self._model else None
        return block_label(found) if found else block


def fits(lesions: Iterable[Lesion], outline: NetworkOutline) -> bool:
    """Whether the network has every block that the lesions name, between its stem and its head."""
    blocks = {block.name for block in outline.blocks if block.stage > 0}
    return all(set(lesion.blocks) <= blocks for lesion in lesions)
