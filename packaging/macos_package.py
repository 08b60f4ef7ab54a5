"""macOS: signs the app, makes the disk image, has it notarised; the last two where there are credentials.

    python packaging/macos_package.py FLAVOUR

Takes “ResNet Explorer.app” in dist/. The environment may hold:
    MACOS_IDENTITY       “Developer ID Application: …”, in a keychain that is unlocked; else an ad-hoc signature
    MACOS_NOTARY_PROFILE the profile that “xcrun notarytool store-credentials” has saved, or
    MACOS_NOTARY_USER, MACOS_NOTARY_PASSWORD, MACOS_NOTARY_TEAM
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bundle_identity as identity
from system_packages import SetupError, say

ROOT = identity.ROOT
DIST = ROOT / "dist"
ENTITLEMENTS = ROOT / "packaging" / "macos" / "entitlements.plist"


def main(arguments: list[str]) -> int:
    """Make the disk image; the exit code."""
    if len(arguments) != 1:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    try:
        made = disk_image(DIST / f"{identity.TITLE}.app", arguments[0])
    except SetupError as error:
        say(str(error))
        return 3
    say(f"Made {made.name}, {made.stat().st_size / 1e6:.0f} MB.")
    return 0


def disk_image(app: Path, flavour: str) -> Path:
    """Sign the app, put it into an image beside a link to Applications, and have that notarised."""
    sign(app)
    result = DIST / identity.file_name(flavour, ".dmg", system="macos")
    staging = ROOT / "build" / "dmg"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    _run("ditto", str(app), str(staging / app.name))
    (staging / "Applications").symlink_to("/Applications")
    result.unlink(missing_ok=True)
    how = ["-volname", identity.TITLE, "-srcfolder", str(staging), "-format", "ULFO"]
    _run("hdiutil", "create", *how, str(result))
    shutil.rmtree(staging)
    if identity_name := os.environ.get("MACOS_IDENTITY"):
        _run("codesign", "--sign", identity_name, "--timestamp", str(result))
        notarise(result)
    return result


def sign(app: Path) -> None:
    """Sign every library inside, then the app, as Apple asks: from the inside out, with the hardened runtime."""
    name = os.environ.get("MACOS_IDENTITY")
    how = ["--force", "--sign", name or "-", "--options", "runtime", "--entitlements", str(ENTITLEMENTS)]
    how += ["--timestamp"] if name else []
    if not name:
        say("The app gets an ad-hoc signature: MACOS_IDENTITY is not set. Other Macs will warn of it.")
    inside = [path for path in app.rglob("*") if path.is_file() and not path.is_symlink() and _is_code(path)]
    for path in sorted(inside, key=lambda one: len(one.parts), reverse=True):
        _run("codesign", *how, str(path))
    _run("codesign", *how, str(app))
    _run("codesign", "--verify", "--deep", "--strict", str(app))


def notarise(image: Path) -> None:
    """Let Apple look at the image, and attach its word; where there are no credentials, say so."""
    if profile := os.environ.get("MACOS_NOTARY_PROFILE"):
        who = ["--keychain-profile", profile]
    elif all(os.environ.get(f"MACOS_NOTARY_{part}") for part in ("USER", "PASSWORD", "TEAM")):
        user, password, team = (os.environ[f"MACOS_NOTARY_{part}"] for part in ("USER", "PASSWORD", "TEAM"))
        who = ["--apple-id", user, "--password", password, "--team-id", team]
    else:
        say("Not notarised: there are no credentials (MACOS_NOTARY_PROFILE, or USER, PASSWORD and TEAM).")
        return
    _run("xcrun", "notarytool", "submit", str(image), "--wait", *who)
    _run("xcrun", "stapler", "staple", str(image))


def _is_code(path: Path) -> bool:
    """Whether a file is a Mach-O program or library, of one processor or several."""
    with path.open("rb") as file:
        return file.read(4) in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        # Not the command: it may hold a password.
        raise SetupError(f"{command[0]} failed: {(done.stdout + done.stderr).strip()[-600:]}", "Mend that.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
