"""Pictures dropped as addresses, from a server on this machine."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from app.core.errors import PictureError
from app.sources import web
from app.sources.files import read_picture_url


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (12, 8), (10, 200, 30)).save(file, "PNG")
    return file.getvalue()


class Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        answers = {
            "/good.png": (200, "image/png", picture()),
            "/a%20cat.png": (200, "application/octet-stream", picture()),
            "/page": (200, "text/html; charset=utf-8", b"<!doctype html>"),
            "/lying.png": (200, "image/png", b"<!doctype html>"),
            "/missing.png": (404, "text/plain", b"no"),
        }
        if self.path == "/moved.png":
            self._send(302, "text/plain", b"", Location="/good.png")
        elif self.path == "/to-file.png":
            self._send(302, "text/plain", b"", Location="file:///etc/passwd")
        elif self.path == "/loop.png":
            self._send(302, "text/plain", b"", Location="/loop.png")
        elif self.path == "/huge.png":
            self._send(200, "image/png", picture(), **{"Content-Length": "200000000"})
        elif self.path == "/cut.png":
            self._send(200, "image/png", picture()[:30], **{"Content-Length": str(len(picture()))})
        elif self.path == "/endless.png":
            self._send(200, "image/png", b"", **{"Content-Length": ""})
            self._trickle(bytes(1 << 16), 0.0)
        elif self.path == "/drip.png":
            self._send(200, "image/png", b"", **{"Content-Length": ""})
            self._trickle(b"x", 0.05)
        elif self.path == "/silent.png":
            time.sleep(2)
        else:
            self._send(*answers[self.path])

    def _send(self, code: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self, portion: bytes, pause: float) -> None:
        try:
            for _ in range(2000):
                self.wfile.write(portion)
                time.sleep(pause)
        except OSError:
            return  # the reader has had enough

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Handler.seen.clear()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join(5)


def failure(url: str) -> PictureError:
    with pytest.raises(PictureError) as caught:
        read_picture_url(url)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("path", "name"),
    [("/good.png", "good.png"), ("/a%20cat.png", "a cat.png"), ("/moved.png", "moved.png")],
)
def test_a_picture_on_a_server(server: str, path: str, name: str) -> None:
    frame = read_picture_url(server + path)
    assert (frame.name, frame.path, frame.size) == (name, "", (12, 8))
    assert frame.pixels[0, 0].tolist() == [10, 200, 30]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/page", "web page"),
        ("/lying.png", "web page"),
        ("/missing.png", "404"),
        ("/huge.png", "more than 100 MB"),
        ("/cut.png", "broke off"),
        ("/to-file.png", "could not be fetched"),
        ("/loop.png", "could not be fetched"),
    ],
)
def test_what_can_go_wrong(server: str, path: str, says: str) -> None:
    error = failure(server + path)
    assert says in error.what
    assert "127.0.0.1" in error.what or path[1:] in error.what


def test_an_endless_answer_is_cut_off(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MOST_BYTES", 1_000_000)
    assert "more than 1 MB" in failure(f"{server}/endless.png").what


def test_a_server_that_drips_is_given_up(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LONGEST_SECONDS", 0.5)
    started = time.monotonic()
    assert "too long" in failure(f"{server}/drip.png").what
    assert time.monotonic() - started < 3


def test_a_silent_server_is_given_up(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.3)
    assert "too long" in failure(f"{server}/silent.png").what


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "could not be fetched" in failure(f"http://127.0.0.1:{port}/x.png").what


def test_a_picture_in_the_address_itself() -> None:
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    frame = read_picture_url(url)
    assert (frame.name, frame.size) == ("dropped picture", (12, 8))


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,!!!",
        "data:rubbish",
        "ftp://127.0.0.1/x.png",
        "javascript:alert(1)",
        "x.png",
        "",
        "http://",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    failure(url)


def test_a_file_address(tmp_path: Path) -> None:
    path = tmp_path / "a cat é.png"
    path.write_bytes(picture())
    frame = read_picture_url(path.as_uri())
    assert (frame.name, frame.path) == (path.name, str(path))


def test_a_file_on_another_machine() -> None:
    with pytest.raises(PictureError, match="server"):
        read_picture_url("file://server/share/x.png")
