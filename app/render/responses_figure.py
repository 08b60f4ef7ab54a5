"""The standard deviations of layer responses as a picture (He et al. 2015, figure 7). No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.responses import ResponseRecord
from app.render.plot import HEIGHT, Frame, axes, document, legend, line, round_up

COLOURS = {True: ("#2f6fde", "#86aef0", "#12408f"), False: ("#d9622b", "#f0a683", "#8f3a12")}


def responses_figure(records: Sequence[ResponseRecord]) -> str:
    """Two plots: the 3×3 layers in the network's order, and in descending order of their deviation."""
    records = [record for record in records if record.of_figure_7]
    most = round_up(max((layer.deviation for record in records for layer in record.of_figure_7), default=1.0))
    end = max((len(record.of_figure_7) for record in records), default=1)
    parts: list[str] = []
    headings = (
        ("Standard deviation of layer responses (after batch norm, before ReLU and addition)", "layer, in order"),
        ("The same, sorted by their size", "layer, sorted"),
    )
    for place, (heading, below) in enumerate(headings):
        frame = Frame(place * HEIGHT, 1, end, most)
        parts += axes(frame, heading, "deviation", below)
        for record, colour in zip(records, _colours(records), strict=True):
            values = [layer.deviation for layer in record.of_figure_7]
            values = values if place == 0 else sorted(values, reverse=True)
            parts.append(line(frame, list(enumerate(values, 1)), colour))
    parts += legend(
        [(record.title, colour) for record, colour in zip(records, _colours(records), strict=True)], 2 * HEIGHT
    )
    return document(parts, 2 * HEIGHT)


def _colours(records: Sequence[ResponseRecord]) -> list[str]:
    seen = {True: 0, False: 0}
    found = []
    for record in records:
        shades = COLOURS[record.residual]
        found.append(shades[seen[record.residual] % len(shades)])
        seen[record.residual] += 1
    return found
