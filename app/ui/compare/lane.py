"""One model of the comparison: which, the picture with its map, what it says, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.ui.drawing import image_from
from app.ui.model_library import ModelLibrary
from app.ui.models.model_picker import ModelPicker
from app.ui.models.words import count, mebibytes
from app.ui.naming import named
from app.ui.prediction_bars import PredictionBars
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Answer, Frame, ModelInfo, Pixels
    from app.ui.compare.stopwatch import Timing

TOP = 5
MEBI = 1 << 20


class MapView(QWidget):
    """A picture with a heatmap on it, as large as there is room; the rest of its lane's looks."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._image: QImage | None = None
        self._text = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme().changed.connect(self.update)

    def set_pixels(self, pixels: Pixels | None) -> None:
        """Show (H, W, 3) uint8 RGB pixels, or nothing."""
        before = self.heightForWidth(self.width())
        self._image = None if pixels is None else image_from(pixels)
        if self.heightForWidth(self.width()) != before:
            self.updateGeometry()
        self.update()

    def set_text(self, text: str) -> None:
        """What to say where there is no picture, or while it is old."""
        self._text = text
        self.setAccessibleDescription(text)
        self.update()

    @property
    def shown(self) -> bool:
        """Whether a picture is there."""
        return self._image is not None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """As the picture, but no higher than wide."""
        if self._image is None:
            return round(0.75 * width)
        return min(width, max(8 * GRID, round(width * self._image.height() / self._image.width())))

    def sizeHint(self) -> QSize:
        return QSize(28 * GRID, 21 * GRID)

    def minimumSizeHint(self) -> QSize:
        return QSize(12 * GRID, 14 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
            if self._image is not None:
                size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
                place = QRectF((self.width() - size.width()) / 2, 0, size.width(), size.height())
                rounded = QPainterPath()
                rounded.addRoundedRect(place, GRID, GRID)
                painter.setClipPath(rounded)
                painter.drawImage(place, self._image)
                painter.setClipping(False)
            if self._text:
                painter.setPen(colour("quiet"))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(GRID, 0, -GRID, 0), flags, self._text)


class Lane(QFrame):
    """One of the columns.

    Args:
        place: From 0.

    Signals:
        chosen(place, reference): the user wants another model here; "" for none.
    """

    chosen = Signal(int, str)

    def __init__(self, place: int, library: ModelLibrary) -> None:
        super().__init__()
        self.place = place
        self.setObjectName(f"compareLane{place}")
        self.setProperty("role", "card")
        self.model: ModelInfo | None = None
        self.view: NetworkView | None = None
        self.answer: Answer | None = None
        self._note = ""
        self._timing: Timing | None = None
        self.picker = ModelPicker(
            f"compareModel{place}", self.tr("Model {0}").format(place + 1), library, empty=self.tr("No model")
        )
        self.map = MapView(f"compareMap{place}")
        self.map.setAccessibleName(self.tr("Map of model {0}").format(place + 1))
        self.bars = PredictionBars(self)
        self.bars.setObjectName(f"compareBars{place}")
        self.bars.setEnabled(False)
        self.facts = named(QLabel(), f"compareFacts{place}")
        self.facts.setProperty("role", "quiet")
        self.facts.setWordWrap(True)
        self.facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # all lanes are equally wide
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self.picker)
        layout.addWidget(self.map)
        layout.addWidget(self.bars)
        layout.addWidget(self.facts)
        layout.addStretch(1)
        self.picker.model_chosen.connect(lambda reference: self.chosen.emit(self.place, reference))
        self.clear()

    @property
    def reference(self) -> str:
        """The chosen model, or ""."""
        return self.picker.reference

    @property
    def name(self) -> str:
        """What the model is called here."""
        return str(self.picker.currentText())

    def clear(self, text: str = "") -> None:
        """Forget the answer; say something in its place."""
        self._note, self._timing = "", None
        self.view, self.answer = None, None
        self.map.set_pixels(None)
        self.map.set_text(text or ("" if self.reference else self.tr("Choose a model to compare")))
        self.bars.set_rows([], -1)
        self.bars.setVisible(bool(self.reference))
        self.facts.setText("")
        self.facts.setToolTip("")

    def show_answer(self, model: ModelInfo, view: NetworkView, answer: Answer, *, note: str = "") -> None:
        """Show what the model says, and its cost, below a note if need be; the map comes when its scale is known."""
        self.model, self.view, self.answer = model, view, answer
        top = answer.prediction.top(TOP)
        probabilities = answer.prediction.probabilities
        explained = answer.heatmap.target if answer.heatmap else -1
        self.bars.set_rows([(index, model.labels[index], float(probabilities[index])) for index in top], explained)
        self.bars.show()
        self.map.set_text("")
        self._note = note
        self._show_facts()
        words = self.tr("{0}: {1}, {2:.1f} %").format(
            model.title, model.labels[top[0]], 100 * float(probabilities[top[0]])
        )
        self.map.setAccessibleDescription(words)

    def show_timing(self, timing: Timing | None) -> None:
        """How long the model takes; None while nothing is measured."""
        self._timing = timing
        self._show_facts()

    def _show_facts(self) -> None:
        model, answer, timing = self.model, self.answer, self._timing
        if model is None or answer is None:
            return
        parameters = model.outline.parameters
        took = self.tr("… ms") if timing is None else self.tr("{0} ms").format(f"{timing.median:.1f}")
        operations = self.tr("{0} multiply-adds").format(count(timing.multiply_adds)) if timing else ""
        lines = [
            self._note,
            f"{took} · {operations}" if operations else took,
            f"{self.tr('{0} parameters').format(count(parameters))} · {mebibytes(4 * parameters / MEBI)}",
            self.tr("{0} classes").format(f"{len(model.labels):,}"),
            model.preprocessing.summary,
        ]
        self.facts.setText("\n".join(line for line in lines if line))
        self.facts.setToolTip(self._facts_tip(answer, timing))

    def _facts_tip(self, answer: Answer, timing: Timing | None) -> str:
        what = self.tr("class and map") if answer.heatmap is not None else self.tr("the class")
        tip = self.tr("This answer, {0}, took {1} ms on {2}.").format(what, f"{answer.milliseconds:.1f}", answer.device)
        if timing is None:
            return self.tr("The time of a warm call is measured when all models have answered.") + "\n" + tip
        measured = self.tr(
            "Median of {0} calls after one to warm up, in turns with the other models:\n"
            "one picture, the class alone ({1} to {2} ms)."
        ).format(timing.calls, f"{timing.least:.1f}", f"{timing.most:.1f}")
        more = "" if timing.over else " " + self.tr("More calls follow.")
        size = self.tr("Parameters are counted as 32-bit numbers; multiply-adds of one picture, as it was run.")
        return f"{measured}{more}\n{tip}\n{size}"


def coloured(frame: Frame, answers: list[tuple[int, Any, Any]], *, opacity: float, name: str, side: int) -> Any:
    """Every map over the picture on one scale.

    Args:
        answers: (lane, heatmap or None, box of the crop in the picture) each.
        side: To which the picture's longer side is made smaller first, in pixels.

    Returns:
        The scale (low, high), whether it is signed, and (lane, (H, W, 3) uint8 RGB) each.
    """
    import numpy as np
    from PIL import Image

    from app.render import overlay

    picture = Image.fromarray(frame.pixels)
    scale = min(4.0, side / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    enlarging = scale > 1
    pixels = np.asarray(picture.resize(size, Image.Resampling.NEAREST if enlarging else Image.Resampling.BILINEAR))
    maps = [heatmap for _, heatmap, _ in answers if heatmap is not None]
    limits = overlay.limits(*maps) if maps else (0.0, 0.0)
    shown = []
    for lane, heatmap, box in answers:
        if heatmap is None:
            shown.append((lane, pixels))
            continue
        small = tuple(edge * length / full for edge, length, full in zip(box, size * 2, picture.size * 2, strict=True))
        shown.append((lane, overlay.composite(pixels, heatmap, small, opacity=opacity, name=name, scale=limits)))
    return limits, any(heatmap.signed for heatmap in maps), shown
