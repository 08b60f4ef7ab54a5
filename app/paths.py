"""Where things are: what the program brings with it, and where it keeps what is the user's.

This module alone knows about bundles (PyInstaller unpacks to `sys._MEIPASS`). No torch, no Qt. Nothing is created
by asking for a path; `ensure` creates.

Everything of the user's moves under one folder with the environment variable `RESNET_EXPLORER_HOME` (a stick, a
test); else it is where the system keeps such things (platformdirs).
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache as remembered
from pathlib import Path

import platformdirs

from app.core.errors import SettingsError

APP_NAME = "resnet-explorer"
HOME_VARIABLE = "RESNET_EXPLORER_HOME"


def root() -> Path:
    """The folder that holds `app`, `assets` and `models`: the repository, or the bundle's contents."""
    bundle = getattr(sys, "_MEIPASS", None)
    return Path(bundle) if bundle else Path(__file__).resolve().parents[1]


def program_command(*words: str) -> list[str]:
    """The command that starts another process of this program, for `subprocess`: `program_command("train", …)`.

    From the sources that is Python with `main.py`; in a bundle, the bundle's own executable.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, *words]
    return [sys.executable, str(root() / "main.py"), *words]


def assets() -> Path:
    """Icon, themes, sample pictures."""
    return root() / "assets"


def about() -> Path:
    """What a bundle knows of itself: components, licences, inventory. Not there outside a bundle."""
    return root() / "about"


def bundled_models() -> Path:
    """One folder per model that comes with the program."""
    return root() / "models"


def bundled_runs() -> Path:
    """Finished runs that come with the program, thinned to what the Lab draws."""
    return bundled_models() / "runs"


def user_data() -> Path:
    """What must not be lost: the user's models and runs."""
    return _users("data", platformdirs.user_data_path)


def config() -> Path:
    """Settings, recent files, window geometry."""
    return _users("config", platformdirs.user_config_path)


def cache() -> Path:
    """What can be made again."""
    return _users("cache", platformdirs.user_cache_path)


def logs() -> Path:
    """Log files."""
    return _users("logs", platformdirs.user_log_path)


def user_models() -> Path:
    """One folder per model that the user took in."""
    return user_data() / "models"


def user_runs() -> Path:
    """One folder per experiment that was trained."""
    return user_data() / "runs"


def recordings() -> Path:
    """Videos that were recorded of a live source, and their tables: where people keep videos."""
    if os.environ.get(HOME_VARIABLE):
        return user_data() / "recordings"
    return platformdirs.user_videos_path() / "ResNet Explorer"


def sweeps() -> Path:
    """Records of sweeps (`app.core.sweeps`)."""
    return user_data() / "sweeps"


def responses() -> Path:
    """Records of how much layers respond (`app.core.responses`) that the user measured."""
    return user_data() / "responses"


def bundled_responses() -> Path:
    """The same, of the bundled models: they come with the program."""
    return bundled_models() / "responses"


def torch_checkpoints() -> Path:
    """Where torch.hub keeps downloaded weights, by its own rules, so that each file is downloaded once."""
    torch_home = os.environ.get("TORCH_HOME")
    if not torch_home:
        torch_home = str(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch")
    folder = Path(os.path.expandvars(torch_home)) / "hub" / "checkpoints"
    try:
        return folder.expanduser()
    except RuntimeError:  # no home folder
        return session_folder() / "torch" / "hub" / "checkpoints"


def ensure(folder: Path) -> Path:
    """Create a folder if it is not there, and make sure that it can be written.

    Raises:
        SettingsError: where it cannot be created or written, with the reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"The folder {folder} cannot be written ({error.strerror or error}).",
            f"Give it write permission, or set {HOME_VARIABLE} to a folder that you can write.",
        ) from error
    return folder


def ensure_or_temporary(folder: Path) -> Path:
    """The folder where it can be written; else one that lives as long as this process, for logs and caches."""
    try:
        return ensure(folder)
    except SettingsError:
        temporary = session_folder() / folder.name
        temporary.mkdir(parents=True, exist_ok=True)
        return temporary


def is_temporary(folder: Path) -> bool:
    """Whether a folder goes away with this process, as without a home."""
    return session_folder.cache_info().currsize > 0 and session_folder() in folder.parents


@remembered
def session_folder() -> Path:
    """A temporary folder of this process, removed at its end.

    Raises:
        SettingsError: where the system has no writable temporary folder.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{APP_NAME}-"))
    except OSError as error:
        raise SettingsError(
            f"No temporary folder can be written ({error.strerror or error}).",
            f"Set {HOME_VARIABLE} or TMPDIR to a folder that you can write.",
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _users(part: str, of_system: Callable[..., Path]) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser().absolute() / part
    try:
        path = of_system(APP_NAME, appauthor=False)
    except (RuntimeError, OSError):  # no home folder, and no entry in the user database
        return session_folder() / part
    # Without a home folder "~" stays as it is: never create a folder of that name in the current directory.
    return path if path.is_absolute() else session_folder() / part
