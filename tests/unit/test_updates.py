"""Whether there is a newer version: compared rightly, asked only where told, and never more than read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app import updates
from app.core.errors import SettingsError
from app.updates import Release, newer, newest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0", "0.9.9"),
        ("0.10.0", "0.9.0"),
        ("1.0.1", "1.0"),
        ("1.0", "1.0rc1"),
        ("1.0rc2", "1.0rc1"),
        ("1.0rc1", "1.0b9"),
        ("1.0b1", "1.0a3"),
        ("1.0a1", "1.0.dev5"),
        ("v2.0", "1.9"),
        ("1.0.0-rc.2", "1.0.0-rc.1"),
    ],
)
def test_the_newer_version_is_found(one: str, other: str) -> None:
    assert newer(one, other)
    assert not newer(other, one)


@pytest.mark.parametrize(("one", "other"), [("1.0", "1.0.0"), ("1.0+cpu", "1.0"), ("v1.2", "1.2")])
def test_the_same_version_is_not_newer(one: str, other: str) -> None:
    assert not newer(one, other)
    assert not newer(other, one)


@pytest.mark.parametrize("version", ["", "latest", "1.x", "1..2", "1.0 or so"])
def test_what_is_no_version_is_an_error(version: str) -> None:
    with pytest.raises(ValueError):
        updates.parts(version)


class _Answers(HTTPServer):
    words = b""
    asked = 0


@pytest.fixture
def server() -> Iterator[_Answers]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, _Answers)
            self.server.asked += 1
            self.send_response(200 if self.server.words else 404)
            self.end_headers()
            self.wfile.write(self.server.words)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    one = _Answers(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=one.serve_forever, daemon=True)
    thread.start()
    yield one
    one.shutdown()
    one.server_close()
    thread.join()


def _address(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/latest.json"


@pytest.mark.parametrize(
    ("answer", "release"),
    [
        ({"version": "99.1", "page": "https://example.org/get"}, Release("99.1", "https://example.org/get")),
        ({"tag_name": "v99.1", "html_url": "https://example.org/r"}, Release("99.1", "https://example.org/r")),
        ({"version": "0.0.1", "page": "javascript:alert(1)"}, Release("0.0.1", "")),
    ],
)
def test_both_forms_of_answer_are_read(server: _Answers, answer: dict[str, str], release: Release) -> None:
    server.words = json.dumps(answer).encode()
    assert newest(_address(server)) == release
    assert newest(_address(server)).is_newer == (release.version == "99.1")


@pytest.mark.parametrize("words", [b"", b"<html>", b"[]", b"{}", b'{"version": "soon"}', b'"1.0"', b"\xff"])
def test_other_answers_are_errors_in_a_sentence(server: _Answers, words: bytes) -> None:
    server.words = words
    with pytest.raises(SettingsError) as caught:
        newest(_address(server))
    assert _address(server) in caught.value.what


@pytest.mark.parametrize("address", ["", "example.org", "http://example.org/x", "file:///etc/passwd", "ftp://x"])
def test_only_safe_addresses_are_asked(address: str) -> None:
    with pytest.raises(SettingsError):
        newest(address)
