"""The window: how soon it is there, how long it ever stops listening, what it takes at rest."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from app.bench.harness import BenchResult, benches, skipped
from app.core.errors import ExplorerError

ROUNDS = 7


@benches.register("window-start")
def window_start() -> Sequence[BenchResult]:
    """From the start of the process to the first paint, against a bare PySide6 window."""
    name = "window-start"
    _probe("start")  # compiled modules are written, files are cached
    bare, ours = [], []
    heavy: set[str] = set()
    for _ in range(ROUNDS):
        bare.append(_probe("bare")[0])
        seconds, told = _probe("start")
        ours.append(seconds)
        heavy.update(told["heavy"])
    base, mine = statistics.median(bare), statistics.median(ours)
    detail = f"bare {base:.3f} s, ours {mine:.3f} s"
    return [
        BenchResult(name, "window shown, against a bare PySide6 window", mine / base, "×", 2.0, detail=detail),
        BenchResult(name, "window shown", mine, "s", 0.5),
        BenchResult(name, "torch, torchvision, captum in the window", float(len(heavy)), "modules", 0.0),
    ]


@benches.register("window-work")
def window_work() -> Sequence[BenchResult]:
    """The longest time without listening while the engine loads, classifies and dies; memory and work at rest."""
    name = "window-work"
    try:
        import psutil  # noqa: F401
    except ImportError:
        return skipped(name, "the window at work", "install the extra “bench”")
    told = _probe("work")[1]
    return [
        BenchResult(
            name, "longest block while the engine loads, classifies and dies", told["longest_block"], "ms", 50.0
        ),
        BenchResult(name, "from the engine's death to the repeated answer", told["recovered"], "s", 6.0),
        BenchResult(name, "resident memory of the window at rest", told["memory"], "MB", 250.0),
        BenchResult(name, "processor at rest", told["idle"], "%", 1.0),
    ]


def _probe(part: str) -> tuple[float, dict[str, Any]]:
    """Run one part in a process of its own: seconds until it told, and what it told."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "RESNET_EXPLORER_HOME": home}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        start = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "app.ui.probe", part],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - start
            _, trouble = process.communicate(timeout=120)
    if not line:
        raise ExplorerError(f"The window told nothing: {trouble.strip()[-300:]}", "Look into the log.")
    return seconds, json.loads(line)
