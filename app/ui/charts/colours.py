"""Which colour a series has: residual and plain have their own everywhere, further ones are told apart by order."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.ui.theme import colour, theme

RESIDUAL, PLAIN = "accent", "plain"
_FURTHER = "further-"


def series_tokens() -> tuple[str, ...]:
    """Tokens for series in order: residual, plain, then further ones."""
    return (RESIDUAL, PLAIN, *(f"{_FURTHER}{place}" for place in range(len(theme().tokens.further))))


def series_colour(token: str, alpha: float = 1.0) -> QColor:
    """The colour of a series in the scheme now in force.

    Args:
        token: A field of `Tokens` ("accent", "plain", "good", "quiet") or "further-0", "further-1", …; numbers beyond
            the last begin again.
    """
    if not token.startswith(_FURTHER):
        return colour(token, alpha)
    further = theme().tokens.further
    result = QColor(further[int(token.removeprefix(_FURTHER)) % len(further)])
    result.setAlphaF(alpha)
    return result
