"""The command line. Without a verb the window opens; each verb is one file in `app/commands`, imported when used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

VERBS = ("anatomy", "bench", "classify", "evaluate", "gui", "lesion", "models", "selftest", "train", "watch")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; ends the process.

    Exit codes: 0 done; 1 some of it failed, and it was said what; 2 it could not be started as asked.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or not (words[0] in VERBS or words[0].startswith("-")):
        # The usual start: nothing that the window does not need is imported on the way, not even the command line.
        from app.ui.start import start

        sys.exit(start(words))
    from app import bootstrap

    bootstrap.prepare_process("command")
    _group()(args=words, prog_name="resnet-explorer")


def _group() -> click.Group:
    from importlib import import_module

    import click

    from app import __version__

    class Verbs(click.Group):
        """Lists every verb, imports only the one that is used (and all of them for --help)."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return sorted(VERBS)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in VERBS:
                return None
            command = import_module(f"app.commands.{cmd_name}").command
            assert isinstance(command, click.Command)
            return command

    @click.group(
        cls=Verbs,
        help="Look inside residual networks. Without a command the window opens; pictures and folders that are named "
        "instead of a command are opened in it.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    @click.version_option(__version__)
    def group() -> None:
        pass

    return group
