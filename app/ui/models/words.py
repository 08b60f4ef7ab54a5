"""How a model's figures are written on the Models page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.ui.durations import duration

if TYPE_CHECKING:
    from app.zoo.cards import Card
    from app.zoo.download import Progress

MEBI = 1 << 20


def tr(text: str) -> str:
    """A text of the Models page in the user's language."""
    return QCoreApplication.translate("Models", text)


def count(number: int) -> str:
    """25557032 as “25.6 M”, with three digits."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            share = number / size
            return f"{share:.{2 if share < 10 else 1 if share < 100 else 0}f} {letter}"
    return str(number)


def mebibytes(size: float) -> str:
    """A size in MiB (1,048,576 bytes) as files are sized."""
    if size >= 1024:
        return f"{size / 1024:.2f} GiB"
    return f"{size:.1f} MiB" if size < 100 else f"{size:.0f} MiB"


def file_size(size: int) -> str:
    """A size in bytes: “112 bytes”, “14.2 KiB”, “44.7 MiB”."""
    if size < 1024:
        return tr("{0} bytes").format(size)
    if size < MEBI / 10:
        return f"{size / 1024:.1f} KiB"
    return mebibytes(size / MEBI)


def size_line(card: Card) -> str:
    """“25.6 M parameters · 97.8 MiB”."""
    parts = []
    if card.parameters:
        parts.append(tr("{0} parameters").format(count(card.parameters)))
    if card.weights.mebibytes:
        parts.append(mebibytes(card.weights.mebibytes))
    return " · ".join(parts)


def accuracy_line(card: Card) -> str:
    """“80.86 % top-1, published”; what was measured comes before what was published."""
    figures = sorted(card.accuracy, key=lambda one: one.origin != "measured")
    if not figures:
        return tr("not measured")
    best = figures[0]
    origin = tr("measured") if best.origin == "measured" else tr("published")
    return tr("{0} % top-1, {1}").format(f"{best.top1:.2f}", origin)


def progress_words(progress: Progress | None) -> str:
    """“34.1 of 97.8 MiB, 35 % · 5.2 MiB/s · 12 s left”."""
    if progress is None:
        return tr("Connecting …")
    if progress.waiting:
        come = f"  {mebibytes(progress.done / MEBI)}" if progress.done else ""
        return tr("Another window downloads this file; waiting for it …") + come
    if not progress.total:
        return mebibytes(progress.done / MEBI)
    share = round(100 * progress.done / progress.total)
    if progress.done >= progress.total:
        return tr("Checking the hash of {0} …").format(mebibytes(progress.total / MEBI))
    done = f"{progress.done / MEBI:.1f}"
    parts = [tr("{0} of {1}, {2} %").format(done, mebibytes(progress.total / MEBI), share)]
    if progress.speed:
        parts.append(tr("{0}/s").format(mebibytes(progress.speed / MEBI)))
    if (left := progress.seconds_left) is not None:
        parts.append(tr("{0} left").format(duration(left)))
    return " · ".join(parts)
