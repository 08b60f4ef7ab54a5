"""Evaluate: a model judged on labelled pictures, and every evaluation so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import ExplorerError
from app.ui.evaluate.board import Board
from app.ui.evaluate.earlier import Earlier
from app.ui.evaluate.gallery import Shot
from app.ui.evaluate.side_by_side import pair
from app.ui.model_library import ModelLibrary
from app.ui.models.model_picker import ModelPicker
from app.ui.models.path_field import PathField
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.shell import Shell
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.core.records import Frame
    from app.evaluation.measures import Verdicts
    from app.evaluation.records import EvaluationRecord

FORM_WIDTH = 33 * GRID
MOST_SHOTS = 500


class EvaluatePanel(QWidget):
    """The form and the earlier evaluations on the left, one evaluation (or several) on the right."""

    def __init__(self, shell: Shell, library: ModelLibrary) -> None:
        super().__init__()
        self.setObjectName("evaluatePanel")
        self._shell, self._library = shell, library
        self.record: EvaluationRecord | None = None
        self._verdicts: Verdicts | None = None
        self._removal = ""  # the record that Delete was pressed on once
        self.notices = NoticeBar()
        self._make_form()
        self._make_results()
        self._lay_out()
        self._connect()
        self._show_state()
        self._list_records(show_newest=True)

    def take_paths(self, paths: list[Path]) -> bool:
        """A folder or an .npz that is dropped is what to evaluate on."""
        wanted = [path for path in paths if path.is_dir() or path.suffix.lower() == ".npz"]
        tables = [path for path in paths if path.suffix.lower() in (".csv", ".tsv", ".txt")]
        if wanted:
            self.data.set_path(wanted[0])
        if tables:
            self.labels.set_path(tables[0])
        return bool(wanted or tables)

    def evaluate(self) -> None:
        """Judge the chosen model on the named data."""
        from app.evaluation.records import EvaluationRequest

        path, labels = self.data.path, self.labels.path
        if not self.model.reference or path is None:
            self.notices.show_notice(
                self.tr("Choose a model, and name the pictures: drop a folder here, or Browse."), key="evaluate"
            )
            return
        self.notices.clear()
        request = EvaluationRequest(
            self.model.reference,
            str(path.absolute()),
            str(labels.absolute()) if labels else "",
            skip_unknown=self.skip.isChecked(),
        )
        self.work.run("evaluation.evaluate", request)
        self._show_state()

    @property
    def at_stake(self) -> str:
        """What closing the window would interrupt, in a sentence; "" for nothing."""
        if not self.work.running:
            return ""
        return self.tr("An evaluation is {0} % done; it would have to begin anew.").format(round(100 * self.work.share))

    def show_record(self, record: EvaluationRecord) -> None:
        """Show one evaluation; the answers to single pictures are read in the background."""
        from app.evaluation.records import evaluations, read_verdicts

        self.record, self._verdicts = record, None
        self.gallery.set_record(record)
        self.headline.show_record(record)
        self.reliability.set_calibration(record.calibration)
        self.classes.set_rows(record.rows)
        self._show_worst()
        self._show_unread()
        self.confusion.set_matrix(None, ())
        self._show_state()

        def read(outcome: tuple[Verdicts, NDArray[Any]] | ExplorerError) -> None:
            if self.record is not record:
                return
            if isinstance(outcome, ExplorerError):
                self.notices.show_notice(str(outcome), key="verdicts")
                return
            self._verdicts, counts = outcome
            self.confusion.set_matrix(counts, record.labels)
            shown = self.confusion.size_in_classes
            self.confusion_sheet.aside.setText(self.tr("{0} classes; click a cell to see its pictures").format(shown))

        def work() -> tuple[Verdicts, NDArray[Any]]:
            from app.evaluation.measures import confusion

            verdicts = read_verdicts(evaluations() / record.id)
            return verdicts, confusion(verdicts, len(record.labels))

        self._shell.background.run("evaluations", work, read)

    def compare(self, records: Sequence[EvaluationRecord]) -> None:
        """Show several evaluations beside each other."""
        self.record = None
        self.side.show_records(records)
        self.side_sheet.aside.setText("")
        self._show_state(comparing=True)
        if len(records) == 2 and records[0].fingerprint == records[1].fingerprint:
            self._count_pair(records[0], records[1])

    def show_cell(self, true: int, called: int) -> None:
        """Show the pictures of a cell of the confusion matrix in the strip."""
        from app.evaluation.measures import in_cell

        record, verdicts = self.record, self._verdicts
        if record is None or verdicts is None:
            return
        numbers = in_cell(verdicts, true, called)
        title = self.tr("{0} called {1}").format(record.labels[true], record.labels[called])
        self.strip_sheet.set_title(title)
        more = self.tr("; the first {0} are shown").format(MOST_SHOTS) if len(numbers) > MOST_SHOTS else ""
        self.strip_sheet.aside.setText(
            self.tr("{0:,} pictures, the surest first; a click opens one in Explore").format(len(numbers)) + more
        )
        self.back.show()
        self.gallery.show_shots(
            [
                Shot(number, f"#{number}", f"{100 * float(verdicts.probabilities[number, 0]):.1f} %")
                for number in numbers[:MOST_SHOTS]
            ]
        )
        self.board.ensureWidgetVisible(self.strip_sheet)

    # --- inside

    def _show_worst(self) -> None:
        record = self.record
        if record is None:
            return
        self.strip_sheet.set_title(self.tr("Worst mistakes"))
        self.strip_sheet.aside.setText(
            self.tr("the most confident wrong answers; a click opens one in Explore")
            if record.worst
            else self.tr("there are none")
        )
        self.back.hide()
        self.gallery.show_shots(
            [
                Shot(
                    one.number,
                    self.tr("{0}\n{1}, called {2} with {3:.1f} %").format(
                        one.name, record.labels[one.label], record.labels[one.called], 100 * one.probability
                    ),
                    record.labels[one.called],
                )
                for one in record.worst
            ]
        )

    def _show_unread(self) -> None:
        record = self.record
        if record is not None and record.unread:
            first = " ".join(f"{one.name}: {one.why}" for one in record.unread[:2])
            text = self.tr("{0} pictures could not be read. {1}").format(len(record.unread), first)
            self.notices.show_notice(text, key="unread", trouble=False)
        else:
            self.notices.clear("unread")

    def _count_pair(self, one: EvaluationRecord, other: EvaluationRecord) -> None:
        from app.evaluation.records import evaluations, read_verdicts

        def counted(outcome: object) -> None:
            from app.ui.evaluate.side_by_side import Pair

            if isinstance(outcome, Pair):
                text = self.tr("both right {0:,} · only the first {1:,} · only the second {2:,} · neither {3:,}")
                self.side_sheet.aside.setText(text.format(outcome.both, outcome.first, outcome.second, outcome.neither))

        self._shell.background.run(
            "evaluations",
            lambda: pair(read_verdicts(evaluations() / one.id), read_verdicts(evaluations() / other.id)),
            counted,
        )

    def _on_done(self, record: EvaluationRecord) -> None:
        self._list_records(choose=record.id)
        self.show_record(record)
        self.board.verticalScrollBar().setValue(0)  # a new evaluation is read from its figures on

    def _on_failed(self, error: ExplorerError) -> None:
        self.notices.show_notice(str(error), key="evaluate")

    def _on_chosen(self, records: Sequence[EvaluationRecord]) -> None:
        self._removal = ""
        if len(records) == 1:
            self.show_record(records[0])
        else:
            self.compare(records)

    def _remove(self, record_id: str) -> None:
        """Remove a record where that is asked for twice: it cannot be brought back."""
        from app.evaluation.records import delete_record

        if self._removal != record_id:
            self._removal = record_id
            text = self.tr("Press Delete again to remove this evaluation for good.")
            self.notices.show_notice(text, key="removal", trouble=False)
            return
        self._removal = ""
        self.notices.clear("removal")

        def removed(outcome: object) -> None:
            if isinstance(outcome, ExplorerError):
                self.notices.show_notice(str(outcome), key="evaluate")
            if self.record is not None and self.record.id == record_id:
                self.record = None
            self._list_records(show_newest=self.record is None)

        self._shell.background.run("evaluations", lambda: delete_record(record_id), removed)

    def _list_records(self, *, choose: str = "", show_newest: bool = False) -> None:
        from app.evaluation.records import list_records

        def listed(outcome: object) -> None:
            if isinstance(outcome, ExplorerError):
                self.notices.show_notice(str(outcome), key="records")
                return
            assert isinstance(outcome, tuple)
            records, problems = outcome
            self.earlier.set_records(records)
            for problem in problems[:1]:
                self.notices.show_notice(str(problem), key="records", trouble=False)
            if show_newest and records and self.record is None:
                self.earlier.choose(records[0].id)
            elif choose:
                self.earlier.choose(choose)
            self._show_state(comparing=self.side_sheet.isVisibleTo(self) and self.record is None)

        self._shell.background.run("evaluations", list_records, listed)

    def _open_in_explore(self, frame: Frame, path: str) -> None:
        record, model = self.record, self._shell.explore.model
        if record is not None and (model is None or model.reference != record.model):
            self._library.choose(record.model)
        if path:
            self._shell.session.add_paths([Path(path)])
        else:
            self._shell.session.add_frame(frame)
        self._shell.window.show_page("explore")

    def _show_state(self, *, comparing: bool = False) -> None:
        there = self.record is not None
        for widget in (self.headline, self.confusion_sheet, self.calibration_card, self.class_sheet, self.strip_sheet):
            widget.setVisible(there)
        self.side_sheet.setVisible(comparing and not there)
        self.board.set_empty(not there and not comparing)
        self.earlier_caption.setVisible(self.earlier.count() > 0)
        self.earlier.setVisible(self.earlier.count() > 0)

    # --- putting together

    def _make_form(self) -> None:
        self.model = ModelPicker("evaluateModel", self.tr("Model to evaluate"), self._library)
        self.model.follow(self._shell)
        self.data = PathField(
            "evaluateData",
            self.tr("Labelled pictures"),
            self.tr("drop a folder or .npz"),
            files=self.tr("Arrays (*.npz)"),
        )
        self.data.edit.setToolTip(
            self.tr("A folder per class, an .npz file, cifar-10-batches-py, or ImageNet's validation pictures")
        )
        self.labels = PathField(
            "evaluateLabels",
            self.tr("File that says each picture's class"),
            self.tr("labels file, if there is one"),
            files=self.tr("Tables (*.csv *.tsv *.txt)"),
            folders=False,
        )
        self.skip = named(QCheckBox(self.tr("Leave out unknown classes")), "evaluateSkip")
        self.skip.setAccessibleName(self.skip.text())
        self.skip.setToolTip(self.tr("Leave out pictures of classes that the model does not have"))
        self.work = WorkRow(
            "evaluate",
            self.tr("Evaluate"),
            self._shell,
            tip=self.tr("Classify every picture and count the mistakes, in a process of its own"),
            upright=True,
        )
        self.earlier = Earlier()
        self.earlier_caption = QLabel(self.tr("Earlier evaluations").upper())
        self.earlier_caption.setProperty("role", "caption")

    def _make_results(self) -> None:
        board = self.board = Board(self._shell.background)
        self.headline, self.confusion, self.reliability = board.headline, board.confusion, board.reliability
        self.classes, self.gallery, self.side = board.classes, board.gallery, board.side
        self.confusion_sheet, self.calibration_card = board.confusion_sheet, board.calibration_card
        self.class_sheet, self.strip_sheet, self.side_sheet = board.class_sheet, board.strip_sheet, board.side_sheet
        self.back, self.empty = board.back, board.empty

    def _lay_out(self) -> None:
        form = named(QFrame(), "panel")
        column = QVBoxLayout(form)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        for text, widget in (
            (self.tr("Model"), self.model),
            (self.tr("Labelled pictures"), self.data),
            (self.tr("Labels"), self.labels),
        ):
            caption = QLabel(text.upper())
            caption.setProperty("role", "caption")
            column.addWidget(caption)
            column.addWidget(widget)
        column.addWidget(self.skip)
        column.addSpacing(GRID // 2)
        column.addWidget(self.work)
        column.addSpacing(GRID)
        column.addWidget(self.earlier_caption)
        column.addWidget(self.earlier, 1)
        column.addStretch(0)
        form.setFixedWidth(max(FORM_WIDTH, form.sizeHint().width()))

        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.notices)
        right.addWidget(self.board, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(form)
        layout.addLayout(right, 1)

    def _connect(self) -> None:
        self.work.wanted.connect(self.evaluate)
        self.work.done.connect(self._on_done)
        self.work.failed.connect(self._on_failed)
        self.earlier.chosen.connect(self._on_chosen)
        self.earlier.removal_wanted.connect(self._remove)
        self.confusion.cell_chosen.connect(self.show_cell)
        self.back.clicked.connect(self._show_worst)
        self.gallery.opened.connect(self._open_in_explore)
        self.gallery.failed.connect(lambda error: self.notices.show_notice(str(error), key="gallery"))
        for card in (self.confusion_sheet, self.calibration_card, self.class_sheet, self.strip_sheet, self.side_sheet):
            card.said.connect(self._shell.window.set_status)
            card.failed.connect(lambda error: self.notices.show_notice(str(error), key="save"))


def build(shell: Shell, library: ModelLibrary) -> QWidget:
    """The panel, for the Models page."""
    return EvaluatePanel(shell, library)
