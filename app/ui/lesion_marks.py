"""Shows on Explore what was done to the network, and sees to it that there is something to compare with."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject

from app.core.errors import ExplorerError
from app.core.records import Answer, Request
from app.ui.changed_card import ChangedCard
from app.ui.engine_bridge import UNCANCELLED, EngineBridge
from app.ui.spine import Spine
from app.ui.surgery import Surgery


class LesionMarks(QObject):
    """Follows a surgery, and hands on what the user does to the two widgets."""

    def __init__(self, surgery: Surgery, spine: Spine, card: ChangedCard) -> None:
        super().__init__(surgery)
        self._surgery, self._spine, self._card = surgery, spine, card
        surgery.shown.connect(self._show)
        spine.block_double_clicked.connect(surgery.toggle_bypass)
        card.undo_wanted.connect(surgery.undo)
        card.offer_taken.connect(surgery.take_offer)
        card.offer_declined.connect(surgery.decline_offer)

    def _show(self) -> None:
        surgery = self._surgery
        self._spine.set_lesions(surgery.lesions)
        if surgery.offer.lesions:
            names = dict(surgery.offer.names)
            self._card.show_offer([names.get(one) or surgery.description(one) for one in surgery.offer.lesions])
            return
        effect = surgery.effect
        self._card.show_changes([surgery.name_of(one) for one in surgery.lesions], effect.text if effect else "")


class Comparison:
    """Asks what the whole network says of a picture that only the changed one has seen."""

    def __init__(self, surgery: Surgery, engine: EngineBridge) -> None:
        self._surgery, self._engine = surgery, engine
        self._asked = -1  # for which picture of the surgery's

    def want(self, request: Request) -> None:
        """A picture is asked about: ask the whole network too, once, if nobody knows its answer."""
        picture = self._surgery.picture
        if not self._surgery.lacks_comparison or self._asked == picture:
            return
        self._asked = picture

        def heard(answer: Answer | ExplorerError) -> None:
            if self._surgery.picture == picture and isinstance(answer, Answer):
                self._surgery.show_answer(answer, ())

        self._engine.run("answer", replace(request, id=UNCANCELLED, method=None, lesions=()), then=heard)
