"""Makes `published.toml` and `imagenet.txt` from torchvision's own metadata, and `outlines.json` from our networks.

    python -m app.zoo.published_table

Needed only when torchvision publishes new weights or a bundled model is added; tests compare the files with what
this would write.
"""

from __future__ import annotations

import json
import re
from typing import Any

import tomli_w
import torch
from torchvision import models

from app.core.files import write_text
from app.networks.registry import NetworkFamily, families
from app.zoo.cards import IMAGENET_LABELS, PUBLISHED_TABLE, read_library
from app.zoo.outlines import OUTLINES, as_json, key_of

LICENCE = (
    "torchvision's code is BSD-3-Clause. Its README says of the weights that they may carry terms that come from the "
    "data set (ImageNet), and that whether a use is allowed is for the user to determine."
)


def published_table() -> dict[str, Any]:
    """What `published.toml` should hold, by the installed torchvision."""
    entries = [
        _entry(family, architecture, weights)
        for name, family in families.items()
        if name.startswith("torchvision-")
        for architecture in family.examples
        for weights in models.get_model_weights(architecture)
        if weights.meta.get("categories") and len(weights.meta["categories"]) == 1000
    ]
    return {"licence": LICENCE, "model": entries}


def imagenet_categories() -> list[str]:
    """The class names that all of these weights share."""
    return list(models.ResNet50_Weights.IMAGENET1K_V2.meta["categories"])


def _entry(family: NetworkFamily, architecture: str, weights: Any) -> dict[str, Any]:
    transforms, meta = weights.transforms(), weights.meta
    version = weights.name.removeprefix("IMAGENET1K_")
    match = re.search(r"-([0-9a-f]{8,64})\.", weights.url)
    assert match, weights.url
    return {
        "id": f"{architecture}:{version}",
        "title": f"{_title(family, architecture)} · {version}",
        "family": family.name,
        "architecture": architecture,
        "weights": str(weights),
        "default": weights is models.get_model_weights(architecture).DEFAULT,
        "url": weights.url,
        "hash": match[1],
        "mebibytes": meta["_file_size"],
        "parameters": meta["num_params"],
        "gflops": meta["_ops"],
        "top1": meta["_metrics"]["ImageNet-1K"]["acc@1"],
        "top5": meta["_metrics"]["ImageNet-1K"]["acc@5"],
        "recipe": meta["recipe"],
        "resize": transforms.resize_size[0],
        "crop": transforms.crop_size[0],
        "mean": list(transforms.mean),
        "deviation": list(transforms.std),
        "interpolation": transforms.interpolation.value,
    }


def _title(family: NetworkFamily, architecture: str) -> str:
    with torch.device("meta"):
        return family.outline(architecture, family.build(architecture, classes=1000, options={})).title


def known_outlines() -> dict[str, Any]:
    """What `outlines.json` should hold: the networks of the published and the bundled cards."""
    table: dict[str, Any] = {}
    for card in read_library().cards:
        if card.kind == "mine" or key_of(card.architecture) in table:
            continue
        family, architecture = families.get(card.architecture.family), card.architecture
        with torch.device("meta"):
            network = family.build(architecture.name, classes=architecture.classes, options=architecture.options)
        table[key_of(architecture)] = as_json(family.outline(architecture.name, network))
    return table


def main() -> None:
    """Write the files."""
    head = "# Made from torchvision's metadata by `python -m app.zoo.published_table`; do not edit.\n\n"
    write_text(PUBLISHED_TABLE, head + tomli_w.dumps(published_table()))
    lines = (f'"{key}": {json.dumps(one, separators=(",", ":"))}' for key, one in known_outlines().items())
    write_text(OUTLINES, "{\n" + ",\n".join(lines) + "\n}\n")
    write_text(IMAGENET_LABELS, "\n".join(imagenet_categories()) + "\n")


if __name__ == "__main__":
    main()
