"""How far every two models agree on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.ui.naming import named
from app.ui.tables import ROW, dress
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.core.preprocessing import NetworkView
    from app.core.records import Answer, ModelInfo


@dataclass(frozen=True, eq=False)
class Opinion:
    """What one model says of the picture.

    Attributes:
        name: What the model is called here; two files may have the same title.
    """

    name: str
    model: ModelInfo
    view: NetworkView
    answer: Answer

    @property
    def best(self) -> int:
        """The class of its answer."""
        return self.answer.prediction.top(1)[0]

    @property
    def label(self) -> str:
        """Its answer."""
        return self.model.labels[self.best]


@dataclass(frozen=True)
class Agreement:
    """Two models on one picture.

    Attributes:
        pair: What they are called.
        answers: Theirs.
        same: Whether those are the same class; None where neither model has the class that the other one answers.
        correlation: Of the maps, −1 to 1; None where there are none to compare.
        divergence: Jensen–Shannon, in bits; None where the classes are not the same.
        shared: How many classes both have.
        classes: How many the smaller of them has.
    """

    pair: tuple[str, str]
    answers: tuple[str, str]
    same: bool | None
    correlation: float | None
    divergence: float | None
    shared: int
    classes: int


def agreements(opinions: Sequence[Opinion]) -> list[Agreement]:
    """Every two of them, in order."""
    from app.evaluation.agreement import jensen_shannon, map_correlation, shared_classes

    found = []
    for one, other in combinations(opinions, 2):
        a, b = one.answer.heatmap, other.answer.heatmap
        shared = shared_classes(one.model, other.model)
        p, q = one.answer.prediction.probabilities, other.answer.prediction.probabilities
        found.append(
            Agreement(
                (one.name, other.name),
                (one.label, other.label),
                shared.same(one.best, other.best),
                map_correlation(a, one.view.box, b, other.view.box) if a is not None and b is not None else None,
                jensen_shannon(p, q[[place or 0 for place in shared.there]]) if shared.all else None,
                shared.count,
                min(len(p), len(q)),
            )
        )
    return found


class AgreementTable(QTableWidget):
    """One row for every two models."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        dress(self, "agreement", self.tr("Agreement of the models"))
        self.setProperty("role", "facts")
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        heads = (
            (self.tr("Models"), ""),
            (
                self.tr("Same answer"),
                self.tr(
                    "Whether both call it the same, by name or WordNet id. Where neither has the class that the other "
                    "one answers, it cannot be said."
                ),
            ),
            (self.tr("Maps correlate"), self.tr("Pearson's correlation where both networks looked, −1 to 1")),
            (
                self.tr("Predictions differ"),
                self.tr(
                    "Jensen–Shannon divergence in bits: 0 for equal ones, 1 for disjoint ones; "
                    "only where both have the same classes"
                ),
            ),
        )
        for column, (text, tip) in enumerate(heads):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, item)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def show_agreements(self, found: Sequence[Agreement]) -> None:
        """Show these."""
        self.setRowCount(len(found))
        for row, one in enumerate(found):
            for column, text in enumerate(words(one)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.setItem(row, column, item)
        for column in range(1, self.columnCount()):
            room = max(self.sizeHintForColumn(column), self.horizontalHeader().sectionSizeHint(column))
            self.setColumnWidth(column, min(room + 3 * GRID, 42 * GRID))
        self.setFixedHeight(ROW + max(1, len(found)) * ROW + GRID // 2)


class AgreementCard(QFrame):
    """The table, or what to do to get one."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("agreementCard")
        self.setProperty("role", "card")
        self.table = AgreementTable()
        text = self.tr("How far they agree is told here, once two models or more have answered.")
        self.hint = named(QLabel(text), "compareHint")
        self.hint.setProperty("role", "quiet")
        inside = QVBoxLayout(self)
        inside.setContentsMargins(GRID + GRID // 2, GRID, GRID + GRID // 2, GRID)
        inside.addWidget(self.table)
        inside.addWidget(self.hint)
        self.show_opinions([])

    def show_opinions(self, opinions: Sequence[Opinion]) -> None:
        """Show how far every two of them agree."""
        found = agreements(opinions)
        self.table.show_agreements(found)
        self.table.setVisible(bool(found))
        self.hint.setVisible(not found)


def words(one: Agreement) -> tuple[str, str, str, str]:
    """The cells of a row."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("AgreementTable", text)

    if one.same is None:
        same = tr("cannot be said: {0}, {1}").format(*one.answers)
    else:
        same = tr("yes: {0}").format(one.answers[0]) if one.same else tr("no: {0}, {1}").format(*one.answers)
    correlation = "–" if one.correlation is None else f"{one.correlation:+.2f}".replace("-", "−")
    if one.divergence is not None:
        divergence = tr("{0:.3f} bit").format(one.divergence)
    elif one.shared:
        divergence = tr("{0:,} of {1:,} classes shared").format(one.shared, one.classes)
    else:
        divergence = tr("no class shared")
    return f"{one.pair[0]}  ·  {one.pair[1]}", same, correlation, divergence
