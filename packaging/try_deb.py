"""Install the .deb on a clean Debian 12, use it as a person would, remove it, and look that nothing is left.

    sudo python3 packaging/try_deb.py [PACKAGE.deb] [--root FOLDER] [--keep]

Makes the clean system with debootstrap (once; it is kept as an archive beside FOLDER). On the bare system: installs the
package with apt and its declared dependencies alone, and as an ordinary user whose home has spaces and other letters
runs the selftest and trains 20 steps in a child; without a home and with one that cannot be written, classifies; then
purges and compares all files with those before. After that, with Xvfb and a window manager: starts the window by its
desktop entry with a picture, waits for the answer, lets a second start hand over another picture; and purges again.
Needs root, debootstrap, and the network for Debian's packages.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bundle_identity as identity
from system_packages import SetupError, say

ROOT = identity.ROOT
RELEASE = "bookworm"
# What a desktop has beside our package: a screen, a way to start menu entries, and something that types.
DESKTOP = (
    "xvfb",
    "xauth",
    "openbox",
    "xdotool",
    "desktop-file-utils",
    "shared-mime-info",
    "libglib2.0-bin",
    "imagemagick",
)
HOME = "/home/Ünser Käfer 猫"
USER = "tester"
SAMPLES = f"/opt/{identity.PACKAGE}/_internal/assets/samples"
PATIENCE = 120  # seconds for anything that should come
STEPS = 20
# Not the package's: logs, caches and indexes that Debian's own tools write.
IGNORED = ("/var/", "/run/", "/tmp/", "/proc/", "/sys/", "/dev/", "/home/", "/root", "/etc/ld.so.cache", "/shared/")
INDEXES = ("/usr/share/mime/", "/usr/share/applications/mimeinfo.cache", "/usr/share/icons/hicolor/icon-theme.cache")


def main() -> int:
    """Try one package; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("package", nargs="?", type=Path)
    parser.add_argument("--root", type=Path, default=Path("/tmp/try-deb"), help="where the clean system is made")
    parser.add_argument("--mirror", help="of Debian's packages; without it, debootstrap's own")
    parser.add_argument("--keep", action="store_true", help="leave the system there, to look at")
    arguments = parser.parse_args()
    try:
        package = arguments.package or _newest()
        mirror = (arguments.mirror,) if arguments.mirror else ()
        with clean_system(arguments.root, mirror, keep=arguments.keep) as system:
            steps: tuple[tuple[str, Callable[[], str]], ...] = (
                ("bare system: installs with its declared dependencies alone", lambda: system.install(package)),
                ("bare system: selftest as an ordinary user, read-only installation", system.selftest),
                (f"bare system: trains {STEPS} steps in a child", system.train),
                ("bare system: without a home, and with one that cannot be written", system.without_home),
                ("bare system: uninstalls without a trace but the user's data", system.remove),
                ("a desktop", system.install_desktop),
                ("desktop: installs", lambda: system.install(package)),
                ("desktop: its kinds of files are known", system.look_at_desktop),
                ("desktop: starts by its entry and classifies the picture", system.start_by_entry),
                ("desktop: a second start hands its file over", system.start_again),
                ("desktop: uninstalls without a trace but the user's data", system.remove),
            )
            for what, work in steps:
                begun = time.monotonic()
                detail = work()
                print(f"ok      {what}: {detail} ({time.monotonic() - begun:.0f} s)", flush=True)
    except SetupError as error:
        print(f"FAILED  {error}", flush=True)
        return 1
    return 0


class System:
    """A Debian in a folder.

    Args:
        root: Its folder; /proc, /dev/shm and /dev/pts are mounted.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: frozenset[str] = frozenset()
        self._running: list[subprocess.Popen[str]] = []

    def run(self, command: str, *, user: str = "root", environment: dict[str, str] | None = None) -> str:
        """Run a shell command inside; what it said.

        Raises:
            SetupError: where it fails.
        """
        done = subprocess.run(
            self._command(command, user, environment), capture_output=True, text=True, check=False, timeout=900
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-900:]
            raise SetupError(f"“{command[:160]}” ended with {done.returncode}: {said}.", "Look into it.")
        return done.stdout

    def install(self, package: Path) -> str:
        """Install the package with apt, which brings what it declares and nothing else."""
        self.before = self.files()
        shared = self.root / "shared"
        shared.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", str(package.parent.resolve()), str(shared)], check=True)
        try:
            self.run(f"apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends -y /shared/{package.name}")
        finally:
            subprocess.run(["umount", str(shared)], check=True)
        inside = f"/opt/{identity.PACKAGE}/_internal"  # where the program's starter lets the loader look, too
        plugins = f"{inside}/PySide6/Qt/plugins/platforms/*.so"
        missing = self.run(f"LD_LIBRARY_PATH={inside} ldd {plugins} | grep 'not found' || true").strip()
        if missing:
            raise SetupError(f"Qt's plugins lack libraries: {missing}.", "Look at linux_packages.dependencies.")
        count = self.run("dpkg-query -W -f '${binary:Package}\\n' | wc -l").strip()
        return f"{package.name}; {count} packages are on the system; Qt's plugins find every library"

    def install_desktop(self) -> str:
        """What people have who click; only now, so that it cannot bring what our package forgot to ask for."""
        packages = " ".join(DESKTOP)
        self.run(f"apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends -y {packages}")
        return packages

    def look_at_desktop(self) -> str:
        """The entry is valid, files find the program, and it is described for software centres."""
        entry = f"/usr/share/applications/{identity.PACKAGE}.desktop"
        self.run(f"desktop-file-validate {entry}")
        told = []
        for name in ("weights.safetensors", "weights.pth", "cat.png"):
            if name != "cat.png":
                self.run(f"printf x > '/tmp/{name}'")
            else:
                self.run(f"convert -size 8x8 xc:red /tmp/{name}")
            kind = self.run(f"gio info -a standard::content-type /tmp/{name} | tail -1").split()[-1]
            offered = self.run(f"gio mime {kind} | grep -c {identity.PACKAGE}.desktop || true").strip()
            if offered in ("", "0"):
                raise SetupError(f"{name} ({kind}) is not offered to the program.", "Look at the MIME files.")
            told.append(f"{name} is {kind}")
        version = self.run(f"{identity.TERMINAL} --version").strip()
        return f"{', '.join(told)}; {version}"

    def selftest(self) -> str:
        """The bundle's own checks, as an ordinary user, in a read-only folder of installation."""
        said = self.run(f"{identity.TERMINAL} selftest", user=USER)
        return said.strip().splitlines()[-1]

    def start_by_entry(self) -> str:
        """A screen, a window manager, the menu's entry with a picture: the answer is in the window's title and log."""
        self.run(f"cp {SAMPLES}/cat.jpg '{HOME}/Käse katze.jpg'; chown -R {USER} '{HOME}'")
        self._start("Xvfb :77 -screen 0 1440x900x24 -nolisten tcp", user=USER)
        self._until("xdotool getmouselocation", "the screen")
        self._start("openbox", user=USER)
        begun = time.monotonic()
        self._start(f"gio launch /usr/share/applications/{identity.PACKAGE}.desktop '{HOME}/Käse katze.jpg'", user=USER)
        window = self._until("xdotool search --onlyvisible --name 'ResNet Explorer' | head -1 | grep .", "the window")
        shown = time.monotonic() - begun
        self._until("xdotool search --name 'Käse katze' | grep .", "the picture in the window")
        self._until(f"grep -q 'the first answer is there' '{self._log()}'", "the answer")
        answered = time.monotonic() - begun
        time.sleep(2)  # fades end
        picture = self._shot("started")
        return f"window {window.strip()} after {shown:.1f} s, answer after {answered:.1f} s, {picture}"

    def start_again(self) -> str:
        """A second start ends, and the first window shows its picture; there is one window."""
        self.run(f"cp {SAMPLES}/ship.jpg '{HOME}/zweites.jpg'")
        self.run(f"timeout 60 {identity.WINDOW} '{HOME}/zweites.jpg'", user=USER, environment=self._screen())
        self._until("xdotool search --name 'zweites' | grep .", "the second picture in the first window")
        count = self.run(
            "xdotool search --onlyvisible --name 'ResNet Explorer' | wc -l", user=USER, environment=self._screen()
        ).strip()
        if count != "1":
            raise SetupError(f"There are {count} windows instead of one.", "Look at app/ui/instance.py.")
        picture = self._shot("second")
        self.run("pkill -TERM -x ResNetExplorer || true; sleep 3; ! pgrep -x ResNetExplorer")
        return f"one window, closed on SIGTERM, {picture}"

    def train(self) -> str:
        """A run of the command, whose twins are children of children."""
        run = f"{HOME}/ein Lauf"
        settings = f"--set depth=8 --set data=shapes --set batch=32 --set budget={STEPS} --set budget_unit=steps"
        self.run(f"{identity.TERMINAL} train {settings} --twin --run '{run}'", user=USER)
        finished = self.run(f"ls '{run}'/*/summary.json | wc -l").strip()
        return f"{finished} networks trained {STEPS} steps into “{run}”"

    def without_home(self) -> str:
        """No HOME, then a home that cannot be written: a picture is classified all the same."""
        picture = f"{SAMPLES}/cat.jpg"
        self.run(f"env -u HOME {identity.TERMINAL} classify {picture}", user="nobody")
        self.run(f"HOME=/usr/share {identity.TERMINAL} classify {picture}", user="nobody")
        return "classified both times"

    def remove(self) -> str:
        """Purge, and compare every file with those before the installation."""
        kept = self.run(f"find '{HOME}' -type f | wc -l").strip()
        self.run(f"apt-get -qq -o Dpkg::Use-Pty=0 purge -y {identity.PACKAGE}")
        self.run("apt-get -qq -o Dpkg::Use-Pty=0 autoremove --purge -y")
        left = sorted(path for path in self.files() - self.before if not path.startswith(INDEXES))
        if left:
            raise SetupError(f"{len(left)} files are left: {', '.join(left[:8])}.", "Look at the package.")
        still = self.run(f"find '{HOME}' -type f | wc -l").strip()
        if still != kept:
            raise SetupError(f"Of the user's {kept} files {still} are left.", "The package must not touch them.")
        return f"nothing is left; the user keeps {still} files"

    def files(self) -> frozenset[str]:
        """Every file of the system, without what changes by itself."""
        listed = subprocess.run(
            ["find", str(self.root), "-xdev", "(", "-type", "f", "-o", "-type", "l", ")"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        paths = {line.removeprefix(str(self.root)) for line in listed.splitlines()}
        return frozenset(path for path in paths if not path.startswith(IGNORED))

    def stop(self) -> None:
        """End what was started."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._running.clear()

    def _start(self, command: str, *, user: str) -> None:
        process = subprocess.Popen(
            self._command(f"exec {command}", user, self._screen()),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        self._running.append(process)

    def _until(self, question: str, what: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            done = subprocess.run(
                self._command(question, USER, self._screen()), capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return done.stdout
            time.sleep(0.2)
        raise SetupError(f"After {PATIENCE} s {what} has not come.", f"Its log is {self._log()} in {self.root}.")

    def _shot(self, name: str) -> str:
        self.run(f"import -window root '{HOME}/{name}.png'", user=USER, environment=self._screen())
        target = ROOT / "build" / f"try-deb-{name}.png"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(f"{self.root}{HOME}/{name}.png", target)
        return str(target)

    def _log(self) -> str:
        return f"{HOME}/.local/state/{identity.PACKAGE}/log/window.log"

    def _screen(self) -> dict[str, str]:
        return {"DISPLAY": ":77"}

    def _command(self, command: str, user: str, environment: dict[str, str] | None) -> list[str]:
        home = {"root": "/root", USER: HOME}.get(user, "/nonexistent")
        values = {
            "HOME": home,
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **(environment or {}),
        }
        assigned = [f"{name}={value}" for name, value in values.items()]
        chroot = ["chroot", f"--userspec={user}", str(self.root)]
        return [*chroot, "env", "-i", *assigned, "sh", "-c", f"cd '{HOME}' 2>/dev/null || cd /; {command}"]


@contextmanager
def clean_system(root: Path, mirror: tuple[str, ...], *, keep: bool) -> Iterator[System]:
    """A Debian that nothing of ours has touched, as long as it is needed."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise SetupError("This needs root and debootstrap.", "Start it with sudo; install debootstrap.")
    archive = root.with_name(f"{root.name}-clean.tar.zst")
    if root.exists():
        raise SetupError(f"{root} is there already.", "Unmount what is in it and remove it, or choose another --root.")
    if not archive.exists():
        say(f"Making a clean Debian in {root} (once).")
        _do("debootstrap", "--variant=minbase", RELEASE, str(root), *mirror)
        _do("tar", "-C", str(root), "-I", "zstd -T0 -3", "-cf", str(archive), ".")
    else:
        root.mkdir(parents=True)
        _do("tar", "-C", str(root), "-I", "zstd", "-xf", str(archive))
    system = System(root)
    mounts = []
    try:
        for kind, place in (("proc", "proc"), ("tmpfs", "dev/shm"), ("devpts", "dev/pts")):
            (root / place).mkdir(parents=True, exist_ok=True)
            _do("mount", "-t", kind, kind, str(root / place))
            mounts.append(root / place)
        system.run("apt-get -qq update")
        system.run(f"useradd --home-dir '{HOME}' --create-home {USER}")
        yield system
    finally:
        system.stop()
        time.sleep(1)
        for mounted in reversed(mounts):
            subprocess.run(["umount", str(mounted)], check=False)
        if not keep and not any(os.path.ismount(mounted) for mounted in mounts):
            shutil.rmtree(root, ignore_errors=True)


def _newest() -> Path:
    found = sorted((ROOT / "dist").glob("*.deb"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SetupError("There is no .deb in dist/.", "Make one with packaging/build.py.")
    return found[-1]


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{command[0]} failed: {(done.stdout + done.stderr).strip()[-400:]}.", "Is the network there?")


if __name__ == "__main__":
    sys.exit(main())
