"""How long something takes, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale


def duration(seconds: float) -> str:
    """“40 s”, “12 min”, “3.5 h”, “2 days”."""
    if seconds < 90:
        return _tr("{0} s").format(max(1, round(seconds)))
    if seconds < 90 * 60:
        return _tr("{0} min").format(round(seconds / 60))
    if seconds < 48 * 3600:
        return _tr("{0} h").format(QLocale().toString(seconds / 3600, "f", 1))
    return _tr("{0} days").format(round(seconds / 86400))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Durations", text)
