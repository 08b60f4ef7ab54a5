"""What the program remembers between starts: one small JSON file, forgiving when read, atomic when written."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.files import write_text

log = logging.getLogger(__name__)

MOST_RECENT = 12


@dataclass(frozen=True)
class Settings:
    """Every remembered choice, with its default.

    Attributes:
        scheme: "system", "light" or "dark".
        model: Reference of the model in use; "" for the first bundled one.
        method: Registry name of the explanation.
        colour_map: For unsigned maps; signed maps have their own.
        opacity: Of the heatmap, 0 to 1.
        device: "auto", "cpu", "cuda" or "mps".
        recent: Paths of pictures and folders opened lately, newest first.
        page: The page shown last.
        models_panel: The part of the Models page shown last.
        anatomy_data: Path of the labelled pictures that the Anatomy page counts on; "" for none.
        camera: Address of the live source opened last; "" for none.
        steadying: Seconds over which live predictions are averaged, 0 to 1; 0 for the raw ones.
        figures: Whether live mode shows its figures: "shown" or "hidden".
        mirror: Address of a folder with the published weights, for closed networks; "" for the publisher.
        geometry: Qt's window geometry, base64.
        run_folders: Further folders whose runs the Lab lists: of another disk, or shared by another machine.
        update_check: Whether to ask for a newer version at each start.
        update_address: Whom to ask; "" for nobody.
        resume_runs: Experiments that were stopped when the window closed, to go on at the next start.
    """

    scheme: str = "system"
    model: str = ""
    method: str = "grad-cam"
    colour_map: str = "inferno"
    opacity: float = 0.6
    device: str = "auto"
    recent: tuple[str, ...] = field(default=())
    page: str = "explore"
    models_panel: str = "library"
    anatomy_data: str = ""
    camera: str = ""
    steadying: float = 0.25
    figures: str = "shown"
    mirror: str = ""
    geometry: str = ""
    update_check: bool = False
    update_address: str = ""
    run_folders: tuple[str, ...] = field(default=())
    resume_runs: tuple[str, ...] = field(default=())

    def with_recent(self, path: Path) -> Settings:
        """These settings with a path at the front of the recent ones."""
        text = str(path)
        others = tuple(one for one in self.recent if one != text)
        return dataclasses.replace(self, recent=(text, *others)[:MOST_RECENT])


class SettingsFile:
    """Reads and writes the settings.

    Attributes:
        notice: Why the defaults are in use, where the file was damaged; else "".
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.notice = ""

    def read(self, *, keep: bool = False) -> Settings:
        """The saved settings; the defaults where there are none or they are damaged.

        A damaged file is kept beside the new one, as `settings.damaged.json`; with `keep` it is left where it is, for
        the next reader to tell of it.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Settings()
        except (OSError, UnicodeDecodeError) as error:
            return Settings() if keep else self._set_aside(str(error))
        try:
            return _checked(json.loads(text))
        except (ValueError, TypeError) as error:
            return Settings() if keep else self._set_aside(str(error))

    def write(self, settings: Settings) -> None:
        """Save the settings; where the folder cannot be written they last for this session only."""
        try:
            write_text(self._path, json.dumps(dataclasses.asdict(settings), indent=2) + "\n")
        except OSError as error:
            log.warning("the settings cannot be written: %s", error)

    def _set_aside(self, reason: str) -> Settings:
        damaged = self._path.with_name("settings.damaged.json")
        log.warning("the settings in %s are damaged: %s", self._path, reason)
        try:
            self._path.replace(damaged)
            self.notice = f"The settings were damaged and start afresh; the old ones are kept in {damaged}."
        except OSError as error:
            self.notice = f"The settings in {self._path} cannot be read ({error}); the defaults are in use."
        return Settings()


def _checked(values: Any) -> Settings:
    """Settings from parsed JSON; unknown names (of a newer version) are ignored.

    Raises:
        ValueError: where a value is of the wrong kind.
    """
    if not isinstance(values, dict):
        raise ValueError("not a table of settings")
    known: dict[str, Any] = {}
    for one in dataclasses.fields(Settings):
        if one.name not in values:
            continue
        value = values[one.name]
        if one.name in ("recent", "run_folders", "resume_runs"):
            if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
                raise ValueError(f"“{one.name}” is not a list of paths")
            value = tuple(value)
        elif isinstance(one.default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"“{one.name}” is not true or false")
        elif isinstance(one.default, float):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"“{one.name}” is not a number from 0 to 1")
            value = float(value)
        elif not isinstance(value, str):
            raise ValueError(f"“{one.name}” is not text")
        known[one.name] = value
    return Settings(**known)
