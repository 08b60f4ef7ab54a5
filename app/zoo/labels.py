"""Class names where a file has none: guessed from their number, and said to be a guess."""

from __future__ import annotations

import re

from app.zoo.cards import imagenet_labels

CIFAR10_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def guess_labels(classes: int, side: int, data: str) -> tuple[tuple[str, ...], str]:
    """Class names and, in words, where they come from.

    Args:
        classes: How many.
        side: Of the network's input.
        data: What the file says of its data set, or "".
    """
    said = re.sub(r"[^a-z0-9]", "", data.lower())
    if classes == 1000 and (side >= 64 or "imagenet" in said):
        return imagenet_labels(), "assumed to be ImageNet-1K's, by their number"
    if classes == 10 and "cifar10" in said:
        return CIFAR10_LABELS, f"CIFAR-10's, since the file says “{data}”"
    if classes == 10 and side == 32 and not said:
        return CIFAR10_LABELS, "assumed to be CIFAR-10's, by their number and the size of the input: check them"
    return tuple(f"class {index}" for index in range(classes)), "not in the file: numbered; give a file with names"
