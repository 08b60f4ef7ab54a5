"""`bench`: measure the program against its bars."""

from __future__ import annotations

import dataclasses
import platform
import sys

import click

from app.commands.options import FAILED, explained, json_option, print_json


@click.command()
@click.argument("names", nargs=-1)
@click.option("--minutes", type=click.FloatRange(min=0.1), help="Length of live-soak (1; its bar is for 10).")
@json_option
@explained
def command(names: tuple[str, ...], minutes: float | None, as_json: bool) -> None:
    """Run the benches NAMES, or all; exit code 1 where a bar is missed."""
    import torch

    from app.bench.harness import BenchResult, benches, choices
    from app.inference.device import device_title

    choices.minutes = minutes or choices.minutes
    results: list[BenchResult] = []
    for name in names or benches.names():
        click.echo(f"measuring {name} …", err=True)
        results.extend(benches.get(name)())
    machine = {
        "device": device_title(torch.device("cpu")),
        "cores": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }
    if as_json:
        print_json(
            {"machine": machine, "results": [{**dataclasses.asdict(one), "passed": one.passed} for one in results]}
        )
    else:
        click.echo(", ".join(f"{key} {value}" for key, value in machine.items()))
        for one in results:
            if one.skipped:
                click.echo(f"skipped  {one.what}: {one.skipped}")
                continue
            sign = "≤" if one.direction == "at most" else "≥"
            verdict = "ok    " if one.passed else "MISSED"
            click.echo(f"{verdict}  {one.what}: {one.value:.4g} {one.unit} (bar {sign} {one.bar:g})  {one.detail}")
    if not all(one.passed for one in results):
        sys.exit(FAILED)
