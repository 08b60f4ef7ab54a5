"""How the canvas looks: a picture as a card with round corners and a soft shadow, and words where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QGradient,
    QImage,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPen,
    QRadialGradient,
    QTransform,
)

from app.ui.drawing import luminance, resized
from app.ui.icons import paint_icon
from app.ui.theme import colour
from app.ui.tokens import GRID, RADIUS_LARGE

CORNER = float(RADIUS_LARGE) - 2
_BLUR = 4.0 * GRID
_DROP = float(GRID)
_FALL = tuple((step / 8, (1 - step / 8) ** 2.2) for step in range(9))  # close to a Gaussian's
_TEXT_WIDTH = 54.0 * GRID


def paint_picture(painter: QPainter, image: QImage, target: QRectF, frame: QRectF, bounds: QRectF) -> None:
    """Paint an image, stretched to `target`, as far as it lies inside a frame with round corners and inside bounds.

    The frame's straight parts are painted as plain stretched images, several times faster than a textured path; only
    the corners are paths. Edges of the frame must lie on device pixels.
    """
    radius = min(CORNER, frame.width() / 2, frame.height() / 2)
    for part in _straight_parts(frame, radius):
        seen = part.intersected(target).intersected(bounds)
        if seen.isEmpty():
            continue
        painter.save()
        painter.setClipRect(seen, Qt.ClipOperation.IntersectClip)
        piece, source = _visible_source(image, target, seen)
        painter.drawImage(piece, image, source)
        painter.restore()
    brush = QBrush(image)
    brush.setTransform(
        QTransform(target.width() / image.width(), 0, 0, target.height() / image.height(), target.left(), target.top())
    )
    for path, box in _corners(frame, radius):
        seen = box.intersected(target)
        if seen.intersects(bounds) and not seen.isEmpty():
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(seen, Qt.ClipOperation.IntersectClip)
            painter.fillPath(path, brush)
            painter.restore()


def _straight_parts(frame: QRectF, radius: float) -> tuple[QRectF, QRectF, QRectF]:
    inner = frame.width() - 2 * radius
    return (
        QRectF(frame.left(), frame.top() + radius, frame.width(), frame.height() - 2 * radius),
        QRectF(frame.left() + radius, frame.top(), inner, radius),
        QRectF(frame.left() + radius, frame.bottom() - radius, inner, radius),
    )


def _visible_source(image: QImage, target: QRectF, seen: QRectF) -> tuple[QRectF, QRectF]:
    """The part of the image that is seen, with two pixels more on every side, and where that part goes."""
    across, down = image.width() / target.width(), image.height() / target.height()
    left = max(0, int((seen.left() - target.left()) * across) - 2)
    top = max(0, int((seen.top() - target.top()) * down) - 2)
    right = min(image.width(), int((seen.right() - target.left()) * across) + 3)
    bottom = min(image.height(), int((seen.bottom() - target.top()) * down) + 3)
    source = QRectF(left, top, right - left, bottom - top)
    place = QRectF(
        target.left() + left / across, target.top() + top / down, source.width() / across, source.height() / down
    )
    return place, source


def _corners(frame: QRectF, radius: float) -> Iterator[tuple[QPainterPath, QRectF]]:
    whole = QPainterPath()
    whole.addRoundedRect(frame, radius, radius)
    if radius <= 0:
        return
    for x in (frame.left(), frame.right() - radius):
        for y in (frame.top(), frame.bottom() - radius):
            box = QRectF(x, y, radius, radius)
            square = QPainterPath()
            square.addRect(box)
            yield whole.intersected(square), box


def paint_shadow(painter: QPainter, frame: QRectF) -> None:
    """A soft shadow below a card, from gradients along its edges and round its corners."""
    strength = 0.6 if luminance(colour("ground")) < 0.5 else 0.34
    core = frame.adjusted(_BLUR / 2, _BLUR / 2, -_BLUR / 2, -_BLUR / 2).translated(0, _DROP)
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    out = _BLUR
    edges = (
        (QRectF(core.left(), core.top() - out, core.width(), out), core.topLeft(), QPointF(0, -out)),
        (QRectF(core.left(), core.bottom(), core.width(), out), core.bottomLeft(), QPointF(0, out)),
        (QRectF(core.left() - out, core.top(), out, core.height()), core.topLeft(), QPointF(-out, 0)),
        (QRectF(core.right(), core.top(), out, core.height()), core.topRight(), QPointF(out, 0)),
    )
    for rect, start, way in edges:
        painter.fillRect(rect, _falling(QLinearGradient(start, start + way), strength))
    for corner, x, y in (
        (core.topLeft(), -out, -out),
        (core.topRight(), 0.0, -out),
        (core.bottomLeft(), -out, 0.0),
        (core.bottomRight(), 0.0, 0.0),
    ):
        rect = QRectF(corner.x() + x, corner.y() + y, out, out)
        painter.fillRect(rect, _falling(QRadialGradient(corner, out), strength))
    painter.restore()


def _falling(gradient: QGradient, strength: float) -> QBrush:
    for place, share in _FALL:
        gradient.setColorAt(place, colour("shadow", strength * share))
    return QBrush(gradient)


def paint_words(painter: QPainter, rect: QRectF, font: QFont, title: str, text: str, icon: str) -> None:
    """An empty or a broken state: a dashed outline, an icon, what is the matter and what to do."""
    trouble = icon == "warning"
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(colour("line"), 1.5)
    pen.setDashPattern([4, 4])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect, RADIUS_LARGE, RADIUS_LARGE)
    width = min(_TEXT_WIDTH, rect.width() - 4 * GRID)
    title_font = resized(font, 1.3, bold=True)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    room = QRectF(0, 0, width, 1e4)
    title_box = QFontMetricsF(title_font).boundingRect(room, int(flags), title)
    text_box = QFontMetricsF(font).boundingRect(room, int(flags), text)
    side = 5.0 * GRID
    total = side + 2 * GRID + title_box.height() + (GRID + text_box.height() if text else 0)
    x, y = rect.center().x() - width / 2, rect.center().y() - total / 2
    paint_icon(
        painter, icon, QRectF(rect.center().x() - side / 2, y, side, side), colour("plain" if trouble else "quiet")
    )
    y += side + 2 * GRID
    painter.setFont(title_font)
    painter.setPen(colour("text"))
    painter.drawText(QRectF(x, y, width, title_box.height()), int(flags), title)
    painter.setFont(font)
    painter.setPen(colour("quiet"))
    painter.drawText(QRectF(x, y + title_box.height() + GRID, width, text_box.height()), int(flags), text)
    painter.restore()


def paint_card(painter: QPainter, rect: QRectF, font: QFont, title: str, text: str) -> None:
    """A message over a picture: a small card at its top."""
    width = min(_TEXT_WIDTH, rect.width() - 4 * GRID)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
    bold = resized(font, 1.0, bold=True)
    inner = QRectF(0, 0, width - 4 * GRID, 1e4)
    title_box = QFontMetricsF(bold).boundingRect(inner, int(flags), title)
    text_box = QFontMetricsF(font).boundingRect(inner, int(flags), text)
    gap = GRID / 2 if text and title else 0
    height = 2 * GRID + title_box.height() + gap + (text_box.height() if text else 0)
    used = max(title_box.width(), text_box.width()) + 4 * GRID
    card = QRectF(rect.center().x() - used / 2, rect.top() + 2 * GRID, used, height)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour("line"), 1))
    painter.setBrush(colour("panel", 0.94))
    painter.drawRoundedRect(card, RADIUS_LARGE, RADIUS_LARGE)
    painter.setFont(bold)
    painter.setPen(colour("text"))
    line = card.adjusted(2 * GRID - 1, GRID, -2 * GRID + 1, 0)
    painter.drawText(line, int(flags), title)
    painter.setFont(font)
    painter.setPen(colour("quiet"))
    painter.drawText(line.adjusted(0, title_box.height() + gap, 0, 0), int(flags), text)
    painter.restore()


def paint_drop(painter: QPainter, rect: QRectF, font: QFont, text: str) -> None:
    """Something hovers over the window and may be let go."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    veil = QColor(colour("ground", 0.72))
    painter.fillRect(rect, veil)
    inner = rect.adjusted(GRID, GRID, -GRID, -GRID)
    painter.setPen(QPen(colour("accent"), 2))
    painter.setBrush(colour("accent", 0.1))
    painter.drawRoundedRect(inner, RADIUS_LARGE, RADIUS_LARGE)
    side = 5.0 * GRID
    bold = resized(font, 1.3, bold=True)
    height = QFontMetricsF(bold).height()
    y = rect.center().y() - (side + 2 * GRID + height) / 2
    paint_icon(painter, "drop", QRectF(rect.center().x() - side / 2, y, side, side), colour("accent"))
    painter.setFont(bold)
    painter.setPen(colour("text"))
    painter.drawText(QRectF(rect.left(), y + side + 2 * GRID, rect.width(), height), Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
