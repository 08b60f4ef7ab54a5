"""What the window and a busy engine tell each other outside requests and answers: progress, cancel, the newest crop.

Numbers in shared memory, without locks: an engine that is killed half-way through a write can leave nothing
locked. Each number has one writer and is written in one machine word.
"""

from __future__ import annotations

from ctypes import c_double, c_int64
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from typing import Any

from app.engine.mailbox import Mailbox


@dataclass(frozen=True)
class Channel:
    """Shared between one client and one engine process; crosses only when the process starts.

    Attributes:
        done: The share of the present request that is done, 0 to 1; the engine writes.
        cancelled: Requests with ids up to this one need no answer any more; the window writes.
        mailbox: The newest crop of a live source; the window writes.
    """

    done: Any
    cancelled: Any
    mailbox: Mailbox

    @classmethod
    def create(cls, context: SpawnContext) -> Channel:
        """Fresh numbers, nothing done, nothing cancelled."""
        return cls(context.RawValue(c_double, 0.0), context.RawValue(c_int64, 0), Mailbox.create(context))
