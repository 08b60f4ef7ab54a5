"""Looking at a checkpoint of 100 MB: seconds, and against reading it and one forward of the pictures to be tried."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from app.bench.harness import BenchResult, benches, in_turns
from app.bench.subjects import random_network
from app.engine import library
from app.networks.registry import build
from app.zoo.pictures import dead_leaves

ROUNDS = 5
ARCHITECTURE = "resnet50"  # 98 MiB
PICTURES, SIDE = 16, 64  # as the doctor's own first try


@benches.register("inspect")
def inspect() -> Sequence[BenchResult]:
    """The whole report of ResNet-50 with the classification of a sample, as the window asks for it."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "checkpoint.pth"
        torch.save({"state_dict": random_network(ARCHITECTURE)[0].state_dict()}, file)
        return _measured(file)


def _measured(file: Path) -> list[BenchResult]:
    def ours() -> None:
        library.forget()
        dead_leaves.cache_clear()  # an engine that has just started has none
        report = library.inspect(str(file)).report
        assert report.accepted, report.refusal

    def bare() -> None:
        state = torch.load(file, weights_only=True)["state_dict"]
        network = build("torchvision-resnet", ARCHITECTURE, classes=1000).eval()
        network.load_state_dict(state)
        with torch.inference_mode():
            network(torch.zeros(PICTURES, 3, SIDE, SIDE))

    timings = in_turns({"ours": ours, "bare": bare}, rounds=ROUNDS, warm_up=1)
    size = file.stat().st_size
    what = f"a checkpoint of {size / 1e6:.0f} MB (ResNet-50)"
    results = [
        BenchResult("inspect", f"report on {what}", timings.median("ours"), "s", 3.0, detail=timings.summary),
        BenchResult(
            "inspect",
            f"report on {what}, against torch.load and one forward of {PICTURES} pictures of {SIDE} pixels",
            timings.ratio("ours", "bare"),
            "×",
            5.0,
            detail=timings.summary,
        ),
    ]
    before = bytes_read()
    if before is not None:
        ours()
        share = ((bytes_read() or 0) - before) / size
        results.append(
            BenchResult("inspect", f"bytes copied out of {what} by reading, over its size", share, "×", 0.05)
        )
    return results


def bytes_read() -> int | None:
    """What this process has read from files by system calls so far; memory-mapped pages do not count. Linux only."""
    if sys.platform != "linux":
        return None
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["rchar"])
