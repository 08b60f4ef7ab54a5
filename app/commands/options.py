"""What several verbs share: options, and how an error is said on a terminal."""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from app.core.errors import DataError, ExplorerError
from app.core.files import write_text

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


def check_writable(path: Path | None) -> None:
    """Make sure, before long work begins, that its result can be written there.

    Raises:
        DataError: where it cannot.
    """
    if path is None:
        return
    with _told_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()


def write_result(path: Path, text: str) -> None:
    """Write a file that the user named.

    Raises:
        DataError: where it cannot be written.
    """
    with _told_of(path):
        write_text(path, text)


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).", "Choose another path.") from error


def print_json(value: Any) -> None:
    """Print one JSON document; NaN and infinities are not JSON and raise."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
