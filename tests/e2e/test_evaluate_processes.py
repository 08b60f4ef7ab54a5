"""`evaluate` as real processes: alone, and two of them under torchrun."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def run(launcher: list[str], home: Path, data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*launcher, str(ROOT / "main.py"), "evaluate", "--model", "cifar10-resnet20", "--data", str(data)]
    environment = os.environ | {"RESNET_EXPLORER_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, "--device", "cpu", "--json", *options],
        env=environment,
        text=True,
        capture_output=True,
        timeout=250,
        check=False,
    )


def torchrun(processes: int) -> list[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return [
        sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-addr=127.0.0.1",
        f"--master-port={port}",
    ]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """153 pictures in folders (no multiple of the batch), two of them broken."""
    random = np.random.default_rng(1)
    for number in range(153):
        path = tmp_path / "data" / LABELS[number % 10] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number in (3, 77):
            path.write_bytes(b"broken")
        else:
            coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            coarse.resize((32, 32), Image.Resampling.BICUBIC).save(path)
    return tmp_path / "data"


def test_two_processes_find_what_one_does(tmp_path: Path, data: Path) -> None:
    one = run([sys.executable], tmp_path / "home", data, "--batch", "16", "--pictures", str(tmp_path / "one.csv"))
    two = run(torchrun(2), tmp_path / "home", data, "--batch", "16", "--pictures", str(tmp_path / "two.csv"))
    assert (one.returncode, two.returncode) in ((1, 1),), one.stderr + two.stderr  # 1: two could not be read
    first, second = read(one.stdout), read(two.stdout)
    assert (first["processes"], second["processes"]) == (1, 2)
    same = (
        "top1",
        "top5",
        "rows",
        "unread",
        "fingerprint",
        "model_hash",
        "notices",
        "worst",
        "calibration",
        "log_loss",
    )
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert first["top1"]["pictures"] == 151
    assert [Path(one["name"]).name for one in first["unread"]] == ["3.png", "77.png"]
    assert (tmp_path / "one.csv").read_text() == (tmp_path / "two.csv").read_text()
    assert len((tmp_path / "one.csv").read_text().splitlines()) == 154
    assert len(list((tmp_path / "home" / "data" / "evaluations").iterdir())) == 2, "one record each, not three"


def read(text: str) -> dict[str, Any]:
    """The one JSON document: other processes say nothing."""
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def test_a_mismatch_is_one_sentence(tmp_path: Path) -> None:
    for name in ("bicycle", "teapot"):
        path = tmp_path / "data" / name / "1.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(path)
    done = run([sys.executable], tmp_path / "home", tmp_path / "data")
    assert done.returncode == 2
    assert "None of the data's 2 classes (bicycle, teapot)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "data" / "evaluations").exists()
