"""Whether a run lives, and how far it is: a small file that the trainer writes every second. No torch, no Qt."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

log = logging.getLogger(__name__)

FILE_NAME = "status.json"
BEAT_SECONDS = 1.0
STALE_SECONDS = 10.0
"""A heartbeat older than this is that of a dead trainer, or of a machine that sleeps."""

State = Literal["preparing", "running", "paused", "stopped", "finished", "failed"]
Life = Literal["living", "ended", "crashed", "unknown"]


@dataclass(frozen=True)
class Status:
    """What a trainer says of itself.

    Attributes:
        state: "stopped" was asked for and can be resumed; "failed" stopped by itself, and `message` says why.
        step: The last one that was made.
        steps: How many there will be; 0 while that is not known.
        message: What it does, or why it stopped; one or two sentences.
        remedy: What to do about it.
        progress: Of what `message` says, from 0 to 1, while preparing; -1 where nobody knows.
        speed: Pictures per second, of late.
        seconds_left: Estimate; -1 while there is none.
        process: Number of the trainer's process.
        host: Name of its machine.
        loss: Of the last step, in nats; -1 before.
        train_error: Of the last step, and after an epoch of that epoch, in per cent; -1 before.
        test_error: Of the last look at the test pictures, in per cent; -1 before.
        measuring: Share of the training's time that measuring blocks took, 0 to 1; -1 where it was not clocked (a GPU
            works on while the clock is read).
        started: When this attempt began, in seconds since 1970.
        beat: When this was written, in seconds since 1970, by the trainer's clock.
    """

    state: State = "preparing"
    step: int = 0
    steps: int = 0
    message: str = ""
    remedy: str = ""
    progress: float = -1.0
    speed: float = 0.0
    seconds_left: float = -1.0
    loss: float = -1.0
    train_error: float = -1.0
    test_error: float = -1.0
    measuring: float = -1.0
    process: int = 0
    host: str = ""
    started: float = 0.0
    beat: float = 0.0

    @property
    def far(self) -> bool:
        """Whether the trainer is, or was, on another machine."""
        return bool(self.host) and self.host != socket.gethostname()

    @property
    def active(self) -> bool:
        """Whether the trainer means to go on."""
        return self.state in ("preparing", "running", "paused")

    def life(self, now: float | None = None) -> Life:
        """ "living"; "ended", as it was meant to; "crashed", without a word; "unknown" where no trainer ever began."""
        if not self.beat:
            return "unknown"
        if not self.active:
            return "ended"
        if not self.far and not process_exists(self.process):
            return "crashed"
        age = (time.time() if now is None else now) - self.beat
        return "living" if age < STALE_SECONDS else "crashed"


def read_status(folder: Path) -> Status:
    """The status of a run; an empty one where there is none, or while it is being replaced."""
    for _ in range(3):
        try:
            values = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
            known = {field.name for field in fields(Status)}
            return Status(**{name: value for name, value in values.items() if name in known})
        except FileNotFoundError:
            return Status()
        except (OSError, ValueError, TypeError, AttributeError):
            time.sleep(0.01)  # being written in place, on a full disk
    return Status()


class Pulse:
    """Keeps a run's status file up to date from a thread of its own, so that a long step is no death.

    Attributes:
        problem: What went wrong with writing (the disk is full, the folder is gone), or None. The trainer looks at it.
    """

    def __init__(self, folder: Path) -> None:
        self.problem: OSError | None = None
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._status = Status(process=os.getpid(), host=socket.gethostname(), started=time.time())
        self._ended = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def status(self) -> Status:
        """As it is now."""
        return self._status

    def update(self, **changes: object) -> None:
        """Change what the next beat says; a change of state is written at once."""
        before = self._status.state
        with self._lock:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]
        if self._status.state != before:
            self._write()

    def end(self, state: State, message: str = "", remedy: str = "") -> None:
        """Write the last status, and stop."""
        self._ended.set()
        self._thread.join()
        self.update(state=state, message=message, remedy=remedy, seconds_left=-1.0, progress=-1.0)
        self._write()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._status = replace(self._status, beat=time.time())
            text = json.dumps(asdict(self._status), ensure_ascii=False)
            try:
                _replace(self._path, text)
                self.problem = None
            except PermissionError as error:
                log.info("status not written, probably because somebody reads it: %s", error)  # Windows; next second
            except OSError as error:
                self.problem = error
                self._write_in_place(text)

    def _write_in_place(self, text: str) -> None:
        """On a full disk the old file's own block can still be written."""
        try:
            with self._path.open("r+", encoding="utf-8") as file:
                file.write(text)
                file.truncate()
        except OSError as error:
            log.warning("status cannot be written: %s", error)


def _replace(path: Path, text: str) -> None:
    """Like `files.write_text`, but without waiting for the disk, and never creating the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def process_exists(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    if process <= 0:
        return False
    if sys.platform == "win32":
        return _windows_process_exists(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def _windows_process_exists(process: int) -> bool:
    """By its exit code: on Windows `os.kill` would end the process."""
    import ctypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(query_limited_information, False, process)
    if not handle:
        return False
    try:
        code = ctypes.c_ulong()
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)
