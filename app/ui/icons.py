"""The program's icons, drawn from strokes on a grid of 24: sharp at any size, coloured by the theme."""

from __future__ import annotations

import math
from functools import cache

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPainterPath, QPen, QPixmap

from app.ui.theme import colour

_GRID = 24.0
_STROKE = 1.75
_FADED = 0.4  # a disabled icon's opacity

# One letter and its numbers, on a grid of 24 × 24 with y downwards. M, L, C, Q, Z as in SVG with absolute
# coordinates; O is a circle (centre, radius); R a rounded rectangle (left, top, width, height, radius); A an arc
# (centre, radius, start and sweep in degrees, anticlockwise from three o'clock); D a filled dot (centre, radius).
_SHAPES = {
    "explore": "O 10.5 10.5 6.5 M 15.3 15.3 L 20.5 20.5",
    "anatomy": "R 6.5 9.5 11 8 2 M 2.5 13.5 L 6.5 13.5 M 17.5 13.5 L 21.5 13.5 M 4.5 13.5 C 4.5 3 19.5 3 19.5 13.5",
    "lab": "M 3.5 17 C 8.5 17 8.5 6 12 6 C 15.5 6 15 13 20.5 13.5 M 3.5 20.5 L 20.5 20.5",
    "models": "R 4 4 6.5 6.5 1.75 R 13.5 4 6.5 6.5 1.75 R 4 13.5 6.5 6.5 1.75 R 13.5 13.5 6.5 6.5 1.75",
    "help": "M 8.7 9 C 8.7 4.4 15.5 4.4 15.5 8.8 C 15.5 11.9 12 11.8 12 15 D 12 18.7 1.2",
    "open": "M 3.5 18 L 3.5 7 Q 3.5 5.5 5 5.5 L 9 5.5 L 11 8 L 19 8 Q 20.5 8 20.5 9.5 L 20.5 17 "
    "Q 20.5 18.5 19 18.5 L 5 18.5 Q 3.5 18.5 3.5 17",
    "camera": "R 3 7 18 12.5 2.5 O 12 13.2 3.5 M 8 7 L 9.5 4.5 L 14.5 4.5 L 16 7",
    "paste": "R 5 5 14 15.5 2 R 9 3 6 4 1.2 M 8.5 11.5 L 15.5 11.5 M 8.5 15.5 L 13 15.5",
    "eye": "M 2.5 12 C 6.5 4.8 17.5 4.8 21.5 12 C 17.5 19.2 6.5 19.2 2.5 12 Z O 12 12 3",
    "eye-off": "M 2.5 12 C 6.5 4.8 17.5 4.8 21.5 12 C 17.5 19.2 6.5 19.2 2.5 12 Z O 12 12 3 M 4.5 20 L 19.5 4",
    "save": "M 12 3.5 L 12 15 M 7.5 11 L 12 15.5 L 16.5 11 M 4 16 L 4 18.5 Q 4 20.5 6 20.5 L 18 20.5 "
    "Q 20 20.5 20 18.5 L 20 16",
    "copy": "R 8.5 8.5 12 12 2 M 5.5 15.5 Q 3.5 15.5 3.5 13.5 L 3.5 5.5 Q 3.5 3.5 5.5 3.5 L 13.5 3.5 "
    "Q 15.5 3.5 15.5 5.5",
    "settings": "M 3.5 7 L 13 7 M 18 7 L 20.5 7 O 15.5 7 2.4 M 3.5 17 L 6 17 M 11 17 L 20.5 17 O 8.5 17 2.4",
    "undo": "M 8 5 L 4 9 L 8 13 M 4 9 L 14.5 9 A 14.5 14 5 90 -180 L 9 19",
    "redo": "M 16 5 L 20 9 L 16 13 M 20 9 L 9.5 9 A 9.5 14 5 90 180 L 15 19",
    "search": "O 10.5 10.5 6.5 M 15.3 15.3 L 20.5 20.5",
    "close": "M 6 6 L 18 18 M 18 6 L 6 18",
    "check": "M 4.5 12.5 L 9.5 17.5 L 19.5 6.5",
    "plus": "M 12 5 L 12 19 M 5 12 L 19 12",
    "minus": "M 5 12 L 19 12",
    "zoom-in": "O 10.5 10.5 6.5 M 15.3 15.3 L 20.5 20.5 M 10.5 7.8 L 10.5 13.2 M 7.8 10.5 L 13.2 10.5",
    "zoom-out": "O 10.5 10.5 6.5 M 15.3 15.3 L 20.5 20.5 M 7.8 10.5 L 13.2 10.5",
    "fit": "M 4 9 L 4 4 L 9 4 M 15 4 L 20 4 L 20 9 M 20 15 L 20 20 L 15 20 M 9 20 L 4 20 L 4 15",
    "warning": "M 12 4 L 21 19.5 L 3 19.5 Z M 12 10 L 12 14 D 12 16.8 1.1",
    "info": "O 12 12 8.5 M 12 11.5 L 12 16.5 D 12 8 1.1",
    "picture": "R 3.5 4.5 17 15 2.5 O 8.7 9.5 1.6 M 4 17 L 9.5 12.5 L 13 15.5 L 16 12.5 L 20 16",
    "film": "R 3.5 5 17 14 2 M 8 5 L 8 19 M 16 5 L 16 19 M 3.5 9.7 L 8 9.7 M 3.5 14.3 L 8 14.3 "
    "M 16 9.7 L 20.5 9.7 M 16 14.3 L 20.5 14.3",
    "play": "M 7.5 4.8 L 19 12 L 7.5 19.2 Z",
    "pause": "M 8.5 5 L 8.5 19 M 15.5 5 L 15.5 19",
    "step-on": "M 6 5.5 L 15 12 L 6 18.5 Z M 18.5 5.5 L 18.5 18.5",
    "step-back": "M 18 5.5 L 9 12 L 18 18.5 Z M 5.5 5.5 L 5.5 18.5",
    "record": "O 12 12 8.5 D 12 12 4",
    "snapshot": "R 3.5 6.5 17 13 2.5 M 12 9.5 L 12 16.5 M 8.5 13 L 15.5 13",
    "mirror": "M 12 3.5 L 12 20.5 M 9 7 L 9 17 L 3.5 17 Z M 15 7 L 15 17 L 20.5 17 Z",
    "turn": "A 12 12.5 7.3 25 245 M 19 3.8 L 18.6 9.6 L 13 8.7",
    "crop": "M 6.5 2.5 L 6.5 17.5 L 21.5 17.5 M 2.5 6.5 L 17.5 6.5 L 17.5 21.5",
    "stop": "R 6 6 12 12 2",
    "retry": "A 12 12 8.2 20 310 M 20 4 L 20 9.2 L 14.8 9.2",
    "delete": "M 4 6.5 L 20 6.5 M 9 6.5 L 9.5 3.5 L 14.5 3.5 L 15 6.5 M 6 6.5 L 7 20.5 L 17 20.5 L 18 6.5 "
    "M 10 10.5 L 10.3 16.5 M 14 10.5 L 13.7 16.5",
    "download": "M 12 3.5 L 12 15 M 7.5 11 L 12 15.5 L 16.5 11 M 4.5 20 L 19.5 20",
    "export": "M 12 15 L 12 3.5 M 7.5 8 L 12 3.5 L 16.5 8 M 4 13 L 4 18.5 Q 4 20.5 6 20.5 L 18 20.5 "
    "Q 20 20.5 20 18.5 L 20 13",
    "lock": "R 5 10.5 14 10 2 M 8 10.5 L 8 7.5 A 12 7.5 4 180 -180 L 16 10.5",
    "moon": "M 19.5 14.5 A 11.5 12 8.4 -17 -265 C 8.5 10 13 16.5 19.5 14.5 Z",
    "sun": "O 12 12 3.8 M 12 2.5 L 12 4.7 M 12 19.3 L 12 21.5 M 2.5 12 L 4.7 12 M 19.3 12 L 21.5 12 "
    "M 5.3 5.3 L 6.8 6.8 M 17.2 17.2 L 18.7 18.7 M 18.7 5.3 L 17.2 6.8 M 6.8 17.2 L 5.3 18.7",
    "more": "D 5.5 12 1.7 D 12 12 1.7 D 18.5 12 1.7",
    "chevron-down": "M 6 9.5 L 12 15.5 L 18 9.5",
    "chevron-right": "M 9.5 6 L 15.5 12 L 9.5 18",
    "drop": "M 12 3.5 L 12 13.5 M 8 10 L 12 14 L 16 10 M 4 12 L 4 18 Q 4 20 6 20 L 18 20 Q 20 20 20 18 L 20 12",
}


def icon_names() -> tuple[str, ...]:
    """Every icon there is."""
    return tuple(_SHAPES)


def icon(name: str, *, token: str = "quiet", on_token: str = "accent") -> QIcon:
    """An icon that follows the theme, the size and the screen's resolution.

    Args:
        name: One of `icon_names`.
        token: The colour token it is drawn with.
        on_token: The token where its button is checked or its item selected.

    Raises:
        KeyError: where there is no icon of that name.
    """
    return QIcon(_Engine(name, token, on_token))


def program_icon() -> QIcon:
    """The program's own icon, in every size that a window system asks for."""
    from app import paths

    whole = QIcon()
    for path in sorted((paths.assets() / "icon").glob("*.png")):
        whole.addFile(str(path))
    return whole


def paint_icon(painter: QPainter, name: str, rect: QRectF, ink: QColor) -> None:
    """Paint an icon into the largest square in the middle of a rectangle."""
    lines, dots = _paths(name)
    side = min(rect.width(), rect.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.center().x() - side / 2, rect.center().y() - side / 2)
    painter.scale(side / _GRID, side / _GRID)
    # Small icons keep strokes of at least a pixel and a quarter.
    width = max(_STROKE, 1.25 * _GRID / max(side, 1.0))
    painter.setPen(QPen(ink, width, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(lines)
    painter.fillPath(dots, ink)
    painter.restore()


_clones: list[QIconEngine] = []


class _Engine(QIconEngine):
    """Paints at the moment when it is shown, so that a new scheme needs no new icons."""

    def __init__(self, name: str, token: str, on_token: str) -> None:
        super().__init__()
        _paths(name)
        self._name, self._token, self._on_token = name, token, on_token

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        lit = state == QIcon.State.On or mode == QIcon.Mode.Selected
        ink = colour(self._on_token if lit else self._token)
        if mode == QIcon.Mode.Disabled:
            ink.setAlphaF(_FADED)
        elif mode == QIcon.Mode.Active and not lit:
            ink = colour("text")
        paint_icon(painter, self._name, QRectF(rect), ink)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        return pixmap

    def clone(self) -> QIconEngine:
        # PySide hands Qt a bare pointer and forgets it: without this reference the copy would be freed at once.
        copy = _Engine(self._name, self._token, self._on_token)
        _clones.append(copy)
        return copy

    def iconName(self) -> str:
        return self._name

    def key(self) -> str:
        return "resnet-explorer"


@cache
def _paths(name: str) -> tuple[QPainterPath, QPainterPath]:
    """What is stroked and what is filled."""
    lines, dots = QPainterPath(), QPainterPath()
    words = iter(_SHAPES[name].split())
    for letter in words:
        numbers = [float(next(words)) for _ in range(_COUNTS[letter])]
        _draw(dots if letter == "D" else lines, letter, numbers)
    return lines, dots


_COUNTS = {"M": 2, "L": 2, "C": 6, "Q": 4, "Z": 0, "O": 3, "R": 5, "A": 5, "D": 3}


def _draw(path: QPainterPath, letter: str, numbers: list[float]) -> None:
    if letter == "M":
        path.moveTo(*numbers)
    elif letter == "L":
        path.lineTo(*numbers)
    elif letter == "C":
        path.cubicTo(*numbers)
    elif letter == "Q":
        path.quadTo(*numbers)
    elif letter == "Z":
        path.closeSubpath()
    elif letter in "OD":
        x, y, radius = numbers
        path.addEllipse(QPointF(x, y), radius, radius)
    elif letter == "R":
        left, top, width, height, radius = numbers
        path.addRoundedRect(QRectF(left, top, width, height), radius, radius)
    else:
        x, y, radius, start, sweep = numbers
        circle = QRectF(x - radius, y - radius, 2 * radius, 2 * radius)
        begin = QPointF(x + radius * math.cos(math.radians(start)), y - radius * math.sin(math.radians(start)))
        if path.isEmpty() or (path.currentPosition() - begin).manhattanLength() > 0.6:
            path.moveTo(begin)
        path.arcTo(circle, start, sweep)
