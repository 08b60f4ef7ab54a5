"""What the Lab shows before anything was trained: what it is for, and one click to begin."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.training.presets import PRESETS
from app.ui.naming import named
from app.ui.tokens import GRID

OFFERED = ("no-batch-norm", "degradation", "thousand-layers")
WIDTH = 66 * GRID


class Welcome(QWidget):
    """An invitation.

    Signals:
        start_wanted(preset): start it at once.
        preset_wanted(preset): put it into the form.
    """

    start_wanted = Signal(str)
    preset_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("labWelcome")
        card = named(QFrame(), "welcomeCard")
        card.setProperty("role", "card")
        card.setMaximumWidth(WIDTH)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        inside.setSpacing(GRID + GRID // 2)
        title = QLabel(self.tr("Two networks, equal but for the additions"))
        title.setProperty("role", "title")
        inside.addWidget(title)
        inside.addWidget(
            _words(
                self.tr(
                    "Train a residual network and its plain twin side by side: the same layers and first weights, "
                    "the same pictures in the same order. See what depth does to training with and without shortcuts, "
                    "and how much gradient reaches each block, at every step, measured on this machine."
                )
            )
        )
        self.first = named(QPushButton(self.tr("First look: two minutes, nothing downloaded")), "firstLook")
        self.first.setProperty("role", "primary")
        self.first.setToolTip(QCoreApplication.translate("Presets", PRESETS["first-look"].summary))
        self.first.setAccessibleName(self.first.text())
        self.first.clicked.connect(lambda: self.start_wanted.emit("first-look"))
        inside.addWidget(self.first, 0, Qt.AlignmentFlag.AlignLeft)
        inside.addSpacing(GRID)
        inside.addWidget(_words(self.tr("Or look at one of these first:")))
        for name in OFFERED:
            preset = PRESETS[name]
            button = named(QPushButton(preset.title), f"offer-{name}", preset.title)
            button.setProperty("role", "link")
            button.setToolTip(self.tr("Put it into the form on the left"))
            button.clicked.connect(lambda _=False, name=name: self.preset_wanted.emit(name))
            inside.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
            inside.addWidget(_words(QCoreApplication.translate("Presets", preset.summary)))
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        # Not by an alignment: aligned, the card would get the height of its texts on lines of their favourite width.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card, 1000)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(2)


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", "quiet")
    return label
