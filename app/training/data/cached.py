"""Pictures that took a while to make or to decode, kept in the user's cache folder. Deleting it costs only time."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app import paths
from app.core.files import replacing
from app.training.data import LabelledPictures

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises where an `.npz` is damaged or another file."""

log = logging.getLogger(__name__)


def data_folder() -> Path:
    """Where cached and downloaded pictures are."""
    return paths.cache() / "data"


def cached_pictures(key: str, make: Callable[[], LabelledPictures]) -> LabelledPictures:
    """The pictures under a key, made if they are not there or cannot be read.

    Args:
        key: A file name without suffix that names everything on which the pictures depend.
        make: Makes them.
    """
    path = data_folder() / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return LabelledPictures(file["pixels"], file["labels"])
    except FileNotFoundError:
        pass  # not made yet
    except UNREADABLE as error:
        log.warning("%s cannot be read (%s); making it anew", path, error)
    made = make()
    try:
        with replacing(path) as temporary:
            np.savez(temporary, pixels=made.pixels, labels=made.labels)
    except OSError as error:
        log.warning("%s cannot be written (%s); it will be made again next time", path, error)
    return made
