"""The machine that a run works on: which device, how many threads, and what to note of it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.core.errors import TrainingError
from app.training.config import Experiment

_SPARE_BYTES = 20_000_000


def choose_device(wanted: str, *, local: int = 0, world: int = 1) -> torch.device:
    """The device that an experiment asks for; with several processes each takes its own GPU.

    Raises:
        TrainingError: where this machine does not have it.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind == "cuda":
        count = torch.cuda.device_count()
        index = int(number) if number else local if world > 1 else 0
        if index >= count:
            have = f"It has {count} GPUs." if count else "It has no GPU that torch can use."
            raise TrainingError(f"This machine has no {kind}:{index}.", f"{have} Choose device=auto or cpu.")
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("This machine has no Apple GPU.", "Choose device=auto or cpu.")
    return torch.device(kind)


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device_title(device: torch.device) -> str:
    """The device's name as people know it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    return f"CPU ({processor_name()}, {torch.get_num_threads()} of {os.cpu_count()} cores)"


def processor_name() -> str:
    """Of the CPU, as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # only Linux has it
    return platform.processor() or platform.machine()


def environment(device: torch.device, *, world: int) -> dict[str, Any]:
    """What a run's folder says of where it was made."""
    return {
        "device": device_title(device),
        "processes": world,
        "threads": torch.get_num_threads(),
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "cuda": torch.version.cuda,
        "commit": _commit(),
        "command": " ".join(sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def check_space(folder: Path, *, parameters: int, blocks: int, steps: int) -> None:
    """Refuse to begin a run that the disk has no room for.

    Raises:
        TrainingError: saying how much is needed.
    """
    checkpoint = 4 * parameters * 3  # weights and the optimiser's state, up to twice as large
    needed = 2 * checkpoint + steps * (100 + 3 * 4 * blocks) + _SPARE_BYTES  # a new checkpoint beside the old one
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainingError(
            f"{folder} has {free / 1e6:.0f} MB free; the run needs about {needed / 1e6:.0f} MB.",
            "Free some space, or choose another folder or fewer steps.",
        )


def check_experiment_device(experiment: Experiment, device: torch.device) -> None:
    """Refuse a precision that the device does not have.

    Raises:
        TrainingError: naming one that it has.
    """
    if experiment.precision == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise TrainingError(f"{device_title(device)} has no bfloat16.", "Choose precision float16 or float32.")
    if experiment.precision == "float16" and device.type == "mps":
        raise TrainingError("Loss scaling for float16 does not work on Apple GPUs.", "Choose float32 or bfloat16.")


def _commit() -> str:
    """Of the program's code; "" outside a repository."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
