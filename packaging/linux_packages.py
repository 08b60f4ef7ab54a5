"""Linux: a .deb, a relocatable .tar.zst, and an AppImage where its tool is there.

    python packaging/linux_packages.py FLAVOUR [deb] [tar] [appimage]

Takes the bundle in dist/. The tree of the .deb is laid out in build/deb and can be looked at.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import textwrap
from email.utils import formatdate
from pathlib import Path
from xml.sax.saxutils import escape

import bundle
import bundle_identity as identity
import elf
import qt_libraries
from system_packages import SetupError, say

ROOT = identity.ROOT
DIST = ROOT / "dist"
TREE = ROOT / "build" / "deb"
HOME = Path("opt") / identity.PACKAGE  # where a package that is not the distribution's own lives (FHS)
ICON_SIDES = (16, 24, 32, 48, 64, 128, 256, 512)
LEVEL = 9  # of zstd: more gains 1 % and takes several minutes
MAINTAINER = f"{identity.PUBLISHER} <noreply@example.org>"


def main(arguments: list[str]) -> int:
    """Make the packages named, or all; the exit code."""
    if not arguments or arguments[0].startswith("-"):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    makers = {"deb": deb, "tar": tar, "appimage": appimage}
    try:
        for name in arguments[1:] or makers:
            if made := makers[name](DIST / identity.FOLDER, arguments[0]):
                say(f"Made {made.name}, {made.stat().st_size / 1e6:.0f} MB.")
    except SetupError as error:
        say(str(error))
        return 3
    return 0


def deb(folder: Path, flavour: str) -> Path:
    """Make the Debian package: under /opt, with a menu entry, icons, kinds of files and the command."""
    shutil.rmtree(TREE, ignore_errors=True)
    home = TREE / HOME
    home.parent.mkdir(parents=True)
    # The same file system: links instead of 4 GB of copies.
    shutil.copytree(folder, home, symlinks=True, copy_function=os.link)
    for path, text in system_files().items():
        _write(TREE / path, text)
    for name in (identity.TERMINAL, identity.WINDOW):
        link = TREE / "usr" / "bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{HOME}/{name}")
    for side in ICON_SIDES:
        _copy_icon(f"{identity.PACKAGE}-{side}.png", f"{side}x{side}", f"{identity.PACKAGE}.png")
    _copy_icon(f"{identity.PACKAGE}.svg", "scalable", f"{identity.PACKAGE}.svg")
    document = TREE / "usr" / "share" / "doc" / identity.PACKAGE
    document.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", document / "copyright")
    size = sum(path.lstat().st_size for path in home.rglob("*") if path.is_file()) // 1024
    _write(TREE / "DEBIAN" / "control", control(dependencies(folder), size))
    for name, words in (("postinst", "configure"), ("postrm", "remove")):
        _write(TREE / "DEBIAN" / name, _script(words), 0o755)
    result = DIST / identity.file_name(flavour, ".deb", system="linux")
    options = ["--root-owner-group", "-Zzstd", f"-z{LEVEL}"]
    _run("dpkg-deb", "--build", *options, str(TREE), str(result))
    shutil.rmtree(TREE)
    return result


def tar(folder: Path, flavour: str) -> Path:
    """Make the archive that runs from wherever it is unpacked."""
    result = DIST / identity.file_name(flavour, ".tar.zst", system="linux")
    result.unlink(missing_ok=True)
    zstd = f"zstd -T0 -{LEVEL}"
    _run(
        "tar",
        "-C",
        str(folder.parent),
        "--owner=0",
        "--group=0",
        "--sort=name",
        "-I",
        zstd,
        "-cf",
        str(result),
        folder.name,
    )
    return result


def appimage(folder: Path, flavour: str) -> Path | None:
    """Make the AppImage; None, and a word, where the tool for it is not installed."""
    tool = shutil.which("appimagetool") or shutil.which("appimagetool.AppImage")
    if tool is None:
        say("No AppImage: appimagetool is not installed.")
        return None
    tree = ROOT / "build" / "AppDir"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(folder, tree / "usr" / "lib" / identity.FOLDER, symlinks=True, copy_function=os.link)
    program = f"usr/lib/{identity.FOLDER}/{identity.WINDOW}"
    _write(tree / "AppRun", f'#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/{program}" "$@"\n', 0o755)
    _write(tree / f"{identity.PACKAGE}.desktop", desktop_entry())
    shutil.copy(ROOT / "assets" / "icon" / f"{identity.PACKAGE}-256.png", tree / f"{identity.PACKAGE}.png")
    result = DIST / identity.file_name(flavour, ".AppImage", system="linux")
    _run(tool, "--comp", "zstd", str(tree), str(result))
    shutil.rmtree(tree)
    return result


def system_files() -> dict[str, str]:
    """The texts that the package puts into the system, by their paths."""
    share = "usr/share"
    return {
        f"{share}/applications/{identity.PACKAGE}.desktop": desktop_entry(),
        f"{share}/mime/packages/{identity.PACKAGE}.xml": mime_types(),
        f"{share}/metainfo/{identity.IDENTIFIER}.metainfo.xml": metainfo(),
    }


def desktop_entry() -> str:
    """The entry of the menu; files that are opened with the program come as arguments."""
    kinds = ";".join(kind.mime for kind in identity.FILE_KINDS)
    return "\n".join(
        (
            "[Desktop Entry]",
            "Type=Application",
            f"Name={identity.TITLE}",
            "GenericName=Network viewer",
            f"Comment={identity.SUMMARY}",
            f"Exec={identity.WINDOW} %F",
            f"TryExec={identity.WINDOW}",
            f"Icon={identity.PACKAGE}",
            "Terminal=false",
            "Categories=Education;Science;ArtificialIntelligence;",
            "Keywords=neural network;ResNet;Grad-CAM;heatmap;classification;",
            f"MimeType={kinds};inode/directory;",
            "StartupNotify=true",
            f"StartupWMClass={identity.PACKAGE}",
            "",
        )
    )


def mime_types() -> str:
    """The kinds of files that systems do not know yet."""
    kinds = []
    for kind in identity.FILE_KINDS:
        if kind.ours:
            globs = "".join(f'\n    <glob pattern="*.{suffix}"/>' for suffix in kind.suffixes)
            kinds.append(
                f'  <mime-type type="{kind.mime}">\n    <comment>{escape(kind.name)}</comment>{globs}\n  </mime-type>'
            )
    body = "\n".join(kinds)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">\n{body}\n</mime-info>\n'
    )


def metainfo() -> str:
    """AppStream's description, for software centres."""
    paragraphs = "\n".join(f"    <p>{escape(text)}</p>" for text in identity.DESCRIPTION)
    return textwrap.dedent(
        f"""\
        <?xml version="1.0" encoding="UTF-8"?>
        <component type="desktop-application">
          <id>{identity.IDENTIFIER}</id>
          <name>{identity.TITLE}</name>
          <summary>{identity.SUMMARY}</summary>
          <metadata_license>CC0-1.0</metadata_license>
          <project_license>MIT</project_license>
          <developer id="io.github.resnet_explorer"><name>{identity.PUBLISHER}</name></developer>
          <description>
        @@
          </description>
          <launchable type="desktop-id">{identity.PACKAGE}.desktop</launchable>
          <icon type="stock">{identity.PACKAGE}</icon>
          <categories><category>Education</category><category>Science</category></categories>
          <content_rating type="oars-1.1"/>
          <provides><binary>{identity.WINDOW}</binary><binary>{identity.TERMINAL}</binary></provides>
          <releases><release version="{identity.version()}" date="{release_date()}"/></releases>
        </component>
        """
    ).replace("@@", paragraphs)


def release_date() -> str:
    """The day of the last commit, else today; the same sources make the same package."""
    told = subprocess.run(["git", "log", "-1", "--format=%cs"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip() or formatdate()[5:16]


def control(depends: tuple[str, ...], kilobytes: int) -> str:
    """Debian's description of the package."""
    text = "\n".join(textwrap.wrap(" ".join(identity.DESCRIPTION), 76))
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return (
        f"Package: {identity.PACKAGE}\nVersion: {identity.version()}\nArchitecture: {machine}\nSection: science\n"
        f"Priority: optional\nMaintainer: {MAINTAINER}\nInstalled-Size: {kilobytes}\n"
        f"Depends: {', '.join(depends)}\nRecommends: {qt_libraries.FONT_PACKAGE}\n"
        f"Description: {identity.SUMMARY}\n{textwrap.indent(text, ' ')}\n"
    )


def dependencies(folder: Path) -> tuple[str, ...]:
    """The Debian packages with the libraries that the bundle's files link to and that are not in it."""
    outside = bundle.outside(folder) - qt_libraries.GLIBC - {"libcuda.so.1"}
    packages, unknown = qt_libraries.packages_for(outside)
    if unknown:
        raise SetupError(f"No package is known for {', '.join(unknown)}.", "Add it to qt_libraries.DEBIAN_PACKAGES.")
    newest = max((elf.read(path).glibc for path in bundle.elf_files(folder)), default=(2, 28))
    # Ubuntu from 24.04 on calls some of them by another name; see qt_libraries.ALTERNATIVES.
    renamed = tuple(qt_libraries.ALTERNATIVES.get(name, name) for name in packages)
    return (f"libc6 (>= {newest[0]}.{newest[1]})", *renamed)


def _script(word: str) -> str:
    """What is run after installing and removing: the system reads our entries anew, where it has the tools."""
    lines = ["#!/bin/sh", "set -e", f'if [ "$1" = {word} ]; then']
    for tool, folder in (
        ("update-desktop-database -q", "/usr/share/applications"),
        ("update-mime-database", "/usr/share/mime"),
        ("gtk-update-icon-cache -q -t -f", "/usr/share/icons/hicolor"),
    ):
        lines.append(f"    if command -v {tool.split()[0]} >/dev/null; then {tool} {folder} || true; fi")
    return "\n".join([*lines, "fi", ""])


def _copy_icon(source: str, folder: str, name: str) -> None:
    target = TREE / "usr" / "share" / "icons" / "hicolor" / folder / "apps" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "assets" / "icon" / source, target)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _run(*command: str) -> None:
    if shutil.which(command[0]) is None:
        raise SetupError(f"{command[0]} is not installed.", "Install it, or leave this package out.")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{command[0]} failed: {done.stderr.strip()[-400:]}.", "Look into it.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
