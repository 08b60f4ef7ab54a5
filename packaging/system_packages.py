"""What the operating system has to bring: installed where we may (root, apt), else named in one command to run.

Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


class SetupError(Exception):
    """The set-up cannot go on.

    Args:
        what: One sentence: what happened.
        remedy: One sentence: what to do.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")


def say(sentence: str) -> None:
    """Tell the user, on standard error, what is being done."""
    print(f"[setup] {sentence}", file=sys.stderr, flush=True)


def may_install() -> bool:
    """Whether system packages can be installed without asking anybody: as root, with apt."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def command_for(packages: tuple[str, ...]) -> str:
    """The command with which a user installs Debian packages."""
    return f"sudo apt-get install {' '.join(packages)}"


def install(packages: tuple[str, ...], purpose: str) -> None:
    """Install Debian packages as root, and say so; a user who is not root is told the command.

    Args:
        purpose: What needs the packages, for the sentence.

    Raises:
        SetupError: where we may not install them, or cannot.
    """
    if not may_install():
        if shutil.which("apt-get"):
            remedy = f"Install what is missing with “{command_for(packages)}”, then run this again."
        else:
            remedy = f"Install them with the system's package manager (Debian's names: {' '.join(packages)})."
        raise SetupError(f"This system lacks {purpose}.", remedy)
    say(f"This system lacks {purpose}; as root, installing {' '.join(packages)} with apt-get.")
    surroundings = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    quietly = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    # A fresh machine or container has no list of packages yet, and an old list names versions that are gone.
    steps = ([*quietly, "update"], [*quietly, "install", "--no-install-recommends", "--yes", *packages])
    output = ""
    for step in steps:
        done = subprocess.run(
            step, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        output += done.stdout
    if done.returncode:
        reason = next((line for line in output.splitlines() if line.startswith("E:")), "no reason was given")
        raise SetupError(
            f"apt-get could not install {' '.join(packages)} ({reason.removeprefix('E:').strip()}).",
            "Check the network and the package sources with “apt-get update”, then run this again.",
        )
