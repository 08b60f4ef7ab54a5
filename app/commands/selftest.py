"""`selftest`: prove an installation in a few seconds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from app.commands.options import FAILED
from app.core.errors import EngineError, ExplorerError
from app.core.records import EngineInfo, ModelInfo, Request
from app.engine.client import EngineClient

PATIENCE = 60  # seconds for each check


@dataclass
class Installation:
    """What the checks so far have found, for the next ones."""

    client: EngineClient
    engine: EngineInfo | None = None
    models: list[ModelInfo] = field(default_factory=list)


@click.command()
def command() -> None:
    """Check that the engine, the bundled model, the heatmap and the window work here."""
    failures = 0
    found = Installation(EngineClient())
    for what, check in CHECKS:
        start = time.perf_counter()
        try:
            result = check(found)
        except ExplorerError as error:
            failures += 1
            click.echo(f"FAILED  {what}: {error}")
        else:
            click.echo(f"ok      {what}: {result} ({time.perf_counter() - start:.1f} s)")
    found.client.close()
    click.echo(f"{len(CHECKS) - failures} of {len(CHECKS)} checks passed")
    if failures:
        sys.exit(FAILED)


def _engine(found: Installation) -> str:
    info = found.client.start().result(PATIENCE)
    found.engine = info
    return f"process {info.pid}, torch {info.torch_version}, {info.device_title}"


def _plug_ins(found: Installation) -> str:
    from app.networks.registry import families
    from app.render.colormaps import colour_map_names

    if found.engine is None:
        raise EngineError("There is no engine to ask.")
    methods = ", ".join(method.name for method in found.engine.methods)
    return (
        f"explanations {methods}; network families {', '.join(families.names())}; "
        f"colour maps {', '.join(colour_map_names())}"
    )


def _models(found: Installation) -> str:
    from app.zoo.cards import read_library

    library = read_library()
    if library.problems:
        raise library.problems[0]
    bundled = [card for card in library.cards if card.kind == "bundled"]
    if not bundled:
        raise EngineError("No bundled model was found.", "Install the program again.")
    found.models = [found.client.load(card.id).result(PATIENCE) for card in bundled]
    return "; ".join(f"{model.reference} ({model.outline.title}, weights checked)" for model in found.models)


def _sample(found: Installation) -> str:
    from app import paths
    from app.sources.files import find_pictures, read_picture

    samples = find_pictures([paths.assets() / "samples"])
    if not samples or not found.models:
        raise EngineError("There is no sample picture or no model.", "Install the program again.")
    model = found.models[-1]
    frame = read_picture(samples[0])
    pixels = model.preprocessing.view(frame.pixels).pixels
    answer = found.client.answer(Request(1, model.reference, pixels, "grad-cam")).result(PATIENCE)
    heatmap = answer.heatmap
    if heatmap is None or heatmap.state in ("not finite", "zero"):
        raise EngineError("The heatmap of the sample is empty or not finite.", "Install the program again.")
    best = answer.prediction.top(1)[0]
    share = 100 * float(answer.prediction.probabilities[best])
    height, width = heatmap.values.shape
    return f"{samples[0].name} is “{model.labels[best]}” ({share:.0f} %), heatmap {height} × {width} finite"


def _window(_found: Installation) -> str:
    """Open and close a real window in a process of its own; without a display, off screen."""
    from app.ui.start import display_problem

    environment = dict(os.environ)
    offscreen = bool(display_problem())
    if offscreen:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, sys.argv[0]]
    try:
        done = subprocess.run(
            [*program, "gui", "--close-after-start"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"The window did not close within {PATIENCE} s.") from error
    if done.returncode != 0:
        raise EngineError(f"The window ended with code {done.returncode}: {done.stderr.strip()[-300:]}")
    if done.stderr.strip():
        raise EngineError(f"The window printed something unexpected: {done.stderr.strip()[-300:]}")
    return "opened and closed" + (", off screen" if offscreen else "")


CHECKS: tuple[tuple[str, Callable[[Installation], str]], ...] = (
    ("engine", _engine),
    ("plug-ins", _plug_ins),
    ("bundled models", _models),
    ("sample picture", _sample),
    ("window", _window),
)
