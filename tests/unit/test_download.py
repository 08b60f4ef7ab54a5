"""Downloads, from a server on this machine that misbehaves on request."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from app import paths
from app.core.errors import CancelledError, ModelError
from app.zoo import download as module
from app.zoo.cards import Card, Weights, find_card
from app.zoo.download import Progress, download

CONTENT = bytes(range(256)) * 8000  # 2 MB
HASH = hashlib.sha256(CONTENT).hexdigest()[:8]


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT under every name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []  # the Range of each, or ""
        self.paths: list[str] = []
        self.content = CONTENT
        self.status = 0  # answer with this error
        self.failures = 0  # answer so many requests with 503 first
        self.cut_after = 0  # close the connection after so many bytes
        self.resumes = True
        self.pause = 0.0  # between chunks of 64 KiB
        self.stall = False  # never send anything

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.requests.append(asked)
        server.paths.append(self.path)
        if server.status or server.failures:
            server.failures -= 1 if server.failures else 0
            self.send_error(server.status or 503)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and server.resumes else 0
        size = len(server.content)
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        if server.stall:
            time.sleep(5)
            return
        body = server.content[start : start + server.cut_after] if server.cut_after else server.content[start:]
        try:
            for place in range(0, len(body), 1 << 16):
                self.wfile.write(body[place : place + (1 << 16)])
                time.sleep(server.pause)
        except OSError:
            self.close_connection = True  # the client went away

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture(autouse=True)
def fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    monkeypatch.delenv(module.MIRROR_VARIABLE, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def card(server: Server) -> Card:
    weights = Weights(f"small-{HASH}.pth", HASH, url=f"{server.base}/small-{HASH}.pth", mebibytes=2)
    return dataclasses.replace(find_card("resnet18"), weights=weights)


def left_behind(card: Card) -> list[str]:
    """Visible files in torch's folder."""
    return [file.name for file in card.weights_path.parent.iterdir() if not file.name.startswith(".")]


def test_a_file_arrives_whole_where_torch_looks(card: Card, server: Server) -> None:
    seen: list[Progress] = []
    path = download(card, on_progress=seen.append)
    assert path == card.weights_path == paths.torch_checkpoints() / card.weights.file
    assert path.read_bytes() == CONTENT
    assert seen[-1].done == seen[-1].total == len(CONTENT)
    assert left_behind(card) == [card.weights.file]
    assert server.requests == [""]


def test_a_file_that_torch_has_already_is_used(card: Card, server: Server) -> None:
    card.weights_path.parent.mkdir(parents=True)
    card.weights_path.write_bytes(CONTENT)
    assert download(card) == card.weights_path
    assert server.requests == []


def test_a_damaged_file_in_torchs_folder_is_replaced(card: Card) -> None:
    card.weights_path.parent.mkdir(parents=True)
    card.weights_path.write_bytes(b"damaged")
    assert download(card).read_bytes() == CONTENT


def test_progress_estimates_the_rest(card: Card, server: Server) -> None:
    server.pause = 0.02
    seen: list[Progress] = []
    download(card, on_progress=seen.append)
    middle = seen[len(seen) // 2]
    assert len(seen) >= 3
    assert 0 < middle.done < len(CONTENT)
    assert middle.speed > 0
    assert middle.seconds_left is not None
    assert 0 < middle.seconds_left < 60
    assert [one.done for one in seen] == sorted(one.done for one in seen)


def test_a_connection_that_breaks_is_resumed(card: Card, server: Server) -> None:
    server.cut_after = 700_000
    assert download(card).read_bytes() == CONTENT
    assert server.requests == ["", "bytes=700000-", "bytes=1400000-"]


def test_a_server_that_cannot_resume_starts_again(card: Card, server: Server) -> None:
    server.resumes = False
    partial = card.weights_path.with_name(f".{card.weights.file}.partial")
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"x" * 1000)
    assert download(card).read_bytes() == CONTENT


def test_a_cancelled_download_resumes_next_time(card: Card, server: Server) -> None:
    server.pause = 0.02
    done: list[int] = []
    with pytest.raises(CancelledError):
        download(card, on_progress=lambda one: done.append(one.done), cancelled=lambda: sum(d > 0 for d in done) > 1)
    assert left_behind(card) == []
    server.pause = 0
    assert download(card).read_bytes() == CONTENT
    assert server.requests[1].startswith("bytes=")


@pytest.mark.parametrize("extra", [0, 5])
def test_a_partial_file_that_is_whole_or_too_long(card: Card, extra: int) -> None:
    partial = card.weights_path.with_name(f".{card.weights.file}.partial")
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT + b"x" * extra)
    assert download(card).read_bytes() == CONTENT
    assert not partial.exists()


def test_a_wrong_hash_leaves_nothing(card: Card, server: Server) -> None:
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(ModelError, match="SHA-256"):
        download(card)
    assert left_behind(card) == []
    assert not card.weights_path.with_name(f".{card.weights.file}.partial").exists()


@pytest.mark.parametrize(("status", "word"), [(404, "does not exist"), (403, "may not be read"), (400, "answered 400")])
def test_a_refusal_is_told(card: Card, server: Server, status: int, word: str) -> None:
    server.status = status
    with pytest.raises(ModelError, match=word) as caught:
        download(card)
    assert card.weights.url in caught.value.what
    assert len(server.requests) == 1


def test_a_server_that_is_busy_for_a_moment_is_asked_again(card: Card, server: Server) -> None:
    server.failures = 2
    assert download(card).read_bytes() == CONTENT


def test_a_server_that_stays_down_is_told_and_what_works_meanwhile(card: Card, server: Server) -> None:
    server.status = 503
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        download(card)
    assert "bundled models" in caught.value.remedy


def test_no_server_at_all(card: Card) -> None:
    weights = dataclasses.replace(card.weights, url="http://127.0.0.1:9/x.pth")
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        download(dataclasses.replace(card, weights=weights))
    assert "without a connection" in caught.value.remedy


def test_a_server_that_falls_silent_is_given_up(card: Card, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.1)
    monkeypatch.setattr(module, "_MOST_TRIES", 2)
    server.stall = True
    start = time.monotonic()
    with pytest.raises(ModelError, match="broke"):
        download(card)
    assert time.monotonic() - start < 4


def test_a_full_disk_is_told_before_anything_is_written(
    card: Card, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(ModelError, match="MiB more"):
        download(card)
    assert left_behind(card) == []


def test_a_disk_that_fills_up_meanwhile_is_told(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_file: BinaryIO, _chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full:
        def __init__(self, file: BinaryIO) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, chunk: bytes) -> int:
            return full(self.file, chunk)

    original = module._Download._writing
    monkeypatch.setattr(module._Download, "_writing", lambda self, mode: Full(original(self, mode)))
    with pytest.raises(ModelError, match="cannot take the file") as caught:
        download(card)
    assert "space" in caught.value.remedy
    assert left_behind(card) == []


def test_a_folder_that_cannot_be_written_is_told(card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="cannot be written") as caught:
        download(card)
    assert "TORCH_HOME" in caught.value.remedy


def test_a_mirror_takes_the_place_of_the_publisher(card: Card, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = dataclasses.replace(card.weights, url=f"http://127.0.0.1:9/{card.weights.file}")
    card = dataclasses.replace(card, weights=elsewhere)
    assert download(card, mirror=f"{server.base}/").read_bytes() == CONTENT
    card.weights_path.unlink()
    monkeypatch.setenv(module.MIRROR_VARIABLE, server.base)
    assert download(card).read_bytes() == CONTENT


def test_a_mirror_may_be_a_folder(card: Card, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / card.weights.file).write_bytes(CONTENT)
    assert download(card, mirror=(tmp_path / "mirror").as_uri()).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "mirror",
    ["/srv/mirror", "mirror.example.org/x", "C:\\mirror", "gopher://mirror/x", "http://", "http://[::1", "http://a:b/c",
     "http://ä..b/c"],
)  # fmt: skip
def test_what_is_no_address_of_a_mirror_is_told(mirror: str, card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="not the address of a mirror") as caught:
        download(card, mirror=mirror)
    assert mirror in caught.value.what and "file:///srv/mirror" in caught.value.remedy
    monkeypatch.setenv(module.MIRROR_VARIABLE, mirror)
    with pytest.raises(ModelError, match="not the address"):
        download(card)


def test_a_mirrors_address_may_have_any_letters(card: Card, server: Server, tmp_path: Path) -> None:
    assert download(card, mirror=f" {server.base}/spiegel für%20alle ").read_bytes() == CONTENT
    assert server.paths[-1] == f"/models/spiegel%20f%C3%BCr%20alle/{card.weights.file}"
    card.weights_path.unlink()
    folder = tmp_path / "mein spiegel für"
    folder.mkdir()
    (folder / card.weights.file).write_bytes(CONTENT)
    assert download(card, mirror=f"file://{folder}").read_bytes() == CONTENT


def test_proxies_of_the_environment_are_used(card: Card, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    weights = dataclasses.replace(card.weights, url=f"http://weights.invalid/{card.weights.file}")
    assert download(dataclasses.replace(card, weights=weights)).read_bytes() == CONTENT


def test_only_published_models_can_be_downloaded(card: Card) -> None:
    with pytest.raises(ModelError, match="not a published model"):
        download(dataclasses.replace(card, weights=Weights("x", "0" * 64)))


def test_two_processes_download_a_file_once(card: Card, server: Server) -> None:
    server.pause = 0.02
    code = (
        "import dataclasses\n"
        "from app.zoo.cards import Weights, find_card\n"
        "from app.zoo.download import download\n"
        f"card = dataclasses.replace(find_card('resnet18'), weights={card.weights!r})\n"
        "waited = []\n"
        "download(card, on_progress=lambda one: waited.append(one.waiting))\n"
        "print(any(waited))"
    )
    start = [sys.executable, "-c", code]
    both = [subprocess.Popen(start, cwd=paths.root(), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert server.requests == [""]
    assert card.weights_path.read_bytes() == CONTENT
    assert answers in (["False", "True"], ["False", "False"])  # the second may have come when all was done
