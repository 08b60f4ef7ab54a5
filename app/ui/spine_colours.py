"""The colours of blocks: measured ones from a colour map, unmeasured ones from the kind of network."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.core.records import NetworkOutline
from app.ui.drawing import luminance, mix
from app.ui.theme import colour


def neutral_fill(network: str, depth: float) -> QColor:
    """An unmeasured block's colour, a little stronger with every stage, so that depth is felt.

    Args:
        network: The token of its network: "accent" for a residual one, "plain" for a plain one, "bar" for others.
        depth: 0 for the first stage, 1 for the last.
    """
    low, high = (0.45, 1.0) if network == "bar" else (0.2, 0.5)
    return mix(colour("raised"), colour(network), low + (high - low) * depth)


def network_token(outline: NetworkOutline) -> str:
    """Which token stands for this kind of network; see `neutral_fill`."""
    if any(block.shortcut != "none" for block in outline.blocks):
        return "accent"
    return "plain" if any(block.kind in ("basic", "bottleneck") for block in outline.blocks) else "bar"


def ink_on(fill: QColor) -> QColor:
    """The text colour that stands out on a measured colour."""
    ground, text = colour("ground"), colour("text")
    dark, light = sorted((ground, text), key=luminance)
    return dark if luminance(fill) > 0.3 else light


def measured_colours(values: list[float], lut_name: str, limits: tuple[float, float] | None, log: bool) -> list[QColor]:
    """Colours of finite values; see `Spine.set_values`."""
    import numpy as np

    from app.render.colormaps import LEVELS, lut

    numbers = np.asarray(values, dtype=np.float64)
    positive = numbers[numbers > 0]
    if limits is not None:
        low, high = limits
    elif log:
        low, high = (positive.min(), positive.max()) if positive.size else (1.0, 1.0)
    else:
        low, high = numbers.min(), numbers.max()
    if log:
        low = max(low, np.finfo(np.float64).tiny)
        numbers, low, high = np.log(np.maximum(numbers, low)), np.log(low), np.log(max(high, low))
    share = np.clip((numbers - low) / (high - low), 0, 1) if high > low else np.full(len(numbers), 0.5)
    table = lut(lut_name)
    return [QColor(*(int(channel) for channel in table[level])) for level in np.rint(share * (LEVELS - 1)).astype(int)]
