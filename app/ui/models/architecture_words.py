"""An architecture and its options in words that people use; what has no words of its own is said by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication

from app.zoo.card import Architecture

USUAL: Mapping[str, Any] = {"gate": 1.0, "groups": 1, "stem_norm": True, "pool": 1, "pooling": "average", "bias": False}
"""Options that are worth a word only where they are otherwise."""


def tr(text: str) -> str:
    """In the user's language."""
    return QCoreApplication.translate("ArchitectureWords", text)


def architecture_words(architecture: Architecture) -> str:
    """A line for the name, then one each for blocks, shortcut and stem, as far as the card tells of them."""
    options = {name: value for name, value in architecture.options.items() if USUAL.get(name) != value}
    lines = [_named(architecture), _blocks(options), _beside(options), _stem(options)]
    lines.append(", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in options.items()))
    return "\n".join(line for line in lines if line)


def _named(architecture: Architecture) -> str:
    if architecture.family == "general-resnet":
        return tr("a residual network of its own shape")
    return f"{architecture.name} ({architecture.family})"


def _blocks(options: dict[str, Any]) -> str:
    kind, counts = options.pop("block", ""), options.pop("blocks", ())
    words = {"basic": tr("basic blocks"), "bottleneck": tr("bottleneck blocks")}.get(kind, kind)
    parts = [f"{_value(counts)} {words}" if counts else words]
    if widths := options.pop("widths", ()):
        parts.append(tr("{0} filters").format(_value(widths)))
    if width := options.pop("width", 0):
        parts.append(tr("{0} filters in the first stage").format(width))
    return "; ".join(part for part in parts if part)


def _beside(options: dict[str, Any]) -> str:
    parts = []
    if shortcut := options.pop("shortcut", ""):
        parts.append(tr("no shortcuts: a plain network") if shortcut == "none" else tr("shortcut {0}").format(shortcut))
    if norm := options.pop("norm", ""):
        parts.append(tr("batch norm") if norm == "batch" else tr("no normalisation"))
    if activation := options.pop("activation", ""):
        parts.append(tr("post-activation") if activation == "post" else tr("pre-activation"))
    return ", ".join(parts)


def _stem(options: dict[str, Any]) -> str:
    names = ("stem", "stem_kernel", "stem_stride", "stem_pool")
    if not any(name in options for name in names):
        return ""
    usual = ((64,), 7, 2, True)
    filters, kernel, stride, pool = (options.pop(name, one) for name, one in zip(names, usual, strict=True))
    words = tr("stem: {0}×{0}, {1} filters, stride {2}, {3}")
    return words.format(kernel, _value(filters), stride, tr("max pooling") if pool else tr("no pooling"))


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
