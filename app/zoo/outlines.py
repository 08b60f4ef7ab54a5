"""The outlines of models that are not loaded: their portraits. No torch: the window draws them.

Those of the published and the bundled models come with the program (`outlines.json`, made by
`python -m app.zoo.published_table`); others are remembered in the cache, by architecture, once somebody knew them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from app import paths
from app.core.files import write_text
from app.core.records import BlockInfo, NetworkOutline
from app.zoo.card import Architecture

log = logging.getLogger(__name__)

OUTLINES = Path(__file__).with_name("outlines.json")
_LARGEST = 4 << 20


def outline_of(architecture: Architecture) -> NetworkOutline | None:
    """The network's outline, where it came with the program or was remembered; None where the engine must be asked."""
    key = key_of(architecture)
    known = _shipped().get(key)
    return known if known is not None else _read(_remembered(key))


def remember(architecture: Architecture, outline: NetworkOutline) -> None:
    """Keep an outline for later starts; where the cache cannot be written it is worked out again."""
    if key_of(architecture) in _shipped():
        return
    try:
        write_text(_remembered(key_of(architecture)), json.dumps(as_json(outline)))
    except OSError as error:
        log.warning("the outline of %s cannot be remembered: %s", architecture.name, error)


def key_of(architecture: Architecture) -> str:
    """The same for architectures with the same network."""
    parts = [architecture.family, architecture.name, architecture.classes, sorted(architecture.options.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def as_json(outline: NetworkOutline) -> dict[str, Any]:
    """Names once, blocks as short rows."""
    return {
        "family": outline.family,
        "architecture": outline.architecture,
        "title": outline.title,
        "parameters": outline.parameters,
        "blocks": [[b.name, b.kind, b.stage, b.index, b.shortcut, b.parameters] for b in outline.blocks],
    }


def from_json(table: dict[str, Any]) -> NetworkOutline:
    """What `as_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: where it did not.
    """
    blocks = tuple(BlockInfo(*row) for row in table["blocks"])
    if not all(isinstance(one.stage, int) and isinstance(one.parameters, int) for one in blocks):
        raise ValueError("not an outline")
    return NetworkOutline(table["family"], table["architecture"], table["title"], blocks, int(table["parameters"]))


@cache
def _shipped() -> dict[str, NetworkOutline]:
    table = json.loads(OUTLINES.read_text(encoding="utf-8"))
    return {key: from_json(one) for key, one in table.items()}


def _remembered(key: str) -> Path:
    return paths.cache() / "outlines" / f"{key}.json"


def _read(file: Path) -> NetworkOutline | None:
    try:
        if file.stat().st_size > _LARGEST:
            return None
        return from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("the remembered outline %s is not used: %s", file, error)
        return None
