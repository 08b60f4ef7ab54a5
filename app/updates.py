"""Whether there is a newer version. Asks nobody unless the user has switched it on and said where to ask.

The answer at the address is JSON: `{"version": "1.2.0", "page": "https://…"}`, or a release as GitHub's interface
describes it (`tag_name`, `html_url`). Nothing is sent but the request itself, nothing is downloaded or installed.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass

from app import __version__
from app.core.errors import SettingsError

PATIENCE = 10  # seconds
LARGEST_ANSWER = 1_000_000  # bytes


@dataclass(frozen=True)
class Release:
    """What the address says is the newest version.

    Attributes:
        version: Its number.
        page: Where a person can get it; may be empty.
    """

    version: str
    page: str = ""

    @property
    def is_newer(self) -> bool:
        """Whether it is newer than this program."""
        return newer(self.version, __version__)


def newest(address: str) -> Release:
    """Ask for the newest version.

    Raises:
        SettingsError: where the address does not answer, or not in one of the forms above.
    """
    if not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise SettingsError(f"“{address}” is not an address that begins with https://.", "Give the whole address.")
    request = urllib.request.Request(address, headers={"User-Agent": "resnet-explorer", "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            words = answer.read(LARGEST_ANSWER + 1)
    except (OSError, ValueError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise SettingsError(f"{address} did not answer: {reason}.", "Check the connection and the address.") from error
    try:
        values = json.loads(words[:LARGEST_ANSWER])
        version = str(values.get("version") or values["tag_name"]).removeprefix("v")
        parts(version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{address} does not name a version.", "Ask whoever gave you the address.") from error
    page = str(values.get("page") or values.get("html_url") or "")
    return Release(version, page if page.startswith("https://") else "")


def newer(one: str, other: str) -> bool:
    """Whether the first version is newer; a version before its release (1.0.0rc1) is older than the release."""
    return parts(one) > parts(other)


def parts(version: str) -> tuple[tuple[int, ...], tuple[int, str, int]]:
    """A version in a form that sorts: the numbers, then whether and which stage before the release.

    Raises:
        ValueError: where it is no version.
    """
    found = re.fullmatch(r"v?(\d+(?:\.\d+)*)[-.]?(?:(a|alpha|b|beta|rc|dev)[-.]?(\d*))?(?:\+.*)?", version.strip())
    if not found:
        raise ValueError(f"“{version}” is not a version")
    numbers = [int(one) for one in found.group(1).split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    stage = {None: (1, "", 0), "dev": (-1, "", int(found.group(3) or 0))}.get(
        found.group(2), (0, (found.group(2) or "")[:1], int(found.group(3) or 0))
    )
    return tuple(numbers), stage
