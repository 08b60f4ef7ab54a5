"""The two commands of the README, and the checks: everything from a fresh clone on.

    python3 packaging/dev.py start [argument…]   install what is needed, start the program
    python3 packaging/dev.py test [argument…]    install what is needed, run the checks and the tests
    python3 packaging/dev.py check               install what is needed, run the checks only

Arguments of `start` go to the program, those of `test` to pytest. Standard library only.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older Pythons get a sentence, so this file must parse there
    sys.exit(
        "ResNet Explorer needs Python 3.11 or newer; this is Python {}.{}. Run this again with a newer "
        "one, for example “python3.12 packaging/dev.py start”.".format(*sys.version_info[:2])
    )

import os
import subprocess
from pathlib import Path

import environment
import qt_libraries
from system_packages import SetupError, say

ROOT = environment.ROOT
SETUP_FAILED = 3
# Called through Python, not through the scripts beside it: their first lines go stale when the folder is moved.
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "import rules": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
}


def main(arguments: list[str]) -> int:
    """Run one verb.

    Returns:
        The exit status: of the program, or of the worst check; 2 for a wrong call, 3 where the set-up failed.
    """
    verbs = {"start": start, "test": test, "check": check}
    if not arguments or arguments[0] not in verbs:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        return verbs[arguments[0]](arguments[1:])
    except SetupError as error:
        say(str(error))
        return SETUP_FAILED
    except KeyboardInterrupt:
        say("Stopped. The next run goes on from here.")
        return 130


def start(arguments: list[str]) -> int:
    """Install what the program needs and become it."""
    python = environment.ensure()
    window = wants_window(arguments)
    try:
        qt_libraries.ensure(python, window=window)
    except SetupError as error:
        if window:
            raise
        say(f"{error} Going on without, as “{arguments[0]}” needs no window.")
    command = [str(python), str(ROOT / "main.py"), *arguments]
    if os.name != "nt":  # exec there would give the prompt back while the program still runs
        os.execv(command[0], command)
    return subprocess.call(command)


def wants_window(arguments: list[str]) -> bool:
    """Whether the program will open its window: without a verb, or for pictures named in place of one."""
    return not arguments or arguments[0] == "gui" or Path(arguments[0]).exists()


def test(arguments: list[str]) -> int:
    """Run the checks, then pytest, whose closing line comes last."""
    python = _tools()
    qt_libraries.ensure(python, window=False)
    checks = _run_checks(python)
    surroundings = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    tests = subprocess.call([python, "-m", "pytest", *arguments], cwd=ROOT, env=surroundings)
    return tests or checks


def check(arguments: list[str]) -> int:
    """Run the linters, the type checker and the import rules."""
    if arguments:
        say("“check” takes no arguments.")
        return 2
    return _run_checks(_tools())


def _tools() -> Path:
    return environment.ensure(frozenset({"test"}))


def _run_checks(python: Path) -> int:
    failed = []
    for name, command in CHECKS.items():
        print(f"-- {name}", flush=True)
        if subprocess.call([python, *command], cwd=ROOT):
            failed.append(name)
    print(f"-- checks: {'failed: ' + ', '.join(failed) if failed else 'all passed'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
