"""`gui`: open the window, with options."""

from __future__ import annotations

import sys

import click

from app.commands.options import DEVICES


@click.command()
@click.argument("pictures", nargs=-1, type=click.Path(exists=True))
@click.option("--model", default="", help="Id or file of the model to use.")
@click.option("--device", default="", type=click.Choice(["", *DEVICES]), help="Where to compute.")
@click.option("--new-window", is_flag=True, help="Open another window, even where one is open.")
@click.option("--close-after-start", is_flag=True, hidden=True, help="Close once the window is shown (selftest).")
def command(pictures: tuple[str, ...], model: str, device: str, new_window: bool, close_after_start: bool) -> None:
    """Open the window, with these pictures and folders in it."""
    from app.ui.start import start

    sys.exit(start(pictures, model=model, device=device, alone=new_window, close_after_start=close_after_start))
