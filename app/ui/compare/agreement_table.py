"""How far every two models agree on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from app.ui.drawing import tabular
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Answer, ModelInfo

ROW = 3 * GRID + GRID // 2


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one model says of the picture."""

    model: ModelInfo
    view: NetworkView
    answer: Answer

    @property
    def label(self) -> str:
        """Its answer."""
        return self.model.labels[self.answer.prediction.top(1)[0]]


@dataclass(frozen=True)
class Agreement:
    """Two models on one picture.

    Attributes:
        pair: Their titles.
        answers: Theirs.
        same: Whether those are the same class, by name.
        correlation: Of the maps, −1 to 1; None where there are none to compare.
        divergence: Jensen–Shannon, in bits; None where the classes are not the same.
    """

    pair: tuple[str, str]
    answers: tuple[str, str]
    same: bool
    correlation: float | None
    divergence: float | None


def agreements(opinions: Sequence[Opinion]) -> list[Agreement]:
    """Every two of them, in order."""
    from app.evaluation.agreement import jensen_shannon, map_correlation, same_classes

    found = []
    for one, other in combinations(opinions, 2):
        a, b = one.answer.heatmap, other.answer.heatmap
        comparable = same_classes(one.model.labels, other.model.labels)
        found.append(
            Agreement(
                (one.model.title, other.model.title),
                (one.label, other.label),
                one.label.casefold() == other.label.casefold(),
                map_correlation(a, one.view.box, b, other.view.box) if a is not None and b is not None else None,
                jensen_shannon(one.answer.prediction.probabilities, other.answer.prediction.probabilities)
                if comparable
                else None,
            )
        )
    return found


class AgreementTable(QTableWidget):
    """One row for every two models."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self.setObjectName("agreement")
        self.setAccessibleName(self.tr("Agreement of the models"))
        self.setToolTip("")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setFont(tabular(self.font()))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        heads = (
            (self.tr("Models"), ""),
            (self.tr("Same answer"), self.tr("Whether both call it the same, by name")),
            (self.tr("Maps correlate"), self.tr("Pearson's correlation where both networks looked, −1 to 1")),
            (
                self.tr("Predictions differ"),
                self.tr("Jensen–Shannon divergence in bits: 0 for equal ones, 1 for disjoint ones"),
            ),
        )
        for column, (text, tip) in enumerate(heads):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, item)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)

    def show_agreements(self, found: Sequence[Agreement]) -> None:
        """Show these."""
        self.setRowCount(len(found))
        for row, one in enumerate(found):
            for column, text in enumerate(words(one)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(row, column, item)
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + max(1, len(found)) * ROW + GRID // 2)


def words(one: Agreement) -> tuple[str, str, str, str]:
    """The cells of a row."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("AgreementTable", text)

    same = tr("yes: {0}").format(one.answers[0]) if one.same else tr("no: {0}, {1}").format(*one.answers)
    correlation = "–" if one.correlation is None else f"{one.correlation:+.2f}".replace("-", "−")
    divergence = tr("other classes") if one.divergence is None else tr("{0:.3f} bit").format(one.divergence)
    return f"{one.pair[0]}  ·  {one.pair[1]}", same, correlation, divergence
