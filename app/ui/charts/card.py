"""The frame around a chart: title, legend, menu, and what the paper found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QFontMetricsF, QGuiApplication, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.charts import export
from app.ui.charts.legend import Legend, draw_swatch
from app.ui.charts.lines import LineChart
from app.ui.charts.plot import Plot
from app.ui.drawing import SMALL, resized
from app.ui.elided_label import ElidedLabel
from app.ui.icons import icon
from app.ui.naming import named
from app.ui.theme import colour
from app.ui.tokens import GRID

_LEGEND_PLACE = 3  # in the header: after title, gap and stretch
_SMOOTHINGS = (None, 0, 10, 100, 1000)


class ChartCard(QFrame):
    """A chart with its title, its legend, a menu to save and copy, and a note.

    Args:
        chart: Becomes the card's.
        title: Above it; also the suggested name of files.
        background: Where files are written and tables made; without one it is done at once.

    Signals:
        said(str): what was saved or copied: for the status bar.
        failed(ExplorerError): a file could not be written: for the notice bar.
    """

    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self, chart: Plot, title: str, *, background: Background | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{chart.objectName()}Card")
        self.setProperty("role", "card")
        self.chart = chart
        self._background = background
        self._title = named(ElidedLabel(title), f"{chart.objectName()}Title")
        self._title.setProperty("role", "strong")
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._whole = self._tool("fit", "Whole", self.tr("Show all steps again (double-click)"))
        self._whole.hide()
        self._info = self._tool("info", "Note", self.tr("What the paper found"))
        self._info.setCheckable(True)
        self._info.hide()
        self._note = named(QLabel(), f"{chart.objectName()}NoteText")
        self._note.setProperty("role", "quiet")
        self._note.setWordWrap(True)
        self._note.setFont(resized(self._note.font(), SMALL))
        self._note.hide()
        self._more = self._tool("more", "Menu", self.tr("Save, copy, axis"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(self._make_menu())
        self._info.toggled.connect(self._note.setVisible)
        self._whole.clicked.connect(lambda: chart.set_zoom(None))
        chart.zoomed.connect(self._whole.setVisible)
        self._lay_out()

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setSpacing(GRID)
        self._title.setMinimumHeight(round(QFontMetricsF(self._title.font()).height()) + GRID)
        header.addWidget(self._title, 0, Qt.AlignmentFlag.AlignTop)
        header.addSpacing(GRID)
        header.addStretch(1)
        self._legend = Legend(self.chart)
        self._header = header
        for button in (self._whole, self._info, self._more):
            header.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID + GRID // 2, GRID + GRID // 2, GRID)
        layout.setSpacing(GRID // 2)
        layout.addLayout(header)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self._note)
        self._outer, self._beside = layout, False
        self._legend.rebuilt.connect(self._place_legend)
        layout.insertWidget(1, self._legend)
        self._place_legend()

    def _place_legend(self) -> None:
        """Beside the title where all of it has room there, else in a row below, which is wider."""
        tools = sum(button.sizeHint().width() + GRID for button in (self._whole, self._info, self._more))
        room = self.width() - 4 * GRID - self._title.sizeHint().width() - tools
        beside = self._legend.sizeHint().width() <= room
        if beside == self._beside:
            return
        self._beside = beside
        if beside:
            self._outer.removeWidget(self._legend)
            self._header.insertWidget(_LEGEND_PLACE, self._legend, 1000, Qt.AlignmentFlag.AlignTop)
        else:
            self._header.removeWidget(self._legend)
            self._outer.insertWidget(1, self._legend)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()

    def _tool(self, icon_name: str, name: str, text: str) -> QToolButton:
        button = named(QToolButton(), f"{self.chart.objectName()}{name}", text)
        button.setProperty("role", "quiet")
        button.setIcon(icon(icon_name))
        button.setIconSize(QSize(2 * GRID, 2 * GRID))
        button.setToolTip(text)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        return button

    @property
    def title(self) -> str:
        """What stands above the chart."""
        return self._title.text()

    def set_title(self, title: str) -> None:
        """Put another text above the chart."""
        self._title.setText(title)

    def set_note(self, text: str, *, shown: bool = False) -> None:
        """What the paper found, below the chart; plain text. It is folded away behind an ⓘ unless `shown`; "" takes
        both away."""
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setText(text)
        self._info.setVisible(bool(text))
        self._info.setChecked(bool(text) and shown)
        self._note.setVisible(bool(text) and shown)

    # The menu

    def _make_menu(self) -> QMenu:
        menu = named(QMenu(self), f"{self.chart.objectName()}Choices")
        if self.chart.can_log:
            log = menu.addAction(self.tr("Logarithmic axis"))
            log.setObjectName("chartLog")
            log.setCheckable(True)
            log.toggled.connect(self.chart.set_log)
            menu.aboutToShow.connect(lambda: log.setChecked(self.chart.log))
        if isinstance(self.chart, LineChart):
            self._add_smoothing(menu, self.chart)
        if not menu.isEmpty():
            menu.addSeparator()
        entries: tuple[tuple[str, str, Callable[[], object]], ...] = (
            ("chartSavePng", self.tr("Save PNG…"), lambda: self._save(".png")),
            ("chartSaveSvg", self.tr("Save SVG…"), lambda: self._save(".svg")),
            ("chartSaveCsv", self.tr("Save CSV…"), lambda: self._save(".csv")),
            ("chartCopyPicture", self.tr("Copy picture"), self.copy_picture),
            ("chartCopyData", self.tr("Copy data"), self.copy_data),
        )
        for name, text, run in entries:
            action = QAction(text, menu)
            action.setObjectName(name)
            action.triggered.connect(lambda _checked=False, run=run: run())
            menu.addAction(action)
        return menu

    def _add_smoothing(self, menu: QMenu, chart: LineChart) -> None:
        choices = menu.addMenu(self.tr("Running mean"))
        group = QActionGroup(choices)
        for rows in _SMOOTHINGS:
            text = self.tr("suits the range") if rows is None else self.tr("off") if rows == 0 else f"{rows}"
            action = choices.addAction(text if not rows else self.tr("{0} steps").format(text))
            action.setCheckable(True)
            action.setChecked(rows == chart.smoothing)
            action.triggered.connect(lambda _checked=False, rows=rows: chart.set_smoothing(rows))
            group.addAction(action)

    # Files

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint title, legend and chart, as in a saved picture."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inner = rect.adjusted(2 * GRID, 1.5 * GRID, -2 * GRID, -1.5 * GRID)
        strong = resized(self.font(), 1.0, bold=True)
        metrics = QFontMetricsF(strong)
        painter.setFont(strong)
        painter.setPen(colour("text"))
        painter.drawText(QPointF(inner.left(), inner.top() + metrics.ascent()), self.title)
        right, top = inner.left() + metrics.horizontalAdvance(self.title) + 3 * GRID, inner.top()
        painter.setFont(self.font())
        metrics = QFontMetricsF(self.font())
        for entry in self.chart.entries():
            if not entry.visible:
                continue
            width = 3 * GRID + metrics.horizontalAdvance(entry.label)
            if right + width > inner.right() and right > inner.left():
                right, top = inner.left(), top + metrics.height() + GRID / 2
            draw_swatch(painter, QRectF(right, top, 2.25 * GRID, metrics.height()), entry)
            painter.setPen(colour("quiet"))
            painter.drawText(QPointF(right + 3 * GRID, top + metrics.ascent()), entry.label)
            right += width + 2 * GRID
        inner.setTop(top + metrics.height() + GRID)
        self.chart.draw(painter, inner, live=False)

    def picture_size(self) -> QSizeF:
        """Of a saved picture, in logical pixels: as on the screen, but never tiny."""
        return QSizeF(max(480, self.width()), max(280, self.height()))

    def save(self, path: Path) -> None:
        """Write the chart to a file of the kind that the name says: .png, .svg or .csv."""
        if path.suffix == ".csv":
            table = self.chart.table()
            self._work(lambda: export.write(path, export.csv_text(table).encode()), self._saved)
        elif path.suffix == ".svg":
            content = export.svg_bytes(self.paint, self.picture_size(), self.title)
            self._work(lambda: export.write(path, content), self._saved)
        else:
            image = export.picture(self.paint, self.picture_size())
            self._work(lambda: export.write(path, export.png_bytes(image)), self._saved)

    def copy_picture(self) -> None:
        """Put the chart on the clipboard, as a picture."""
        QGuiApplication.clipboard().setImage(export.picture(self.paint, self.picture_size()))
        self.said.emit(self.tr("picture of the chart copied"))

    def copy_data(self) -> None:
        """Put the visible numbers on the clipboard, as CSV."""
        table = self.chart.table()

        def copied(text: object) -> None:
            QGuiApplication.clipboard().setText(str(text))
            self.said.emit(self.tr("numbers of the chart copied"))

        self._work(lambda: export.csv_text(table), copied)

    def _save(self, suffix: str) -> None:
        words = re.sub(r"[^\w]+", "-", self.title).strip("-").lower() or "chart"
        kinds = f"{suffix[1:].upper()} (*{suffix})"
        chosen, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Save chart"), f"{words}{suffix}", kinds)
        if chosen:
            path = Path(chosen)
            self.save(path if path.suffix == suffix else path.with_name(path.name + suffix))

    def _saved(self, path: object) -> None:
        self.said.emit(self.tr("saved {0}").format(path))

    def _work(self, work: Callable[[], object], then: Callable[[object], None]) -> None:
        def done(outcome: object) -> None:
            if isinstance(outcome, ExplorerError):
                self.failed.emit(outcome)
            else:
                then(outcome)

        if self._background is not None:
            self._background.run("save", work, done)
            return
        try:
            outcome = work()
        except ExplorerError as error:
            outcome = error
        done(outcome)
