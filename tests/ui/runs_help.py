"""Run folders as a trainer leaves them, made without training."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.runs.folder import CONFIG, NETWORK, SUMMARY, TWINS, write_json, write_outline
from app.runs.records import Evaluation, StepRow
from app.runs.status import FILE_NAME as STATUS
from app.runs.status import Status
from app.runs.store import RunWriter
from app.training.config import Experiment
from tests.ui.prompt_engine import outline


def make_run(folder: Path, *, steps: int = 20, state: str = "finished", **changes: Any) -> Path:
    """A run of `steps` steps; a living one says that this very process trains it."""
    folder.mkdir(parents=True)
    experiment = Experiment(data="shapes", budget=steps, device="cpu").changed(changes)
    write_json(folder / CONFIG, dataclasses.asdict(experiment))
    network = outline()
    write_outline(folder, network)
    writer = RunWriter(folder)
    blocks = len(network.blocks)
    scale = np.geomspace(1, 100, blocks) if experiment.shortcut == "none" else np.ones(blocks)
    for step in range(1, steps + 1):
        norms = (scale / step).astype(np.float32)
        writer.append(StepRow(step, 1, 2.0 / step, 90.0 / step, 0.1, 1000.0, 0.1 * step, norms, 2 * norms, norms / 100))
    writer.evaluated(Evaluation(steps, 1, 0.5, 12.0, 0.6, 14.0, 2.0))
    writer.close()
    write_status(folder, state=state, step=steps, steps=steps if state == "finished" else 2 * steps)
    if state == "finished":
        write_json(folder / SUMMARY, {"steps": steps, "train_error": 12.0, "test_error": 14.0, "test_pictures": 100})
    assert (folder / NETWORK).exists()
    return folder


def make_twins(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """A residual run and its plain twin."""
    folder.mkdir(parents=True)
    write_json(folder / TWINS, dataclasses.asdict(Experiment(twin=True)))
    return make_run(folder / "residual", **changes), make_run(folder / "plain", shortcut="none", **changes)


def write_status(folder: Path, **changes: Any) -> None:
    """As the heartbeat does."""
    now = time.time()
    values: dict[str, Any] = {
        "process": os.getpid(), "host": socket.gethostname(), "started": now - 100, "beat": now, "speed": 1000.0,
    }  # fmt: skip
    status = Status(**(values | changes))
    (folder / STATUS).write_text(json.dumps(dataclasses.asdict(status)), encoding="utf-8")
