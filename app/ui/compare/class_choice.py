"""Which class the maps of the comparison explain: each model's own, one for all, or one by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker

from app.ui.picker import Picker

if TYPE_CHECKING:
    from app.core.records import ModelInfo

OWN, LEADER, NAMED = "own", "leader", "named"


class ClassChoice(Picker):
    """Each model's own top class, the top class of the first model, or a class that one of the models knows."""

    def __init__(self) -> None:
        super().__init__("compareClass", "")
        self.setAccessibleName(self.tr("Class that the maps explain"))
        self.setToolTip(
            self.tr("The class that every map explains: the model's own answer, or one for all, found by its name")
        )
        self.addItem(self.tr("Each model's own class"), (OWN, ""))
        self.addItem(self.tr("The first model's class"), (LEADER, ""))
        self.insertSeparator(2)
        self._fixed = self.count()

    @property
    def follows_leader(self) -> bool:
        """Whether the first model's answer decides."""
        return self._choice[0] == LEADER

    @property
    def class_name(self) -> str:
        """The class that was chosen by name, else ""."""
        return self._choice[1]

    @property
    def _choice(self) -> tuple[str, str]:
        kind, name = self.currentData() or (OWN, "")
        return kind, name

    def offer(self, labels: Iterable[tuple[str, ...]]) -> None:
        """Offer the classes of these models, in their order, each once; what is chosen stays while one has it."""
        names: dict[str, str] = {}
        for one in labels:
            for name in one:
                names.setdefault(name.casefold(), name)
        if [self.itemText(place) for place in range(self._fixed, self.count())] == list(names.values()):
            return
        kind, chosen = self._choice
        with QSignalBlocker(self):
            while self.count() > self._fixed:
                self.removeItem(self.count() - 1)
            for name in names.values():
                self.addItem(name, (NAMED, name))
            if kind == NAMED:
                key = chosen.casefold()
                self.setCurrentIndex(self._fixed + list(names).index(key) if key in names else 0)


def place_of(name: str, model: ModelInfo) -> int | None:
    """The index of a class by its name or one of its names; None where the model does not know it."""
    from app.evaluation.matching import find_class

    wanted = name.casefold()
    for place, label in enumerate(model.labels):
        if label.casefold() == wanted:
            return place
    return find_class(name, tuple(model.labels), tuple(model.label_ids))
