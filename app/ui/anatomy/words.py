"""Measurements in words: counts to the last one, shapes, bytes, what a quantity is called."""

from __future__ import annotations

import math

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QLocale

from app.core.anatomy import BlockMeasurement, Quantity, Shape, StepKind
from app.core.records import BlockInfo
from app.core.trust import Sentence
from app.ui.drawing import number_text

# The texts of `app.core.anatomy.QUANTITIES`, for the translators.
_TITLES = (
    QT_TRANSLATE_NOOP("Quantity", "Branch against shortcut"),
    QT_TRANSLATE_NOOP("Quantity", "Activation energy"),
    QT_TRANSLATE_NOOP("Quantity", "Deviation of responses"),
    QT_TRANSLATE_NOOP("Quantity", "Gradient of the class"),
    QT_TRANSLATE_NOOP("Quantity", "Parameters"),
    QT_TRANSLATE_NOOP("Quantity", "Multiply-adds"),
    QT_TRANSLATE_NOOP("Quantity", "Time on this device"),
    QT_TRANSLATE_NOOP("Quantity", "Memory of activations"),
    QT_TRANSLATE_NOOP("Quantity", "mean of y²"),
    QT_TRANSLATE_NOOP("Quantity", "σ after batch norm"),
)
_KINDS: dict[StepKind, str] = {
    "input": str(QT_TRANSLATE_NOOP("Step", "input")),
    "convolution": str(QT_TRANSLATE_NOOP("Step", "conv")),
    "norm": str(QT_TRANSLATE_NOOP("Step", "batch norm")),
    "relu": str(QT_TRANSLATE_NOOP("Step", "ReLU")),
    "pool": str(QT_TRANSLATE_NOOP("Step", "pool")),
    "linear": str(QT_TRANSLATE_NOOP("Step", "linear")),
    "padding": str(QT_TRANSLATE_NOOP("Step", "option A")),
    "identity": str(QT_TRANSLATE_NOOP("Step", "identity")),
    "addition": str(QT_TRANSLATE_NOOP("Step", "addition")),
    "output": str(QT_TRANSLATE_NOOP("Step", "output")),
    "other": str(QT_TRANSLATE_NOOP("Step", "operation")),
}


def step_title(kind: StepKind) -> str:
    """“conv”, “batch norm”, in the user's language."""
    return QCoreApplication.translate("Step", _KINDS[kind])


def sentence_words(sentence: Sentence) -> str:
    """What a test of trust says, in the user's language; the texts for the translators are `trust.SENTENCES`."""
    return QCoreApplication.translate("Trust", sentence.text).format(**sentence.figures)


def quantity_title(quantity: Quantity) -> str:
    """“Activation energy”, in the user's language."""
    return QCoreApplication.translate("Quantity", quantity.title)


def quantity_caption(quantity: Quantity) -> str:
    """What the colours mean: title, formula, unit, and the kind of scale."""
    parts = [quantity_title(quantity)]
    if quantity.formula:
        parts.append(QCoreApplication.translate("Quantity", quantity.formula))
    text = ", ".join(parts)
    if quantity.unit:
        text = f"{text} [{quantity.unit}]"
    return QCoreApplication.translate("Quantity", "{0}, logarithmic").format(text) if quantity.logarithmic else text


def value_of(block: BlockMeasurement, quantity: Quantity) -> float | None:
    """A block's value; None where it has none, NaN and infinity included."""
    value = getattr(block, quantity.name)
    return None if value is None or not math.isfinite(value) else float(value)


def value_text(value: float | None, quantity: Quantity) -> str:
    """With its unit; counts exact, “–” where there is none."""
    if value is None:
        return "–"
    if quantity.name == "activation_bytes":
        return bytes_text(value)
    if quantity.name in ("parameters", "multiply_adds"):
        return count_text(round(value))
    return f"{number_text(value)} {quantity.unit}".strip()


def shape_text(shape: Shape) -> str:
    """“1 × 64 × 56 × 56”."""
    return " × ".join(str(side) for side in shape)


def count_text(count: int) -> str:
    """To the last one, as the user's country groups figures."""
    return f"{count:,}".replace(",", QLocale().groupSeparator())


def bytes_text(count: float) -> str:
    """“3.1 MB”, powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{number_text(count)} {unit}"
        count /= 1000
    return f"{number_text(count)} GB"


def short_count(count: float) -> str:
    """“25.6 M”, “4.09 G”: for a line of text, with the exact number in its tooltip."""
    for unit in ("", " k", " M"):
        if abs(count) < 1000:
            return f"{number_text(count)}{unit}"
        count /= 1000
    return f"{number_text(count)} G"


def block_kind(block: BlockInfo) -> str:
    """“bottleneck, projection shortcut”."""
    tr = QCoreApplication.translate
    kinds = {
        "stem": tr("Anatomy", "stem"),
        "basic": tr("Anatomy", "basic block"),
        "bottleneck": tr("Anatomy", "bottleneck"),
        "layer": tr("Anatomy", "layer"),
        "inception": tr("Anatomy", "inception block"),
        "head": tr("Anatomy", "head"),
    }
    shortcut = shortcut_text(block)
    return f"{kinds[block.kind]}, {shortcut}" if shortcut else kinds[block.kind]


def shortcut_text(block: BlockInfo) -> str:
    """“identity shortcut”; "" where the kind of block has none anyway."""
    tr = QCoreApplication.translate
    return {
        "none": tr("Anatomy", "no shortcut") if block.kind in ("basic", "bottleneck") else "",
        "identity": tr("Anatomy", "identity shortcut"),
        "padding": tr("Anatomy", "shortcut of option A"),
        "projection": tr("Anatomy", "projection shortcut"),
    }[block.shortcut]


def block_facts(block: BlockMeasurement) -> tuple[str, ...]:
    """What a tooltip adds to the block's name and parameters."""
    tr = QCoreApplication.translate
    return (
        tr("Anatomy", "in {0}").format(shape_text(block.shape_in)),
        tr("Anatomy", "out {0} (N, C, H, W)").format(shape_text(block.shape)),
        tr("Anatomy", "{0} multiply-adds").format(count_text(block.multiply_adds)),
        tr("Anatomy", "{0} ms").format(number_text(block.milliseconds)),
        tr("Anatomy", "{0} of activations").format(bytes_text(block.activation_bytes)),
    )
