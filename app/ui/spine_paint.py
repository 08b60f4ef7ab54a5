"""How the spine looks: paints one laid-out network. Colours come from the theme at the moment of painting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QCoreApplication, QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QTransform,
)

from app.core.records import BlockInfo, NetworkOutline
from app.ui.drawing import SMALL, mix, resized, snap
from app.ui.spine_colours import ink_on, network_token, neutral_fill
from app.ui.spine_geometry import CAPTION_GAP, Layout, Stage
from app.ui.theme import colour
from app.ui.tokens import GRID

_RADIUS = 6.0
_RING = 2.0  # the width of the ring around the selected block; half as much again lies between it and the block
_ARC_WIDTH = 1.5
_SMALLEST_MARK = 5.0  # on a heat strip, a mark may not be thinner than this
_RIM = 0.16  # how strongly the hairline round a block shows
_LANES_FROM = 20.0  # an inception block this wide shows its four branches


@dataclass
class Scene:
    """What is to be painted.

    Attributes:
        outline, layout: The network and where its blocks are.
        fills: A measured colour per block, None where there is none.
        scroll: How much of the row is hidden to the left.
        selected, hovered, focused: Indices of blocks, or None.
        bypassed: Indices of the blocks that the signal passes by.
        gates: How much of a block's branch counts, by the block's index, 0 to 1.
        swapped: Indices of the blocks that stand at other places than in the network.
        captions: Whether stages are named.
        texts: Whether chips are named.
    """

    outline: NetworkOutline
    layout: Layout
    fills: list[QColor | None]
    scroll: float = 0.0
    selected: int | None = None
    hovered: int | None = None
    focused: int | None = None
    bypassed: frozenset[int] = field(default_factory=frozenset)
    gates: Mapping[int, float] = field(default_factory=dict)
    swapped: frozenset[int] = field(default_factory=frozenset)
    captions: bool = True
    texts: bool = True


def stage_caption(stage: Stage) -> str:
    """“stage 3 · 6 blocks”."""
    count = stage.last - stage.first + 1
    tr = QCoreApplication.translate
    if stage.layers:
        text = tr("Spine", "stage {0} · 1 layer") if count == 1 else tr("Spine", "stage {0} · {1} layers")
    else:
        text = tr("Spine", "stage {0} · 1 block") if count == 1 else tr("Spine", "stage {0} · {1} blocks")
    return text.format(stage.number, count)


def chip_text(block: BlockInfo) -> str:
    """What is written on the stem's or the head's chip: “stem”, “fc”."""
    if block.kind == "stem":
        return QCoreApplication.translate("Spine", "stem")
    return block.name if block.name.isalpha() and len(block.name) <= 3 else QCoreApplication.translate("Spine", "head")


class SpinePainter:
    """Paints a scene with a painter that is already at the widget's origin.

    Args:
        painter: With any font; the caller ends it.
        scene: What to paint.
        width: Of the widget, in logical pixels.
        ratio: Device pixels per logical pixel.
    """

    def __init__(self, painter: QPainter, scene: Scene, *, width: float, ratio: float) -> None:
        self._painter = painter
        self._scene = scene
        self._layout = scene.layout
        self._width = width
        self._ratio = ratio
        network, stages = network_token(scene.outline), scene.layout.stages
        steps = max(1, len(stages) - 1)
        self._neutral = {stage.number: neutral_fill(network, place / steps) for place, stage in enumerate(stages)}
        self._shown = scene.layout.visible(scene.scroll, scene.scroll + width)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def paint(self, font: QFont) -> None:
        """Paint everything, the marks of selection and focus last."""
        self._signal_line()
        self._arcs()
        if self._layout.mode == "strip":
            self._strips()
        else:
            self._blocks()
        for index in self._layout.chips:
            self._chip(index, font)
        self._bypassed_blocks()
        self._gated_blocks()
        self._swapped_blocks()
        self._marks()
        if self._scene.captions and self._layout.caption_top < self._bottom():
            self._stage_captions(resized(font, SMALL))

    def _bottom(self) -> float:
        return self._layout.top + self._layout.height + 2 * CAPTION_GAP

    def _rect(self, index: int) -> QRectF:
        layout = self._layout
        left = layout.lefts[index] - self._scene.scroll
        if layout.mode != "strip" or index in layout.chips:
            left = snap(left, self._ratio)
        return QRectF(left, layout.top, layout.widths[index], layout.height)

    def _marked_rect(self, index: int) -> QRectF:
        """The block's rectangle, wide enough to be found on a heat strip."""
        rect = self._rect(index)
        missing = _SMALLEST_MARK - rect.width()
        return rect.adjusted(-missing / 2, 0, missing / 2, 0) if missing > 0 else rect

    def _radius(self, rect: QRectF) -> float:
        return min(_RADIUS, rect.width() / 2, rect.height() / 2)

    def _signal_line(self) -> None:
        layout = self._layout
        start = layout.lefts[0] + layout.widths[0] / 2 - self._scene.scroll
        stop = layout.lefts[-1] + layout.widths[-1] / 2 - self._scene.scroll
        self._painter.setPen(QPen(mix(colour("line"), colour("quiet"), 0.35), _ARC_WIDTH))
        y = snap(layout.middle, self._ratio)
        self._painter.drawLine(QLineF(max(start, -GRID), y, min(stop, self._width + GRID), y))

    # --- skip connections ---

    def _arcs(self) -> None:
        if self._layout.mode == "strip":
            self._stage_arcs()
            return
        blocks = self._scene.outline.blocks
        solid, dashed, marked = (self._arc_sprite(style) for style in ("solid", "dashed", "marked"))
        y = self._layout.top - self._layout.arc - 2
        for index in self._shown:
            kind = blocks[index].shortcut
            if kind == "none":
                continue
            special = index in self._scene.bypassed or index == self._scene.selected
            sprite = marked if special else solid if kind == "identity" else dashed
            self._painter.drawPixmap(QPointF(self._rect(index).left() - self._layout.gap / 2 - 2, y), sprite)

    def _arc_sprite(self, style: str) -> QPixmap:
        """One arc, from the gap before a block, over it, to the gap after it.

        They are all alike, and drawing hundreds of curves as one path takes time that grows with their square.
        """
        layout = self._layout
        pen = QPen(colour("quiet", 0.85), _ARC_WIDTH, c=Qt.PenCapStyle.FlatCap)
        if style == "marked":
            pen = QPen(colour("accent"), 2.0, c=Qt.PenCapStyle.FlatCap)
        elif style == "dashed":
            pen.setDashPattern([2.2, 1.8])
        sprite = self._sprite(QSizeF(layout.pitch + 4, layout.arc + 4))
        with QPainter(sprite) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(pen)
            painter.drawArc(QRectF(2, 2, layout.pitch, 2 * layout.arc), 0, 180 * 16)
        return sprite

    def _stage_arcs(self) -> None:
        """Too many to tell apart: one bracket over every stage that has any."""
        blocks = self._scene.outline.blocks
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setPen(QPen(colour("quiet", 0.85), _ARC_WIDTH))
        foot = self._layout.top - 3
        for stage in self._layout.stages:
            if all(block.shortcut == "none" for block in blocks[stage.first : stage.last + 1]):
                continue
            left, right = stage.left - self._scene.scroll, stage.right - self._scene.scroll
            if right < -GRID or left > self._width + GRID:
                continue
            bend = min(GRID, (right - left) / 2)
            path = QPainterPath(QPointF(left, foot))
            path.arcTo(QRectF(left, foot - GRID, 2 * bend, 2 * GRID), 180, -90)
            path.arcTo(QRectF(right - 2 * bend, foot - GRID, 2 * bend, 2 * GRID), 90, -90)
            self._painter.drawPath(path)

    # --- blocks ---

    def _fill(self, index: int) -> QColor:
        measured = self._scene.fills[index]
        if measured is not None:
            return measured
        return self._neutral[self._scene.outline.blocks[index].stage]

    def _blocks(self) -> None:
        painter = self._painter
        painter.setPen(Qt.PenStyle.NoPen)
        rim = self._rim_sprite()
        for index in self._shown:
            if index in self._scene.bypassed or index in self._layout.chips:
                continue
            rect = self._rect(index)
            radius = self._radius(rect)
            fill = self._fill(index)
            painter.setBrush(fill)
            painter.drawRoundedRect(rect, radius, radius)
            painter.drawPixmap(rect.topLeft(), rim)
            if self._scene.outline.blocks[index].kind == "inception" and rect.width() >= _LANES_FROM:
                self._lanes(rect, fill)

    def _rim_sprite(self) -> QPixmap:
        """A hairline round a block: the darkest and the lightest colours would melt into the ground."""
        layout = self._layout
        size = QSizeF(layout.pitch - layout.gap, layout.height)
        sprite = self._sprite(size)
        hairline = 1 / self._ratio
        rect = QRectF(0, 0, size.width(), size.height())
        rect.adjust(hairline / 2, hairline / 2, -hairline / 2, -hairline / 2)
        radius = self._radius(rect)
        with QPainter(sprite) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(colour("text", _RIM), hairline))
            painter.drawRoundedRect(rect, radius, radius)
        return sprite

    def _sprite(self, size: QSizeF) -> QPixmap:
        """A transparent pixmap of that many logical pixels."""
        sprite = QPixmap(math.ceil(size.width() * self._ratio), math.ceil(size.height() * self._ratio))
        sprite.setDevicePixelRatio(self._ratio)
        sprite.fill(Qt.GlobalColor.transparent)
        return sprite

    def _lanes(self, rect: QRectF, fill: QColor) -> None:
        """An inception block's four branches run side by side."""
        self._painter.setPen(QPen(mix(fill, ink_on(fill), 0.4), 1))
        for lane in (1, 2, 3):
            y = snap(rect.top() + lane * rect.height() / 4, self._ratio) + 0.5 / self._ratio
            self._painter.drawLine(QLineF(rect.left() + 5, y, rect.right() - 5, y))
        self._painter.setPen(Qt.PenStyle.NoPen)

    def _strips(self) -> None:
        for stage in self._layout.stages:
            left, right = stage.left - self._scene.scroll, stage.right - self._scene.scroll
            if right < 0 or left > self._width:
                continue
            fills = [self._fill(index) for index in range(stage.first, stage.last + 1)]
            rect = QRectF(left, self._layout.top, right - left, self._layout.height)
            radius = self._radius(rect)
            inset = 0.5 / self._ratio
            self._painter.setPen(QPen(colour("text", _RIM), 1 / self._ratio))
            self._painter.setBrush(self._strip_brush(fills, rect))
            self._painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius, radius)

    def _strip_brush(self, fills: list[QColor], rect: QRectF) -> QBrush:
        image = QImage(len(fills), 1, QImage.Format.Format_RGB32)
        for place, fill in enumerate(fills):
            image.setPixelColor(place, 0, fill)
        columns = max(1, round(rect.width() * self._ratio))
        if columns < len(fills):
            image = image.scaled(
                columns, 1, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        brush = QBrush(image)
        brush.setTransform(QTransform(rect.width() / image.width(), 0, 0, rect.height(), rect.left(), rect.top()))
        return brush

    def _chip(self, index: int, font: QFont) -> None:
        rect = self._rect(index)
        if rect.right() < 0 or rect.left() > self._width:
            return
        painter = self._painter
        fill = self._scene.fills[index] or colour("raised")
        painter.setPen(QPen(colour("line"), 1) if self._scene.fills[index] is None else Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        half = 0.5
        radius = self._radius(rect)
        painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius, radius)
        if not self._scene.texts:
            return
        text = chip_text(self._scene.outline.blocks[index])
        small = resized(font, SMALL)
        if QFontMetricsF(small).horizontalAdvance(text) <= rect.width() - 6:
            measured = self._scene.fills[index] is not None
            painter.setFont(small)
            painter.setPen(ink_on(fill) if measured else colour("quiet"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _bypassed_blocks(self) -> None:
        painter = self._painter
        for index in sorted(self._scene.bypassed):
            if index not in self._shown:
                continue
            rect = self._marked_rect(index)
            if self._layout.mode == "strip":
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour("raised"))
                painter.drawRect(rect.adjusted(0, -1, 0, 1))
                painter.setBrush(colour("accent"))
                painter.drawRoundedRect(QRectF(rect.left(), rect.top() - 8, rect.width(), 5), 2, 2)
                continue
            inner = rect.adjusted(0.75, 0.75, -0.75, -0.75)
            radius = self._radius(inner)
            pen = QPen(colour("quiet"), 1.5, c=Qt.PenCapStyle.FlatCap)
            diagonal = rect.width() >= 14
            if diagonal:
                pen.setDashPattern([2.0, 1.6])
            painter.setPen(pen)
            painter.setBrush(colour("raised"))
            painter.drawRoundedRect(inner, radius, radius)
            if diagonal:
                painter.setPen(QPen(colour("quiet"), 1.5, c=Qt.PenCapStyle.RoundCap))
                painter.drawLine(inner.bottomLeft() + QPointF(6, -6), inner.topRight() + QPointF(-6, 6))

    def _gated_blocks(self) -> None:
        """A gated block is filled as far as its branch counts, like a glass."""
        painter = self._painter
        for index, alpha in self._scene.gates.items():
            if index not in self._shown:
                continue
            rect = self._marked_rect(index)
            radius = self._radius(rect)
            whole, empty = QPainterPath(), QPainterPath()
            whole.addRoundedRect(rect, radius, radius)
            empty.addRect(QRectF(rect.left(), rect.top(), rect.width(), rect.height() * (1 - alpha)))
            painter.fillPath(whole.intersected(empty), colour("raised"))
            painter.setPen(QPen(colour("quiet"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)

    def _swapped_blocks(self) -> None:
        """A dot under each block that changed places."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(colour("plain"))
        for index in self._scene.swapped & set(self._shown):
            rect = self._marked_rect(index)
            self._painter.drawEllipse(QPointF(rect.center().x(), rect.bottom() + 5), 2.5, 2.5)

    # --- marks ---

    def _marks(self) -> None:
        scene = self._scene
        painter = self._painter
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if scene.hovered is not None and scene.hovered != scene.selected:
            self._ring(scene.hovered, QPen(colour("text", 0.75), 1.5))
        if scene.selected is not None:
            self._ring(scene.selected, QPen(colour("accent"), _RING))
        if scene.focused is not None:
            rect = self._marked_rect(scene.focused)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("text"))
            width = max(_SMALLEST_MARK, rect.width() * 0.6)
            top = rect.bottom() + 5
            painter.drawRoundedRect(QRectF(rect.center().x() - width / 2, top, width, 3), 1.5, 1.5)

    def _ring(self, index: int, pen: QPen) -> None:
        out = pen.widthF() / 2 + _RING / 2
        rect = self._marked_rect(index).adjusted(-out, -out, out, out)
        radius = self._radius(self._marked_rect(index)) + out
        self._painter.setPen(pen)
        self._painter.drawRoundedRect(rect, radius, radius)

    def _stage_captions(self, font: QFont) -> None:
        metrics = QFontMetricsF(font)
        self._painter.setFont(font)
        self._painter.setPen(colour("quiet"))
        places = []
        for stage in self._layout.stages:
            # Centred under what is to be seen of the stage: a long one keeps its name while it is scrolled.
            left = max(0.0, stage.left - self._scene.scroll)
            right = min(self._width, stage.right - self._scene.scroll)
            if right - left >= GRID:
                out = (self._layout.spacing - GRID) / 2
                place = QRectF(left - out, self._layout.caption_top, right - left + 2 * out, metrics.height())
                cut = stage.left < self._scene.scroll or stage.right > self._scene.scroll + self._width
                places.append((stage, place, cut))
        # One form for all that are wholly to be seen, the longest that fits everywhere.
        whole = [(stage, place) for stage, place, cut in places if not cut]
        fits = [
            all(metrics.horizontalAdvance(_captions(stage)[form]) <= place.width() for stage, place in whole)
            for form in range(3)
        ]
        common = fits.index(True) if True in fits else 2
        for stage, place, cut in places:
            texts = _captions(stage)[0 if cut else common :]
            text = next((text for text in texts if metrics.horizontalAdvance(text) <= place.width()), "")
            self._painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def _captions(stage: Stage) -> tuple[str, str, str]:
    short = QCoreApplication.translate("Spine", "stage {0}").format(stage.number)
    return stage_caption(stage), short, str(stage.number)
