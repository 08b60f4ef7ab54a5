"""Which machines build which flavours of a release, as the workflow's matrix.

    python3 packaging/release_matrix.py >> "$GITHUB_OUTPUT"

The registry's own torch is built everywhere: with CUDA on Linux, for the CPU on Windows, for the CPU and Apple's GPU on
macOS. The other flavours need an index of torch's builds, whose address is not ours to name (docs/decisions/0004):
they are built where TORCH_CPU_INDEX and TORCH_WINDOWS_CUDA_INDEX (variables of the repository) name one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

LINUX, WINDOWS, MACOS = "ubuntu-22.04", "windows-2022", "macos-14"
USUAL = (("linux", LINUX), ("windows", WINDOWS), ("macos", MACOS))
FURTHER = (("linux-cpu", LINUX, "TORCH_CPU_INDEX"), ("windows-cuda", WINDOWS, "TORCH_WINDOWS_CUDA_INDEX"))


def matrix(surroundings: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """One entry for each build: its name, its machine, and the index of its torch ("" for the registry)."""
    entries = [{"name": name, "runner": runner, "index": ""} for name, runner in USUAL]
    for name, runner, variable in FURTHER:
        if index := surroundings.get(variable):
            entries.append({"name": name, "runner": runner, "index": index})
    return {"include": entries}


if __name__ == "__main__":
    print(f"matrix={json.dumps(matrix(os.environ))}")
