"""What the spine says of a block, in tooltips and to screen readers."""

from __future__ import annotations

import html
import math

from PySide6.QtCore import QCoreApplication, QLocale

from app.core.records import BlockInfo
from app.ui.drawing import number_text
from app.ui.theme import theme


def block_label(block: BlockInfo) -> str:
    """“stage 3, block 2”, in the user's language."""
    tr = QCoreApplication.translate
    if block.kind == "stem":
        return tr("Spine", "stem")
    if block.kind == "head":
        return tr("Spine", "head")
    layer = block.kind == "layer"
    text = tr("Spine", "stage {0}, layer {1}") if layer else tr("Spine", "stage {0}, block {1}")
    return text.format(block.stage, block.index)


def facts(block: BlockInfo, *, quantity: str, value: float | None, bypassed: bool, selected: bool) -> list[str]:
    """What is known of a block, one short phrase each.

    Args:
        block: The block.
        quantity: What was measured, or "".
        value: The measured value, or None.
        bypassed, selected: Its state on the spine.
    """
    tr = QCoreApplication.translate
    kinds = {
        "stem": "",
        "basic": tr("Spine", "basic block"),
        "bottleneck": tr("Spine", "bottleneck"),
        "layer": tr("Spine", "one layer"),
        "inception": tr("Spine", "inception block"),
        "head": tr("Spine", "linear classifier"),
    }
    shortcuts = {
        "none": tr("Spine", "no shortcut") if block.kind in ("basic", "bottleneck") else "",
        "identity": tr("Spine", "identity shortcut"),
        "padding": tr("Spine", "padded shortcut"),
        "projection": tr("Spine", "projection shortcut"),
    }
    count = QLocale().toString(block.parameters)
    found = [kinds[block.kind], shortcuts[block.shortcut], tr("Spine", "{0} parameters").format(count)]
    if value is not None:
        shown = number_text(value) if math.isfinite(value) else tr("Spine", "not finite")
        found.append(f"{quantity or tr('Spine', 'value')} {shown}")
    if bypassed:
        found.append(tr("Spine", "bypassed"))
    if selected:
        found.append(tr("Spine", "selected"))
    return [fact for fact in found if fact]


def tip(block: BlockInfo, known: list[str]) -> str:
    """A tooltip, as HTML."""
    lines = [f"<b>{html.escape(block_label(block))}</b>", *(html.escape(fact) for fact in known)]
    lines.append(f"<span style='color:{theme().tokens.quiet}'>{html.escape(block.name)}</span>")
    return "<br>".join(lines)
