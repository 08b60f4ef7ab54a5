"""The panel “Channels”: the pictures of a data set that drive a block's channels hardest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app.core.drivers import ChannelDrivers, Driver, DriversRecord, DriversRequest
from app.core.errors import ExplorerError
from app.ui.data_row import DataRow, count_box
from app.ui.drawing import SMALL, elided, image_from, number_text, resized
from app.ui.naming import named
from app.ui.spine_words import block_label
from app.ui.theme import colour, theme
from app.ui.tokens import GRID
from app.ui.work_row import WorkRow

if TYPE_CHECKING:
    from app.ui.anatomy.page import AnatomyPage

SIDE = 10 * GRID
COUNT = 9


class DriversPanel(QScrollArea):
    """Looks through a data set, and shows what was found."""

    def __init__(self, page: AnatomyPage) -> None:
        super().__init__()
        named(self, "driversPanel", self.tr("Pictures that drive the channels"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self._page, self._shell = page, page.shell
        self._channel: int | None = None  # the only one that is asked about; None for the strongest
        self.record: DriversRecord | None = None
        self.data = DataRow("drivers", page.shell)
        self.pictures = count_box("driversPictures")
        self.work = WorkRow("drivers", self.tr("Look through them"), page.shell)
        self.words = named(QLabel(), "driversWords")
        self.words.setWordWrap(True)
        self.words.setProperty("role", "quiet")
        self._rows: list[_ChannelRow] = []
        self._lay_out()
        self.data.changed.connect(self.refresh)
        self.work.wanted.connect(self.start)
        self.work.done.connect(self._show)
        self.work.failed.connect(self._on_failed)
        self.work.ended.connect(self.refresh)
        self._shell.engine.model_loaded.connect(lambda _model: self._show(None))
        page.block_chosen.connect(self._on_block)
        self._show(None)
        self.refresh()

    def ask_about(self, channel: int | None) -> None:
        """Look for the pictures of one channel of the chosen block; None for its strongest ones."""
        self._channel = channel
        self._show(None)
        self.refresh()
        if self.data.path:
            self.start()

    def take_paths(self, dropped: list[Path]) -> bool:
        """A dropped folder or file of arrays is looked through."""
        data = next((path for path in dropped if path.is_dir() or path.suffix == ".npz"), None)
        if data is not None:
            self.data.set_path(data)
        return data is not None

    def start(self) -> None:
        """Begin to look."""
        model = self._shell.explore.model
        if model is None or not self.data.path or not self._page.block:
            return
        self._show(None)
        channels = () if self._channel is None else (self._channel,)
        self.work.run(
            "anatomy.drivers",
            DriversRequest(
                model.reference, self.data.path, self._page.block, channels, COUNT, pictures=self.pictures.value()
            ),
        )

    def refresh(self) -> None:
        """Say what would be looked for, and whether that can begin."""
        self.data.refresh()
        outline = self._page.surgery.outline
        block = outline.block(self._page.block) if outline is not None else None
        if block is None:
            self.work.set_ready(False, self.tr("Choose a model first."))
        elif not block.explainable:
            self.work.set_ready(False, self.tr("The head has no feature map: choose a block before it."))
        else:
            self.work.set_ready(bool(self.data.path), self.tr("Choose labelled pictures first."))
        if self.record is None and block is not None:
            which = (
                self.tr("the channels that answer most strongly")
                if self._channel is None
                else self.tr("channel {0}").format(self._channel)
            )
            text = self.tr("Which pictures drive {0} of {1} hardest? The ring marks where.")
            self.words.setText(text.format(which, block_label(block)))

    def _on_block(self, _name: str) -> None:
        if not self.work.running:
            self._channel = None
            self.refresh()

    def _show(self, record: DriversRecord | None) -> None:
        self.record = record
        for row in self._rows:
            self._found.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [_ChannelRow(one) for one in record.channels] if record is not None else []
        for row in self._rows:
            self._found.addWidget(row)
        if record is not None:
            outline = self._page.surgery.outline
            block = outline.block(record.request.block) if outline is not None else None
            label = block_label(block) if block is not None else record.request.block
            text = self.tr("{0}, {1} pictures looked at. The ring marks where the channel answers.")
            self.words.setText("\n".join((text.format(label, record.pictures), *record.notices)))

    def _on_failed(self, error: ExplorerError) -> None:
        self._page.notices.show_notice(str(error), key="work")

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(GRID)
        below.addWidget(self.pictures)
        below.addWidget(self.work, 1)
        self._found = QVBoxLayout()
        self._found.setSpacing(GRID)
        body = named(QWidget(), "driversBody")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.data)
        layout.addLayout(below)
        layout.addWidget(self.words)
        layout.addLayout(self._found)
        layout.addStretch(1)
        self.setWidget(body)


class _ChannelRow(QWidget):
    """One channel's pictures, hardest first."""

    def __init__(self, drivers: ChannelDrivers) -> None:
        super().__init__()
        self.setObjectName(f"drivers{drivers.channel}")
        self._drivers = drivers
        self._images: list[QImage] = [image_from(one.pixels) for one in drivers.drivers]
        title = self.tr("channel {0}").format(drivers.channel)
        self.setAccessibleName(title)
        self.setAccessibleDescription(", ".join(f"{one.label} {number_text(one.value)}" for one in drivers.drivers))
        self._title = f"{title}   {self.tr('mean of the maxima {0}').format(number_text(drivers.mean))}"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        line = QFontMetricsF(self.font()).height()
        return QSize(40 * GRID, round(SIDE + 2.2 * line + GRID))

    def _rect(self, place: int) -> QRect:
        line = QFontMetricsF(self.font()).height()
        return QRect(place * (SIDE + GRID), round(line + 4), SIDE, SIDE)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            metrics = QFontMetricsF(self.font())
            painter.setPen(colour("text"))
            painter.drawText(QPointF(0, metrics.ascent()), self._title)
            small = resized(self.font(), SMALL)
            painter.setFont(small)
            for place, (driver, image) in enumerate(zip(self._drivers.drivers, self._images, strict=True)):
                rect = self._rect(place)
                painter.drawImage(rect, image)
                self._ring(painter, QRectF(rect), driver)
                line = QRectF(rect.left(), rect.bottom() + 2, SIDE, metrics.height())
                painter.setPen(colour("quiet"))
                text = elided(driver.label or driver.name, QFontMetricsF(small), SIDE)
                painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, text)

    def _ring(self, painter: QPainter, rect: QRectF, driver: Driver) -> None:
        row, column = driver.place
        centre = QPointF(rect.left() + column * rect.width(), rect.top() + row * rect.height())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for token, width in (("ground", 4.0), ("accent", 2.0)):
            painter.setPen(QPen(colour(token), width))
            painter.drawEllipse(centre, GRID, GRID)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            point = QPointF(event.pos()).toPoint()
            drivers = self._drivers.drivers
            place = next((one for one in range(len(drivers)) if self._rect(one).contains(point)), None)
            if place is None:
                QToolTip.hideText()
            else:
                words = f"{drivers[place].label}\n{drivers[place].name}\n{number_text(drivers[place].value)}"
                QToolTip.showText(event.globalPos() + QPoint(0, GRID), words, self, self._rect(place))
            return True
        return super().event(event)


def build(page: AnatomyPage) -> QWidget:
    """The panel, for the page."""
    return DriversPanel(page)
