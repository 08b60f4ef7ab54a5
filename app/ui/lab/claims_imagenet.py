"""ImageNet: the paper's errors, those of torchvision's weights, and what the user's own evaluations gave."""

from __future__ import annotations

from PySide6.QtCore import QLocale, Signal
from PySide6.QtWidgets import QPushButton

from app.core.errors import ExplorerError
from app.core.paper import ImageNetResult
from app.evaluation.imagenet import ImageNetRow, imagenet_rows
from app.ui.background import Background
from app.ui.lab.claim_card import ClaimCard
from app.ui.lab.fact_table import Column, FactTable
from app.ui.lab.words import tr
from app.ui.naming import named


class ImageNetClaims(ClaimCard):
    """Errors on ImageNet's validation pictures; nobody but the user has these.

    Signals:
        evaluation_wanted(): the user has the pictures.
    """

    evaluation_wanted = Signal()

    def __init__(self, background: Background) -> None:
        super().__init__(
            "imagenet",
            tr("ImageNet: published, and evaluated here"),
            tr(
                "Top-1 errors in per cent on the 50,000 validation pictures. The paper's are those of tables 2 and 3 "
                "(10-crop) and of its authors' release (1-crop); torchvision's weights (V1, V2) are tested with one "
                "crop. ImageNet cannot be downloaded here; who has it can evaluate."
            ),
        )
        self._background = background
        self.rows: tuple[ImageNetRow, ...] = ()
        columns = (
            Column(self.tr("Network")), Column(self.tr("10-crop"), number=True),
            Column(self.tr("1-crop"), number=True), Column(self.tr("V1"), number=True),
            Column(self.tr("V2"), number=True), Column(self.tr("Evaluated here"), wide=True),
        )  # fmt: skip
        self.table = FactTable("imagenetTable", self.tr("Top-1 errors on ImageNet"), columns)
        self.go = named(QPushButton(self.tr("Evaluate …")), "imagenetEvaluate", self.tr("Evaluate on ImageNet"))
        self.go.setToolTip(self.tr("On the Models page: choose a network and your copy of the validation pictures"))
        self.copy = named(QPushButton(self.tr("Copy table")), "imagenetCopy", self.tr("Copy the table of ImageNet"))
        self.copy.setToolTip(self.tr("Copy the table, with tabs between its columns"))
        self.go.clicked.connect(self.evaluation_wanted)
        self.copy.clicked.connect(self._copy)
        self.column.addWidget(self.table)
        self.add_buttons(self.go, self.copy)

    def look(self) -> None:
        """Read the evaluations again."""

        def shown(found: tuple[ImageNetRow, ...] | ExplorerError) -> None:
            if isinstance(found, ExplorerError):
                self.failed.emit(found)
                return
            self.rows = found
            self.table.show_lines([_line(row) for row in found], [_tip(row) for row in found])

        self._background.run("imagenet-claims", imagenet_rows, shown)

    def _copy(self) -> None:
        self.table.copy()
        self.said.emit(self.tr("table copied"))


def _line(row: ImageNetRow) -> tuple[str, ...]:
    ten = _number(_of(row, "10-crop", "B"))
    one = _number(_of(row, "1-crop"))
    weights = {card.id.rpartition(":")[2]: 100 - card.accuracy[0].top1 for card in row.weights}
    here = tr("nobody had the pictures")
    if row.records:
        rate = row.records[0].top1
        low, high = rate.interval
        here = tr("{0} (95 %: {1} to {2}), {3}").format(
            _two(rate.per_cent), _two(low), _two(high), row.records[0].model.rpartition(":")[2]
        )
    published = ("–" if (error := weights.get(name)) is None else _two(error) for name in ("V1", "V2"))
    return row.network, ten, one, *published, here


def _of(row: ImageNetRow, view: str, option: str = "") -> ImageNetResult | None:
    """torchvision's networks have option B, so of several that is the one to be laid beside."""
    found = [one for one in row.paper if one.view == view]
    return next((one for one in found if one.option in ("", option)), None)


def _tip(row: ImageNetRow) -> str:
    lines = []
    for one in row.paper:
        option = tr(", option {0}").format(one.option) if one.option else ""
        lines.append(f"{_two(one.top1)} · {one.view}{option} · {one.source}")
    lines += [f"{_two(record.top1.per_cent)} · {record.command} · {record.date[:10]}" for record in row.records]
    return "\n".join(lines)


def _number(result: ImageNetResult | None) -> str:
    return "–" if result is None else _two(result.top1)


def _two(value: float) -> str:
    return QLocale().toString(value, "f", 2)
