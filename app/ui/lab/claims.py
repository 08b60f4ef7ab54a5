"""The paper's board: every claim of He et al. 2015 that can be tried, beside what was measured on this machine.

Nothing is entered by hand: values come from the folders of runs and from records of measurements and evaluations.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.ui.lab.claims_depth import DepthClaims
from app.ui.lab.claims_imagenet import ImageNetClaims
from app.ui.lab.claims_responses import ResponseClaims
from app.ui.lab.run_index import RunIndex
from app.ui.naming import named
from app.ui.shell import Shell
from app.ui.tokens import GRID


class ClaimsView(QScrollArea):
    """Three cards below each other: depth, responses, ImageNet. They read only while they are shown.

    Signals:
        failed(ExplorerError): for the notice bar.

    Attributes:
        depths, responses, imagenet: The cards.
    """

    failed = Signal(object)

    def __init__(self, shell: Shell, index: RunIndex, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "claims", self.tr("The paper's claims, and what was measured here"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._index = index
        self.depths = DepthClaims(shell.background)
        self.responses = ResponseClaims(shell)
        self.imagenet = ImageNetClaims(shell.background)
        body = named(QWidget(), "claimsBody")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID + GRID // 2)
        for card in (self.depths, self.responses, self.imagenet):
            layout.addWidget(card)
            card.said.connect(shell.window.set_status)
            card.failed.connect(self.failed)
        layout.addStretch(1)
        self.setWidget(body)
        index.changed.connect(lambda _runs: self._look_at_runs())

    def _look_at_runs(self) -> None:
        if self.isVisible():
            self.depths.show_runs(self._index.runs)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look_at_runs()
        self.responses.look()
        self.imagenet.look()
