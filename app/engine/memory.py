"""A bound on the memory of a process that reads files of strangers."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

log = logging.getLogger(__name__)

MOST = 1536 << 20  # beyond what the process has, and beyond the mapped file itself


def limit_memory(file: Path, most: int = MOST) -> bool:
    """From now on this process gets at most so many bytes more; asking for more is a MemoryError in it.

    Only Linux can do this to private memory alone (RLIMIT_DATA); elsewhere the readers' own checks must do, and a
    process that dies takes only itself.

    Args:
        file: What will be read: its mapping counts too, although nothing of it need be in memory.
        most: How many bytes.

    Returns:
        Whether there is a bound now.
    """
    if not sys.platform.startswith("linux"):
        return False
    import resource

    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        now = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData:")) << 10
        size = file.stat().st_size if file.is_file() else sum(one.stat().st_size for one in file.glob("*"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = now + most + 2 * size
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
    except (OSError, ValueError, StopIteration) as error:
        log.warning("the memory of this process cannot be bounded: %s", error)
        return False
    return True
