"""What the paper reports of the network that the form describes."""

from __future__ import annotations

import dataclasses

from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from app.core import paper
from app.training.config import PLAIN, Experiment
from app.ui.lab.words import percent
from app.ui.naming import named
from app.ui.tokens import GRID


class PaperCard(QFrame):
    """A few lines; hidden where the paper has nothing to say of it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("paperCard")
        self.setProperty("role", "inset")
        caption = QLabel(self.tr("THE PAPER"))
        caption.setProperty("role", "caption")
        self._figure = named(QLabel(), "paperFigure")
        self._words = named(QLabel(), "paperWords")
        self._words.setProperty("role", "quiet")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID + GRID // 2, GRID, GRID + GRID // 2, GRID)
        layout.setSpacing(GRID // 2)
        for label in (caption, self._figure, self._words):
            label.setWordWrap(True)
            layout.addWidget(label)
        self.hide()

    def show_experiment(self, experiment: Experiment | None) -> None:
        """Say what He et al. 2015 report of this network."""
        if experiment is None or experiment.data != "cifar10" or experiment.start_from:
            self.hide()
            return
        found = paper.reported(dataclasses.asdict(experiment))
        figure = ""
        if found is not None:
            figure = self.tr("ResNet-{0}: {1} test error, {2}")
            figure = figure.format(found.depth, percent(found.test_error), found.source.place)
        self._figure.setText(figure)
        self._figure.setVisible(bool(figure))
        plain = experiment.shortcut == PLAIN or experiment.twin
        words = self.tr(
            "Plain networks do worse with depth, on the training pictures too (figure 6). The authors think vanishing "
            "gradients unlikely to be why: with batch normalisation they saw healthy norms. Compare the slopes."
        )
        self._words.setText(words if plain else self.tr("After 64,000 steps; a shorter run ends higher."))
        self.setVisible(bool(figure) or plain)
