"""The one error family. Each error says what happened, to what, and what to do next.

Errors cross the process border between the engine and the window, so each must survive pickling.
"""

from __future__ import annotations


class ExplorerError(Exception):
    """Something that the user can understand and act on.

    Args:
        what: One sentence: what happened and to which file or thing.
        remedy: One sentence: what to do next. May be empty where nothing can be done.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


class PictureError(ExplorerError):
    """A picture could not be read."""


class SourceError(ExplorerError):
    """A camera, video or stream could not be opened, or stopped giving pictures."""


class ModelError(ExplorerError):
    """A model, its card or its weights could not be found, read or trusted."""


class ArchitectureError(ExplorerError):
    """An architecture that does not exist, or a block that it does not have."""


class ExplanationError(ExplorerError):
    """An explanation could not be computed as asked."""


class AnatomyError(ExplorerError):
    """A network cannot be changed or measured as asked."""


class CancelledError(ExplorerError):
    """The user asked for something else in the meantime."""


class EngineError(ExplorerError):
    """The engine process cannot do its work."""


class TrainingError(ExplorerError):
    """An experiment that cannot be run, or a run that had to stop."""


class DataError(ExplorerError):
    """A data set could not be found or read."""


class SettingsError(ExplorerError):
    """The settings could not be read or written."""


class RunError(ExplorerError):
    """A run's folder could not be read or written."""
