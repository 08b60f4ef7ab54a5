"""Why a heatmap shows nothing, where it shows nothing."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.core.records import Heatmap


def map_note(heatmap: Heatmap, label: str) -> str:
    """One sentence on a map that is empty, or "".

    Args:
        label: Of the class that the map explains.
    """
    tr = QCoreApplication.translate
    if heatmap.state == "zero":
        text = tr("Map", "The map is zero everywhere: nothing at this block speaks for or against “{0}”.")
        return text.format(label)
    if heatmap.state == "negative" and not heatmap.signed:
        text = tr(
            "Map",
            "The map is negative everywhere: all that this block sees speaks against “{0}”. Choose another class "
            "or block.",
        )
        return text.format(label)
    if heatmap.state == "not finite":
        return tr("Map", "The map holds values that are not finite; the network's weights may be damaged.")
    return ""
