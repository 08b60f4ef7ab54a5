"""Lesions outlive the program: one small file, the lesions of each model by its reference."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.core.files import write_text
from app.core.lesions import Lesion
from app.core.records import ModelInfo
from app.ui.background import Background
from app.ui.surgery import Named, fits

log = logging.getLogger(__name__)

MOST_MODELS = 50  # the oldest are forgotten first
DELAY = 500  # milliseconds after the last change


class LesionMemory(QObject):
    """Reads the file once, when it is first asked, and writes it in the background.

    A damaged file is set aside as `lesions.damaged.json`: lesions can be made again.
    """

    def __init__(self, path: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path, self._background = path, background
        self._table: dict[str, Any] | None = None
        self._saver = QTimer(self, singleShot=True, interval=DELAY)
        self._saver.timeout.connect(lambda: self._background.run("lesions", self._writing()))

    def recall(self, model: ModelInfo) -> Named:
        """What was done to this model last; nothing where its blocks are others now."""
        entry = self._entries().get(model.reference)
        if not isinstance(entry, dict) or entry.get("network") != model.outline.title:
            return Named()
        try:
            done = _named(entry["lesions"])
        except (KeyError, TypeError, ValueError) as error:
            log.warning("the lesions of %s in %s make no sense: %s", model.reference, self._path, error)
            return Named()
        return done if fits(done.lesions, model.outline) else Named()

    def keep(self, model: ModelInfo, done: Named) -> None:
        """Remember it for the next start."""
        entries = self._entries()
        entries.pop(model.reference, None)
        if done.lesions:
            entries[model.reference] = {"network": model.outline.title, "lesions": _data(done)}
        while len(entries) > MOST_MODELS:
            del entries[next(iter(entries))]
        self._saver.start()

    def close(self) -> None:
        """Write what waits to be written."""
        if self._saver.isActive():
            self._saver.stop()
            self._writing()()

    def _writing(self) -> Any:
        text = json.dumps(self._entries(), indent=2, ensure_ascii=False) + "\n"

        def write() -> None:
            try:
                write_text(self._path, text)
            except OSError as error:  # they last for this session only
                log.warning("the lesions cannot be written: %s", error)

        return write

    def _entries(self) -> dict[str, Any]:
        if self._table is None:
            self._table = self._read()
        return self._table

    def _read(self) -> dict[str, Any]:
        try:
            table = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(table, dict):
                raise ValueError("not a table of models")
            return table
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("the lesions in %s cannot be read: %s", self._path, error)
        try:
            self._path.replace(self._path.with_name("lesions.damaged.json"))
        except OSError as error:
            log.warning("%s cannot be set aside: %s", self._path, error)
        return {}


def _data(done: Named) -> list[dict[str, Any]]:
    names = dict(done.names)
    rows = []
    for lesion in done.lesions:
        row: dict[str, Any] = {"kind": lesion.kind, "block": lesion.block}
        if lesion.kind == "gate":
            row["alpha"] = lesion.alpha
        if lesion.kind == "swap":
            row["other"] = lesion.other
        if lesion in names:
            row["name"] = names[lesion]
        rows.append(row)
    return rows


def _named(rows: Any) -> Named:
    """Lesions from parsed JSON.

    Raises:
        KeyError, TypeError, ValueError: where they are none.
    """
    lesions, names = [], []
    for row in rows:
        kind = row["kind"]
        if kind not in ("bypass", "gate", "swap"):
            raise ValueError(f"“{kind}” is no kind of lesion")
        alpha = float(row.get("alpha", 0))
        if not 0 <= alpha <= 1:
            raise ValueError(f"a gate of {alpha}")
        lesion = Lesion(kind, str(row["block"]), alpha=alpha, other=str(row.get("other", "")))
        lesions.append(lesion)
        if "name" in row:
            names.append((lesion, str(row["name"])))
    return Named(tuple(lesions), tuple(names))
