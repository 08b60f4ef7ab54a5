"""Which part of a picture is seen, and how large. Plain numbers, no Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

_MARGIN_SHARE, _LEAST_MARGIN, _MOST_MARGIN = 0.06, 16.0, 40.0
LARGEST = 64.0  # device pixels per picture pixel


@dataclass(frozen=True)
class CanvasView:
    """A picture's place in the widget; every change gives a new view.

    Attributes:
        width, height: Of the widget, in logical pixels.
        picture_width, picture_height: In picture pixels.
        ratio: Device pixels per logical pixel.
        scale: Logical pixels per picture pixel.
        left, top: Of the picture, in the widget.
        fitted: Whether the picture follows the widget's size.
    """

    width: float
    height: float
    picture_width: int
    picture_height: int
    ratio: float = 1.0
    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0
    fitted: bool = True

    @property
    def margin(self) -> float:
        """What stays free round a fitted picture."""
        return min(_MOST_MARGIN, max(_LEAST_MARGIN, _MARGIN_SHARE * min(self.width, self.height)))

    @property
    def fit_scale(self) -> float:
        """The scale at which the whole picture is seen."""
        room_x = max(1.0, self.width - 2 * self.margin)
        room_y = max(1.0, self.height - 2 * self.margin)
        return min(room_x / self.picture_width, room_y / self.picture_height, LARGEST / self.ratio)

    @property
    def zoom(self) -> float:
        """Device pixels per picture pixel: 1 is 100 %."""
        return self.scale * self.ratio

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) of the picture in the widget."""
        return self.picture_width * self.scale, self.picture_height * self.scale

    @property
    def movable(self) -> bool:
        """Whether part of the picture is out of sight."""
        return self.size[0] > self.width or self.size[1] > self.height

    def fit(self) -> CanvasView:
        """The whole picture, in the middle."""
        return replace(self, scale=self.fit_scale, fitted=True)._settled()

    def resized(self, width: float, height: float, ratio: float) -> CanvasView:
        """The same view in a widget of another size: what was in the middle stays there."""
        moved = replace(
            self,
            width=width,
            height=height,
            ratio=ratio,
            left=self.left + (width - self.width) / 2,
            top=self.top + (height - self.height) / 2,
        )
        return moved.fit() if self.fitted else moved._settled()

    def zoomed(self, zoom: float, x: float, y: float) -> CanvasView:
        """Another zoom; the picture's place under (x, y) stays there. Ends at the whole picture on the way out."""
        least = min(self.fit_scale, 1 / self.ratio)
        scale = min(max(zoom / self.ratio, least), LARGEST / self.ratio)
        if abs(scale - self.fit_scale) < 1e-9:
            return self.fit()
        grown = scale / self.scale
        left, top = x + (self.left - x) * grown, y + (self.top - y) * grown
        return replace(self, scale=scale, left=left, top=top, fitted=False)._settled()

    def moved(self, across: float, down: float) -> CanvasView:
        """Shifted by logical pixels, as far as there is something to see."""
        return replace(self, left=self.left + across, top=self.top + down)._settled()

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """A place in the widget, in picture pixels."""
        return (x - self.left) / self.scale, (y - self.top) / self.scale

    def to_widget(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in picture pixels, in the widget."""
        left, top, right, bottom = box
        return (
            self.left + left * self.scale,
            self.top + top * self.scale,
            self.left + right * self.scale,
            self.top + bottom * self.scale,
        )

    def _settled(self) -> CanvasView:
        """Centred where the picture is smaller than the widget; elsewhere with no more than the margin free."""
        across, down = self.size
        left = _settle(self.left, across, self.width, self.margin)
        top = _settle(self.top, down, self.height, self.margin)
        return replace(self, left=left, top=top)


def _settle(start: float, length: float, room: float, margin: float) -> float:
    if length <= room:
        return (room - length) / 2
    return min(max(start, room - length - margin), margin)
