"""Sweeps and paths as SVG pictures for documents: drawn from their records, nothing by hand. No Qt.

The window draws its own; colours here are those of its light scheme.
"""

from __future__ import annotations

import math

from app.core.intervals import wilson
from app.core.paths import PathRecord
from app.core.sweeps import SweepPoint, SweepRecord, SweepSeries
from app.render.plot import (
    HEIGHT,
    INK,
    LEFT,
    QUIET,
    RIGHT,
    WIDTH,
    Frame,
    axes,
    document,
    legend,
    line,
    round_up,
    stroke,
    text,
)

RESIDUAL, PLAIN = "#2f6fde", "#d9622b"


def sweep_figure(record: SweepRecord) -> str:
    """Error by deleted block, and, where there are random choices, by how many were deleted (Veit et al., 3 and 5)."""
    parts = _blocks_plot(record)
    height = HEIGHT
    if any(series.randoms() for series in record.series):
        parts += _randoms_plot(record, HEIGHT)
        height += HEIGHT
    return document(parts, height)


def paths_figure(record: PathRecord, title: str) -> str:
    """How many paths, what one carries, and what all of a length carry (Veit et al., figure 6)."""
    parts: list[str] = []
    most_paths = max(one.log10_count for one in record.lengths)
    gradients = [one.gradient for one in record.lengths if one.gradient > 0]
    if not gradients:
        return document([text(LEFT, 30, "No gradient arrives.", INK)], HEIGHT)
    low = math.floor(min(math.log10(one) for one in gradients))
    high = math.ceil(max(math.log10(one) for one in gradients))
    end = record.lengths[-1].length
    first = Frame(0, 0, end, max(most_paths, 1e-9))
    parts += axes(
        first, f"{title}: how many paths there are of each length", "log₁₀ C(n, k)", "path length k, in blocks"
    )
    parts += [line(first, [(one.length, one.log10_count) for one in record.lengths], RESIDUAL)]
    second = Frame(HEIGHT, 0, end, max(high - low, 1))
    heading = "What one path carries: ‖gradient‖ at the first block, mean ± standard error"
    parts += axes(second, heading, "log₁₀", "path length k, in blocks", base=low)
    points = [(one.length, math.log10(one.gradient) - low) for one in record.lengths if one.gradient > 0]
    parts += [line(second, points, RESIDUAL)]
    for one in record.lengths:
        if one.gradient > 0 and math.isfinite(one.standard_error) and one.standard_error < one.gradient:
            ends = [math.log10(one.gradient + sign * one.standard_error) - low for sign in (-1, 1)]
            parts.append(
                stroke(second.x(one.length), second.y(ends[0]), second.x(one.length), second.y(ends[1]), RESIDUAL)
            )
    shares = [100 * share for share in record.shares]
    third = Frame(2 * HEIGHT, 0, end, round_up(max(shares)))
    heading = (
        f"What all paths of a length carry: effective depth {record.effective_depth:.1f} of {record.blocks} blocks"
    )
    parts += axes(third, heading, "% of all", "path length k, in blocks")
    parts += [line(third, [(one.length, share) for one, share in zip(record.lengths, shares, strict=True)], RESIDUAL)]
    return document(parts, 3 * HEIGHT)


def sweep_table(record: SweepRecord) -> str:
    """The same as a Markdown table, for documents."""
    lines = ["| network | deleted | shortcut | error % | 95 % interval | pictures |", "|---|---|---|---|---|---|"]
    for series in record.series:
        for point in series.points:
            if point.random or point.error is None:
                continue
            place = series.blocks.index(point.blocks[0]) if point.blocks else -1
            name, shortcut = (series.labels[place], series.shortcuts[place]) if point.blocks else ("nothing", "")
            low, high = wilson(point.wrong / point.pictures, point.pictures)
            row = [
                series.title,
                name,
                shortcut,
                f"{point.error:.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{point.pictures:,}",
            ]
            lines.append(f"| {' | '.join(row)} |")
        for count, points in sorted(series.randoms().items()):
            errors = [point.error for point in points if point.error is not None]
            if errors:
                mean, spread = sum(errors) / len(errors), f"choices {min(errors):.2f} to {max(errors):.2f}"
                row = [series.title, f"{count} at random", "", f"{mean:.2f}", spread, f"{points[0].pictures:,}"]
                lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _blocks_plot(record: SweepRecord) -> list[str]:
    count = max((len(series.blocks) for series in record.series), default=1)
    frame = Frame(0, 0.5, count + 0.5, 100)
    counted = min((series.whole.pictures for series in record.series if series.whole is not None), default=0)
    title = f"Error with one block deleted, {counted:,} pictures (bars: 95 % interval; dashed: nothing deleted)"
    parts = axes(frame, title, "error, %", "deleted block (filled: changes the shape)")
    parts += _chance(frame, record)
    for series in record.series:
        colour = _colour(series)
        whole = series.whole
        if whole is not None and whole.error is not None:
            y = frame.y(whole.error)
            parts.append(stroke(LEFT, y, WIDTH - RIGHT, y, colour, dash="4 3"))
        points: list[tuple[float, float]] = []
        for place, block in enumerate(series.blocks, 1):
            point = series.single(block)
            if point is None or point.error is None:
                continue
            points.append((place, point.error))
            low, high = wilson(point.wrong / point.pictures, point.pictures)
            parts.append(stroke(frame.x(place), frame.y(low), frame.x(place), frame.y(high), colour))
            fill = colour if _changes_shape(series, place - 1) else "#ffffff"
            parts.append(
                f'<circle cx="{frame.x(place):.1f}" cy="{frame.y(point.error):.1f}" r="4" fill="{fill}" '
                f'stroke="{colour}" stroke-width="1.6"/>'
            )
        parts.insert(len(parts) - 2 * len(points), line(frame, points, colour, width=1))
    entries = [(f"{series.title} ({_whole(series.whole)})", _colour(series)) for series in record.series]
    return parts + legend(entries, HEIGHT)


def _randoms_plot(record: SweepRecord, top: float) -> list[str]:
    most = max(count for series in record.series for count in series.randoms())
    frame = Frame(top, 0, most, 100)
    title = f"Error with several blocks deleted at random ({record.request.repeats} choices each; line: their mean)"
    parts = axes(frame, title, "error, %", "deleted blocks") + _chance(frame, record)
    for series in record.series:
        colour = _colour(series)
        means: list[tuple[float, float]] = []
        if series.whole is not None and series.whole.error is not None:
            means.append((0, series.whole.error))
        for count, points in sorted(series.randoms().items()):
            errors = [point.error for point in points if point.error is not None]
            parts += [
                f'<circle cx="{frame.x(count):.1f}" cy="{frame.y(error):.1f}" r="2.4" fill="none" stroke="{colour}"/>'
                for error in errors
            ]
            if errors:
                means.append((count, sum(errors) / len(errors)))
        parts.append(line(frame, means, colour))
    return parts


def _changes_shape(series: SweepSeries, place: int) -> bool:
    """Whether the block has no identity shortcut; in a plain network, whether it begins a stage."""
    if series.kind == "residual":
        return series.shortcuts[place] != "identity"
    stage = series.labels[place].split(",")[0]
    return place > 0 and series.labels[place - 1].split(",")[0] != stage


def _colour(series: SweepSeries) -> str:
    return RESIDUAL if series.kind == "residual" else PLAIN


def _chance(frame: Frame, record: SweepRecord) -> list[str]:
    if record.classes < 2:
        return []
    y = frame.y(100 * (1 - 1 / record.classes))
    return [
        stroke(LEFT, y, WIDTH - RIGHT, y, QUIET, dash="1 4"),
        text(WIDTH - RIGHT, y - 5, "chance", QUIET, anchor="end"),
    ]


def _whole(point: SweepPoint | None) -> str:
    return "" if point is None or point.error is None else f"{point.error:.2f} % as it is"
