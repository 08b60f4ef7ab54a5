"""The first thing an engine process runs, and the door through which calls reach the service. No torch here.

The service is imported by name at run time, so that the window's import graph ends at this module.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from typing import Any

from app import bootstrap
from app.engine.channel import Channel

_channel: Channel | None = None


def initialise(channel: Channel) -> None:
    """Prepare a fresh engine process: logging, no Ctrl+C, and an end when the window ends."""
    global _channel
    _channel = channel
    bootstrap.prepare_process("engine")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is the window's to handle
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()


def call(verb: str, *arguments: Any) -> Any:
    """Run one verb in this process.

    "load" is `app.engine.service.load`, "anatomy.measure" is `app.engine.anatomy.measure`, and so on. Whatever a
    verb returns must be readable without torch.
    """
    service = importlib.import_module("app.engine.service")
    if _channel is not None:
        service.listen(_channel)
    module, _, name = verb.rpartition(".")
    room = importlib.import_module(f"app.engine.{module}") if module else service
    return getattr(room, name)(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
