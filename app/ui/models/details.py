"""The right side of the library: the whole card of the chosen model, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import ExplorerError
from app.core.records import NetworkOutline
from app.ui.models.architecture_words import architecture_words
from app.ui.models.troubles import is_stand_in
from app.ui.models.words import MEBI, mebibytes, progress_words, tr
from app.ui.naming import named
from app.ui.spine import Spine
from app.ui.tokens import GRID

if TYPE_CHECKING:
    from app.zoo.cards import Accuracy, Card
    from app.zoo.download import Progress

WIDTH = 40 * GRID


class Details(QScrollArea):
    """Shows one card, and offers what can be done with its model.

    Signals:
        use_wanted(id): take it to Explore.
        download_wanted(id), cancel_wanted(id): get its weights; stop that.
        remove_wanted(id): delete it; the user was asked once.
        again_wanted(id): look at its weights as if they had just been brought, to mend its card.
        gone(id): its folder is not there any more.
    """

    use_wanted = Signal(str)
    download_wanted = Signal(str)
    cancel_wanted = Signal(str)
    remove_wanted = Signal(str)
    again_wanted = Signal(str)
    gone = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")  # the same looks as Explore's
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(WIDTH)
        self.card: Card | None = None
        self.title = named(QLabel(), "detailsTitle")
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.spine = Spine()
        self.spine.setObjectName("detailsSpine")
        self.spine.set_compact(True)
        self.spine.setFixedHeight(7 * GRID)
        self.use = self._button("useModel", self.tr("Use in Explore"), self.tr("Classify with this model  (Enter)"))
        self.download = self._button("downloadModel", "", self.tr("Get its weights; nothing is downloaded unasked"))
        self.cancel = self._button("cancelDownload", self.tr("Stop"), self.tr("Stop; what came so far is kept"))
        self.again = self._button(
            "takeInAgain", self.tr("Take in again"), self.tr("Look at its weights anew, and write another card")
        )
        self.reveal = self._button("revealModel", self.tr("Show file"), self.tr("Open the folder that holds its file"))
        self.remove = self._button("removeModel", self.tr("Remove …"), self.tr("Delete its weights from this machine"))
        self.really = self._button("reallyRemove", self.tr("Delete"), self.tr("Delete it now"))
        self.keep = self._button("keepModel", self.tr("Keep"), self.tr("Do not delete it"))
        for button in (self.use, self.download, self.again):
            button.setProperty("role", "primary")
        self.trouble = named(QLabel(), "modelTrouble")
        self.trouble.setProperty("role", "problem")
        self.trouble.setWordWrap(True)
        self.trouble.setTextFormat(Qt.TextFormat.PlainText)
        self.trouble.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.question = named(QLabel(), "removeQuestion")
        self.question.setWordWrap(True)
        self.bar = named(QProgressBar(), "downloadBar", self.tr("Progress of the download"))
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(GRID)
        self.progress = named(QLabel(), "downloadText")
        self.progress.setProperty("role", "quiet")
        self.progress.setWordWrap(True)
        self._facts = QVBoxLayout()
        self._facts.setSpacing(GRID // 2)
        self._lay_out()
        self.use.clicked.connect(lambda: self.use_wanted.emit(self._id))
        self.download.clicked.connect(lambda: self.download_wanted.emit(self._id))
        self.cancel.clicked.connect(lambda: self.cancel_wanted.emit(self._id))
        self.again.clicked.connect(lambda: self.again_wanted.emit(self._id))
        self.reveal.clicked.connect(self._reveal)
        self.remove.clicked.connect(lambda: self._ask(asking=True))
        self.keep.clicked.connect(lambda: self._ask(asking=False))
        self.really.clicked.connect(lambda: self.remove_wanted.emit(self._id))
        self.show_card(None, here=False)

    def set_outline(self, outline: NetworkOutline | None) -> None:
        """Draw this network as the portrait."""
        self.spine.setVisible(outline is not None)
        self.spine.set_outline(outline)

    def show_card(
        self,
        card: Card | None,
        *,
        here: bool,
        partial: int = 0,
        trouble: ExplorerError | None = None,
        again: bool = False,
    ) -> None:
        """Show a card.

        Args:
            card: None where none is chosen.
            here: Whether its weights are on this machine.
            partial: Bytes that an unfinished download left.
            trouble: Why it cannot be used.
            again: Whether it can be taken in again.
        """
        self.card = card
        while (item := self._facts.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        published = card is not None and card.kind == "published"
        self.use.setVisible(here and trouble is None)
        mine = card is not None and card.kind == "mine"
        self.again.setVisible(again and trouble is not None)
        self.reveal.setVisible(here or mine)
        self.remove.setVisible(mine or (here and published))
        self.trouble.setVisible(trouble is not None)
        self.trouble.setText(str(trouble) if trouble is not None else "")
        self.download.setVisible(published and not here)
        self.show_progress(None)
        self._ask(asking=False)
        if card is None:
            self.title.setText(self.tr("No model is chosen"))
            self.set_outline(None)
            self._fact("", self.tr("Choose one on the left; its card is shown here."))
            return
        size = mebibytes(card.weights.mebibytes)
        text = self.tr("Download {0}").format(size)
        if partial:
            text = self.tr("Go on: {0} of {1} are here").format(mebibytes(partial / MEBI), size)
        self.download.setText(text)
        self.download.setAccessibleName(text)
        self.title.setText(card.title)
        if is_stand_in(card):
            self._fact(self.tr("Folder"), str(card.folder))
            return
        for name, words in facts_of(card, here=here):
            self._fact(name, words)

    def show_progress(self, progress: Progress | None, *, under_way: bool = False) -> None:
        """Show how far the download is; nothing where none is under way."""
        for widget in (self.bar, self.progress, self.cancel):
            widget.setVisible(under_way)
        if not under_way:
            return
        self.download.hide()
        share = progress.done / progress.total if progress is not None and progress.total else 0.0
        self.bar.setValue(round(1000 * share))
        self.progress.setText(progress_words(progress))

    @property
    def _id(self) -> str:
        return self.card.id if self.card else ""

    def _ask(self, *, asking: bool) -> None:
        """Ask before something is deleted, here and not in a dialog."""
        for widget in (self.question, self.really, self.keep):
            widget.setVisible(asking)
        if asking and self.card is not None:
            what = self.card.weights_path if self.card.kind == "published" else self.card.folder
            self.question.setText(self.tr("Delete {0}? It cannot be brought back.").format(what))
            self.keep.setFocus()

    def _reveal(self) -> None:
        if self.card is None:
            return
        folder = self.card.weights_path.parent
        if folder.is_dir():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
        else:
            self.gone.emit(self.card.id)

    def _lay_out(self) -> None:
        body = named(QFrame(), "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        self.setWidget(body)
        column.addWidget(self.title)
        column.addWidget(self.spine)
        column.addWidget(self.trouble)
        for first in (self.again, self.use, self.download):
            column.addWidget(first)
        for row in ((self.reveal, self.remove), (self.question,), (self.keep, self.really)):
            buttons = QHBoxLayout()
            buttons.setSpacing(GRID)
            for widget in row:
                buttons.addWidget(widget, 1)
            column.addLayout(buttons)
        column.addWidget(self.bar)
        under = QHBoxLayout()
        under.addWidget(self.progress, 1)
        under.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(under)
        column.addLayout(self._facts)
        column.addStretch(1)

    def _fact(self, name: str, text: str) -> None:
        if name:
            caption = QLabel(name.upper())
            caption.setProperty("role", "caption")
            caption.setContentsMargins(0, GRID, 0, 0)
            self._facts.addWidget(caption)
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setProperty("role", "" if name else "quiet")
        self._facts.addWidget(label)

    def _button(self, name: str, text: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, text)
        button.setToolTip(tip)
        return button


def facts_of(card: Card, *, here: bool) -> list[tuple[str, str]]:
    """A card as (heading, text), in the order in which people ask."""
    preprocessing = card.preprocessing
    mean = ", ".join(f"{one:g}" for one in preprocessing.mean)
    deviation = ", ".join(f"{one:g}" for one in preprocessing.deviation)
    size = [tr("{0} parameters").format(f"{card.parameters:,}")] if card.parameters else []
    size += [tr("{0} G multiply-adds").format(f"{card.gflops:.2f}")] if card.gflops else []
    size += [mebibytes(card.weights.mebibytes)] if card.weights.mebibytes else []
    lines = [
        (tr("Accuracy"), "\n".join(map(_accuracy, card.accuracy)) or tr("nobody measured it")),
        (tr("Size"), "\n".join(size)),
        (tr("Architecture"), architecture_words(card.architecture)),
        (tr("Classes"), _classes(card)),
        (
            tr("Preprocessing"),
            tr("{0}\nmean {1}\ndeviation {2}").format(preprocessing.summary, mean, deviation),
        ),
        (tr("Trained"), _training(card)),
        (tr("Limits"), card.limits),
        (tr("Source"), card.source),
        (tr("Licence"), card.licence),
        (tr("File"), str(card.weights_path) if here else card.weights.url),
        (tr("SHA-256"), _folded(card.weights.sha256)),
    ]
    return [(name, text) for name, text in lines if text]


def _accuracy(one: Accuracy) -> str:
    text = tr("{0} % top-1").format(f"{one.top1:.3f}".rstrip("0").rstrip("."))
    if one.interval is not None:
        text += tr(" (95 % interval {0} to {1})").format(f"{one.interval[0]:.2f}", f"{one.interval[1]:.2f}")
    if one.top5 is not None:
        text += tr(", {0} % top-5").format(f"{one.top5:.3f}".rstrip("0").rstrip("."))
    number = f"{one.pictures:,}" if one.pictures else ""
    told = not number or number in one.data.split()  # the data's own words may say how many
    pictures = "" if told else tr(", {0} pictures").format(number)
    by = tr("measured by: {0}").format(one.command) if one.command else one.source
    return f"{text}\n{one.data}{pictures}\n{by}"


def _classes(card: Card) -> str:
    first = ", ".join(card.labels[:8])
    return f"{len(card.labels):,}: {first}" + (" …" if len(card.labels) > 8 else "")


def _training(card: Card) -> str:
    training = card.training
    rows = [training.data, training.command, training.device, training.date]
    return "\n".join(row for row in rows if row)


def _folded(text: str) -> str:
    """A hash in two lines: it has no place where it could be broken."""
    half = len(text) // 2
    return text if len(text) <= 32 else f"{text[:half]}\n{text[half:]}"
