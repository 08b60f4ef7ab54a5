"""What the checkpoint doctor inferred: each question with its answer, how surely, and the ranking to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.ui.models.words import tr
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.zoo.verdict import Verdict

_COLOURS = {"sure": "good", "likely": "accent", "unsure": "plain"}


def question_title(question: str) -> str:
    """A question's name on the screen."""
    titles = {
        "architecture": tr("Blocks"),
        "normalisation": tr("Normalisation"),
        "shortcut": tr("Shortcuts without parameters"),
        "stem": tr("Stem"),
        "stride": tr("Stride in the blocks"),
        "reads": tr("Before the shortcut"),
        "head": tr("Head"),
        "last stage": tr("Last stage"),
        "projection": tr("Projection"),
        "agreement": tr("Does it all fit?"),
    }
    return titles.get(question, question)


class SurenessChip(QLabel):
    """“sure”, “likely” or “unsure”, with a dot in a colour of its own."""

    def __init__(self, sureness: str) -> None:
        words = {"sure": tr("sure"), "likely": tr("likely"), "unsure": tr("unsure")}
        super().__init__(words[sureness])
        self._colour = _COLOURS[sureness]
        self.setContentsMargins(2 * GRID, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._colour))
        painter.drawEllipse(QRectF(GRID / 4, self.height() / 2 - GRID / 2, GRID, GRID))


class RankingBars(QWidget):
    """Every answer that was tried with its disagreement; the shortest bar is the best."""

    def __init__(self, ranking: tuple[tuple[str, float], ...], chosen: str) -> None:
        super().__init__()
        self._ranking, self._chosen = ranking, chosen
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        words = "; ".join(f"{answer}: {score:.3f}" for answer, score in ranking)
        self.setAccessibleName(tr("Disagreement in nats per channel: {0}").format(words))
        self.setToolTip(
            tr(
                "How far the network's activations are from what its batch norms remember, in nats per channel "
                "(Gaussian Kullback-Leibler divergence). Shorter is better."
            )
        )
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(30 * GRID, len(self._ranking) * self._pitch())

    def minimumSizeHint(self) -> QSize:
        return QSize(16 * GRID, self.sizeHint().height())

    def _pitch(self) -> int:
        return QFontMetrics(self.font()).height() + GRID // 2

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetrics(self.font())
        worst = max(score for _, score in self._ranking) or 1.0
        numbers = max(metrics.horizontalAdvance(f"{score:.4f}") for _, score in self._ranking)
        names = round(self.width() * 0.55)
        room = self.width() - names - numbers - 2 * GRID
        for place, (answer, score) in enumerate(self._ranking):
            top = place * self._pitch()
            painter.setPen(colour("text" if answer == self._chosen else "quiet"))
            painter.drawText(0, top + metrics.ascent(), metrics.elidedText(answer, Qt.TextElideMode.ElideRight, names))
            painter.drawText(self.width() - numbers, top + metrics.ascent(), f"{score:.4f}")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent" if answer == self._chosen else "bar"))
            width = max(2.0, room * score / worst)
            painter.drawRoundedRect(QRectF(names + GRID, top + metrics.height() / 2 - 3, width, 6), 3, 3)


class VerdictRow(QFrame):
    """One question.

    Signals:
        chosen(question, answer): the user wants another answer.
    """

    chosen = Signal(str, str)

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        named(self, f"verdict-{verdict.question}", f"{question_title(verdict.question)}: {verdict.answer}")
        self.setProperty("role", "card")
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        column.setSpacing(GRID // 2)
        head = QHBoxLayout()
        caption = QLabel(question_title(verdict.question).upper())
        caption.setProperty("role", "caption")
        head.addWidget(caption)
        head.addStretch(1)
        head.addWidget(SurenessChip(verdict.sureness))
        column.addLayout(head)
        if verdict.offered:
            self.picker = Picker(f"answer-{verdict.question}", question_title(verdict.question))
            for answer in verdict.offered:
                self.picker.addItem(answer, answer)
            self.picker.setCurrentIndex(max(0, self.picker.findData(verdict.answer)))
            self.picker.setToolTip(tr("Choose another answer; the file is looked at again with it"))
            self.picker.activated.connect(lambda: self._choose(verdict))
            column.addWidget(self.picker)
        else:
            words = QLabel(verdict.answer)
            words.setWordWrap(True)
            column.addWidget(words)
        why = QLabel(self._why(verdict))
        why.setProperty("role", "quiet")
        why.setWordWrap(True)
        column.addWidget(why)
        if len(verdict.ranking) > 1:
            column.addWidget(RankingBars(verdict.ranking, verdict.answer))

    def _choose(self, verdict: Verdict) -> None:
        if (answer := self.picker.currentData()) != verdict.answer:
            self.chosen.emit(verdict.question, answer)

    @staticmethod
    def _why(verdict: Verdict) -> str:
        if verdict.margin is None:
            return verdict.why
        best = verdict.ranking[0][0] == verdict.answer
        if not best and verdict.sureness != "sure":
            return tr("{0}; the usual answer stays, since no other agrees clearly better").format(verdict.why)
        if not best:
            return tr("{0}; it ranks below another answer").format(verdict.why)
        return tr("{0}; the next best agrees {1} times worse").format(verdict.why, f"{verdict.margin:.2f}")
