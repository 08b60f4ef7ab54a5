"""The window: top bar, rail, pages, status bar; drops and pastes land here whatever page is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.actions import Actions
from app.ui.icons import icon
from app.ui.naming import named
from app.ui.theme import colour, theme
from app.ui.tokens import GRID

SMALLEST = QSize(880, 560)
USUAL = QSize(1440, 900)
RAIL_WIDTH = 9 * GRID + GRID // 2
RAIL_MARGIN = GRID + GRID // 2
BAR_HEIGHT = 5 * GRID
STATUS_HEIGHT = 3 * GRID + GRID // 2


class MainWindow(QMainWindow):
    """The frame around the pages.

    Signals:
        paths_dropped(list of Path), url_dropped(str), image_dropped(QImage, name), bytes_dropped(bytes, name)
        drag_changed(bool): something that could be dropped is over the window.
        closing: the window is about to go.
        first_painted: the window is on screen.
        page_shown(name): another page came to the front.

    Attributes:
        close_guards: Asked when the user closes the window; one that says no keeps it open and asks the user why.
    """

    paths_dropped = Signal(list)
    url_dropped = Signal(str)
    image_dropped = Signal(QImage, str)
    bytes_dropped = Signal(bytes, str)
    drag_changed = Signal(bool)
    closing = Signal()
    first_painted = Signal()
    page_shown = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._painted = False
        self._names: list[str] = []  # of the pages, in the order of the rail
        self.close_guards: list[Callable[[], bool]] = []
        self._answered: list[Callable[[], bool]] = []  # the guards whose question the user has answered
        self._makers: dict[str, Callable[[], QWidget]] = {}  # of the pages that nobody has seen yet
        self.setObjectName("mainWindow")
        self.setWindowTitle("ResNet Explorer")
        self.setMinimumSize(SMALLEST)
        self.resize(USUAL)
        self.setAcceptDrops(True)
        self.actions_table = Actions(self)
        self.pages = named(QStackedWidget(), "pages")
        self._rail_buttons = QButtonGroup(self)
        self._rail_buttons.setExclusive(True)
        self._status_dot = _Dot()
        self._status_device = named(QLabel(), "statusDevice")
        self._status_text = named(QLabel(), "statusText")
        self._picture_name = named(QLabel(), "pictureName")
        self._picture_name.setProperty("role", "quiet")

        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self._make_rail())
        body.addWidget(self.pages, 1)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._make_top_bar())
        layout.addLayout(body, 1)
        layout.addWidget(self._make_status_bar())
        self.setCentralWidget(whole)

    def add_page(self, name: str, text: str, make: Callable[[], QWidget]) -> None:
        """Add a page and its button on the rail; the page itself is made when it is first shown."""
        button = named(QToolButton(), f"rail-{name}")
        button.setIcon(icon(name))
        button.setText(text)
        button.setToolTip(self.actions_table.tip(f"page-{name}"))
        button.setAccessibleName(text)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(3 * GRID, 3 * GRID))
        button.setCheckable(True)
        button.setFixedSize(RAIL_WIDTH - RAIL_MARGIN, 7 * GRID)
        button.setProperty("role", "rail")
        index = self.pages.addWidget(QWidget())
        self._names.append(name)
        self._makers[name] = make
        self._rail_buttons.addButton(button, index)
        self._rail.insertWidget(index, button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._widen_rail(button.fontMetrics().horizontalAdvance(text) + GRID + GRID // 2)
        button.clicked.connect(lambda: self.show_page(name))
        self.actions_table.on(f"page-{name}", lambda: self.show_page(name))
        if index == 0:
            self.show_page(name)

    @property
    def page_names(self) -> tuple[str, ...]:
        """Every page, in the order of the rail."""
        return tuple(self._names)

    @property
    def page(self) -> str:
        """The name of the page that is shown; "" before there is one."""
        return self._names[self.pages.currentIndex()] if self._names else ""

    def show_page(self, name: str) -> None:
        """Bring a page to the front; a name that no page has is ignored (settings of another version)."""
        if name not in self._names:
            return
        index = self._names.index(name)
        if (make := self._makers.pop(name, None)) is not None:
            placeholder = self.pages.widget(index)
            self.pages.insertWidget(index, make())
            if placeholder is not None:
                self.pages.removeWidget(placeholder)
                placeholder.deleteLater()
        self.pages.setCurrentIndex(index)
        self.actions_table.enable_for(name)
        if (button := self._rail_buttons.button(index)) is not None:
            button.setChecked(True)
        self.page_shown.emit(name)

    def set_picture_name(self, name: str) -> None:
        """Say which picture is shown, beside the program's name."""
        metrics = self._picture_name.fontMetrics()
        self._picture_name.setText(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, 60 * GRID))
        self._picture_name.setToolTip(name)
        self.setWindowTitle(f"{name} – ResNet Explorer" if name else "ResNet Explorer")

    def set_engine_state(self, state: str, text: str) -> None:
        """Show the engine's state: "starting", "ready" or "died", and its device."""
        self._status_dot.set_state(state)
        self._status_device.setText(text)

    def set_status(self, text: str) -> None:
        """Show what the page has to say."""
        self._status_text.setText(text)

    def paste(self) -> None:
        """Take whatever picture the clipboard holds."""
        self._take(QGuiApplication.clipboard().mimeData(), self.tr("pasted picture"))

    def bring_to_front(self) -> None:
        """Show the window above others, also where it was minimised; the window system may only flash it instead."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def save_geometry_text(self) -> str:
        """The window's geometry, as text for the settings."""
        return bytes(self.saveGeometry().toBase64().data()).decode("ascii")

    def restore_geometry_text(self, text: str) -> None:
        """Restore what `save_geometry_text` gave; nonsense is ignored by Qt."""
        if text:
            self.restoreGeometry(QByteArray.fromBase64(QByteArray(text.encode("ascii", "ignore"))))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        mime = event.mimeData()
        if mime.hasUrls() or mime.hasImage() or _picture_format(mime) is not None:
            event.acceptProposedAction()
            self.drag_changed.emit(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drag_changed.emit(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.drag_changed.emit(False)
        if self._take(event.mimeData(), self.tr("dropped picture")):
            event.acceptProposedAction()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.first_painted.emit)

    def quit(self) -> None:
        """Close the window as the user would: work under way may ask first."""
        self._answered.clear()
        if self._may_close():
            self.close()

    def go_on_closing(self, answered: Callable[[], bool]) -> None:
        """Close, if the other guards allow it: the user has answered this one's question."""
        self._answered.append(answered)
        if self._may_close():
            self.close()

    def _may_close(self) -> bool:
        return all(guard() for guard in self.close_guards if guard not in self._answered)

    def closeEvent(self, event: QCloseEvent) -> None:
        if event.spontaneous() and not _session_ends():
            self._answered.clear()
            if not self._may_close():
                event.ignore()
                return
        self.closing.emit()
        event.accept()

    def _take(self, mime: QMimeData, name: str) -> bool:
        """Take pictures out of what was dropped or pasted: files first, then pixels, then addresses."""
        urls = mime.urls()
        paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if paths:
            self.paths_dropped.emit(paths)
            return True
        picture_format = _picture_format(mime)
        if picture_format is not None and (data := bytes(mime.data(picture_format).data())):
            self.bytes_dropped.emit(data, name)
            return True
        if mime.hasImage():
            image = QImage(mime.imageData())
            if not image.isNull():
                self.image_dropped.emit(image, name)
                return True
        text = mime.text().strip()
        # Encoded: what people read, with spaces and umlauts, is no address that can be asked for.
        addresses = [bytes(url.toEncoded().data()).decode("ascii") for url in urls or [QUrl(text)]]
        fetchable = [one for one in addresses if one.startswith(("http://", "https://", "data:image/"))]
        if fetchable:
            self.url_dropped.emit(fetchable[0])
            return True
        if (path := _path_of(text)) is not None:
            self.paths_dropped.emit([path])
            return True
        return False

    def _make_top_bar(self) -> QFrame:
        bar = _Edged("bottom", "topBar")
        bar.setFixedHeight(BAR_HEIGHT)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        layout.setSpacing(GRID + GRID // 2)
        name = QLabel("ResNet Explorer")
        name.setProperty("role", "title")
        layout.addWidget(name)
        layout.addWidget(self._picture_name)
        layout.addStretch(1)
        keys = self.actions_table["palette"].shortcut().toString()
        search = named(QPushButton(self.tr("Search actions")), "searchActions")
        hint = QHBoxLayout(search)
        hint.setContentsMargins(0, 0, GRID + GRID // 2, 0)
        hint.addStretch(1)
        hint.addWidget(_quiet(keys))
        search.setProperty("role", "search")
        search.setToolTip(self.actions_table.tip("palette"))
        search.clicked.connect(self.actions_table["palette"].trigger)
        layout.addWidget(search)
        return bar

    def _widen_rail(self, wanted: int) -> None:
        """Give every button of the rail this width, in languages with longer words."""
        buttons = self._rail_buttons.buttons()
        width = max(wanted, *(button.width() for button in buttons))
        for button in buttons:
            button.setFixedWidth(width)
        if (rail := self._rail.parentWidget()) is not None:
            rail.setFixedWidth(width + RAIL_MARGIN)

    def _make_rail(self) -> QFrame:
        rail = _Edged("right", "rail")
        rail.setFixedWidth(RAIL_WIDTH)
        self._rail = QVBoxLayout(rail)
        self._rail.setContentsMargins(0, GRID, 0, GRID)
        self._rail.setSpacing(GRID // 2)
        self._rail.addStretch(1)
        for name, action in (("help", "shortcuts"),):
            button = named(QToolButton(), f"rail-{name}")
            button.setIcon(icon(name))
            button.setIconSize(QSize(3 * GRID, 3 * GRID))
            button.setAccessibleName(self.actions_table[action].text())
            button.setToolTip(self.actions_table.tip(action))
            button.setProperty("role", "rail")
            button.clicked.connect(self.actions_table[action].trigger)
            self._rail.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        return rail

    def _make_status_bar(self) -> QFrame:
        bar = _Edged("top", "statusBar")
        bar.setFixedHeight(STATUS_HEIGHT)
        layout = QHBoxLayout(bar)
        layout.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self._status_dot)
        for label in (self._status_device, self._status_text):
            label.setProperty("role", "quiet")
            layout.addWidget(label)
        layout.addStretch(1)
        return bar


def _quiet(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "quiet")
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return label


class _Edged(QFrame):
    """A panel with a hairline along one edge."""

    def __init__(self, edge: str, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._edge = edge
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour("panel"))
        painter.setPen(colour("line"))
        right, bottom = self.width() - 1, self.height() - 1
        ends = {"bottom": (0, bottom, right, bottom), "top": (0, 0, right, 0), "right": (right, 0, right, bottom)}
        painter.drawLine(*ends[self._edge])


class _Dot(QWidget):
    """The engine's state as a dot: good, or the warning colour."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("engineDot")
        self._state = "starting"
        self.setFixedSize(GRID, GRID)
        theme().changed.connect(self.update)

    def set_state(self, state: str) -> None:
        self._state = state
        self.setToolTip(self.tr("engine: {0}").format(state))
        self.setAccessibleName(self.toolTip())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("good" if self._state == "ready" else "plain"))
        painter.drawEllipse(self.rect())


def _session_ends() -> bool:
    """Whether the user logs out: no time for questions."""
    application = QGuiApplication.instance()
    return isinstance(application, QGuiApplication) and application.isSavingSession()


def _path_of(text: str) -> Path | None:
    """The file or folder that a pasted line names; None for other text."""
    if not text or "\n" in text:
        return None
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, “~somebody” whom nobody knows, or with a zero in it
        return None


def _picture_format(mime: QMimeData) -> str | None:
    """The encoded picture that another program offers, if any; better than pixels, for it keeps its profile."""
    for name in ("image/png", "image/jpeg", "image/webp", "image/tiff", "image/bmp", "image/gif"):
        if mime.hasFormat(name):
            return name
    return None
