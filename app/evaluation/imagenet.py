"""ImageNet: what the paper reports, what torchvision does of its weights, what `evaluate` gave here. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.paper import IMAGENET, ImageNetResult
from app.evaluation.records import EvaluationRecord, list_records
from app.zoo.cards import Card, published_cards

NETWORKS = ("ResNet-18", "ResNet-34", "ResNet-50", "ResNet-101", "ResNet-152", "VGG-16")
CLASSES = 1000


@dataclass(frozen=True)
class ImageNetRow:
    """A network of the paper's tables 2 to 4.

    Attributes:
        network: “ResNet-50”.
        paper: What the paper reports of it, table by table.
        weights: The cards of torchvision's weights for it.
        records: Evaluations of those weights on pictures of all 1000 classes, the newest first.
    """

    network: str
    paper: tuple[ImageNetResult, ...]
    weights: tuple[Card, ...]
    records: tuple[EvaluationRecord, ...]


def imagenet_rows(root: Path | None = None) -> tuple[ImageNetRow, ...]:
    """Every network, with what is known of it on this machine; reads the user's evaluations, on a thread.

    Args:
        root: Where the evaluations are; the user's by default.
    """
    whole = [record for record in list_records(root)[0] if _on_imagenet(record)]
    rows = []
    for network in NETWORKS:
        cards = tuple(card for card in published_cards() if card.architecture.name == network.lower().replace("-", ""))
        own = {card.id for card in cards}
        rows.append(
            ImageNetRow(
                network,
                tuple(row for row in IMAGENET if row.network == network and row.top1 == row.top1),
                tuple(card for card in cards if card.accuracy),
                tuple(record for record in whole if record.model in own),
            )
        )
    return tuple(rows)


def _on_imagenet(record: EvaluationRecord) -> bool:
    """An error on some of the classes alone, or on Tiny ImageNet's, cannot be laid beside the paper's."""
    return sum(row.pictures > 0 for row in record.rows) == CLASSES
