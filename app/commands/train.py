"""`train`: a residual network, its plain twin, or a whole preset, into a run folder."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from app.commands.options import explained, json_option


@click.command()
@click.option("--preset", "preset_name", help="A ready-made experiment, such as first-look or degradation.")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An experiment's JSON.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting; may be repeated.")
@click.option("--twin", is_flag=True, help="Train the plain twin beside it.")
@click.option("--run", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the run in that folder.")
@click.option("--to-library", is_flag=True, help="Make a model of each finished network.")
@json_option
@explained
def command(
    preset_name: str | None,
    config: Path | None,
    changes: tuple[str, ...],
    twin: bool,
    folder: Path,
    resume: bool,
    to_library: bool,
    as_json: bool,
) -> None:
    """Train, and leave a run folder. Works under torchrun too."""
    from app.training import worker

    asked = worker.request(
        folder,
        preset_name=preset_name,
        config=config,
        changes=changes,
        twin=twin,
        resume=resume,
        as_json=as_json,
        to_library=to_library,
    )
    sys.exit(worker.train(asked))
