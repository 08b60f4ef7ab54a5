"""`selftest`: prove an installation in a few seconds."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from app import paths
from app.commands.options import FAILED, print_json
from app.core.errors import EngineError, ExplorerError
from app.core.records import EngineInfo, ModelInfo, Request
from app.engine.client import EngineClient

PATIENCE = 150  # seconds for each check; a busy machine takes its time
STEPS = 8  # of training


@dataclass
class Installation:
    """What the checks so far have found, for the next ones."""

    client: EngineClient
    engine: EngineInfo | None = None
    models: list[ModelInfo] = field(default_factory=list)


@click.command()
@click.option("--inventory", is_flag=True, help="Print every module and plug-in as JSON, and check nothing.")
def command(inventory: bool) -> None:
    """Check that everything is here and works: plug-ins, engine, bundled models, heatmap, trainer, window."""
    if inventory:
        from app.inventory import taken

        print_json(taken())
        return
    failures = 0
    found = Installation(EngineClient())
    for what, check in CHECKS:
        start = time.perf_counter()
        try:
            result = check(found)
        except Exception as error:  # noqa: BLE001 - whatever is broken, the other checks go on
            failures += 1
            kind = "" if isinstance(error, ExplorerError) else f"{type(error).__name__}: "
            click.echo(f"FAILED  {what}: {kind}{error}")
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
    """Every module can be imported, and a bundle has what its source tree had."""
    from app import inventory

    if found.engine is None:
        raise EngineError("There is no engine to ask.")
    taken = inventory.taken()
    methods = tuple(sorted(method.name for method in found.engine.methods))
    engines = {"explanation method": methods, "network family": tuple(found.engine.families)}
    here = {kind: taken[kind] for kind in engines}
    strange = inventory.differences(here, engines)
    if (recorded := inventory.recorded()) is not None:
        strange += inventory.differences(recorded, taken)
    if strange:
        raise EngineError(f"Not everything is here: {'; '.join(strange)}.", "Install the program again.")
    lists = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in taken.items() if kind != "module")
    same = ", all as in the source tree" if recorded is not None else ""
    return f"{lists}; {len(taken['module'])} modules{same}"


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
    from app.sources.files import read_picture
    from app.sources.samples import sample_pictures

    if not found.models:
        raise EngineError("There is no model.", "Install the program again.")
    model = found.models[0]
    samples = sample_pictures(model.labels)
    if not samples:
        raise EngineError("There is no sample picture.", "Install the program again.")
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


def _trainer(_found: Installation) -> str:
    """Train some steps in a process of its own, as the Lab does, and read the folder that it leaves."""
    from app.runs.reader import RunReader

    with tempfile.TemporaryDirectory(prefix="resnet-explorer-selftest-") as folder:
        run = Path(folder) / "run"
        settings = {
            "depth": 8,
            "data": "shapes",
            "batch": 32,
            "budget": STEPS,
            "budget_unit": "steps",
            "device": "cpu",
            "twin": "false",
        }
        changes = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        output = _child("The trainer", "train", *changes, "--run", str(run), "--json", may_print=True)
        members = sorted(path.parent for path in run.rglob("summary.json"))
        if not members:
            raise EngineError(f"The trainer left no finished run. It said: {output[-300:]}")
        losses = [float(loss) for loss in RunReader(members[0]).scalar("loss").values]
    if len(losses) != STEPS or not all(map(math.isfinite, losses)):
        raise EngineError(f"The trainer wrote {len(losses)} of {STEPS} steps, or a loss that is not finite.")
    return f"{STEPS} steps in a process of its own, loss {losses[0]:.2f} to {losses[-1]:.2f}"


def _window(_found: Installation) -> str:
    """Open and close a real window in a process of its own; without a display, off screen."""
    from app.ui.start import display_problem

    offscreen = bool(display_problem())
    _child(
        "The window", "gui", "--close-after-start", environment={"QT_QPA_PLATFORM": "offscreen"} if offscreen else {}
    )
    return "opened and closed" + (", off screen" if offscreen else "")


def _child(what: str, *words: str, environment: Mapping[str, str] | None = None, may_print: bool = False) -> str:
    """Run this program with a verb; what it printed on standard output.

    Raises:
        EngineError: where it fails, takes too long, or prints what it should not: then something is wrong with the
            installation even where it seems to work.
    """
    try:
        done = subprocess.run(
            paths.program_command(*words),
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{what} did not end within {PATIENCE} s.") from error
    unexpected = (done.stderr if may_print else done.stderr + done.stdout).strip()
    if done.returncode != 0:
        raise EngineError(f"{what} ended with code {done.returncode}: {(unexpected or done.stdout)[-300:]}")
    if unexpected:
        raise EngineError(f"{what} printed something unexpected: {unexpected[-300:]}")
    return done.stdout


CHECKS: tuple[tuple[str, Callable[[Installation], str]], ...] = (
    ("engine", _engine),
    ("plug-ins", _plug_ins),
    ("bundled models", _models),
    ("sample picture", _sample),
    ("trainer", _trainer),
    ("window", _window),
)
