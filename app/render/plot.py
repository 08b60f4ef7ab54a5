"""Plain SVG plots for documents: axes, lines, words. No Qt; colours are those of the light scheme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

INK, QUIET, LINE = "#1b1f27", "#667085", "#dfe3e8"
WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 34, 52


@dataclass(frozen=True)
class Frame:
    """One plot's place and scales.

    Attributes:
        top: Of the plot, in pixels.
        low, high: The ends of the horizontal axis.
        most: The greatest value of the vertical axis, which begins at 0.
    """

    top: float
    low: float
    high: float
    most: float

    def x(self, value: float) -> float:
        """In pixels."""
        span = (self.high - self.low) or 1
        return LEFT + (value - self.low) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """In pixels."""
        return self.top + HEIGHT - BOTTOM - value / self.most * (HEIGHT - TOP - BOTTOM)


def axes(frame: Frame, title: str, label: str, below: str, *, base: float = 0) -> list[str]:
    """A title, horizontal lines with their values, ticks and the names of both axes."""
    parts = [text(LEFT, frame.top + 16, title, INK, weight=600)]
    step = step_of(frame.most)
    value = 0.0
    while value <= frame.most + 1e-9:
        y = frame.y(value)
        parts.append(stroke(LEFT, y, WIDTH - RIGHT, y, LINE))
        parts.append(text(LEFT - 8, y + 4, f"{value + base:g}", QUIET, anchor="end"))
        value += step
    step = max(1, round(step_of(frame.high - frame.low)))
    for tick in range(math.ceil(frame.low), math.floor(frame.high) + 1, step):
        parts.append(text(frame.x(tick), frame.y(0) + 16, str(tick), QUIET, anchor="middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, frame.y(0) + 32, below, QUIET, anchor="middle"))
    middle = (frame.y(0) + frame.y(frame.most)) / 2
    parts.append(
        f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle" fill="{QUIET}">'
        f"{escape(label)}</text>"
    )
    return parts


def step_of(span: float) -> float:
    """A round step that gives about five ticks."""
    raw = max(span, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= raw)


def round_up(value: float) -> float:
    """To the next line of the grid."""
    step = step_of(max(value, 1e-6))
    return step * math.ceil(value / step - 1e-9)


def line(frame: Frame, points: Sequence[tuple[float, float]], colour: str, *, width: float = 2) -> str:
    """Through points in the plot's own values."""
    path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def stroke(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "") -> str:
    """A straight line, in pixels."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def text(x: float, y: float, text: str, colour: str, *, anchor: str = "start", weight: int = 400) -> str:
    """A line of words, its base line at (x, y), in pixels."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def legend(entries: Sequence[tuple[str, str]], bottom: float) -> list[str]:
    """(label, colour) of each line, side by side; `bottom` is the lower edge, in pixels."""
    parts, x = [], float(LEFT)
    for label, colour in entries:
        parts.append(f'<rect x="{x:.0f}" y="{bottom - 14:.0f}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(x + 15, bottom - 5, label, INK))
        x += 30 + 6.6 * len(label)
    return parts


def document(parts: Sequence[str], height: float) -> str:
    """The whole picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="12">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"
