"""The numbers of an evaluation in a row: errors with their intervals, calibration, what the card says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.ui.drawing import resized, tabular
from app.ui.naming import named
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.evaluation.records import EvaluationRecord


class Headline(QFrame):
    """Four figures, and below them on what they were measured."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("evaluationHeadline")
        self.setProperty("role", "card")
        self.title = named(QLabel(), "evaluationTitle")
        self.title.setProperty("role", "title")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.source = named(QLabel(), "evaluationSource")
        self.source.setProperty("role", "quiet")
        self.source.setWordWrap(True)
        self.source.setTextFormat(Qt.TextFormat.PlainText)
        self.source.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(3 * GRID)
        self._figures.setVerticalSpacing(0)
        self._labels: dict[str, tuple[QLabel, QLabel, QLabel]] = {}
        for place, (name, text) in enumerate(
            (
                ("top1", self.tr("Top-1 error")),
                ("top5", self.tr("Top-5 error")),
                ("ece", self.tr("Calibration error (ECE)")),
                ("loss", self.tr("Log loss")),
            )
        ):
            caption, value, note = QLabel(text), named(QLabel(), f"figure-{name}"), named(QLabel(), f"note-{name}")
            caption.setProperty("role", "quiet")
            note.setProperty("role", "quiet")
            note.setWordWrap(True)
            value.setFont(tabular(resized(value.font(), 1.9, bold=True)))
            for row, label in enumerate((caption, value, note)):
                self._figures.addWidget(label, row, place, Qt.AlignmentFlag.AlignTop)
            self._figures.setColumnStretch(place, 1)
            self._labels[name] = (caption, value, note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID + GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self.title)
        layout.addLayout(self._figures)
        layout.addWidget(self.source)

    def show_record(self, record: EvaluationRecord) -> None:
        """Show one evaluation."""
        said = record.published
        self.title.setText(self.tr("{0} on {1:,} pictures").format(record.title, record.pictures))
        for name, rate, other in (
            ("top1", record.top1, said.top1 if said else None),
            ("top5", record.top5, said.top5 if said else None),
        ):
            if rate is None:
                self._show(name, "–", self.tr("the model has five classes or fewer"))
                continue
            low, high = rate.interval
            note = self.tr("95 % interval {0:.2f} to {1:.2f} %").format(low, high)
            if other is not None:
                verdict = self._against(other, low, high)
                origin = self.tr("published") if said and said.origin == "published" else self.tr("its card")
                note += "\n" + self.tr("{0}: {1:.2f} %, {2}").format(origin, other, verdict)
            self._show(name, f"{rate.per_cent:.2f} %", note)
        calibration = record.calibration
        sure = 100 * calibration.mean_confidence - (100 - record.top1.per_cent)
        way = self.tr("too sure by {0:.2f} points") if sure >= 0 else self.tr("too unsure by {0:.2f} points")
        self._show("ece", f"{100 * calibration.ece:.2f} %", way.format(abs(sure)))
        self._show("loss", f"{record.log_loss:.3f}", self.tr("nats per picture"))
        lines = [
            self.tr("{0} · {1} · classes matched {2}").format(record.data, record.layout, record.matched),
            self.tr("{0} UTC · {1} · {2:.1f} s · weights {3} · data {4}").format(
                record.date[:16].replace("T", " "),
                record.device,
                record.seconds,
                record.model_hash[:8] or "–",
                record.fingerprint[:8],
            ),
        ]
        if said is not None:
            lines.append(self.tr("The card's figures: {0} ({1})").format(said.data, said.source))
        self.source.setText("\n".join([*lines, *record.notices]))
        self.setAccessibleName(self.title.text())

    def _against(self, other: float, low: float, high: float) -> str:
        if other < low:
            return self.tr("this is worse")
        if other > high:
            return self.tr("this is better")
        return self.tr("within the interval")

    def _show(self, name: str, value: str, note: str) -> None:
        caption, figure, below = self._labels[name]
        figure.setText(value)
        below.setText(note)
        figure.setAccessibleName(f"{caption.text()}: {value}")
