"""The outlines of models for their portraits: from what is known, else from the engine, one after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import ArchitectureError, ExplorerError, ModelError
from app.core.records import NetworkOutline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.ui.background import Background
    from app.ui.engine_bridge import EngineBridge
    from app.zoo.cards import Card


class Portraits(QObject):
    """Finds outlines without being waited for.

    Signals:
        ready(id): a model's outline is known now.
        failed(id, ExplorerError): it cannot be built from its card.
    """

    ready = Signal(str)
    failed = Signal(str, object)

    def __init__(self, background: Background, engine: EngineBridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background, self._engine = background, engine
        self._known: dict[str, tuple[Card, NetworkOutline]] = {}
        self._asked: set[str] = set()
        self._hopeless: dict[str, Card] = {}  # cards that say no network that can be built

    def outline(self, card: Card) -> NetworkOutline | None:
        """A model's outline, if it is known."""
        known = self._known.get(card.id)
        return known[1] if known is not None and known[0].architecture == card.architecture else None

    def want(self, cards: Iterable[Card]) -> None:
        """Find these models' outlines; `ready` tells of each."""
        missing = [
            card
            for card in cards
            if self.outline(card) is None and card.id not in self._asked and self._hopeless.get(card.id) != card
        ]
        if not missing:
            return
        self._asked |= {card.id for card in missing}

        def work() -> list[tuple[Card, NetworkOutline | None]]:
            from app.zoo.outlines import outline_of

            return [(card, outline_of(card.architecture)) for card in missing]

        self._background.run("models", work, self._take)

    def _take(self, found: list[tuple[Card, NetworkOutline | None]] | ExplorerError) -> None:
        if isinstance(found, ExplorerError):
            return
        for card, outline in found:
            if outline is not None:
                self._got(card, outline)
            else:
                self._engine.run("library.outline", card.architecture, then=partial(self._got, card))

    def _got(self, card: Card, outline: NetworkOutline | ExplorerError) -> None:
        self._asked.discard(card.id)
        if isinstance(outline, NetworkOutline):
            self._known[card.id] = card, outline
            self.ready.emit(card.id)
        elif isinstance(outline, ModelError | ArchitectureError):
            self._hopeless[card.id] = card
            self.failed.emit(card.id, outline)
