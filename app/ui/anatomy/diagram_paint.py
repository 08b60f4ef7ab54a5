"""How an opened block looks. Colours come from the theme at the moment of painting."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen, QPolygonF

from app.core.anatomy import OpenedBlock, Step
from app.ui.anatomy.diagram_geometry import THUMB, Box, Drawing, rectified
from app.ui.anatomy.words import step_title
from app.ui.drawing import SMALL, elided, mix, number_text, resized, tabular
from app.ui.theme import colour
from app.ui.tokens import GRID

_RADIUS = 6.0
_THIN, _THICK = 1.5, 5.0  # of wires
_ARROW = 4.0


class DiagramPainter:
    """Paints one block with a painter that is at the widget's origin."""

    def __init__(self, painter: QPainter, block: OpenedBlock, drawing: Drawing, thumbnails: Sequence[QImage]) -> None:
        self._painter, self._block, self._drawing, self._thumbnails = painter, block, drawing, thumbnails
        self._steps = block.steps
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paint(self, font: QFont, *, selected: int | None, hovered: int | None, focused: int | None) -> None:
        """Wires first, then the operations with their tensors, the marks last."""
        self._font, self._small = font, resized(font, SMALL)
        self._wires()
        if self._drawing.wired:
            self._shortcut_wire()
        for box in self._drawing.boxes:
            self._operation(box)
            if box.lane == "main":
                self._thumbnail(box)
        for index, pen in (
            (hovered, QPen(colour("text", 0.7), 1.5)),
            (selected, QPen(colour("accent"), 2)),
            (focused, QPen(colour("text"), 1.5, Qt.PenStyle.DotLine)),
        ):
            self._ring(index, pen)

    # Wires.

    def _strength(self, symbol: str) -> float:
        """How thick a wire is: the stronger of the two signals that meet has the thickest one."""
        strongest = max((step.norm for step in self._steps if step.symbol in ("F(x)", "s(x)")), default=0.0)
        step = self._block.step(symbol)
        if step is None or strongest <= 0:
            return _THIN
        factor = self._block.alpha if symbol == "F(x)" else 1.0
        return max(_THIN, _THICK * factor * step.norm / strongest)

    def _wires(self) -> None:
        drawing = self._drawing
        end = drawing.addition or drawing.last
        branch_off = drawing.addition is not None and self._block.alpha == 0
        for row in drawing.rows:
            previous = drawing.first
            for box in row:
                self._wire(previous, box, _THIN, faded=branch_off)
                previous = box
            thick = self._strength("F(x)") if drawing.addition is not None else _THIN
            self._wire(previous, end, thick, faded=branch_off, arrow=not drawing.joined)
        if drawing.addition is not None:
            self._wire(drawing.addition, drawing.last, _THIN)
            if self._block.alpha < 1:
                self._gate_text(drawing.addition)
        if drawing.joined:
            self._text(
                QRectF(end.left - 5 * GRID, end.top - 2 * GRID, 4.5 * GRID, 2 * GRID),
                QCoreApplication.translate("Anatomy", "concat"),
                Qt.AlignmentFlag.AlignRight,
            )

    def _wire(self, start: Box, end: Box, thick: float, *, faded: bool = False, arrow: bool = True) -> None:
        painter = self._painter
        pen = QPen(colour("quiet", 0.45 if faded else 1.0), thick, c=Qt.PenCapStyle.FlatCap)
        if faded:
            pen.setDashPattern([3.0, 2.5])
        painter.setPen(pen)
        if start.middle == end.middle:
            painter.drawLine(QLineF(start.right, start.middle, end.left - (_ARROW if arrow else 0), end.middle))
        else:
            path = QPainterPath(QPointF(start.right, start.middle))
            half = min(GRID * 1.5, (end.left - start.right) / 2)
            if start.step == self._drawing.first.step:
                bend = start.right + half
                path.cubicTo(bend, start.middle, start.right, end.middle, end.left, end.middle)
            else:
                bend = end.left - half
                path.lineTo(bend - half, start.middle)
                path.cubicTo(bend, start.middle, bend, end.middle, end.left, end.middle)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
        if arrow:
            self._arrow(QPointF(end.left, end.middle), pen, down=False, size=max(_ARROW, thick + 1.5))

    def _arrow(self, tip: QPointF, pen: QPen, *, down: bool, size: float) -> None:
        x, y, half = tip.x(), tip.y(), size * 0.75
        points = (
            [tip, QPointF(x - half, y - size), QPointF(x + half, y - size)]
            if down
            else [tip, QPointF(x - size, y - half), QPointF(x - size, y + half)]
        )
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(pen.color())
        self._painter.drawPolygon(QPolygonF(points))

    def _shortcut_wire(self) -> None:
        """From x over everything down to the addition; dashed where it projects, as on the spine."""
        drawing, painter = self._drawing, self._painter
        start, end = drawing.first, drawing.addition or drawing.last
        thick = self._strength("s(x)")
        pen = QPen(colour("accent"), thick, c=Qt.PenCapStyle.FlatCap)
        if self._block.shortcut in ("projection", "padding"):
            pen.setDashPattern([8.0 / thick, 5.0 / thick])
        y, left, right = drawing.shortcut_y, start.left + start.width / 2, end.left + end.width / 2
        radius = 2.0 * GRID
        path = QPainterPath(QPointF(left, start.top))
        path.lineTo(left, y + radius)
        path.quadTo(left, y, left + radius, y)
        path.lineTo(right - radius, y)
        path.quadTo(right, y, right, y + radius)
        path.lineTo(right, end.top - _ARROW)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        self._arrow(QPointF(right, end.top), pen, down=True, size=max(_ARROW + 1, thick + 1.5))
        if not drawing.shortcut:
            self._pill((left + right) / 2, y, self._shortcut_words())
        step = self._block.step("s(x)")
        if step is not None:
            text = f"‖s(x)‖ {number_text(step.norm)}"
            self._text(QRectF(right - 15 * GRID, y + 4, 14 * GRID, 2 * GRID), text, Qt.AlignmentFlag.AlignRight)

    def _shortcut_words(self) -> str:
        tr = QCoreApplication.translate
        if self._block.shortcut == "padding":
            return tr("Anatomy", "option A: every second place, channels of zeros")
        return tr("Anatomy", "identity")

    def _pill(self, x: float, y: float, text: str) -> None:
        metrics = QFontMetricsF(self._small)
        drawing = self._drawing
        room = (drawing.addition or drawing.last).left - drawing.first.right - 4 * GRID
        text = elided(text, metrics, room)
        width = metrics.horizontalAdvance(text) + 2 * GRID
        rect = QRectF(x - width / 2, y - 1.5 * GRID, width, 3 * GRID)
        self._painter.setPen(QPen(colour("line"), 1))
        self._painter.setBrush(colour("panel"))
        self._painter.drawRoundedRect(rect, 1.5 * GRID, 1.5 * GRID)
        self._painter.setFont(self._small)
        self._painter.setPen(colour("text"))
        self._painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _gate_text(self, addition: Box) -> None:
        text = f"× {number_text(self._block.alpha)}"
        self._text(
            QRectF(addition.left - 7 * GRID, addition.top - 2 * GRID, 7.5 * GRID, 2 * GRID),
            text,
            Qt.AlignmentFlag.AlignRight,
            token="accent",
        )

    # Operations.

    def _operation(self, box: Box) -> None:
        step = self._steps[box.step]
        rect = QRectF(box.left, box.top, box.width, box.height)
        painter = self._painter
        if step.kind == "addition":
            self._plus(rect)
            return
        if step.kind in ("input", "output"):
            self._end(rect, step)
            return
        faded = self._block.alpha == 0 and self._drawing.addition is not None and box.lane == "main"
        strong = step.kind in ("convolution", "linear")
        fill = mix(colour("raised"), colour("accent"), 0.28) if strong else colour("raised")
        fill.setAlphaF(0.45 if faded else 1.0)
        painter.setPen(QPen(colour("accent", 0.5) if strong else colour("line"), 1))
        painter.setBrush(fill)
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
        ink = colour("quiet" if faded else "text")
        if step.kind == "relu":
            self._hinge(rect, ink)
            return
        self._two_lines(rect, *_lines(step), strong=strong, faded=faded)

    def _two_lines(self, rect: QRectF, upper: str, lower: str, *, strong: bool, faded: bool) -> None:
        painter = self._painter
        font = resized(self._small, 1.0, bold=strong)
        metrics = QFontMetricsF(font)
        short = upper.rpartition(" ")[2] if metrics.horizontalAdvance(upper) > rect.width() - 4 else upper
        painter.setFont(font)
        painter.setPen(colour("quiet" if faded else "text"))
        height = metrics.height()
        top = rect.center().y() - (height if lower else height / 2)
        place = QRectF(rect.left(), top, rect.width(), height)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, elided(short, metrics, rect.width() - 2))
        if lower:
            painter.setFont(tabular(self._small))
            painter.setPen(colour("quiet"))
            below = place.translated(0, height)
            text = elided(lower, QFontMetricsF(self._small), rect.width() - 2)
            painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)

    def _hinge(self, rect: QRectF, ink: object) -> None:
        """ReLU as its graph."""
        middle, half = rect.center(), min(rect.width(), rect.height()) * 0.26
        painter = self._painter
        painter.setPen(QPen(colour("line"), 1))
        painter.drawLine(QLineF(middle.x(), middle.y() - half, middle.x(), middle.y() + half * 0.6))
        painter.setPen(QPen(ink, 1.75, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))  # type: ignore[call-overload]
        foot = middle.y() + half * 0.6
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(middle.x() - half, foot),
                    QPointF(middle.x(), foot),
                    QPointF(middle.x() + half, foot - 1.6 * half),
                ]
            )
        )

    def _plus(self, rect: QRectF) -> None:
        painter, middle = self._painter, rect.center()
        radius = min(rect.width(), rect.height()) / 2 - 2
        painter.setPen(QPen(colour("accent"), 2))
        painter.setBrush(colour("panel"))
        painter.drawEllipse(middle, radius, radius)
        arm = radius * 0.5
        painter.setPen(QPen(colour("accent"), 2, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QLineF(middle.x() - arm, middle.y(), middle.x() + arm, middle.y()))
        painter.drawLine(QLineF(middle.x(), middle.y() - arm, middle.x(), middle.y() + arm))

    def _end(self, rect: QRectF, step: Step) -> None:
        """x and y; y says whether the ReLU after the addition made it."""
        painter = self._painter
        painter.setPen(QPen(colour("quiet"), 1.25))
        painter.setBrush(colour("panel"))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), rect.height() / 2, rect.height() / 2)
        font = resized(self._font, 1.0, bold=True)
        font.setItalic(True)
        through_relu = step.kind == "output" and rectified(self._block)
        painter.setFont(font)
        painter.setPen(colour("text"))
        symbol = "x" if step.kind == "input" else "y"
        if not through_relu:
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, symbol)
            return
        half = QRectF(rect.left(), rect.top(), rect.width(), rect.height() / 2)
        painter.drawText(half.translated(0, rect.height() * 0.42), Qt.AlignmentFlag.AlignCenter, symbol)
        self._hinge(half.adjusted(0, 2, 0, 6), colour("quiet"))

    # Tensors.

    def _thumbnail(self, box: Box) -> None:
        image = self._thumbnails[box.step]
        if image.isNull():
            return
        side = min(THUMB - GRID, max(box.width, 2 * GRID))
        factor = side / max(image.width(), image.height())
        width, height = image.width() * factor, image.height() * factor
        rect = QRectF(box.left + (box.width - width) / 2, box.top + box.height + GRID * 0.75, width, height)
        self._painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        self._painter.drawImage(rect, image)
        self._painter.setPen(QPen(colour("text", 0.16), 1))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawRect(rect)
        step = self._steps[box.step]
        if step.symbol and step.symbol not in ("s(x)",):
            room = max(box.width + 2 * GRID, 8 * GRID)
            below = QRectF(box.left + box.width / 2 - room / 2, box.top + box.height + THUMB, room, 2.25 * GRID)
            self._text(below, f"‖{_short(step.symbol)}‖ {number_text(step.norm)}", Qt.AlignmentFlag.AlignHCenter)

    def _text(self, rect: QRectF, text: str, align: Qt.AlignmentFlag, *, token: str = "quiet") -> None:
        font = tabular(self._small)
        self._painter.setFont(font)
        self._painter.setPen(colour(token))
        self._painter.drawText(rect, align | Qt.AlignmentFlag.AlignVCenter, text)

    def _ring(self, index: int | None, pen: QPen) -> None:
        box = next((box for box in self._drawing.boxes if box.step == index), None)
        if box is not None:
            self._painter.setPen(pen)
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            rect = QRectF(box.left, box.top, box.width, box.height).adjusted(-3, -3, 3, 3)
            radius = rect.height() / 2 if self._steps[box.step].kind in ("input", "output") else _RADIUS + 3
            self._painter.drawRoundedRect(rect, radius, radius)


def _lines(step: Step) -> tuple[str, str]:
    """What is written on an operation: what it is, and how many channels come out."""
    title = step_title(step.kind)
    channels = str(step.shape[1]) if len(step.shape) > 1 else ""
    if step.kind in ("convolution", "pool") and step.kernel:
        title = f"{title} {step.kernel}×{step.kernel}"
        if step.stride > 1:
            channels = f"{channels} /{step.stride}"
    if step.kind == "norm":
        return title, ""
    return title, channels


def _short(symbol: str) -> str:
    return "Σ" if "+" in symbol else symbol
