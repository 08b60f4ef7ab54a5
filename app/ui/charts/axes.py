"""Axes: limits that hold all the data, ticks at round numbers, places from 0 to 1. Numbers only, no painting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLocale

_ROUND = (1.0, 2.0, 5.0)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Axis:
    """A range of values along a length.

    Attributes:
        low, high: At the ends; both above 0 on a logarithmic axis.
        log: Whether equal distances are equal factors.
    """

    low: float
    high: float
    log: bool = False

    def place(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Where values lie, 0 at `low` and 1 at `high`; not clipped. What a logarithm cannot take is NaN."""
        if not self.log:
            return (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.asarray(values, np.float64))
        logs[~np.isfinite(logs)] = np.nan
        return np.asarray((logs - math.log(self.low)) / (math.log(self.high) - math.log(self.low)))

    def place_one(self, value: float) -> float:
        """`place` of one value."""
        return float(self.place(np.array([value]))[0])

    def value(self, place: float) -> float:
        """The value at a place from 0 to 1."""
        if self.log:
            return float(math.exp(math.log(self.low) + place * (math.log(self.high) - math.log(self.low))))
        return self.low + place * (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Round values within the limits, as many as look well, at most `most`."""
        if most < 1:
            return []
        ticks = self._log_ticks(most) if self.log else []
        if len(ticks) < 2:
            step = round_step(self.high - self.low, most)
            first = math.ceil(self.low / step - 1e-9)
            ticks = [step * number for number in range(first, math.floor(self.high / step + 1e-9) + 1)]
        return [tick for tick in ticks if not self.log or tick > 0]

    def _log_ticks(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low) - 1e-9), math.ceil(math.log10(self.high) + 1e-9)
        low, high = self.low * (1 - 1e-9), self.high * (1 + 1e-9)

        def of(digits: tuple[float, ...]) -> list[float]:
            every = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
            return [tick for tick in every if low <= tick <= high]

        fine, coarse = of(_ROUND), of((1.0,))
        if len(fine) <= most:
            return fine
        if len(coarse) < 2:
            return fine[:: math.ceil(len(fine) / most)]
        stride = math.ceil(len(coarse) / most)
        return [tick for tick in coarse if round(math.log10(tick)) % stride == 0]


def round_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 × 10ⁿ that divides a span into at most `most` intervals (one fewer than ticks)."""
    if not span > 0 or not math.isfinite(span):
        return 1.0
    rough = span / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((digit * power for digit in _ROUND if digit * power >= rough * (1 - 1e-9)), 10 * power)


def linear_axis(low: float, high: float, *, zero: bool = False, ceiling: float | None = None) -> Axis:
    """An axis with round ends around all values.

    Args:
        low, high: The least and the greatest value; NaN where there are none.
        zero: Whether it begins at 0, for values that are never negative.
        ceiling: Where it ends at the latest if no value is above it: 100 for per cent.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Axis(0.0, ceiling or 1.0)
    if zero and low >= 0:
        low = 0.0
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = round_step(high - low, 6)
    low, top = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
    if ceiling is not None and high <= ceiling < top:
        top = ceiling
    return Axis(low, top)


def log_axis(low: float, high: float) -> Axis:
    """A logarithmic axis around all positive values, from 1, 2 or 5 × 10ⁿ to another of these.

    Args:
        low, high: The least and the greatest positive value; NaN where there are none.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low > 0):
        return Axis(0.1, 1.0, log=True)
    bottom, top = _round_down(low), _round_up(high)
    if top <= bottom * 1.5:  # one value, or nearly: some room on both sides
        bottom, top = _round_down(bottom / 1.5), _round_up(top * 1.5)
    return Axis(bottom, top, log=True)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    candidates = [digit * power * shift for shift in (0.1, 1.0) for digit in _ROUND]
    return max((one for one in candidates if one <= value * (1 + 1e-12)), default=value)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    candidates = [digit * power * shift for shift in (1.0, 10.0) for digit in _ROUND]
    return min((one for one in candidates if one >= value * (1 - 1e-12)), default=value)


def tick_text(value: float, unit: str = "") -> str:
    """A tick's label: no more figures than it needs; powers of ten where it would be long."""
    size = abs(value)
    if value != 0 and not 1e-3 <= size < 1e6:
        power = math.floor(math.log10(size) + 1e-9)
        digit = value / 10.0**power
        text = f"10{str(power).translate(_SUPERSCRIPT)}"
        if abs(digit - 1) > 1e-6:
            text = f"{QLocale().toString(float(f'{digit:.3g}'), 'g', 3)}×{text}"
    elif value == round(value):
        text = QLocale().toString(round(value))
    else:
        text = QLocale().toString(float(f"{value:.4g}"), "g", 4)
    text = text.replace("-", "−")
    return f"{text} {unit}" if unit else text
