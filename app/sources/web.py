"""Fetching one picture that the user dropped as an address. Nothing else in the program talks to the network."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import Any

from app.core.errors import PictureError

TIMEOUT_SECONDS = 10.0  # without a single byte
LONGEST_SECONDS = 60.0  # altogether
MOST_BYTES = 100_000_000
PORTION = 1 << 16

_SAVE_INSTEAD = "Save the picture in the browser, and open the saved file."


def fetch(url: str) -> tuple[bytes, str]:
    """The bytes behind an http, https or data address, and a name for them.

    Raises:
        PictureError: where it is not such an address, cannot be reached, takes too long, or is no picture.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https", "data"):
        raise PictureError(f"“{_short(url)}” is not an address that can be fetched.", _SAVE_INSTEAD)
    name = "dropped picture" if parts.scheme == "data" else _name(parts)
    request = urllib.request.Request(url, headers={"User-Agent": "resnet-explorer", "Accept": "image/*,*/*;q=0.1"})
    started = time.monotonic()
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            _check_headers(answer.headers, name, url)
            return _read(answer, name, started), name
    except urllib.error.HTTPError as error:
        said = f"{error.code} {error.reason}".strip()
        raise PictureError(f"“{_short(url)}” could not be fetched: the server said {said}.", _SAVE_INSTEAD) from error
    except TimeoutError as error:
        raise _too_slow(name) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _too_slow(name) from error
        reason = "no such server" if isinstance(error.reason, socket.gaierror) else str(error.reason)
        raise PictureError(
            f"“{_short(url)}” could not be fetched: {reason}.", "Check the connection to the internet, and try again."
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a malformed address or data URL
        reason = str(error) or type(error).__name__
        raise PictureError(f"“{_short(url)}” could not be fetched: {reason}.", _SAVE_INSTEAD) from error


def _opener() -> urllib.request.OpenerDirector:
    """Without urllib's handlers for ftp and local files: a redirection must not lead to either."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.DataHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _check_headers(headers: Message, name: str, url: str) -> None:
    if headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise PictureError(f"“{_short(url)}” is a web page, not a picture.", _SAVE_INSTEAD)
    length = headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > MOST_BYTES:
        raise _too_long(name)


def _read(answer: Any, name: str, started: float) -> bytes:
    portions: list[bytes] = []
    total = 0
    # read1 returns what has come: `read` would wait for a full portion from a server that sends one byte at a time.
    read = getattr(answer, "read1", answer.read)
    while portion := read(PORTION):
        portions.append(portion)
        total += len(portion)
        if total > MOST_BYTES:
            raise _too_long(name)
        if time.monotonic() - started > LONGEST_SECONDS:
            raise _too_slow(name)
    expected = answer.headers.get("Content-Length", "")
    if expected.isdecimal() and total < int(expected):
        raise PictureError(
            f"The connection broke off after {total:,} of {int(expected):,} bytes of “{name}”.", "Try again."
        )
    return b"".join(portions)


def _too_slow(name: str) -> PictureError:
    return PictureError(f"“{name}” could not be fetched: the server took too long.", f"Try again. {_SAVE_INSTEAD}")


def _too_long(name: str) -> PictureError:
    return PictureError(f"“{name}” has more than {MOST_BYTES / 1e6:,.0f} MB.", _SAVE_INSTEAD)


def _name(parts: urllib.parse.SplitResult) -> str:
    last = urllib.parse.unquote(parts.path.rstrip("/").rpartition("/")[2], errors="replace")
    return last or parts.hostname or "dropped picture"


def _short(url: str) -> str:
    return url if len(url) <= 80 else f"{url[:79]}…"
