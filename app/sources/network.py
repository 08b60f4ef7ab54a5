"""Network cameras: RTSP and HTTP (MJPEG), through OpenCV's FFmpeg. Connects only to the address that the user gave."""

from __future__ import annotations

import urllib.parse

from app.core.errors import SourceError
from app.sources.opencv import CaptureStream, open_capture, opencv
from app.sources.registry import Asks, Place, Stream, StreamInfo, sane_rate, sources

SCHEMES = ("rtsp", "rtsps", "http", "https")
OPEN_SECONDS = 5.0
SILENT_SECONDS = 3.0


class NetworkCameras:
    """Addresses with a scheme of `SCHEMES`, with “user:password@” where the camera wants it."""

    title = "Network camera"
    asks: Asks = "address"
    hint = "rtsp://user:password@host/stream"
    returns = True

    def accepts(self, address: str) -> bool:
        return address.partition("://")[0].lower() in SCHEMES and "://" in address

    def places(self) -> tuple[Place, ...]:
        return ()

    def open(self, address: str) -> Stream:
        cv2 = opencv()
        title = shown(address)
        waits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            round(1000 * OPEN_SECONDS),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            round(1000 * SILENT_SECONDS),
        ]
        capture = open_capture(address, cv2.CAP_FFMPEG, waits)
        if capture is None:
            raise SourceError(
                f"“{title}” gives no pictures: it does not answer, refuses, or wants a password.",
                "Check address, password (rtsp://user:password@…) and network; it is tried again by itself.",
            )
        lost = SourceError(
            f"“{title}” is silent, or the connection broke off.", "It is tried again by itself; check the network."
        )
        rate = sane_rate(float(capture.get(cv2.CAP_PROP_FPS)))
        return CaptureStream(capture, StreamInfo(title, rate, None, live=True), lost)


sources.register("network")(NetworkCameras())


def shown(address: str) -> str:
    """An address as it may be shown and logged: without user, password and what follows a question mark."""
    try:
        parts = urllib.parse.urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return address.partition("://")[0] + "://…"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
