"""Files that the Anatomy page writes."""

from __future__ import annotations

from pathlib import Path

from app.core.errors import AnatomyError
from app.core.files import write_text


def write_text_file(path: Path, text: str, suffix: str) -> Path:
    """Write text atomically; the path that was written, with its suffix.

    Raises:
        AnatomyError: where it cannot be written.
    """
    path = path if path.suffix else path.with_suffix(suffix)
    try:
        write_text(path, text)
    except OSError as error:
        raise AnatomyError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
    return path
