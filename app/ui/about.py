"""About: version, engine, every library with its licence, and the question for a newer version, off by default."""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import __version__, components, paths, updates
from app.components import Component
from app.core.errors import ExplorerError
from app.ui.background import Background
from app.ui.naming import named
from app.ui.settings import Settings
from app.ui.tokens import GRID
from app.updates import Release

ICON_SIDE = 8 * GRID
SIZE = QSize(92 * GRID, 72 * GRID)
WIDTHS = (30, 20)  # of the first columns, in steps of the grid; the last takes the rest


class About(QDialog):
    """What this program is and what it is made of.

    Args:
        window: Its parent.
        engine: What the engine says of itself; "" while it starts.
        settings: Whether and where to ask for a newer version.
        change: Remembers other choices: `change(update_check=True)`.
        background: Reads the list and asks, off the window's thread.
    """

    def __init__(
        self,
        window: QWidget,
        *,
        engine: str,
        settings: Settings,
        change: Callable[..., None],
        background: Background,
    ) -> None:
        super().__init__(window)
        self.setObjectName("about")
        self.setWindowTitle(self.tr("About ResNet Explorer"))
        self.setModal(True)
        self.resize(SIZE)
        self._engine, self._change, self._background = engine, change, background
        self._components: tuple[Component, ...] = ()
        self.table = named(QTreeWidget(), "aboutComponents", self.tr("Libraries and their licences"))
        self.table.setHeaderLabels([self.tr("Library"), self.tr("Version"), self.tr("Licence")])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        for column, steps in enumerate(WIDTHS):
            self.table.header().resizeSection(column, steps * GRID)
        self.table.itemActivated.connect(_open_page)
        self.check = named(QCheckBox(self.tr("Ask for a newer version at each start")), "updateCheck")
        self.check.setToolTip(
            self.tr("Off, nothing is asked of anybody. On, the address below is read once per start.")
        )
        self.check.setChecked(settings.update_check)
        self.address = named(
            QLineEdit(settings.update_address), "updateAddress", self.tr("Address that knows the newest version")
        )
        self.address.setPlaceholderText("https://…")
        self.address.setToolTip(self.tr("It answers with JSON that has a “version”, or a GitHub release."))
        self.answer = named(QLabel(), "updateAnswer")
        self.answer.setProperty("role", "quiet")
        self.answer.setWordWrap(True)
        self.answer.setOpenExternalLinks(True)
        self.check.toggled.connect(lambda on: change(update_check=on))
        self.address.editingFinished.connect(lambda: change(update_address=self.address.text().strip()))
        self._lay_out()
        background.run("about", components.components, self._show_components)

    def text(self) -> str:
        """All of it, as it is copied."""
        return components.text(self._components, engine=self._engine)

    def ask(self) -> None:
        """Ask for the newest version now."""
        address = self.address.text().strip()
        if not address:
            self.answer.setText(self.tr("Fill in the address to ask at; this program brings none."))
            self.address.setFocus()
            return
        self.answer.setText(self.tr("Asking …"))
        self._background.run("updates", lambda: updates.newest(address), self._show_answer)

    def _show_answer(self, outcome: Release | ExplorerError) -> None:
        self.answer.setText(str(outcome) if isinstance(outcome, ExplorerError) else answer_text(outcome))

    def _show_components(self, found: tuple[Component, ...] | ExplorerError) -> None:
        if isinstance(found, ExplorerError):
            self.answer.setText(str(found))
            return
        self._components = found
        for one in found:
            version = one.version or self.tr("in {0}").format(one.part_of)
            item = QTreeWidgetItem([one.name, version, one.licence])
            item.setToolTip(0, one.address)
            item.setToolTip(2, one.note or one.licence)
            item.setData(0, Qt.ItemDataRole.UserRole, one.address)
            self.table.addTopLevelItem(item)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        picture = QLabel()
        picture.setPixmap(QIcon(str(paths.assets() / "icon" / "resnet-explorer.svg")).pixmap(ICON_SIDE, ICON_SIDE))
        head.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(GRID // 2)
        title = QLabel(f"ResNet Explorer {__version__}")
        title.setProperty("role", "title")
        words.addWidget(title)
        for text in (
            self._engine or self.tr("The engine is starting."),
            self.tr("Pictures, models and runs stay on this machine. MIT licence; what it is made of has its own:"),
        ):
            label = QLabel(text)
            label.setProperty("role", "quiet")
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            words.addWidget(label)
        head.addLayout(words, 1)
        ask = self._button(
            "askForUpdate", self.tr("Ask now"), self.tr("Ask that address for the newest version"), self.ask
        )
        updating = QHBoxLayout()
        updating.setSpacing(GRID)
        updating.addWidget(self.address, 1)
        updating.addWidget(ask)
        feet = QHBoxLayout()
        feet.setSpacing(GRID)
        if (licences := paths.about() / "licences").is_dir():
            feet.addWidget(
                self._button(
                    "openLicences",
                    self.tr("Open the licences"),
                    self.tr("The folder with the full text of each"),
                    lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(licences))),
                )
            )
        feet.addStretch(1)
        copy = self.tr("Version, machine and libraries as text, for a report")
        feet.addWidget(
            self._button("copyAbout", self.tr("Copy"), copy, lambda: QGuiApplication.clipboard().setText(self.text()))
        )
        close = self._button("closeAbout", self.tr("Close"), self.tr("Close (Escape)"), self.accept)
        close.setDefault(True)
        feet.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addLayout(head)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.check)
        layout.addLayout(updating)
        layout.addWidget(self.answer)
        layout.addLayout(feet)

    def _button(self, name: str, text: str, tip: str, clicked: Callable[[], object]) -> QPushButton:
        button = named(QPushButton(text), name)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: clicked())
        return button


def answer_text(release: Release, *, link: bool = True) -> str:
    """What is said of the newest version, with a link to click or, in plain text, an address."""
    if not release.is_newer:
        return QCoreApplication.translate("About", "There is nothing newer: {0} is the newest.").format(__version__)
    text = QCoreApplication.translate("About", "Version {0} is there; this is {1}.").format(
        release.version, __version__
    )
    if not release.page:
        return text
    return (
        f'{text} <a href="{html.escape(release.page)}">{html.escape(release.page)}</a>'
        if link
        else f"{text} {release.page}"
    )


def _open_page(item: QTreeWidgetItem) -> None:
    if address := item.data(0, Qt.ItemDataRole.UserRole):
        QDesktopServices.openUrl(QUrl(address))
