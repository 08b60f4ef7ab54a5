"""What several verbs share: options, and how an error is said on a terminal."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click

from app.core.errors import ExplorerError

DEVICES = ("auto", "cpu", "cuda", "mps")
FAILED = 1
CANNOT_START = 2

P = ParamSpec("P")
R = TypeVar("R")

device_option = click.option(
    "--device", default="auto", show_default=True, type=click.Choice(DEVICES), help="Where to compute."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Say an ExplorerError in one line on standard error and exit with 2, instead of showing a traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ExplorerError as error:
            click.echo(f"resnet-explorer: {error}", err=True)
            sys.exit(CANNOT_START)

    return run


def print_json(value: Any) -> None:
    """Print one JSON document; NaN and infinities are not JSON and raise."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
