"""Save and copy what Explore shows: picture with heatmap, raw map, table of predictions."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from app.core.errors import ExplorerError, PictureError
from app.ui.background import Background
from app.ui.explore_page import ExplorePage
from app.ui.shown import Shown

if TYPE_CHECKING:
    from app.core.records import Pixels


class Saving(QObject):
    """The five actions.

    Args:
        page: What is shown.
        background: Where pictures are put together and files written.
    """

    def __init__(self, page: ExplorePage, background: Background) -> None:
        super().__init__(page)
        self._page = page
        self._background = background

    def save_picture(self) -> None:
        """Ask for a name and save the composite as PNG."""
        if (shown := self._shown()) is None or (path := self._ask_name(shown, ".png", "PNG (*.png)")) is None:
            return
        opacity, name = self._page.opacity, self._page.colour_map
        self._write(path, lambda: png_bytes(composite(shown, opacity, name)))

    def save_map(self) -> None:
        """Ask for a name and save the signed map as NPY, float32 (h, w)."""
        shown = self._shown()
        if shown is None or shown.answer is None or shown.answer.heatmap is None:
            self._say(self.tr("There is no map to save yet."))
            return
        values = shown.answer.heatmap.values
        if (path := self._ask_name(shown, ".npy", "NumPy (*.npy)")) is not None:
            self._write(path, lambda: npy_bytes(values))

    def save_table(self) -> None:
        """Ask for a name and save every class's probability as CSV."""
        if (shown := self._shown()) is None or (path := self._ask_name(shown, ".csv", "CSV (*.csv)")) is None:
            return
        text = self._table(shown)
        self._write(path, lambda: text.encode("utf-8"))

    def copy_picture(self) -> None:
        """Put the composite on the clipboard."""
        if (shown := self._shown()) is None:
            return
        opacity, name = self._page.opacity, self._page.colour_map

        def copied(pixels: Pixels | ExplorerError) -> None:
            from app.ui.pixels import image_of

            if isinstance(pixels, ExplorerError):
                self._say(str(pixels))
                return
            QGuiApplication.clipboard().setImage(image_of(pixels))
            self._page.status_changed.emit(self.tr("picture copied"))

        self._background.run("save", lambda: composite(shown, opacity, name), copied)

    def copy_table(self) -> None:
        """Put every class's probability on the clipboard, as CSV."""
        if (shown := self._shown()) is not None:
            QGuiApplication.clipboard().setText(self._table(shown))
            self._page.status_changed.emit(self.tr("predictions copied"))

    def _shown(self) -> Shown | None:
        shown = self._page.shown
        if shown is None or shown.answer is None:
            self._say(self.tr("There is nothing to save yet: open a picture first."))
            return None
        return shown

    def _table(self, shown: Shown) -> str:
        assert shown.answer is not None and self._page.model is not None
        labels = self._page.model.labels
        prediction = shown.answer.prediction
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["picture", "model", "rank", "index", "label", "probability", "logit"])
        for rank, index in enumerate(prediction.top(len(labels)), 1):
            writer.writerow(
                [
                    shown.frame.path or shown.frame.name,
                    shown.answer.model,
                    rank,
                    index,
                    labels[index],
                    f"{prediction.probabilities[index]:.8g}",
                    f"{prediction.logits[index]:.8g}",
                ]
            )
        return text.getvalue()

    def _ask_name(self, shown: Shown, suffix: str, kinds: str) -> Path | None:
        source = Path(shown.frame.path or shown.frame.name)
        method = shown.answer.heatmap.method if shown.answer and shown.answer.heatmap else "class"
        suggestion = source.with_name(f"{source.stem}-{method}{suffix}")
        chosen, _ = QFileDialog.getSaveFileName(self._page.window(), self.tr("Save"), str(suggestion), kinds)
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix else path.with_suffix(suffix)

    def _write(self, path: Path, make: Callable[[], bytes]) -> None:
        def work() -> Path:
            from app.core.files import write_bytes

            try:
                write_bytes(path, make())
            except OSError as error:
                raise PictureError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
            return path

        def written(outcome: Path | ExplorerError) -> None:
            if isinstance(outcome, ExplorerError):
                self._say(str(outcome))
            else:
                self._page.status_changed.emit(self.tr("saved {0}").format(outcome))

        self._background.run("save", work, written)

    def _say(self, text: str) -> None:
        self._page.notices.show_notice(text, key="save", trouble=False)


def composite(shown: Shown, opacity: float, colour_map: str) -> Pixels:
    """The picture with its heatmap, in the picture's own size."""
    from app.render import overlay

    if shown.answer is None or shown.answer.heatmap is None or shown.view is None:
        return shown.frame.pixels
    return overlay.composite(shown.frame.pixels, shown.answer.heatmap, shown.view.box, opacity=opacity, name=colour_map)


def png_bytes(pixels: Pixels) -> bytes:
    """Pixels as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def npy_bytes(values: object) -> bytes:
    """An array as an NPY file."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)  # type: ignore[arg-type]
    return file.getvalue()
