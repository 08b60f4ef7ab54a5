"""Where to compute: CUDA, Apple's MPS, else the CPU."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from app.core.errors import EngineError


def choose_device(wish: str = "auto") -> torch.device:
    """The device for a wish: "auto", "cpu", "cuda", "cuda:1" or "mps".

    "auto" takes CUDA where a GPU answers that this build of torch supports, then MPS, then the CPU.

    Raises:
        EngineError: where the device that was asked for by name is not there.
    """
    if wish == "auto":
        if _cuda_works():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise EngineError(f"There is no device “{wish}”.", "Choose auto, cpu, cuda or mps.") from error
    there = {"cpu": True, "cuda": _cuda_works(device.index or 0), "mps": torch.backends.mps.is_available()}
    if not there.get(device.type, False):
        raise EngineError(f"The device “{wish}” is not available here.", "Choose auto or cpu.")
    return device


def device_title(device: torch.device) -> str:
    """The device's name as people know it: “CUDA · NVIDIA RTX 4070”, “CPU · AMD EPYC 9454”."""
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "MPS · Apple GPU"
    name = _cpu_name()
    return f"CPU · {name}" if name else "CPU"


def _cuda_works(index: int = 0) -> bool:
    """Whether that GPU exists and this build of torch has code for it: an older GPU is listed but cannot compute."""
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        return False
    try:
        torch.ones(1, device=f"cuda:{index}").add_(1).item()
    except RuntimeError:
        return False
    return True


def _cpu_name() -> str:
    """The processor's name; Linux tells it in /proc/cpuinfo only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor()
