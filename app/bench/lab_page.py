"""The Lab's page: how long a redraw takes, how long the window ever stops listening."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.bench.harness import BenchResult, benches
from app.core.errors import ExplorerError
from app.core.records import BlockInfo, BlockKind, NetworkOutline
from app.runs.folder import CONFIG, write_json, write_outline
from app.runs.records import Evaluation, StepRow
from app.runs.status import Pulse
from app.runs.store import RunWriter

STEPS = 64_000
LIVE_STEPS = 1200
"""The last ones are written while they are read, a hundred a second."""
BLOCKS = 54
RUNS = ("residual", "plain")


@benches.register("lab-page")
def lab_page() -> Sequence[BenchResult]:
    """Two runs of 64,000 steps with 54 blocks, followed while they are written."""
    name = "lab-page"
    with tempfile.TemporaryDirectory() as folder:
        told = _probe(Path(folder))
    parts = ", ".join(f"{part} {value:.1f}" for part, value in told["parts"].items())
    what = f"two runs, {told['blocks']} blocks, {told['rows'][0]} steps"
    beside = "the window's own work {:.0f} ms; a process that does nothing, at the same time: {:.0f} ms"
    opening = beside.format(told["work_opening"], told["idle_opening"]) + f"; both read in {told['read']:.1f} s"
    live = beside.format(told["work_live"], told["idle_live"])
    return [
        BenchResult(name, f"redraw of the page, {what}", told["redraw"], "ms", 16.0, detail=f"ms alone: {parts}"),
        BenchResult(name, "the same, slowest of twenty", told["slowest_redraw"], "ms", 16.0),
        BenchResult(name, "longest block while both are opened", told["block_opening"], "ms", 50.0, detail=opening),
        BenchResult(name, "longest block while they are followed live", told["block_live"], "ms", 50.0, detail=live),
    ]


def _probe(folder: Path) -> dict[str, Any]:
    writers = [_Writer(folder / run, seed) for seed, run in enumerate(RUNS)]
    environment = dict(os.environ)
    if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    command = [sys.executable, "-m", "app.ui.lab.board_probe", str(folder)]
    try:
        for writer in writers:
            writer.start()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    finally:
        for writer in writers:
            writer.end()
    if done.returncode or not done.stdout:
        raise ExplorerError(f"The charts told nothing: {done.stderr.strip()[-300:]}", "Look into the log.")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class _Writer(threading.Thread):
    """A run as its trainer writes it: most of it at once, the rest little by little, until somebody ends it."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(name=f"writer-{folder.name}")
        self._over = threading.Event()
        folder.mkdir()
        write_json(folder / CONFIG, {"depth": 2 * BLOCKS + 2, "gate": 1.0 - seed})
        inner: BlockKind = "basic"
        kinds: list[BlockKind] = ["stem", *[inner] * (BLOCKS - 2), "head"]
        blocks = (
            BlockInfo(f"block{n}", kind, 0 if kind != "basic" else 1 + 3 * n // BLOCKS, n, "identity", 1000)
            for n, kind in enumerate(kinds)
        )
        write_outline(folder, NetworkOutline("cifar", "resnet106", "ResNet-106", tuple(blocks), 1000 * BLOCKS))
        self._pulse = Pulse(folder)
        self._pulse.update(state="running", steps=STEPS)
        self._rows = _rows(seed)
        self._folder = folder
        self._writer = RunWriter(folder)
        self._write(STEPS - LIVE_STEPS)
        # SQLite's connections belong to the thread that made them.
        self._writer.close()

    def run(self) -> None:
        self._writer = RunWriter(self._folder, from_step=STEPS - LIVE_STEPS)
        while not self._over.wait(0.1):
            self._write(10)
        self._writer.close()

    def end(self) -> None:
        """Stop writing."""
        self._over.set()
        self.join()
        self._pulse.end("stopped")

    def _write(self, count: int) -> None:
        for row in itertools.islice(self._rows, count):
            self._writer.append(row)
            if row.step % 400 == 0:
                self._writer.evaluated(Evaluation(row.step, row.epoch, row.loss, row.error, row.loss, row.error, 0.0))
        self._writer.flush()


def _rows(seed: int) -> Iterator[StepRow]:
    """What a training looks like: falling, noisy, with gradients over several decades."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0, 3, BLOCKS, dtype=np.float32)
    for step in range(1, STEPS + 1):
        loss = float((0.1 + 2 * np.exp(-step / 8000)) * rng.lognormal(0, 0.2))
        gradients = np.exp(-slope - step / 40_000 + 0.3 * rng.standard_normal(BLOCKS, np.float32)).astype(np.float32)
        yield StepRow(step, 1 + step // 400, loss, min(90.0, 40 * loss), 0.1, 1000.0, 0.1 * step, *(gradients,) * 3)
