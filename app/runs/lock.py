"""One trainer per run folder: a lock that the system drops when its holder dies. No torch, no Qt."""

from __future__ import annotations

import errno
import logging
import sys
from pathlib import Path
from types import TracebackType

from app.core.errors import RunError

log = logging.getLogger(__name__)

FILE_NAME = "run.lock"
_UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class RunLock:
    """Held while a trainer works on a folder.

    Args:
        folder: The run's.

    Raises:
        RunError: where another process holds it, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._file = (folder / FILE_NAME).open("a+b")
        except OSError as error:
            raise RunError(f"{folder} cannot be written ({error.strerror}).", "Check its permissions.") from error
        try:
            self._acquire()
        except OSError as error:
            if error.errno in _UNSUPPORTED:  # some network folders have no locks; the heartbeat has to do there
                log.info("%s cannot be locked: %s", folder, error)
                return
            self._file.close()
            raise RunError(f"{folder} is being trained by another process.", "Follow it, or stop it first.") from error

    def _acquire(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            self._file.seek(0)
            msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let another trainer have the folder."""
        self._file.close()  # closing drops the lock

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
