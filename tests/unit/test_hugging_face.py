"""Models of the Hugging Face Hub by name, from a hub on this machine."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import safetensors.torch
from click.testing import CliRunner

from app.commands.models import command
from app.core.errors import ModelError
from app.networks.registry import build
from app.zoo import hugging_face
from app.zoo.hugging_face import check_reachable, fetch, hub_reference, is_hub_name
from tests.unit import checkpoint_files as files

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _files() -> dict[str, bytes]:
    state = build("torchvision-resnet", "resnet18", classes=10).state_dict()
    return {
        "model.safetensors": safetensors.torch.save(files.hugging_face(state, bottleneck=False)),
        "config.json": json.dumps({"id2label": {str(n): f"thing {n}" for n in range(10)}}).encode(),
        "pytorch_model.bin": b"a pickle that nobody asks for",
        "modeling_evil.py": b"raise SystemExit",
    }


class _Hub(BaseHTTPRequestHandler):
    stored: dict[str, bytes] = {}
    asked: list[str] = []

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        name = self.path.partition("?")[0].rpartition("/")[2]
        if "/api/models/owner/resnet-18" in self.path:
            listed = [{"rfilename": one, "size": len(data)} for one, data in self.stored.items()]
            data = json.dumps({"id": "owner/resnet-18", "sha": COMMIT, "siblings": listed}).encode()
            if "/tree/" in self.path:
                data = json.dumps(
                    [{"type": "file", "path": k, "size": len(v), "oid": k} for k, v in self.stored.items()]
                ).encode()
        elif "/resolve/" in self.path and name in self.stored:
            data = self.stored[name]
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{name}-1"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[_Hub]]:
    constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")
    _Hub.stored, _Hub.asked = _files(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    yield _Hub
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_of_the_hub_is_taken_in_by_name_without_its_code(hub: type[_Hub]) -> None:
    result = CliRunner().invoke(command, ["add", "hf:owner/resnet-18"])
    assert result.exit_code == 0, result.output
    assert "resnet-18: ResNet-18" in result.output
    fetched = [path for path in hub.asked if "/resolve/" in path]
    assert any(path.endswith("model.safetensors") for path in fetched)
    assert not any(path.endswith((".py", ".bin")) for path in fetched)
    report = json.loads(CliRunner().invoke(command, ["inspect", "hf:owner/resnet-18", "--json"]).stdout)
    assert report["labels"][7] == "thing 7"


def test_an_unknown_model_is_a_sentence(hub: type[_Hub]) -> None:
    with pytest.raises(ModelError, match="no model owner/nothing"):
        fetch("hf:owner/nothing")


def test_a_repository_without_weights_is_a_sentence(hub: type[_Hub]) -> None:
    hub.stored = {"README.md": b""}
    with pytest.raises(ModelError, match="no weights of PyTorch"):
        fetch("hf:owner/resnet-18")


def test_without_network_the_sentence_comes_soon_and_says_what_works(
    hub: type[_Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    begun = time.monotonic()
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        fetch("hf:owner/resnet-18")
    assert time.monotonic() - begun < 5, "the hub's library tries its other questions for half a minute"
    assert "folder" in caught.value.remedy


def test_a_hub_that_never_answers_is_given_up_soon(hub: type[_Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hugging_face, "_PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and says nothing
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(ModelError, match="cannot be reached"):
            fetch("hf:owner/resnet-18")
    assert time.monotonic() - begun < 5


def test_what_was_fetched_before_is_used_without_network(hub: type[_Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    folder = fetch("hf:owner/resnet-18", on_progress=shares.append)
    assert (folder / "model.safetensors").is_file() and (folder / "config.json").is_file()
    assert shares == sorted(shares) and shares[-1] == 1.0
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert fetch("hf:owner/resnet-18") == folder


def test_the_hub_is_knocked_at_before_anything_is_started(hub: type[_Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    check_reachable("hf:owner/resnet-18")
    assert hub.asked == []
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot be reached"):
        check_reachable("hf:owner/resnet-18")
    monkeypatch.setattr(hugging_face, "_cached", lambda *_arguments: Path())
    check_reachable("hf:owner/resnet-18")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("microsoft/resnet-18", "hf:microsoft/resnet-18"),
        (" hf:microsoft/resnet-18 ", "hf:microsoft/resnet-18"),
        ("https://huggingface.co/microsoft/resnet-18", "hf:microsoft/resnet-18"),
        ("huggingface.co/microsoft/resnet-18/tree/main", "hf:microsoft/resnet-18"),
        ("https://hf.co/microsoft/resnet-18/tree/v1", "hf:microsoft/resnet-18@v1"),
        ("owner/name@abc", "hf:owner/name@abc"),
    ],
)
def test_names_are_understood_as_people_write_them(text: str, reference: str) -> None:
    assert hub_reference(text) == reference


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match="huggingface_hub") as caught:
        fetch("hf:owner/resnet-18")
    assert "pip install" in caught.value.remedy


@pytest.mark.parametrize("name", ["hf:resnet", "hf:../../etc/passwd", "hf:a/b/c", "hf:"])
def test_what_is_no_name_is_refused_before_anything_is_asked(name: str) -> None:
    assert is_hub_name(name)
    with pytest.raises(ModelError, match="not the name"):
        fetch(name)
