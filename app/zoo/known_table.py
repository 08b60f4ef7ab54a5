"""Makes `known.toml`: fingerprints of torchvision's classification networks, so that a foreign file can be named.

    python -m app.zoo.known_table

A fingerprint is of all shapes but those of the last linear layer, which people replace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import tomli_w
import torch
from torchvision import models

from app.core.files import write_text
from app.zoo.layers import Shape

KNOWN_TABLE = Path(__file__).with_name("known.toml")


def fingerprint(shapes: Mapping[str, Shape]) -> str:
    """16 hexadecimal digits that stand for the shapes of a table, in any order and under any names."""
    weights = [shape for shape in shapes.values() if len(shape) >= 2]
    last = [shape for shape in weights if len(shape) == 2][-1:]
    kept = sorted(weights)
    for shape in last:
        kept.remove(shape)
    return hashlib.sha256(repr(kept).encode()).hexdigest()[:16]


def known_networks() -> dict[str, str]:
    """The name of each of torchvision's classification networks by its fingerprint."""
    table: dict[str, str] = {}
    for name in models.list_models(models):
        try:
            with torch.device("meta"):
                network = models.get_model(name, weights=None)
        except (NotImplementedError, RuntimeError):  # RegNet computes its widths with tensors
            network = models.get_model(name, weights=None)
        shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
        table.setdefault(fingerprint(shapes), name)
    return table


def main() -> None:
    """Write the table."""
    head = "# Made from torchvision's networks by `python -m app.zoo.known_table`; do not edit.\n\n"
    write_text(KNOWN_TABLE, head + tomli_w.dumps({"networks": known_networks()}))


if __name__ == "__main__":
    main()
