"""Downloads published weights when asked to, into the folder where torch keeps its own.

A broken download resumes where it stopped; a file is under its name only when it is whole and its hash is right; two
processes that want one file download it once. Proxies are those of the environment, as urllib knows them.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from filelock import FileLock, Timeout

from app import paths
from app.core.errors import CancelledError, ModelError, SettingsError
from app.zoo.card import Card
from app.zoo.hashing import sha256_of

MIRROR_VARIABLE = "RESNET_EXPLORER_MIRROR"
_CHUNK = 1 << 18
_STALL_SECONDS = 6.0  # a cancel waits for it at most
_MOST_TRIES = 5  # in a row without a single new byte
_PAUSE_SECONDS = 0.5
_REPORT_SECONDS = 0.1
_WINDOW_SECONDS = 5.0
_KEPT = "/%?#&=+:;,@!$'()*[]~"  # in an address that is percent-encoded
_OFFLINE = "The bundled models and those that are downloaded already work without a connection."


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        done: Bytes on the disk.
        total: Bytes in all; None while the server has not said.
        speed: Bytes per second over the last seconds.
        waiting: Whether another process downloads the same file, and this one waits for it.
    """

    done: int
    total: int | None
    speed: float = 0.0
    waiting: bool = False

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None where it cannot be made."""
        if self.total is None or self.speed <= 0:
            return None
        return max(self.total - self.done, 0) / self.speed


def download(
    card: Card,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    mirror: str | None = None,
) -> Path:
    """Get a published model's weights; at once where they are there.

    Args:
        card: A published card.
        on_progress: Called at most ten times a second, on the caller's thread.
        cancelled: Asked between chunks; what came so far is kept for the next time.
        mirror: Address of a folder that holds the same files, for closed networks; by default what the environment
            variable `RESNET_EXPLORER_MIRROR` or the settings say, else the publisher.

    Raises:
        ModelError: where it cannot be had: no connection, not there, wrong hash, no space, no address of a mirror.
        CancelledError: where the user cancelled.
    """
    if not card.weights.url:
        raise ModelError(f"{card.id} is not a published model: there is nothing to download.")
    mirror = mirror_setting() if mirror is None else mirror
    _check_address(address(card, mirror), mirror)
    target = card.weights_path
    try:
        paths.ensure(target.parent)
    except SettingsError as error:
        raise ModelError(error.what, "Set TORCH_HOME to a folder that you can write.") from error
    return _Download(card, target, on_progress, cancelled, mirror).run()


def environment_mirror() -> str:
    """The mirror that is set for this machine; "" for none. It goes before the one that is set in the window."""
    return os.environ.get(MIRROR_VARIABLE, "")


def mirror_setting() -> str:
    """The mirror that is set for good: by the environment, else in the window; "" for the publisher."""
    if environment := environment_mirror():
        return environment
    try:
        value = json.loads((paths.config() / "settings.json").read_text(encoding="utf-8")).get("mirror", "")
    except (OSError, ValueError, AttributeError):
        return ""  # no settings, or damaged ones: the window tells of these
    return value if isinstance(value, str) else ""


def address(card: Card, mirror: str) -> str:
    """Where to get a card's weights: from its publisher, or the file of that name in the mirror; percent-encoded."""
    if not mirror:
        return card.weights.url
    scheme, separator, rest = f"{mirror.strip().rstrip('/')}/{card.weights.file}".partition("://")
    host, slash, path = rest.partition("/")
    # “%”, because what is encoded already stays as it is. The name of a host is encoded otherwise, by http.client.
    return f"{scheme}{separator}{host}{slash}{urllib.parse.quote(path, safe=_KEPT)}"


def _check_address(whole: str, mirror: str) -> None:
    """Nothing where it can be asked.

    Raises:
        ModelError: where it has no scheme that we know, or is no address at all.
    """
    try:
        parts = urllib.parse.urlsplit(whole)
        (parts.hostname or "").encode("idna")
        known = parts.scheme == "file" or (
            parts.scheme in ("https", "http") and bool(parts.hostname and parts.port != 0)
        )
    except ValueError:  # brackets that are no IPv6 address, a port that is no number, a name that no host can have
        known = False
    if not known:
        raise ModelError(
            f"“{mirror or whole}” is not the address of a mirror.",
            "Begin it with https:// or http://, or with file:// for a folder, as in file:///srv/mirror.",
        )


class _Download:
    """One download of one file."""

    def __init__(
        self,
        card: Card,
        target: Path,
        on_progress: Callable[[Progress], None] | None,
        cancelled: Callable[[], bool] | None,
        mirror: str,
    ) -> None:
        self.card = card
        self.target = target
        self.partial = _partial(target)
        self.address = address(card, mirror)
        self.on_progress = on_progress or (lambda _progress: None)
        self.cancelled = cancelled or (lambda: False)
        self.total: int | None = None
        self._window: deque[tuple[float, int]] = deque()
        self._reported = 0.0

    def run(self) -> Path:
        lock = FileLock(self.target.with_name(f".{self.target.name}.lock"))
        while True:
            try:
                with lock.acquire(timeout=0.2):
                    return self._run_alone()
            except Timeout:
                self._stop_if_cancelled()
                self._report(waiting=True)
            except OSError as error:
                raise ModelError(
                    f"{self.target.parent} was taken away or locked during the download ({error.strerror or error}).",
                    "Check that the folder is there and can be written, and try again.",
                ) from error

    def _run_alone(self) -> Path:
        if self.target.is_file() and self._is_right(self.target):
            return self.target
        self._fetch()
        self._report(force=True)
        if not self._is_right(self.partial):
            self.partial.unlink(missing_ok=True)
            raise ModelError(
                f"What {self.address} gave is not {self.card.id}: its SHA-256 does not begin with "
                f"{self.card.weights.sha256}.",
                "Nothing was kept. Try again, or another mirror.",
            )
        with self.partial.open("rb+") as file:
            os.fsync(file.fileno())
        self.partial.replace(self.target)
        return self.target

    def _fetch(self) -> None:
        """Connect again and again until the file is whole, or no new byte has come for several tries."""
        tries, best = 0, self._done()
        while True:
            self._stop_if_cancelled()
            reason: object = "it was cut off"
            try:
                if self._try():
                    return
            except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
                reason = getattr(error, "reason", None) or str(error) or type(error).__name__
            done = self._done()
            tries = 0 if done > best else tries + 1
            best = max(best, done)
            if tries >= _MOST_TRIES:
                raise ModelError(
                    f"{self.address} cannot be reached, or the connection broke ({reason}).",
                    f"Try again: what came so far is kept. {_OFFLINE}",
                )
            time.sleep(_PAUSE_SECONDS)

    def _try(self) -> bool:
        """One connection. True when the file is whole."""
        try:
            with self._open(self._done()) as response:
                self._receive(response)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 416 and self._done():  # there is nothing after what we have
                    return self._whole_or_restart(error)
                if error.code in (408, 429, 500, 502, 503, 504):
                    raise ConnectionError(f"{error.code} {error.reason}") from error
                raise self._refused(error) from error
        return self.total is None or self._done() >= self.total

    def _open(self, have: int) -> Any:
        request = urllib.request.Request(self.address, headers={"User-Agent": "resnet-explorer"})
        if have:
            request.add_header("Range", f"bytes={have}-")
        # A new opener each time: urlopen's shared one keeps the proxies that it saw first.
        return urllib.request.build_opener().open(request, timeout=_STALL_SECONDS)

    def _receive(self, response: Any) -> None:
        """Append what comes; from the start where the server does not resume."""
        resumed = response.status == 206 and self._resumes_at(response, self._done())
        length = response.headers.get("Content-Length")
        have = self._done() if resumed else 0
        self.total = have + int(length) if length and length.isdigit() else None
        self._check_space()
        with self._writing("ab" if resumed else "wb") as file:
            while chunk := response.read(_CHUNK):
                self._write(file, chunk)
                have += len(chunk)
                self._report(done=have)
                self._stop_if_cancelled()

    def _writing(self, mode: Literal["ab", "wb"]) -> BinaryIO:
        try:
            return self.partial.open(mode, buffering=0)
        except OSError as error:
            raise self._no_space(error) from error

    def _write(self, file: BinaryIO, chunk: bytes) -> None:
        try:
            file.write(chunk)
        except OSError as error:
            raise self._no_space(error) from error

    def _no_space(self, error: OSError) -> ModelError:
        return ModelError(
            f"{self.target.parent} cannot take the file ({error.strerror or error}).",
            "Free some space and try again: what came so far is kept.",
        )

    def _resumes_at(self, response: Any, have: int) -> bool:
        given = str(response.headers.get("Content-Range", ""))
        return given.startswith(f"bytes {have}-")

    def _whole_or_restart(self, error: urllib.error.HTTPError) -> bool:
        """What we have is the whole file, or more than it: then it is not a part of it."""
        size = str(error.headers.get("Content-Range", "")).rpartition("/")[2]
        if size.isdigit() and int(size) == self._done():
            self.total = self._done()
            return True
        self.partial.unlink(missing_ok=True)
        return False

    def _refused(self, error: urllib.error.HTTPError) -> ModelError:
        if error.code in (404, 410):
            return ModelError(
                f"{self.address} does not exist ({error.code}).", f"Check the mirror's address. {_OFFLINE}"
            )
        if error.code in (401, 403, 407):
            return ModelError(
                f"{self.address} may not be read ({error.code} {error.reason}).", "Check proxy and mirror."
            )
        return ModelError(f"{self.address} answered {error.code} {error.reason}.", f"Try again later. {_OFFLINE}")

    def _check_space(self) -> None:
        need = (self.total or 0) - self._done()
        free = shutil.disk_usage(self.target.parent).free
        if need > free:
            raise ModelError(
                f"{self.target.parent} has {free >> 20:,} MiB left, and {self.card.id} needs {need >> 20:,} MiB more.",
                "Free some space, or set TORCH_HOME to another disk.",
            )

    def _is_right(self, file: Path) -> bool:
        return sha256_of(file).startswith(self.card.weights.sha256)

    def _done(self) -> int:
        try:
            return self.partial.stat().st_size
        except FileNotFoundError:
            return 0

    def _stop_if_cancelled(self) -> None:
        if self.cancelled():
            raise CancelledError(f"The download of {self.card.id} was cancelled.", "What came so far is kept.")

    def _report(self, *, done: int | None = None, waiting: bool = False, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._reported < _REPORT_SECONDS:
            return
        self._reported = now
        done = self._done() if done is None else done
        self._window.append((now, done))
        while len(self._window) > 2 and now - self._window[0][0] > _WINDOW_SECONDS:
            self._window.popleft()
        (start, before) = self._window[0]
        speed = max(done - before, 0) / (now - start) if now > start else 0.0
        self.on_progress(Progress(done, self.total, speed, waiting))


def partial_size(card: Card) -> int:
    """How many bytes an unfinished download left behind, which the next one goes on from."""
    try:
        return _partial(card.weights_path).stat().st_size
    except OSError:
        return 0


def delete_download(card: Card) -> None:
    """Delete a published model's weights, and what an unfinished download left behind.

    Raises:
        ModelError: where they cannot be deleted.
    """
    try:
        for file in (card.weights_path, _partial(card.weights_path)):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(
            f"{card.weights_path} cannot be deleted ({error.strerror or error}).", "Close what uses it."
        ) from error


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")
