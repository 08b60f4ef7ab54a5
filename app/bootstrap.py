"""The process: standard streams, crash reports, the log, what an unexpected error does. No torch, no Qt."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import platform
import sys
from types import TracebackType
from typing import TextIO

from app import paths

log = logging.getLogger(__name__)

_crash_file: TextIO | None = None


def prepare_process(name: str, *, verbose: bool = False) -> None:
    """Make a process fit to run without a terminal, and let it leave a trace when it fails.

    A frozen windowed program has no standard streams: printing to None would raise. Native crashes write their
    stacks to `crash-<name>.log`, everything else goes to `<name>.log`, both in the folder of `paths.logs()`. Where
    that folder cannot be written, the program works without a log.

    Args:
        name: The process's job: "window", "engine", "trainer", "command".
        verbose: Whether to log to standard error too.
    """
    for stream in ("stdin", "stdout", "stderr"):
        if getattr(sys, stream) is None:
            mode = "r" if stream == "stdin" else "w"
            setattr(sys, stream, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - lives as long as we do
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    if verbose:
        root.addHandler(logging.StreamHandler(sys.stderr))
    try:
        _log_to_files(name, root)
    except OSError as error:
        faulthandler.enable()
        log.warning("no log is kept: %s", error)
    sys.excepthook = _log_unexpected
    log.info("%s started, process %d, Python %s, %s", name, os.getpid(), platform.python_version(), platform.platform())


def _log_to_files(name: str, root: logging.Logger) -> None:
    global _crash_file
    folder = paths.logs()
    folder.mkdir(parents=True, exist_ok=True)
    _crash_file = (folder / f"crash-{name}.log").open("a", encoding="utf-8")
    faulthandler.enable(_crash_file)
    handler = logging.handlers.RotatingFileHandler(
        folder / f"{name}.log", maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


def _log_unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("unexpected error", exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)
