"""Where to compute: CUDA, Apple's MPS, else the CPU."""

from __future__ import annotations

import platform
import subprocess
import sys
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
        if _cuda_works(0):
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError as error:
        raise EngineError(f"There is no device “{wish}”.", "Choose auto, cpu, cuda or mps.") from error
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type == "cuda":
        index = device.index or 0
        if not _cuda_works(index):
            raise EngineError(f"The device “{wish}” is not available: {_why_no_cuda(index)}.", "Choose auto or cpu.")
        return torch.device("cuda", index)
    if device.type == "mps":
        if not torch.backends.mps.is_available():
            raise EngineError("The device “mps” is not available: it needs an Apple GPU.", "Choose auto or cpu.")
        return torch.device("mps")
    raise EngineError(f"The device “{wish}” is of a kind that is not supported.", "Choose auto, cpu, cuda or mps.")


def device_title(device: torch.device) -> str:
    """The device's name as people know it: “CUDA · NVIDIA RTX 4070”, “CPU · AMD EPYC 9454”."""
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return f"MPS · {_cpu_name() or 'Apple'} GPU"  # one chip holds both
    name = _cpu_name()
    return f"CPU · {name}" if name else "CPU"


def device_notices(wish: str, chosen: torch.device) -> tuple[str, ...]:
    """Why the CPU computes although the machine has a GPU: no driver, a GPU too old, a build without CUDA.

    Nothing where the CPU was asked for by name, or where there is no NVIDIA GPU.
    """
    if wish != "auto" or chosen.type != "cpu":
        return ()
    if torch.cuda.is_available() and torch.cuda.device_count():
        name = torch.cuda.get_device_name(0)
        major, minor = torch.cuda.get_device_capability(0)
        supported = ", ".join(one.removeprefix("sm_") for one in torch.cuda.get_arch_list() if one.startswith("sm_"))
        return (
            f"{name} (compute capability {major}.{minor}) cannot be used: this build of torch is made for "
            f"{supported or 'other GPUs'}. The CPU computes.",
        )
    if not has_nvidia_gpu():
        return ()
    if torch.version.cuda is None:
        return ("There is an NVIDIA GPU, but this build of torch is for the CPU only. The CPU computes.",)
    return (
        f"There is an NVIDIA GPU, but no driver that works with CUDA {torch.version.cuda} answers. The CPU computes; "
        "install or update NVIDIA's driver to use the GPU.",
    )


def has_nvidia_gpu(devices: Path = Path("/sys/bus/pci/devices")) -> bool:
    """Whether the machine has an NVIDIA graphics card, driver or not; only Linux tells without one."""
    for device in devices.glob("*") if devices.is_dir() else ():
        try:
            vendor, kind = ((device / name).read_text(encoding="ascii").strip() for name in ("vendor", "class"))
        except (OSError, UnicodeDecodeError):
            continue
        if vendor == "0x10de" and kind.startswith("0x03"):  # NVIDIA; display controllers
            return True
    return False


def _cuda_works(index: int) -> bool:
    """Whether that GPU exists and this build of torch has code for it: an older GPU is listed but cannot compute."""
    if not torch.cuda.is_available() or index >= torch.cuda.device_count():
        return False
    try:
        torch.ones(1, device=f"cuda:{index}").add_(1).item()
    except RuntimeError:
        return False
    return True


def _why_no_cuda(index: int) -> str:
    if torch.version.cuda is None and torch.version.hip is None:
        return "this build of torch is for the CPU only"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        return "torch finds no NVIDIA GPU with a working driver"
    if index >= count:
        return f"torch finds {count} GPU(s), counted from 0"
    return f"this build of torch cannot compute on {torch.cuda.get_device_name(index)}"


def _cpu_name() -> str:
    """The processor's name as its maker writes it; each system keeps it somewhere else."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    if sys.platform == "win32":
        import winreg

        key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as processor:
            return str(winreg.QueryValueEx(processor, "ProcessorNameString")[0]).strip()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor()
