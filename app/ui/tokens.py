"""The design tokens: every colour, radius and distance of the program. No colour is named anywhere else."""

from __future__ import annotations

from dataclasses import dataclass

GRID = 8  # logical pixels; distances are multiples of it, half a step where a hairline needs it
RADIUS_SMALL = 8
RADIUS_LARGE = 12
HAIRLINE = 1


@dataclass(frozen=True)
class Tokens:
    """The colours of one scheme, as “#rrggbb”."""

    ground: str
    panel: str
    raised: str
    line: str
    text: str
    quiet: str
    accent: str  # also the residual network
    on_accent: str  # text upon the accent
    plain: str  # the plain network; also warnings
    good: str
    bar: str  # a bar that is not the chosen one
    shadow: str
    further: tuple[str, ...]  # more series of a chart, beside residual and plain; see app/ui/charts/colours.py


DARK = Tokens(
    ground="#15171c",
    panel="#1c1f26",
    raised="#242832",
    line="#2f343f",
    text="#e8eaf0",
    quiet="#949bab",
    accent="#6ea8fe",
    on_accent="#10131a",
    plain="#ff9f6e",
    good="#7ed6a5",
    bar="#5d6575",
    shadow="#000000",
    further=("#b79cf5", "#4fc9c4", "#f28ec0", "#dcc05a", "#c79a7b", "#a3adbd"),
)

LIGHT = Tokens(
    ground="#f6f7f9",
    panel="#ffffff",
    raised="#f0f2f5",
    line="#dfe3e8",
    text="#1b1f27",
    quiet="#667085",
    accent="#2f6fde",
    on_accent="#ffffff",
    plain="#d9622b",
    good="#1f8a5b",
    bar="#a9b1bf",
    shadow="#8a93a3",
    further=("#7d4fd6", "#0e8787", "#bb3a80", "#917300", "#86573a", "#556072"),
)
