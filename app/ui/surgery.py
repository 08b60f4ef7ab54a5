"""What the user did to the network on Explore: bypasses, their undo and redo, and what came of them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.core.lesions import Lesions, bypassed, with_bypass_toggled
from app.core.records import Answer, ModelInfo
from app.ui.inspector import Inspector
from app.ui.spine import Spine


class Surgery(QObject):
    """Keeps the list of lesions, marks them on the spine and lists them in the inspector.

    Signals:
        changed: The network is another one now; whoever shows its answer asks anew.
    """

    changed = Signal()

    def __init__(self, spine: Spine, inspector: Inspector, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._spine, self._inspector = spine, inspector
        self._model: ModelInfo | None = None
        self.lesions: Lesions = ()
        self._done: list[Lesions] = []
        self._undone: list[Lesions] = []
        self._whole: Answer | None = None  # of the picture at hand, by the network as it is
        spine.block_double_clicked.connect(self.toggle_bypass)
        inspector.undo_wanted.connect(self.undo)

    def set_model(self, model: ModelInfo) -> None:
        """Another network starts whole; the same one, loaded again, keeps what was done to it."""
        if self._model is None or self._model.outline != model.outline:
            self.lesions, self._done, self._undone = (), [], []
        self._model, self._whole = model, None
        self._show(None)

    def forget_picture(self) -> None:
        """Another picture is at hand: what the whole network said of the old one is nothing to compare with."""
        self._whole = None
        self._show(None)

    def show_answer(self, answer: Answer, lesions: Lesions) -> None:
        """Show what the lesions did to the class that the whole network names."""
        if not lesions:
            self._whole = answer
        self._show(answer if lesions == self.lesions else None)

    def toggle_bypass(self, block: str) -> None:
        """Let the signal pass a block by on its shortcut, or through it again."""
        self._change(with_bypass_toggled(self.lesions, block))

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

    def refuse(self) -> None:
        """The last change cannot be made: it does not stay on the list, nor among what can be done again."""
        self.undo()
        self._undone.clear()

    def _change(self, lesions: Lesions) -> None:
        self._done.append(self.lesions)
        self._undone.clear()
        self._set(lesions)

    def _set(self, lesions: Lesions) -> None:
        self.lesions = lesions
        self._show(None)
        self.changed.emit()

    def _show(self, answer: Answer | None) -> None:
        self._spine.set_bypassed(bypassed(self.lesions))
        if self._model is None:
            return
        labels = {block.name: block.label for block in self._model.outline.blocks}
        lines = [self.tr("{0} bypassed").format(labels.get(one.block, one.block)) for one in self.lesions]
        effect = ""
        if self.lesions and answer is not None and self._whole is not None:
            best = self._whole.prediction.top(1)[0]
            before, after = (100 * float(one.prediction.probabilities[best]) for one in (self._whole, answer))
            effect = f"{self._model.labels[best]} {before:.1f} → {after:.1f} %"
        self._inspector.show_changes(lines, effect)
