"""What the spine shows and how it scrolls; `app.ui.spine` adds the pointer and the keyboard."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from app.core.lesions import Lesions, bypassed
from app.core.records import NetworkOutline
from app.ui.drawing import SMALL, resized
from app.ui.spine_colours import measured_colours
from app.ui.spine_geometry import Layout, lay_out, wanted_height
from app.ui.spine_paint import Scene, SpinePainter
from app.ui.spine_words import block_label, facts, tip
from app.ui.theme import colour, theme
from app.ui.tokens import GRID


class SpineView(QWidget):
    """Draws a network, coloured by a measurement; zooms and scrolls when told to.

    Signals:
        zoom_changed(zoom): 1 shows the whole network.
    """

    zoom_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("spine")
        self._outline: NetworkOutline | None = None
        self._index: dict[str, int] = {}
        self._values: dict[str, float] = {}
        self._fills: list[QColor | None] = []
        self._quantity = ""
        self._selected: int | None = None
        self._hovered: int | None = None
        self._cursor: int | None = None
        self._cursor_shown = False
        self._bypassed: frozenset[int] = frozenset()
        self._gates: dict[int, float] = {}
        self._swapped: frozenset[int] = frozenset()
        self._details: Mapping[str, Sequence[str]] = {}
        self._compact = False
        self._zoom = 1.0
        self._scroll = 0.0
        self._layout: Layout | None = None
        self._layout_ratio = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)
        self._describe()

    # --- what is shown ---

    def set_outline(self, outline: NetworkOutline | None) -> None:
        """Draw another network; measurement, selection and bypasses of the old one are forgotten."""
        self._outline = outline
        blocks = outline.blocks if outline else ()
        self._index = {block.name: index for index, block in enumerate(blocks)}
        self._selected = self._hovered = self._cursor = None
        self._bypassed, self._gates, self._swapped = frozenset(), {}, frozenset()
        self._details = {}
        self._zoom, self._scroll = 1.0, 0.0
        self.set_values(None)
        self._relayout()

    def set_values(
        self,
        values: Mapping[str, float] | None,
        *,
        lut_name: str = "inferno",
        limits: tuple[float, float] | None = None,
        log: bool = False,
        caption: str = "",
    ) -> None:
        """Colour blocks by a measurement, or by nothing.

        Args:
            values: By block name; blocks that are missing or not finite stay uncoloured.
            lut_name: A colour map of `app.render.colormaps`.
            limits: The values of the first and the last colour; None for the least and the greatest.
            log: Whether equal steps of colour are equal ratios; values that are not positive get the first colour.
            caption: What was measured, for tooltips and screen readers ("gradient norm").
        """
        self._values = dict(values) if values else {}
        self._quantity = caption
        self._fills = [None] * len(self._index)
        finite = {name: value for name, value in self._values.items() if math.isfinite(value) and name in self._index}
        if finite:
            colours = measured_colours(list(finite.values()), lut_name, limits, log)
            for name, fill in zip(finite, colours, strict=True):
                self._fills[self._index[name]] = fill
        self._describe()
        self.update()

    def set_selected(self, name: str | None) -> None:
        """Mark the block where the heatmap is made; scrolls it into view."""
        self._selected = self._index.get(name or "")
        self._cursor = self._selected if self._selected is not None else self._cursor
        if self._selected is not None:
            self._reveal(self._selected)
        self._describe()
        self.update()

    def set_bypassed(self, names: Iterable[str]) -> None:
        """Mark the blocks that the signal passes by on their skip connections."""
        self._bypassed = frozenset(self._index[name] for name in names if name in self._index)
        self._describe()
        self.update()

    def set_lesions(self, lesions: Lesions) -> None:
        """Mark what was done to the network: blocks passed by, gated (filled as far as they count), swapped."""
        gates = {one.block: one.alpha for one in lesions if one.kind == "gate"}
        swapped = {name for one in lesions if one.kind == "swap" for name in one.blocks}
        self._gates = {self._index[name]: alpha for name, alpha in gates.items() if name in self._index}
        self._swapped = frozenset(self._index[name] for name in swapped if name in self._index)
        self.set_bypassed(bypassed(lesions))

    def set_details(self, details: Mapping[str, Sequence[str]]) -> None:
        """Say more of each block in its tooltip and to screen readers: short phrases by the block's name."""
        self._details = details
        self._describe()

    def set_compact(self, compact: bool) -> None:
        """Low blocks and no captions, for several spines below each other."""
        self._compact = compact
        self.updateGeometry()
        self._relayout()

    @property
    def outline(self) -> NetworkOutline | None:
        """The network that is drawn."""
        return self._outline

    @property
    def selected(self) -> str | None:
        """The selected block's name."""
        return self._name(self._selected)

    @property
    def bypassed(self) -> frozenset[str]:
        """The bypassed blocks' names."""
        blocks = self._outline.blocks if self._outline else ()
        return frozenset(blocks[index].name for index in self._bypassed)

    @property
    def zoom(self) -> float:
        """1 where the whole network is shown."""
        return self._zoom

    def set_zoom(self, zoom: float, at: float | None = None) -> None:
        """Zoom; the block at a horizontal place (the middle, unless told) stays there."""
        layout = self._laid_out()
        if layout is None:
            return
        zoom = min(max(zoom, 1.0), layout.max_zoom)
        if zoom == self._zoom:
            return
        x = self.width() / 2 if at is None else at
        anchor = layout.place_of(x + self._scroll)
        self._zoom = zoom
        self._layout = None
        layout = self._laid_out()
        assert layout is not None
        self._scroll_to(layout.x_of(anchor) - x)
        self.zoom_changed.emit(zoom)
        self.update()

    def block_rect(self, name: str) -> QRect:
        """Where a block is drawn, in the widget's coordinates; empty where there is no such block."""
        layout, index = self._laid_out(), self._index.get(name)
        if layout is None or index is None:
            return QRect()
        left = layout.lefts[index] - self._scroll
        return QRect(math.floor(left), round(layout.top), max(1, math.ceil(layout.widths[index])), round(layout.height))

    def sizeHint(self) -> QSize:
        return QSize(60 * GRID, wanted_height(self._caption_height(), compact=self._compact))

    def minimumSizeHint(self) -> QSize:
        return QSize(16 * GRID, wanted_height(0, compact=True))

    @staticmethod
    def thumbnail(outline: NetworkOutline, size: QSize, ratio: float = 1.0) -> QPixmap:
        """A network's portrait on a transparent ground, `size` in logical pixels."""
        pixmap = QPixmap(size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        compact = size.height() < 8 * GRID
        layout = lay_out(outline.blocks, size.width(), size.height(), compact=compact, ratio=ratio)
        scene = Scene(outline, layout, [None] * len(outline.blocks), captions=False, texts=False)
        with QPainter(pixmap) as painter:
            SpinePainter(painter, scene, width=size.width(), ratio=ratio).paint(QApplication.font())
        return pixmap

    # --- layout ---

    def _caption_height(self) -> float:
        return 0.0 if self._compact else QFontMetricsF(resized(self.font(), SMALL)).height()

    def _laid_out(self) -> Layout | None:
        if self._outline is None or not self._outline.blocks:
            return None
        ratio = self.devicePixelRatioF()
        if self._layout is None or self._layout_ratio != ratio:
            self._layout_ratio = ratio
            self._layout = lay_out(
                self._outline.blocks,
                self.width(),
                self.height(),
                zoom=self._zoom,
                compact=self._compact,
                caption_height=self._caption_height(),
                ratio=ratio,
            )
            self._zoom = min(self._zoom, self._layout.max_zoom)
            self._scroll = min(self._scroll, max(0.0, self._layout.width - self.width()))
        return self._layout

    def _relayout(self) -> None:
        self._layout = None
        self.update()

    def _scroll_to(self, scroll: float) -> None:
        layout = self._laid_out()
        if layout is not None:
            ratio = self.devicePixelRatioF()
            scroll = min(max(0.0, scroll), max(0.0, layout.width - self.width()))
            self._scroll = math.floor(scroll * ratio) / ratio
            self.update()

    def _reveal(self, index: int) -> None:
        layout = self._laid_out()
        if layout is None:
            return
        left, right = layout.lefts[index] - GRID, layout.lefts[index] + layout.widths[index] + GRID
        if left < self._scroll or right > self._scroll + self.width():
            self._scroll_to((left + right - self.width()) / 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._relayout()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.ApplicationFontChange, QEvent.Type.LanguageChange):
            self.updateGeometry()
            self._relayout()
            self._describe()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            layout = self._laid_out()
            if layout is None or self._outline is None:
                painter.setPen(colour("quiet"))
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("Choose a model to see its blocks"))
                return
            scene = self._scene(self._outline, layout)
            SpinePainter(painter, scene, width=self.width(), ratio=self._layout_ratio).paint(QFont(self.font()))

    def _scene(self, outline: NetworkOutline, layout: Layout) -> Scene:
        return Scene(
            outline,
            layout,
            self._fills,
            scroll=self._scroll,
            selected=self._selected,
            hovered=self._hovered if self.isEnabled() else None,
            focused=self._cursor if self.hasFocus() and self._cursor_shown else None,
            bypassed=self._bypassed,
            gates=self._gates,
            swapped=self._swapped,
            captions=not self._compact,
        )

    # --- in words ---

    def _name(self, index: int | None) -> str | None:
        return None if index is None or self._outline is None else self._outline.blocks[index].name

    def _describe(self) -> None:
        """Tell screen readers which block has the focus; Qt announces the change."""
        if self._outline is None:
            self.setAccessibleName(self.tr("Network"))
            self.setAccessibleDescription(self.tr("No model is loaded."))
            return
        index = self._cursor if self._cursor is not None else self._selected
        title = self._outline.title
        if index is None:
            self.setAccessibleName(title)
            keys = self.tr("Arrow keys go from block to block, Enter chooses, Space bypasses.")
            self.setAccessibleDescription(f"{self.tr('{0} blocks.').format(len(self._index))} {keys}")
            return
        block = self._outline.blocks[index]
        self.setAccessibleName(self.tr("{network}: {block}").format(network=title, block=block_label(block)))
        self.setAccessibleDescription(", ".join(self._facts(index)))

    def block_tip(self, name: str) -> str:
        """What the tooltip says of a block, as HTML."""
        assert self._outline is not None
        return tip(self._outline.blocks[self._index[name]], self._facts(self._index[name]))

    def _facts(self, index: int) -> list[str]:
        assert self._outline is not None
        block = self._outline.blocks[index]
        known = facts(
            block,
            quantity=self._quantity,
            value=self._values.get(block.name),
            bypassed=index in self._bypassed,
            selected=index == self._selected,
        )
        if index in self._gates:
            known.append(self.tr("counts {0} %").format(round(100 * self._gates[index])))
        if index in self._swapped:
            known.append(self.tr("swapped"))
        return [*known, *self._details.get(block.name, ())]
