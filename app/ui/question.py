"""A question in the page instead of in a dialog: a sentence, perhaps a line to fill in, and answers as buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from app.ui.naming import named
from app.ui.tokens import GRID

Answer = tuple[str, Callable[[], None]]


class QuestionBar(QFrame):
    """One question at a time; Escape means the last answer, the harmless one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("questionBar")
        self.setProperty("role", "raised")
        self.key = ""
        self._label = named(QLabel(), "questionText")
        self._label.setWordWrap(True)
        self.line = named(QLineEdit(), "questionLine")
        self._buttons: list[QPushButton] = []
        self._answers: list[Answer] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self._layout.setSpacing(GRID)
        self._layout.addWidget(self._label, 1)
        self._layout.addWidget(self.line, 1)
        self.line.returnPressed.connect(lambda: self._answer(0))
        self.hide()

    def ask(self, text: str, answers: Sequence[Answer], *, key: str = "", line: str | None = None) -> None:
        """Ask; the first answer is the suggested one, the last one changes nothing.

        Args:
            key: What the question is about.
            line: What the line to fill in holds at first; None for no line.
        """
        self.key = key
        self._label.setText(text)
        self.setAccessibleName(text)
        self.line.setVisible(line is not None)
        self.line.setText(line or "")
        self.line.setAccessibleName(text)
        for button in self._buttons:
            button.deleteLater()
        self._answers = list(answers)
        self._buttons = []
        for place, (words, _) in enumerate(answers):
            button = named(QPushButton(words), f"answer-{place}", words)
            button.setToolTip(words)
            if place == 0:
                button.setProperty("role", "primary")
            button.clicked.connect(lambda _=False, place=place: self._answer(place))
            self._layout.addWidget(button)
            self._buttons.append(button)
        self.show()
        if line is not None:
            self.line.setFocus(Qt.FocusReason.OtherFocusReason)
            self.line.selectAll()
        elif self._buttons:
            self._buttons[-1].setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._answers:
            self._answer(len(self._answers) - 1)
        else:
            super().keyPressEvent(event)

    def _answer(self, place: int) -> None:
        answers, self._answers = self._answers, []
        self.key = ""
        self.hide()
        if place < len(answers):
            answers[place][1]()
