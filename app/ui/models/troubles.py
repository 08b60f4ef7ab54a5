"""Models that cannot be used as they are, why, and what stands for one whose card cannot be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import ArchitectureError, ExplorerError, ModelError
from app.core.preprocessing import Preprocessing
from app.ui.models.words import tr

if TYPE_CHECKING:
    from pathlib import Path

    from app.core.records import ModelInfo
    from app.ui.engine_bridge import EngineBridge
    from app.ui.model_library import ModelLibrary
    from app.ui.models.portraits import Portraits
    from app.zoo.cards import Card, Damaged

STAND_IN = "damaged/"  # no model's id has a slash


class Troubles(QObject):
    """What is known to be wrong with the models of the library: their cards, their weights, or what loading said.

    Signals:
        changed(): something else is wrong, or nothing is any more.
    """

    changed = Signal()

    def __init__(
        self, library: ModelLibrary, engine: EngineBridge, portraits: Portraits, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._told: dict[str, tuple[Card, float, ExplorerError]] = {}
        engine.model_failed.connect(self._on_failed)
        engine.model_loaded.connect(self._on_loaded)
        portraits.failed.connect(self._on_failed)

    @property
    def stand_ins(self) -> tuple[Card, ...]:
        """Something to be listed for each model whose card cannot be read."""
        return tuple(map(_stand_in, self._library.damaged))

    def card(self, id_: str) -> Card | None:
        """The model's card, or what stands for it."""
        if id_.startswith(STAND_IN):
            return next((card for card in self.stand_ins if card.id == id_), None)
        return self._library.card(id_)

    def of(self, card: Card) -> ExplorerError | None:
        """What is wrong with a model; None for nothing that is known."""
        if is_stand_in(card):
            return damaged.error if (damaged := self._damaged(card)) else None
        if card.kind == "mine" and card not in self._library.here:
            return ModelError(
                tr("Its weights are not there: {0}.").format(card.weights_path),
                tr("Put the file back, or remove the model and take it in again."),
            )
        told = self._told.get(card.id)
        if told is None or told[:2] != (card, _changed(card)):  # what was mended by hand is worth another try
            return None
        return told[2]

    def weights_of(self, card: Card) -> Path | None:
        """What a model of the user's can be taken in from again; None where nothing is left."""
        if is_stand_in(card):
            return damaged.weights if (damaged := self._damaged(card)) else None
        return card.weights_path if card.kind == "mine" and card in self._library.here else None

    def _damaged(self, stand_in: Card) -> Damaged | None:
        return next((one for one in self._library.damaged if one.folder == stand_in.folder), None)

    def _on_failed(self, reference: str, error: ExplorerError) -> None:
        card = self._library.card(reference)
        if card is not None and isinstance(error, ModelError | ArchitectureError):
            self._told[reference] = card, _changed(card), error
            self.changed.emit()

    def _on_loaded(self, model: ModelInfo) -> None:
        if self._told.pop(model.reference, None) is not None:
            self.changed.emit()


def _changed(card: Card) -> float:
    try:
        return card.weights_path.stat().st_mtime
    except OSError:
        return 0.0


def in_short(error: ExplorerError, card: Card) -> str:
    """What is wrong, without what the place where it is read says already: which model, in which folder."""
    text = error.what.replace(f"{card.folder}{os.sep}", "").replace(str(card.folder), card.folder.name)
    for beginning in ("The card card.toml is not valid: ", "The card card.toml ", "The card of "):
        text = text.removeprefix(beginning)
    return text.removeprefix(f"{card.id} in {card.folder.name} ")


def is_stand_in(card: Card) -> bool:
    """Whether it only stands for a model whose card cannot be read."""
    return card.id.startswith(STAND_IN)


def _stand_in(damaged: Damaged) -> Card:
    from app.zoo.cards import WEIGHTS_NAME, Architecture, Card, Weights

    return Card(
        id=f"{STAND_IN}{damaged.folder.name}",
        title=damaged.folder.name,
        kind="mine",
        architecture=Architecture("", "", 0),
        labels=(),
        preprocessing=Preprocessing(None, 1),
        weights=Weights(damaged.weights.name if damaged.weights else WEIGHTS_NAME, ""),
        folder=damaged.folder,
    )
