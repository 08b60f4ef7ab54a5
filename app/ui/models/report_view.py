"""The checkpoint doctor's report in the page: what a file is, how surely, what it says of a sample picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import paths
from app.core.errors import ExplorerError
from app.ui.models.class_names import NAME_SUFFIXES, ClassNames
from app.ui.models.keys_view import keys_of
from app.ui.models.verdicts import VerdictRow
from app.ui.models.waiting import Waiting
from app.ui.models.words import count, file_size
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.prediction_bars import PredictionBars
from app.ui.spine import Spine
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.ui.background import Background
    from app.zoo.report import Inspection, Report

_SIDE = 38 * GRID
_PICTURE = 9 * GRID
SAMPLE = "cat.jpg"


class ReportView(QWidget):
    """One file at a time.

    Signals:
        closed(): back to the library; whatever is under way is not wanted any more.
        answer_chosen(question, answer): look again, with this answer.
        take_in_wanted(name, label file or None): add it to the library.

    Args:
        background: Reads files of class names.
    """

    closed = Signal()
    answer_chosen = Signal(str, str)
    take_in_wanted = Signal(str, object)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reportView")
        self._background = background
        self._report: Report | None = None
        self.trouble = ""  # the last one that was told
        self.classes: ClassNames | None = None
        self._bars: PredictionBars | None = None
        self.notices = NoticeBar()
        self.title = named(QLabel(), "reportTitle")
        self.title.setProperty("role", "title")
        self.subtitle = named(QLabel(), "reportSubtitle")
        self.subtitle.setProperty("role", "quiet")
        self.subtitle.setWordWrap(True)
        self.waiting = Waiting(self.subtitle)
        self.name = named(QLineEdit(), "modelName", self.tr("Name in the library"))
        self.name.setPlaceholderText(self.tr("name: from the file"))
        self.name.setToolTip(self.tr("Its id in the library: small letters, digits, dots, hyphens, underscores"))
        self.name.setFixedWidth(22 * GRID)
        self.add = self._button("addModel", self.tr("Add to the library"), self.tr("Write safetensors and a card"))
        self.add.setProperty("role", "primary")
        self.add.clicked.connect(lambda: self.take_in_wanted.emit(self.name.text().strip(), self.labels_file))
        self.name.returnPressed.connect(self.add.click)
        self.back = self._button("backToLibrary", self.tr("Back"), self.tr("Back to the library; nothing is kept"))
        self.back.clicked.connect(self.closed)
        self.copy = self._button("copyReport", self.tr("Copy report"), self.tr("Copy the report as JSON"))
        self.copy.clicked.connect(self._copy)
        head = QHBoxLayout()
        head.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, GRID)
        head.setSpacing(GRID)
        words = QVBoxLayout()
        words.setSpacing(GRID // 4)
        words.addWidget(self.title)
        words.addWidget(self.subtitle)
        head.addWidget(self.back)
        head.addSpacing(GRID)
        head.addLayout(words, 1)
        for widget in (self.copy, self.name, self.add):
            head.addWidget(widget)
        self._body = QScrollArea()
        self._body.setObjectName("reportBody")
        self._body.setFrameShape(QFrame.Shape.NoFrame)
        self._body.setWidgetResizable(True)
        self._body.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        layout.addLayout(head)
        layout.addWidget(self.waiting)
        layout.addWidget(self._body, 1)

    def show_busy(self, path: Path, *, again: bool = False, title: str = "", name: str = "") -> None:
        """Say that the file is being looked at; an earlier report of it stays to be seen.

        Args:
            path: Of the file.
            again: Whether that is only looked at anew, with other answers.
            title: What to call it; by default the file's name.
            name: The suggested name in the library.
        """
        self._begin(title or path.name, str(path), again=again)
        if again:
            self.waiting.start(self.tr("Looking at it again …"))
            return
        self.name.setText(name)
        self.waiting.start(self.tr("Looking at it, in a process of its own …"))
        self._body.setWidget(self._sentence(
            self.tr("Reading {0}").format(path),
            self.tr("Nothing in the file is run. This takes a few seconds; Back stops it."),
        ))  # fmt: skip

    def show_fetching(self, reference: str) -> None:
        """Say that a model of the hub is on its way."""
        self._begin(reference, reference)
        self.waiting.start(self.tr("Fetching it from the Hugging Face Hub …"))
        self._body.setWidget(self._sentence(
            self.tr("Fetching {0}").format(reference),
            self.tr("Only weights and JSON files, no code, into the hub's own cache. Back stops it."),
        ))  # fmt: skip

    def _begin(self, title: str, tip: str, *, again: bool = False) -> None:
        self.title.setText(title)
        self.title.setToolTip(tip)
        self.notices.clear()
        self.add.setEnabled(False)
        self.copy.setEnabled(self._report is not None and again)
        if not again:
            self._report = None
            self.classes = None
            self.name.clear()
            for widget in (self.add, self.name, self.copy):
                widget.hide()

    def show_adding(self) -> None:
        """Say that it is being added to the library."""
        self.add.setEnabled(False)
        self.notices.clear()
        self.waiting.start(self.tr("Adding it to the library …"))

    @property
    def labels_file(self) -> Path | None:
        """The file of class names that the user chose."""
        return self.classes.file if self.classes is not None else None

    def take_paths(self, paths: list[Path]) -> bool:
        """A file of class names may be dropped on the report."""
        if self.classes is None or len(paths) != 1 or paths[0].suffix.lower() not in NAME_SUFFIXES:
            return False
        self._name_classes(paths[0])
        return True

    def _name_classes(self, file: Path) -> None:
        if self.classes is not None:
            self.classes.take(file)

    def show_trouble(self, error: ExplorerError) -> None:
        """Say what went wrong; the report, if there is one, stays."""
        self.waiting.stop()
        self.trouble = str(error)
        if self._report is None:
            self.subtitle.setText(self.tr("It could not be looked at"))
            self._body.setWidget(self._sentence(error.what, error.remedy))
        else:
            self.notices.show_notice(str(error))
            self._say_what(self._report)
        self.add.setEnabled(self._report is not None and self._report.accepted)

    def show_inspection(self, inspection: Inspection) -> None:
        """Show what was found."""
        self.waiting.stop()
        report = self._report = inspection.report
        kept, self.classes = self.labels_file, None
        self._say_what(report, inspection.seconds)
        self.copy.setEnabled(True)
        self.copy.show()
        for widget in (self.add, self.name):
            widget.setVisible(report.accepted)
            widget.setEnabled(report.accepted)
        if report.accepted:
            self._body.setWidget(self._accepted(inspection))
            if kept is not None:
                self._name_classes(kept)
        else:
            self._body.setWidget(self._refused(report))

    def _say_what(self, report: Report, seconds: float = 0.0) -> None:
        parts = [report.format if report.format != "unknown" else self.tr("no format that we know")]
        parts.append(file_size(report.bytes))
        if report.accepted:
            parts = [report.title, self.tr("{0} parameters").format(count(report.parameters)), *parts]
        if report.table:
            parts.append(self.tr("weights in {0}").format(report.table))
        if seconds >= 0.05:
            parts.append(self.tr("looked at in {0} s").format(f"{seconds:.1f}"))
        self.subtitle.setText(" · ".join(parts))

    def _refused(self, report: Report) -> QWidget:
        body, column = self._column()
        card = self._card("refusal", self.tr("Not taken in"))
        self._text(card, f"{report.refusal[:1].upper()}{report.refusal[1:]}.", "strong")
        self._text(card, report.remedy, "quiet")
        column.addWidget(card)
        for note in report.notes:
            self._text(card, note, "quiet")
        if report.would_run or report.odd_keys:
            column.addWidget(keys_of(report))
        column.addStretch(1)
        return body

    def _accepted(self, inspection: Inspection) -> QWidget:
        report = inspection.report
        body, column = self._column()
        portrait = self._card("portrait", report.title)
        spine = named(Spine(), "reportSpine")
        spine.set_outline(report.outline)
        spine.setFixedHeight(13 * GRID)
        _inside(portrait).addWidget(spine)
        column.addWidget(portrait)
        row = QHBoxLayout()
        row.setSpacing(GRID + GRID // 2)
        left, right = QVBoxLayout(), QVBoxLayout()
        for side in (left, right):
            side.setSpacing(GRID + GRID // 2)
        for verdict in report.verdicts:
            one = VerdictRow(verdict)
            one.chosen.connect(self.answer_chosen)
            left.addWidget(one)
        left.addStretch(1)
        right.addWidget(self._sample(inspection))
        self.classes = ClassNames(report, self._background)
        self.classes.changed.connect(lambda labels: self._name_guesses(inspection, labels or report.labels))
        right.addWidget(self.classes)
        if report.claims or report.notes:
            said = self._card("said", self.tr("Notes"))
            for name, value in (report.claims or {}).items():
                self._text(said, self.tr("The author writes: {0} {1}").format(name, value), "quiet")
            for note in report.notes:
                self._text(said, note, "quiet")
            right.addWidget(said)
        right.addWidget(keys_of(report))
        right.addStretch(1)
        row.addLayout(left, 1)
        row.addLayout(right, 1)
        column.addLayout(row)
        column.addStretch(1)
        return body

    def _sample(self, inspection: Inspection) -> QFrame:
        card = self._card("sample", self.tr("A first classification"))
        self._bars = None
        if inspection.trouble:
            self._text(card, inspection.trouble, "")
            return card
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        picture = named(QLabel(), "samplePicture", self.tr("The sample picture: a cat"))
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(str(paths.assets() / "samples" / SAMPLE)).scaled(
            round(_PICTURE * ratio),
            round(_PICTURE * ratio),
            Qt.AspectRatioMode.KeepAspectRatioByExpanding,
            Qt.TransformationMode.SmoothTransformation,
        )
        pixmap.setDevicePixelRatio(ratio)
        picture.setPixmap(pixmap)
        picture.setFixedSize(_PICTURE, _PICTURE)
        bars = PredictionBars()
        bars.setObjectName("sampleBars")
        bars.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bars = bars
        self._name_guesses(inspection, inspection.report.labels)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(bars, 1)
        _inside(card).addLayout(row)
        return card

    def _name_guesses(self, inspection: Inspection, labels: tuple[str, ...]) -> None:
        """Show the first classification with these class names."""
        if self._bars is None:
            return
        ours = inspection.report.labels
        plain = len(set(ours)) == len(ours) == len(labels)  # else a name does not tell which class it is
        names = [labels[ours.index(name)] if plain and name in ours else name for name, _ in inspection.guesses]
        shares = [share for _, share in inspection.guesses]
        self._bars.set_rows([(place, names[place], share) for place, share in enumerate(shares)], -1)

    def _copy(self) -> None:
        import json

        if self._report is not None:
            QGuiApplication.clipboard().setText(json.dumps(self._report.as_json(), indent=2, ensure_ascii=False))

    def _column(self) -> tuple[QWidget, QVBoxLayout]:
        body = named(QWidget(), "reportColumn")
        column = QVBoxLayout(body)
        column.setContentsMargins(2 * GRID, GRID // 2, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID + GRID // 2)
        return body, column

    def _sentence(self, what: str, remedy: str) -> QWidget:
        body, column = self._column()
        card = self._card("sentence", "")
        self._text(card, what, "strong")
        self._text(card, remedy, "quiet")
        column.addWidget(card)
        column.addStretch(1)
        return body

    def _card(self, name: str, caption: str) -> QFrame:
        card = named(QFrame(), f"report-{name}", caption)
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        column.setSpacing(GRID)
        if caption:
            label = QLabel(caption.upper())
            label.setProperty("role", "caption")
            column.addWidget(label)
        return card

    def _text(self, card: QFrame, text: str, role: str) -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        _inside(card).addWidget(label)
        return label

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, text)
        button.setToolTip(tip)
        return button


def _inside(card: QFrame) -> QVBoxLayout:
    """A card's column."""
    layout = card.layout()
    assert isinstance(layout, QVBoxLayout)
    return layout
