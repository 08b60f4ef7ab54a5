"""A network camera on loopback that does what they do: it stalls, hangs up, sends rubbish, changes its size."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

RED = (200, 30, 40)
INTERVAL = 0.02  # seconds between parts

Mood = Literal["well", "stalled", "hang up", "damaged", "refuse"]


@dataclass
class MjpegCamera:
    """What the server does from the next part on.

    Attributes:
        mood: "stalled" keeps the connection and sends nothing.
        size: (width, height) of its pictures.
        connections: How many there were.
    """

    mood: Mood = "well"
    size: tuple[int, int] = (64, 48)
    connections: int = 0
    address: str = ""
    closed: threading.Event = field(default_factory=threading.Event)

    def picture(self) -> bytes:
        """A red JPEG."""
        width, height = self.size
        return bytes(cv2.imencode(".jpg", np.full((height, width, 3), RED[::-1], np.uint8))[1].tobytes())


@contextmanager
def mjpeg_camera() -> Iterator[MjpegCamera]:
    """A camera that serves until the end."""
    camera = MjpegCamera()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Nothing on the terminal."""

        def do_GET(self) -> None:
            if camera.mood == "refuse":
                self.send_error(503)
                return
            camera.connections += 1
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            while not camera.closed.is_set() and camera.mood not in ("hang up", "refuse"):
                time.sleep(INTERVAL)
                if camera.mood == "stalled":
                    continue
                part = camera.picture()
                if camera.mood == "damaged":
                    part = part[: len(part) // 3] + b"\0rubbish" * 20
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(part)}\r\n\r\n".encode()
                try:
                    self.wfile.write(head + part + b"\r\n")
                except OSError:
                    return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    camera.address = f"http://127.0.0.1:{server.server_address[1]}/video"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield camera
    finally:
        camera.closed.set()
        server.shutdown()
        server.server_close()
