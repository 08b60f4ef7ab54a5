"""Everything that is told of an evaluation, as cards: two columns, or one where the window is small."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QScrollArea, QWidget

from app.ui.background import Background
from app.ui.charts.card import ChartCard
from app.ui.evaluate.class_table import ClassModel, make_view
from app.ui.evaluate.confusion import ConfusionMatrix
from app.ui.evaluate.gallery import Gallery
from app.ui.evaluate.headline import Headline
from app.ui.evaluate.reliability import ReliabilityDiagram
from app.ui.evaluate.sheet import Sheet
from app.ui.evaluate.side_by_side import SideBySide
from app.ui.naming import named
from app.ui.tokens import GRID

ONE_COLUMN = 100 * GRID  # narrower than this, cards stand below each other
CARD_HEIGHT = 56 * GRID


class Board(QScrollArea):
    """The cards; what is in them, the panel says."""

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("evaluationResults")
        self.setAccessibleName(self.tr("Results"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.headline = Headline()
        self.confusion = ConfusionMatrix()
        self.confusion_sheet = Sheet(
            "confusion", self.tr("Confusion matrix"), self.confusion, background, table=self.confusion.table
        )
        self.reliability = ReliabilityDiagram()
        self.calibration_card = ChartCard(self.reliability, self.tr("Calibration"), background=background)
        self.calibration_card.set_note(
            self.tr(
                "15 bins of equal width. On the dashed line a probability is kept as a promise; "
                "bars below it mean that the model is too sure. Pale bars hold few pictures."
            ),
            shown=True,
        )
        self.classes = ClassModel(self)
        self.class_view = make_view(self.classes, "classTable", self.tr("Figures per class"))
        self.class_view.sortByColumn(2, Qt.SortOrder.AscendingOrder)
        self.class_view.setColumnWidth(0, 20 * GRID)
        self.class_view.horizontalHeader().setStretchLastSection(True)
        self.class_view.setMinimumHeight(30 * GRID)
        self.class_sheet = Sheet(
            "classes", self.tr("Classes"), self.class_view, background, table=self.classes.table, picture=False
        )
        self.gallery = Gallery(background, self)
        self.strip_sheet = Sheet("mistakes", "", self.gallery.strip, background, picture=True)
        self.back = named(QPushButton(self.tr("Worst mistakes")), "backToMistakes")
        self.back.setProperty("role", "link")
        self.back.setToolTip(self.tr("Show the worst mistakes again"))
        self.back.setCursor(Qt.CursorShape.PointingHandCursor)
        self.strip_sheet.head.insertWidget(2, self.back)
        self.side = SideBySide()
        self.side_sheet = Sheet(
            "compared", self.tr("Beside each other"), self.side, background, table=self.side.table, picture=True
        )
        self.empty = named(
            QLabel(
                self.tr(
                    "Drop a folder with a folder per class, an .npz file, cifar-10-batches-py\n"
                    "or ImageNet's validation pictures, then press Evaluate."
                )
            ),
            "evaluateEmpty",
        )
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "quiet")
        inside = QWidget()
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self._grid.setSpacing(2 * GRID)
        self.setWidget(inside)
        self.columns = 0
        self.arrange()

    def set_empty(self, empty: bool) -> None:
        """Say what to do, or nothing of the kind."""
        self.empty.setVisible(empty)
        self._grid.setRowStretch(0, 3 if empty else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.arrange()

    def arrange(self) -> None:
        """Put the cards beside each other where there is room."""
        columns = 1 if self.width() < ONE_COLUMN else 2
        if columns == self.columns:
            return
        self.columns = columns
        self.confusion_sheet.setMinimumHeight(CARD_HEIGHT)
        self.calibration_card.setMinimumHeight(CARD_HEIGHT if columns == 2 else 40 * GRID)
        grid = self._grid
        grid.addWidget(self.empty, 0, 0, 1, 2)
        grid.addWidget(self.side_sheet, 1, 0, 1, 2)
        grid.addWidget(self.headline, 2, 0, 1, 2)
        if columns == 2:
            grid.addWidget(self.confusion_sheet, 3, 0)
            grid.addWidget(self.calibration_card, 3, 1)
        else:
            grid.addWidget(self.confusion_sheet, 3, 0, 1, 2)
            grid.addWidget(self.calibration_card, 4, 0, 1, 2)
        grid.addWidget(self.strip_sheet, 5, 0, 1, 2)
        grid.addWidget(self.class_sheet, 6, 0, 1, 2)
        grid.setColumnStretch(0, 3)
        grid.setColumnStretch(1, 2)
        grid.setRowStretch(7, 1)
