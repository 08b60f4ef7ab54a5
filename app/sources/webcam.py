"""Cameras of this computer, picked by name where the platform tells names."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.core.errors import SourceError
from app.sources.opencv import CaptureStream, open_capture, opencv
from app.sources.registry import Asks, Place, Stream, StreamInfo, sane_rate, sources

PLATFORM: str = sys.platform  # typed so that the checker reads every branch
PREFIX = "camera:"
SYSFS = Path("/sys/class/video4linux")
_OFFERED_BY_NUMBER = 3
_LIST_SECONDS = 5


class Webcams:
    """Addresses are “camera:NAME” or “camera:NUMBER”, the number counted from 0; a bare number will do."""

    title = "Camera"
    asks: Asks = "place"
    hint = ""
    returns = True

    def accepts(self, address: str) -> bool:
        return address.startswith(PREFIX) or address.isdecimal()

    def places(self) -> tuple[Place, ...]:
        return tuple(Place(f"{PREFIX}{name}", name) for _, name in _devices())

    def open(self, address: str) -> Stream:
        wanted = address.removeprefix(PREFIX)
        number, title = _find(wanted)
        cv2 = opencv()
        capture = _open(cv2, number)
        if capture is None:
            raise _reason(number, title)
        # Compressed pictures: uncompressed ones of this size do not fit through USB 2 at 30 per second.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, 640)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, 480)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what waits is old
        rate = sane_rate(float(capture.get(cv2.CAP_PROP_FPS)))
        lost = SourceError(
            f"“{title}” gives no more pictures: it was unplugged, or the computer slept.",
            "Plug it in again; it comes back by itself.",
        )
        return CaptureStream(capture, StreamInfo(title, rate, None, live=True), lost)


sources.register("webcam")(Webcams())


def _open(cv2: Any, number: int) -> Any:
    """Through the backend that opens fastest; on Windows that is DirectShow, the other only where it fails."""
    backends = {"win32": (cv2.CAP_DSHOW, cv2.CAP_MSMF), "darwin": (cv2.CAP_AVFOUNDATION,)}
    for backend in backends.get(PLATFORM, (cv2.CAP_V4L2,)):
        if (capture := open_capture(number, backend)) is not None:
            return capture
    return None


def _find(wanted: str) -> tuple[int, str]:
    """(number, name) of a camera; the name decides, so that one plugged in elsewhere is found again.

    Raises:
        SourceError: where there is none of that name.
    """
    devices = _devices()
    for number, name in devices:
        if name == wanted:
            return number, name
    if wanted.isdecimal():
        return int(wanted), dict(devices).get(int(wanted), f"Camera {wanted}")
    there = ", ".join(f"“{name}”" for _, name in devices)
    raise SourceError(
        f"The camera “{wanted}” is not connected.",
        f"Plug it in, or choose one of: {there}." if there else "Plug it in; it comes back by itself.",
    )


def _devices() -> list[tuple[int, str]]:
    """(number, name) of every camera, names made unique."""
    if PLATFORM.startswith("linux"):
        found = _linux_devices(SYSFS)
    elif PLATFORM == "darwin":
        found = _mac_devices()
    else:  # neither Windows nor OpenCV tells names in the order of OpenCV's numbers
        found = [(number, f"Camera {number}") for number in range(_OFFERED_BY_NUMBER)]
    names: dict[str, int] = {}
    unique = []
    for number, name in found:
        names[name] = names.get(name, 0) + 1
        unique.append((number, name if names[name] == 1 else f"{name} ({names[name]})"))
    return unique


def _linux_devices(folder: Path) -> list[tuple[int, str]]:
    """Every device whose first node it is: a camera has further nodes for metadata, with a higher `index`."""
    found = []
    for node in folder.glob("video*"):
        number = node.name.removeprefix("video")
        try:
            first = (node / "index").read_text().strip() in ("", "0")
            name = (node / "name").read_text(errors="replace").strip()
        except OSError:  # unplugged while we look
            continue
        if first and number.isdecimal():
            found.append((int(number), name or f"Camera {number}"))
    return sorted(found)


def _mac_devices() -> list[tuple[int, str]]:
    try:
        told = subprocess.run(
            ["/usr/sbin/system_profiler", "SPCameraDataType", "-json"],
            capture_output=True,
            timeout=_LIST_SECONDS,
            check=True,
        ).stdout
        cameras = json.loads(told).get("SPCameraDataType", [])
        return [(number, str(camera["_name"])) for number, camera in enumerate(cameras)]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError):
        return [(0, "Camera 0")]


def _reason(number: int, title: str) -> SourceError:
    """Why a camera did not open, as far as the system tells."""
    if PLATFORM.startswith("linux"):
        device = Path(f"/dev/video{number}")
        try:
            os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
        except FileNotFoundError:
            return SourceError(f"There is no camera {number}.", "Plug one in; it comes back by itself.")
        except PermissionError:
            return SourceError(
                f"“{title}” may not be used: {device} belongs to another group.",
                "Add yourself to the group “video” (sudo usermod -aG video $USER) and log in again.",
            )
        except OSError as error:
            if error.errno != errno.EBUSY:
                return SourceError(f"“{title}” cannot be opened: {error.strerror}.", "Plug it in again.")
        return SourceError(
            f"“{title}” is there but gives no pictures: another program may be using it.",
            "Close the other program; the camera comes back by itself.",
        )
    if PLATFORM == "darwin":
        remedy = "Allow it in System Settings, Privacy & Security, Camera, and close other programs that use it."
    else:
        remedy = "Allow it in Settings, Privacy, Camera, plug it in, and close other programs that use it."
    return SourceError(f"“{title}” is missing, busy or forbidden.", remedy)
