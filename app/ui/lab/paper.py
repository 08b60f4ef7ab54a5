"""The paper beside the runs: what it found, for each chart, and a board of our errors beside its tables.

Measured beside reported, with everything in which the two differ; no verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.core import paper
from app.core.errors import ExplorerError
from app.core.paper import Deviation
from app.training.claims import PaperRow, read_row
from app.ui.background import Background
from app.ui.drawing import SMALL, resized, tabular
from app.ui.icons import icon
from app.ui.lab.words import count, percent, tr
from app.ui.naming import named
from app.ui.tokens import GRID

LANE = "paper"


def note(chart: str, quantity: str = "") -> str:
    """What the paper found about a chart of the Lab, in a sentence or three; "" where it says nothing.

    Args:
        chart: “loss”, “errors”, “rate”, “blocks” or “map”.
        quantity: Of the blocks: a measure of `app.runs.records`, or “branches”.
    """
    tr = QCoreApplication.translate
    if chart in ("blocks", "map"):
        if quantity == "branches":
            return tr(
                "PaperNotes",
                "He et al. 2015, figure 7, look at something related: how much the layers' responses scatter. They "
                "scatter less in residual networks than in plain ones, and less again in deeper ones: each block then "
                "changes its input a little. What is drawn here is the branch against the shortcut, ‖F(x)‖ / ‖x‖.",
            )
        if quantity == "update_ratio":
            return ""
        return tr(
            "PaperNotes",
            "He et al. 2015, section 4.1: with batch normalisation the authors saw healthy gradient norms in plain "
            "networks too, and think vanishing gradients unlikely to be why these train worse. So look before you "
            "conclude; and run it once more without batch normalisation.",
        )
    texts = {
        "loss": tr(
            "PaperNotes",
            "He et al. 2015 report errors, not losses. What can be checked here is their starting point: a deep plain "
            "network is harder to optimise. It does worse on the pictures that it is trained on (figure 6), so "
            "overfitting is not the reason.",
        ),
        "errors": tr(
            "PaperNotes",
            "He et al. 2015, figure 6: on CIFAR-10 the training error of plain networks rises from 20 to 56 layers, "
            "that of residual networks falls. Table 6: test error {0} with 20 layers, {1} with 56, after 64,000 steps. "
            "A shorter run ends higher.",
        ).format(percent(paper.CIFAR_RESIDUAL[20].test_error), percent(paper.CIFAR_RESIDUAL[56].test_error)),
        "rate": tr(
            "PaperNotes",
            "He et al. 2015, section 4.2: 0.1, divided by 10 after 32,000 and 48,000 of 64,000 steps. With 110 layers "
            "0.01 until the training error is below 80 %, about 400 steps, then 0.1.",
        ),
    }
    return texts.get(chart, "")


class PaperBoard(QFrame):
    """Our errors beside table 6 and figure 6 of He et al. 2015, read from run folders; nothing is entered by hand.

    Args:
        background: Where the folders are read.

    Signals:
        said(str): what was copied.
        failed(ExplorerError): a run cannot be read.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paperBoard")
        self.setProperty("role", "card")
        self.rows: tuple[PaperRow, ...] = ()
        self._background = background
        self._asked = 0
        title = named(QLabel(self.tr("Beside the paper")), "paperTitle")
        title.setProperty("role", "strong")
        self._copy = named(QToolButton(), "paperCopy", self.tr("Copy this table"))
        self._copy.setToolTip(self.tr("Copy this table as CSV"))
        self._copy.setProperty("role", "quiet")
        self._copy.setIcon(icon("copy"))
        self._copy.setIconSize(QSize(2 * GRID, 2 * GRID))
        self._copy.clicked.connect(self.copy)
        self._source = self._text("paperSource", self.tr("Test error on CIFAR-10 · He et al. 2015, table 6"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._depth = self._text("paperDepth", "")
        head = QHBoxLayout()
        head.addWidget(title)
        head.addSpacing(GRID)
        head.addWidget(self._source, 1)
        head.addWidget(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addLayout(self._grid)
        layout.addWidget(self._depth)
        layout.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._show()

    def show_runs(self, folders: Sequence[Path]) -> None:
        """Read these runs' folders and lay them beside the paper; call again when they have grown."""
        self._asked += 1
        asked, wanted = self._asked, tuple(folders)

        def read() -> list[PaperRow | ExplorerError]:
            found: list[PaperRow | ExplorerError] = []
            for folder in wanted:
                try:
                    found.append(read_row(folder))
                except ExplorerError as error:
                    found.append(error)
            return found

        def shown(found: list[PaperRow | ExplorerError] | ExplorerError) -> None:
            if asked != self._asked:
                return
            outcomes = [found] if isinstance(found, ExplorerError) else found
            self.rows = tuple(one for one in outcomes if isinstance(one, PaperRow))
            self._show()
            for one in outcomes:
                if isinstance(one, ExplorerError):
                    self.failed.emit(one)

        self._background.run(LANE, read, shown)

    def copy(self) -> None:
        """Put the table on the clipboard, as CSV."""
        lines = ["network,steps,training error (%),test error (%),paper's test error (%),differs in"]
        for row in self.rows:
            reported = "" if row.reported is None else f"{row.reported.test_error}"
            numbers = ("" if math.isnan(value) else f"{value:.6g}" for value in (row.train_error, row.test_error))
            lines.append(f'{row.title},{row.steps},{",".join(numbers)},{reported},"{self._differs(row)}"')
        QGuiApplication.clipboard().setText("\n".join(lines) + "\n")
        self.said.emit(self.tr("table copied"))

    # Inside

    def _show(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._copy.setVisible(bool(self.rows))
        self._depth.setText(self._depth_words())
        if not self.rows:
            self._depth.setText(self.tr("Tick runs on CIFAR-10 in the list to lay them beside the paper's table."))
            self._depth.show()
            return
        self._depth.setVisible(bool(self._depth.text()))
        names = (
            self.tr("Network"), self.tr("Train"), self.tr("Test"), self.tr("Paper"), self.tr("Difference"),
            self.tr("Where this run is not the paper's"),
        )  # fmt: skip
        right = Qt.AlignmentFlag.AlignRight
        for column, name in enumerate(names):
            label = self._text(f"paperHead{column}", name)
            label.setWordWrap(column == len(names) - 1)
            top = Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(label, 0, column, right | top if 1 <= column <= 4 else top)
        for number, row in enumerate(self.rows, 1):
            for column, text in enumerate(self._cells(row)):
                label = self._text(f"paperCell{number}-{column}", text)
                label.setProperty("role", "quiet" if column == len(names) - 1 else "")
                label.setWordWrap(column == len(names) - 1)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                top = Qt.AlignmentFlag.AlignTop
                aligned = right | top if 1 <= column <= 4 else top
                self._grid.addWidget(label, number, column, aligned if column < len(names) - 1 else top)
        self._grid.setColumnStretch(len(names) - 1, 1)

    def _cells(self, row: PaperRow) -> tuple[str, ...]:
        reported = row.reported
        theirs = "–"
        if reported is not None:
            theirs = percent(reported.test_error)
        elif row.plain and row.cifar and row.depth == paper.WARM_UP_DEPTH:
            theirs = self.tr("above {0}").format(percent(paper.CIFAR_PLAIN_110_ABOVE))
        elif row.plain and row.cifar and row.depth in paper.CIFAR_PLAIN_DEPTHS:
            theirs = self.tr("a curve")
        difference = "–"
        if reported is not None and row.finished and not math.isnan(row.test_error):
            away = row.test_error - reported.test_error
            difference = ("+" if away >= 0 else "−") + QLocale().toString(abs(away), "f", 2)
        train, test = ("–" if math.isnan(value) else percent(value) for value in (row.train_error, row.test_error))
        return row.title, train, test, theirs, difference, self._differs(row, self._shared())

    def _differs(self, row: PaperRow, shared: Sequence[str] = ()) -> str:
        """Where a run is not the paper's, without what stands below for all of them."""
        if not row.deviations:
            return self.tr("nothing: trained as in section 4.2")
        words = [self._deviation(one, row) for one in row.deviations]
        own = [word for word in words if word not in shared]
        return "; ".join(own) if own else self.tr("only what is said below")

    def _shared(self) -> list[str]:
        """What several runs have in common that is not the paper's: said once."""
        if len(self.rows) < 2:
            return []
        words = [[self._deviation(one, row) for one in row.deviations] for row in self.rows]
        return [word for word in words[0] if all(word in others for others in words[1:])]

    def _deviation(self, one: Deviation, row: PaperRow) -> str:
        if one.name == "steps":
            text = self.tr("{0} of {1} steps") if one.ours < one.paper else self.tr("{0} steps instead of {1}")
            text = text.format(count(one.ours), count(one.paper))
            if not row.finished:
                now = self.tr("still training: step {0} of {1}, the paper has {2}")
                return now.format(count(row.steps), count(row.planned) if row.planned else "?", count(one.paper))
            return self.tr("shortened schedule, {0}").format(text) if one.ours < one.paper else text
        if one.name in paper.PICTURES:
            text = self.tr("tested on {0} of {1} pictures")
            if one.name == paper.PICTURES[0]:
                text = self.tr("trained on {0} of {1} pictures")
            return text.format(count(one.ours), count(one.paper))
        return self.tr("{0} {1} instead of {2}").format(self._word(one.name), _value(one.ours), _value(one.paper))

    def _word(self, name: str) -> str:
        words = {
            "data": self.tr("data set"), "norm": self.tr("normalisation"), "activation": self.tr("activation order"),
            "initialisation": self.tr("initialisation"), "block": self.tr("block"), "width": self.tr("width"),
            "augment": self.tr("augmentation"), "mix": self.tr("mixing"), "batch": self.tr("batch"),
            "optimiser": self.tr("optimiser"), "learning_rate": self.tr("learning rate"),
            "schedule": self.tr("schedule"), "momentum": self.tr("momentum"), "nesterov": self.tr("Nesterov's form"),
            "weight_decay": self.tr("weight decay"), "label_smoothing": self.tr("label smoothing"),
            "average": self.tr("averaged weights"), "clip": self.tr("clipping"), "precision": self.tr("precision"),
            "gate": self.tr("gate"), "warm_up": self.tr("warm-up"),
        }  # fmt: skip
        return words.get(name, name)

    def _depth_words(self) -> str:
        """Training error against depth, where runs of two depths were trained equally long."""
        shared = self._shared()
        texts = [self.tr("All of them: {0}.").format("; ".join(shared))] if shared else []
        return "\n".join([*texts, *by_depth(self.rows)])

    def _text(self, name: str, text: str) -> QLabel:
        label = named(QLabel(text), name)
        label.setProperty("role", "quiet")
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setFont(tabular(resized(label.font(), SMALL)))
        label.setWordWrap(True)
        return label


def by_depth(rows: Sequence[PaperRow]) -> list[str]:
    """How the training error on CIFAR-10 goes with depth, of finished runs that were trained equally long; a sentence
    for plain networks and one for residual ones, where there are two depths."""
    texts = []
    for plain in (True, False):
        own = sorted(
            (row for row in rows if row.plain is plain and row.cifar and row.finished), key=lambda row: row.depth
        )
        if len({row.depth for row in own}) < 2:
            continue
        kind = tr("Plain networks") if plain else tr("Residual networks")
        if len({row.steps for row in own}) > 1:
            texts.append(tr("{0}: not trained equally long, so depths cannot be compared.").format(kind))
            continue
        listed = ", ".join(tr("{0} with {1} layers").format(percent(row.train_error), row.depth) for row in own)
        theirs = tr("rises with depth") if plain else tr("falls with depth")
        texts.append(tr("{0}: training error {1}. In figure 6 it {2}.").format(kind, listed, theirs))
    return texts


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return QCoreApplication.translate("PaperBoard", "on" if value else "off")
    return QLocale().toString(value) if isinstance(value, int) else str(value)
