"""The classes of a file of weights: how many, what they are called and who says so; other names from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from app.core.errors import ExplorerError
from app.ui.models.words import tr
from app.ui.naming import named
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.ui.background import Background
    from app.zoo.report import Report

NAME_SUFFIXES = (".txt", ".json", ".names", ".labels")
_FIRST = 12


class ClassNames(QFrame):
    """Says which names the classes have, asks for names where the file has none, and checks a file of names at once.

    Signals:
        changed(labels): the names are others now; None for those of the report.
    """

    changed = Signal(object)

    def __init__(self, report: Report, background: Background) -> None:
        super().__init__()
        named(self, "report-classes", tr("Classes"))
        self.setProperty("role", "card")
        self._report, self._background = report, background
        self._asked: Path | None = None
        self.file: Path | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2, GRID + GRID // 2)
        column.setSpacing(GRID)
        caption = QLabel(tr("Classes").upper())
        caption.setProperty("role", "caption")
        self.names = self._label("classList", "")
        self.source = self._label("classSource", "quiet")
        self.problem = self._label("classProblem", "problem")
        self.choose = self._button(
            "chooseClasses",
            tr("Class names from a file …"),
            tr("Text with one name a line, or JSON; or drop the file"),
        )
        self.without = self._button("withoutClasses", "", tr("Keep what the report says"))
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        buttons.addWidget(self.choose)
        buttons.addWidget(self.without)
        buttons.addStretch(1)
        for widget in (caption, self.names, self.source, self.problem):
            column.addWidget(widget)
        column.addLayout(buttons)
        self.choose.clicked.connect(self._ask)
        self.without.clicked.connect(self.reset)
        self.reset()

    def reset(self) -> None:
        """Back to what the report says."""
        from app.zoo.labels import is_numbered

        self._asked = self.file = None
        self.problem.hide()
        self.without.hide()
        self._show_names(self._report.labels)
        self._numbered = is_numbered(self._report.labels)
        if self._numbered:
            self.source.setText(
                tr(
                    "The file does not name its classes, so they are numbered. If you have a list of {0} names, choose "
                    "it or drop it here; else go on without."
                ).format(f"{self._report.classes:,}")
            )
        else:
            self.source.setText(tr("Names: {0}").format(self._report.labels_source))
        self.changed.emit(None)

    def take(self, path: Path) -> None:
        """Use the names in this file, if there are as many as classes."""
        classes = self._report.classes
        self._asked = path

        def work() -> tuple[tuple[str, ...] | None, str]:
            from app.zoo.labels import read_label_file

            return read_label_file(path, classes)

        def done(outcome: tuple[tuple[str, ...] | None, str] | ExplorerError) -> None:
            if self._asked != path:
                return
            labels, problem = (None, str(outcome)) if isinstance(outcome, ExplorerError) else outcome
            if labels is None:
                self._refuse(problem)
            else:
                self._accept(path, labels)

        self._background.run("models", work, done)

    def _accept(self, path: Path, labels: tuple[str, ...]) -> None:
        self.file = path
        self.problem.hide()
        self._show_names(labels)
        self.source.setText(tr("Names: {0}").format(path.name))
        self.source.setToolTip(str(path))
        self.without.setText(tr("Without this file"))
        self.without.show()
        self.changed.emit(labels)

    def _refuse(self, problem: str) -> None:
        self.reset()
        remedy = tr(
            "Choose a file with {0} names, one a line, in the order of the network's answers; or go on without."
        )
        self.problem.setText(f"{problem} {remedy.format(f'{self._report.classes:,}')}")
        self.problem.show()
        self.without.setText(tr("Go on without names") if self._numbered else tr("Go on with these names"))
        self.without.show()
        self.choose.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_names(self, labels: tuple[str, ...]) -> None:
        names = ", ".join(labels[:_FIRST]) + (" …" if len(labels) > _FIRST else "")
        self.names.setText(tr("{0}: {1}").format(f"{len(labels):,}", names))

    def _ask(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in NAME_SUFFIXES)
        chosen, _ = QFileDialog.getOpenFileName(
            self.window(),
            tr("Class names"),
            str(Path(self._report.file).parent),
            tr("Names ({0});;All files (*)").format(patterns),
        )
        if chosen:
            self.take(Path(chosen))

    def _label(self, name: str, role: str) -> QLabel:
        label = named(QLabel(), name)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, text)
        button.setToolTip(tip)
        return button
