"""Windows: the installer, made by Inno Setup out of the bundle in dist/, signed where there is a certificate.

    python packaging\\windows_installer.py FLAVOUR

Needs Inno Setup 6 (ISCC.exe on the path or in its usual folder). To sign: WINDOWS_CERTIFICATE (a .pfx file) and
WINDOWS_CERTIFICATE_PASSWORD in the environment, and signtool from the Windows SDK.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import bundle_identity as identity
from system_packages import SetupError, say

ROOT = identity.ROOT
DIST = ROOT / "dist"
HERE = ROOT / "packaging" / "windows"
LARGEST_SINGLE = 1_900_000_000  # bytes of bundle: an .exe may hold 2.1 GB
TIMESTAMP = "http://timestamp.digicert.com"


def main(arguments: list[str]) -> int:
    """Make the installer; the exit code."""
    if len(arguments) != 1:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    try:
        made = installer(DIST / identity.FOLDER, arguments[0])
    except SetupError as error:
        say(str(error))
        return 3
    say(f"Made {made.name}, {made.stat().st_size / 1e6:.0f} MB.")
    return 0


def installer(folder: Path, flavour: str) -> Path:
    """The installer's file; with CUDA, further files of its data lie beside it."""
    compiler = _inno_setup()
    for name in (identity.WINDOW, identity.TERMINAL):
        sign(folder / f"{name}.exe")
    (HERE / "suffixes.iss").write_text(suffixes(), encoding="utf-8")
    result = DIST / identity.file_name(flavour, "-setup.exe", system="windows")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _run(str(compiler), *definitions(folder, result, size), str(HERE / "resnet-explorer.iss"))
    sign(result)
    return result


def definitions(folder: Path, result: Path, size: int) -> list[str]:
    """What the script is told."""
    numbers = ".".join([*re.findall(r"\d+", identity.version()), "0", "0", "0"][:4])
    told = {
        "Version": identity.version(),
        "VersionNumbers": numbers,
        "Bundle": str(folder),
        "Output": str(result.parent),
        "Name": result.stem,
    }
    return [f"/D{name}={value}" for name, value in told.items()] + (["/DSpanning"] if size > LARGEST_SINGLE else [])


def suffixes() -> str:
    """A line of the script for each suffix: it is offered under “Open with”, and nothing else changes for it."""
    lines = []
    for kind in identity.FILE_KINDS:
        for suffix in kind.suffixes:
            lines.append(
                f'Root: HKA; Subkey: "{{#Kinds}}\\SupportedTypes"; ValueType: string; ValueName: ".{suffix}"; '
                'ValueData: ""; Tasks: openwith'
            )
            lines.append(
                f'Root: HKA; Subkey: "Software\\Classes\\.{suffix}\\OpenWithList\\{{#Window}}"; ValueType: none; '
                "Flags: uninsdeletekey; Tasks: openwith"
            )
    return "\n".join(lines) + "\n"


def sign(path: Path) -> None:
    """Sign a file, where there is a certificate; else say that it is not signed."""
    certificate = os.environ.get("WINDOWS_CERTIFICATE")
    if not certificate:
        say(f"{path.name} is not signed: WINDOWS_CERTIFICATE is not set.")
        return
    password = os.environ.get("WINDOWS_CERTIFICATE_PASSWORD", "")
    how = ["/fd", "sha256", "/tr", TIMESTAMP, "/td", "sha256", "/f", certificate, "/p", password]
    _run("signtool", "sign", *how, str(path))


def _inno_setup() -> Path:
    if found := shutil.which("ISCC"):
        return Path(found)
    for variable in ("ProgramFiles(x86)", "ProgramFiles"):
        path = Path(os.environ.get(variable, ""), "Inno Setup 6", "ISCC.exe")
        if path.exists():
            return path
    raise SetupError("Inno Setup 6 is not installed.", "Install it (choco install innosetup), then run this again.")


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SetupError(f"{command[0]} is not installed.", "Install it, then run this again.") from error
    if done.returncode:
        # Not the command: it may hold the certificate's password.
        raise SetupError(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr).strip()[-600:]}", "Mend that.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
