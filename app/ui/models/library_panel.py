"""The library: every model as a tile, found by words and kinds; the chosen one's card beside them.

A file of weights that is brought is looked at here too: its report takes the place of the tiles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import CancelledError, ExplorerError
from app.ui.model_library import ModelLibrary
from app.ui.models.details import Details
from app.ui.models.downloads import Downloads
from app.ui.models.examiner import Examiner
from app.ui.models.filters import FilterRow, is_residual
from app.ui.models.portraits import Portraits
from app.ui.models.report_view import ReportView
from app.ui.models.shelf import Heading, Shelf
from app.ui.models.troubles import Troubles, in_short, is_stand_in
from app.ui.naming import named
from app.ui.notice_bar import NoticeBar
from app.ui.shell import Shell
from app.zoo.download import environment_mirror

if TYPE_CHECKING:
    from app.core.records import ModelInfo
    from app.zoo.cards import Card
    from app.zoo.report import Inspection


class LibraryPanel(QWidget):
    """Tiles on the left and the chosen model's card on the right; or the report of a file."""

    def __init__(self, shell: Shell, library: ModelLibrary) -> None:
        super().__init__()
        self.setObjectName("libraryPanel")
        self._shell, self._library = shell, library
        self._file: Path | None = None
        self._choices: dict[str, str] = {}
        self._name = ""  # what a model of the hub is to be called
        self._title = ""
        self._replaces: Path | None = None  # the folder of the damaged model whose file is looked at
        self.notices = NoticeBar()
        fixed = environment_mirror()
        self.filters = FilterRow(fixed or shell.settings().mirror, fixed=bool(fixed))
        self.shelf = Shelf(
            (
                Heading("bundled", self.tr("Bundled")),
                Heading(
                    "mine",
                    self.tr("Mine"),
                    self.tr("Drop a file of weights anywhere on the window, or open one with Ctrl+M."),
                ),
                Heading("damaged", self.tr("Cannot be used")),
                Heading("downloaded", self.tr("Downloaded")),
                Heading("published", self.tr("To download")),
            )
        )
        self.details = Details()
        self.report = ReportView(shell.background)
        self.downloads = Downloads(self)
        self.examiner = Examiner(shell.engine, self)
        self.portraits = Portraits(shell.background, shell.engine, self)
        self.troubles = Troubles(library, shell.engine, self.portraits, self)
        self._stack = named(QStackedWidget(), "libraryStack")
        self._lay_out()
        self._connect()
        self._show()
        self._choose_used()
        library.refresh()

    def inspect(self, path: Path, *, title: str = "", name: str = "", replaces: Path | None = None) -> None:
        """Look at a file of weights, and show the report.

        Args:
            path: The file or folder.
            title: What to call it; by default its name.
            name: The suggested name in the library.
            replaces: The folder of the damaged model whose place it takes when it is added.
        """
        self._file, self._choices, self._title, self._replaces = path, {}, title, replaces
        self.report.show_busy(path, title=title, name=name)
        self._stack.setCurrentWidget(self.report)
        self.examiner.inspect(path, self._choices)

    def inspect_hub(self, text: str) -> None:
        """Fetch a model of the Hugging Face Hub, named as people name it, and show the report."""
        from app.zoo.hugging_face import check_name, hub_reference, name_on_hub

        reference = hub_reference(text)
        try:
            check_name(reference)
        except ExplorerError as error:
            self.notices.show_notice(str(error), key="hub")
            return
        self.notices.clear("hub")
        self._file, self._title, self._name = None, reference, name_on_hub(reference).lower()
        self.report.show_fetching(reference)
        self._stack.setCurrentWidget(self.report)

        def knock() -> None:
            from app.zoo.hugging_face import check_reachable

            check_reachable(reference)

        def knocked(trouble: ExplorerError | None) -> None:
            if not self.inspecting or self._title != reference or self._file is not None:
                return  # something else is wanted by now
            if trouble is not None:
                self.report.show_trouble(trouble)
            else:
                self.examiner.fetch(reference)

        self._shell.background.run("hub", knock, knocked)

    def ask_hub(self) -> None:
        """Have the name of a model of the hub typed."""
        if self.inspecting and not self.examiner.busy:
            self._close_report()
        self.filters.ask_hub()

    def take_paths(self, paths: list[Path]) -> bool:
        """A file of class names that is dropped on a report belongs to it."""
        return self.inspecting and self.report.take_paths(paths)

    @property
    def inspecting(self) -> bool:
        """Whether a report takes the place of the tiles."""
        return self._stack.currentWidget() is self.report

    @property
    def at_stake(self) -> str:
        """What closing the window would interrupt, in a sentence; "" for nothing."""
        if self.downloads.under_way:
            cards = [self._library.card(id_) for id_ in self.downloads.under_way]
            titles = ", ".join(card.title for card in cards if card is not None)
            return self.tr("{0} is being downloaded; what has come is kept, and Download goes on from there.").format(
                titles
            )
        if self.examiner.taking_in:
            return self.tr("A model is being added to the library; that would have to be done again.")
        return ""

    # Tiles and cards.

    def _show(self) -> None:
        """Sort the cards under their headings, those that match the search."""
        here = {card.id for card in self._library.here}
        groups: dict[str, list[Card]] = {name: [] for name in ("bundled", "mine", "damaged", "downloaded", "published")}
        for card in self._library.cards:
            if self.filters.matches(card, here=card.id in here):
                group = card.kind if card.kind != "published" or card.id not in here else "downloaded"
                groups[group].append(card)
        groups["damaged"] = [card for card in self.troubles.stand_ins if self.filters.matches(card, here=True)]
        groups["published"].sort(key=lambda card: not is_residual(card))  # the networks that it is all about first
        self.shelf.set_cards(groups, nothing_matches=bool(self.filters.text))
        for tile in self.shelf.tiles.values():
            tile.set_outline(self.portraits.outline(tile.card))
        self.portraits.want(self._library.cards)
        self._mark()
        if others := self._library.other_problems:
            self.notices.show_notice(str(others[0]), key="cards")
        else:
            self.notices.clear("cards")
        self.shelf.set_nothing_text(
            self.tr("Press Enter to look at this model of the Hugging Face Hub.")
            if self.filters.names_hub
            else self.tr("No model has all of these words.")
        )
        self._on_chosen(self.shelf.current)

    def _mark(self) -> None:
        used = self._shell.explore.model.reference if self._shell.explore.model else ""
        here = {card.id for card in self._library.here}
        for id_, tile in self.shelf.tiles.items():
            error = self.troubles.of(tile.card)
            trouble = in_short(error, tile.card) if error is not None else ""
            tile.set_state(here=id_ in here, used=id_ == used, share=self._share(id_), trouble=trouble)

    def _share(self, id_: str) -> float | None:
        if id_ not in self.downloads.under_way:
            return None
        progress = self.downloads.progress(id_)
        return progress.done / progress.total if progress is not None and progress.total else 0.0

    def _on_chosen(self, id_: str) -> None:
        card = self.troubles.card(id_)
        here = card is not None and card in self._library.here
        self.details.show_card(
            card,
            here=here,
            partial=_partial(card) if card is not None and not here else 0,
            trouble=self.troubles.of(card) if card is not None else None,
            again=card is not None and self.troubles.weights_of(card) is not None,
        )
        self.details.set_outline(self.portraits.outline(card) if card is not None else None)
        self._show_progress(id_)

    def _on_portrait(self, id_: str) -> None:
        card = self._library.card(id_)
        if card is None:
            return
        if (tile := self.shelf.tiles.get(id_)) is not None:
            tile.set_outline(self.portraits.outline(card))
        if id_ == self.shelf.current:
            self.details.set_outline(self.portraits.outline(card))

    def _on_model(self, _model: ModelInfo) -> None:
        self._mark()
        if not self.shelf.current:
            self._choose_used()

    def _choose_used(self) -> None:
        if self._shell.explore.model is not None:
            self.shelf.choose(self._shell.explore.model.reference)

    # What can be done with a model.

    def _want(self, id_: str) -> None:
        """A double-click: use it, or get it."""
        if any(card.id == id_ for card in self._library.here):
            self._use(id_)
        else:
            self._download(id_)

    def _use(self, id_: str) -> None:
        self._library.choose(id_)
        self._shell.window.show_page("explore")

    def _download(self, id_: str) -> None:
        card = self._library.card(id_)
        if card is not None and card.kind == "published":
            self.notices.clear("download")
            self.downloads.start(card, self.filters.mirror)

    def _show_progress(self, id_: str) -> None:
        tile, share = self.shelf.tiles.get(id_), self._share(id_)
        if tile is not None and share is not None:
            tile.set_state(here=False, used=False, share=share)
        if id_ == self.shelf.current and id_ in self.downloads.under_way:
            self.details.show_progress(self.downloads.progress(id_), under_way=True)

    def _on_downloaded(self, id_: str) -> None:
        card = self._library.card(id_)
        title = card.title if card is not None else id_
        self.notices.show_notice(self.tr("{0} is here.").format(title), key="download", trouble=False)
        self._library.refresh()

    def _on_download_failed(self, id_: str, error: ExplorerError) -> None:
        if not isinstance(error, CancelledError):
            self.notices.show_notice(str(error), key="download")
        self._mark()
        self._on_chosen(self.shelf.current)

    def _remove(self, id_: str) -> None:
        card = self.troubles.card(id_)
        if card is None:
            return

        def work() -> None:
            from app.zoo.removing import remove_folder, remove_model

            if is_stand_in(card):
                remove_folder(card.folder)
            else:
                remove_model(card)

        def done(outcome: ExplorerError | None) -> None:
            if outcome is not None:
                self.notices.show_notice(str(outcome), key="remove")
            else:
                self.notices.show_notice(self.tr("{0} was deleted.").format(card.title), key="remove", trouble=False)
            self._library.refresh()

        self._shell.background.run("models", work, done)

    def _take_in_again(self, id_: str) -> None:
        card = self.troubles.card(id_)
        weights = self.troubles.weights_of(card) if card is not None else None
        if card is not None and weights is not None:
            self.inspect(weights, title=card.title, name=card.folder.name, replaces=card.folder)

    def _on_gone(self, id_: str) -> None:
        card = self.troubles.card(id_)
        where = card.folder if card is not None else id_
        self.notices.show_notice(self.tr("{0} is not there any more.").format(where), key="gone")
        self._library.refresh()

    def _open_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.window(), self.tr("A folder of weights"))
        if chosen:
            self.inspect(Path(chosen))

    # The report of a file.

    def _on_answer_chosen(self, question: str, answer: str) -> None:
        if self._file is not None:
            self._choices[question] = answer
            self.report.show_busy(self._file, again=True, title=self._title)
            self.examiner.inspect(self._file, self._choices)

    def _on_restarted(self) -> None:
        self.report.notices.show_notice(
            self.tr("The process that looks at the file ended. A new one was started, and looks at it again."),
            key="restarted",
            trouble=False,
        )

    def _on_fetched(self, outcome: str | ExplorerError) -> None:
        if isinstance(outcome, ExplorerError):
            self.report.show_trouble(outcome)
        else:
            self.inspect(Path(outcome), title=self._title, name=self._free_name())

    def _free_name(self) -> str:
        """The hub's name for a model, or the next one like it that is free."""
        taken = {card.id for card in self._library.cards}
        names = (self._name, *(f"{self._name}-{number}" for number in range(2, 1000)))
        return next(name for name in names if name not in taken)

    def _on_inspected(self, outcome: Inspection | ExplorerError) -> None:
        if isinstance(outcome, ExplorerError):
            self.report.show_trouble(outcome)
        else:
            self.report.show_inspection(outcome)

    def _take_in(self, name: str, labels: Path | None) -> None:
        if self._file is not None:
            self.report.show_adding()
            self.examiner.take_in(self._file, name, labels, self._choices, self._replaces)

    def _on_taken_in(self, outcome: Card | ExplorerError) -> None:
        if isinstance(outcome, ExplorerError):
            self.report.show_trouble(outcome)
            return
        card = outcome
        self._close_report()
        self.filters.clear()
        self.notices.show_notice(self.tr("{0} is in the library.").format(card.id), key="added", trouble=False)
        self._library.refresh(then=lambda: self.shelf.choose(card.id))

    def _close_report(self) -> None:
        if self.examiner.busy:
            self.examiner.close()
        self._file = None
        self.report.waiting.stop()
        self._stack.setCurrentIndex(0)

    def _end(self) -> None:
        """The window closes."""
        self.downloads.close()
        self.examiner.close()

    def _connect(self) -> None:
        self.filters.changed.connect(self._show)
        self.filters.mirror_changed.connect(lambda mirror: self._shell.change(mirror=mirror))
        self.shelf.chosen.connect(self._on_chosen)
        self.shelf.wanted.connect(self._want)
        details = self.details
        details.use_wanted.connect(self._use)
        details.download_wanted.connect(self._download)
        details.cancel_wanted.connect(self.downloads.cancel)
        details.remove_wanted.connect(self._remove)
        details.again_wanted.connect(self._take_in_again)
        details.gone.connect(self._on_gone)
        self.troubles.changed.connect(self._show)
        self.filters.file_wanted.connect(self._shell.window.actions_table["open-model"].trigger)
        self.filters.folder_wanted.connect(self._open_folder)
        self.filters.hub_wanted.connect(self.inspect_hub)
        self.examiner.fetched.connect(self._on_fetched)
        self.examiner.progressed.connect(self.report.waiting.set_share)
        self.downloads.progressed.connect(self._show_progress)
        self.downloads.finished.connect(self._on_downloaded)
        self.downloads.failed.connect(self._on_download_failed)
        self.portraits.ready.connect(self._on_portrait)
        self.report.closed.connect(self._close_report)
        self.report.answer_chosen.connect(self._on_answer_chosen)
        self.report.take_in_wanted.connect(self._take_in)
        self.examiner.inspected.connect(self._on_inspected)
        self.examiner.restarted.connect(self._on_restarted)
        self.examiner.taken_in.connect(self._on_taken_in)
        self._library.changed.connect(self._show)
        self._shell.engine.model_loaded.connect(self._on_model)
        self._shell.window.closing.connect(self._end)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(0)
        left.addWidget(self.filters)
        left.addWidget(self.shelf, 1)
        tiles = QWidget()
        body = QHBoxLayout(tiles)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(left, 1)
        body.addWidget(self.details)
        self._stack.addWidget(tiles)
        self._stack.addWidget(self.report)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.notices)
        layout.addWidget(self._stack, 1)


def _partial(card: Card) -> int:
    from app.zoo.download import partial_size

    return partial_size(card)


def build(shell: Shell, library: ModelLibrary) -> QWidget:
    """The panel, for the page."""
    return LibraryPanel(shell, library)
