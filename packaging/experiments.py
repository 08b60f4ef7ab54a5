"""What runs came to, as a table for docs/experiments.md, and their curves as pictures. From the folders alone.

    python packaging/experiments.py RUNS… [--name degradation] [--write docs/experiments.md] [--images docs/images]
    python packaging/experiments.py --responses RECORD… [--write …] [--images …]    # of `anatomy --responses --json`
    python packaging/experiments.py --imagenet [--write …]    # published errors beside the evaluations of this user

RUNS are folders that hold runs. The table goes to standard output; with --write, between the two marks
`<!-- NAME: begin -->` and `<!-- NAME: end -->` of a document. Pictures are NAME-train.svg, NAME-test.svg,
NAME-gradients.svg and NAME-map-RUN.png. Needs no display.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.paper import ImageNetResult
    from app.runs.folder import RunInfo

ROOT = Path(__file__).resolve().parents[1]
LARGEST_PICTURE = 200_000  # bytes
SIZE = (720, 360)


def main() -> int:
    """Print or write the table, save the curves; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--responses", nargs="+", type=Path, metavar="RECORD")
    parser.add_argument("--imagenet", action="store_true")
    parser.add_argument("--name", default="degradation")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--images", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))
    if arguments.responses:
        return _responses(arguments.responses, arguments.write, arguments.images)
    if arguments.imagenet:
        return _told(arguments.write, "imagenet", imagenet_table())
    from app.runs.folder import list_runs

    runs = [run for folder in arguments.runs for run in list_runs(folder) if not run.problem]
    runs.sort(key=lambda run: (run.config["depth"], run.config["shortcut"] == "none"))
    if not runs:
        print("These folders hold no run.", file=sys.stderr)
        return 1
    _told(arguments.write, arguments.name, table(runs))
    if arguments.images is not None:
        for path in curves(runs, arguments.images, arguments.name):
            print(path, file=sys.stderr)
    return 0


def table(runs: list[RunInfo]) -> str:
    """Two tables in Markdown: what came out, and how it was made."""
    from app.core.paper import CIFAR_PLAIN_110, CIFAR_PLAIN_110_ABOVE
    from app.runs.reader import RunReader
    from app.training.claims import read_row

    every = {run.path: {row.step: row for row in RunReader(run.path).evaluations()} for run in runs}
    common = max(set.intersection(*(set(rows) for rows in every.values())), default=0)
    results = [
        "| network | steps | epochs | training loss | training error % | test error % "
        f"| paper's test error % | training error % at step {common:,} | state |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    made = ["| network | seed | precision | device | torch | commit | command |", "|---|---|---|---|---|---|---|"]
    for run in runs:
        row = read_row(run.path)
        then = f"{every[run.path][common].train_error:.2f}" if common in every[run.path] else "–"
        figures = "– | – | –"
        if every[run.path]:
            tested = f"{row.test_pictures:,} pictures"
            figures = f"{row.train_loss:.4f} | {row.train_error:.2f} | {row.test_error:.2f} ({tested})"
        state = "finished" if row.finished else f"{row.state} at step {row.steps}"
        theirs = "a curve only (figure 6)"
        if row.reported is not None:
            theirs = f"{row.reported.test_error:.2f} ({row.reported.source.place})"
        elif row.depth == CIFAR_PLAIN_110:
            theirs = f"above {CIFAR_PLAIN_110_ABOVE:g}, in training too (figure 6)"
        results.append(f"| {row.title} | {row.steps:,} | {row.epochs} | {figures} | {theirs} | {then} | {state} |")
        made.append(
            f"| {row.title} | {row.seed} | {row.precision} | {row.device} | {row.torch} | {row.commit} "
            f"| `{row.command}` |"
        )
    return "\n".join([*results, "", *made])


def imagenet_table() -> str:
    """The paper's errors on ImageNet, torchvision's of its weights, and what `evaluate` gave here, if anybody did."""
    from app.evaluation.imagenet import imagenet_rows

    lines = [
        "| network | paper: top-1 error %, view, place | torchvision's weights: top-1 error % | evaluated here |",
        "|---|---|---|---|",
    ]
    for row in imagenet_rows():
        theirs = "; ".join(f"{one.top1:.2f} ({_view(one)})" for one in row.paper)
        weights = "; ".join(f"{100 - card.accuracy[0].top1:.2f} ({card.id})" for card in row.weights)
        ours = "; ".join(f"{one.top1.per_cent:.2f} (95 %: {one.top1.interval}; `{one.command}`)" for one in row.records)
        lines.append(f"| {row.network} | {theirs} | {weights} | {ours or 'nobody had the pictures'} |")
    return "\n".join(lines)


def _view(row: ImageNetResult) -> str:
    option = f", option {row.option}" if row.option else ""
    return f"{row.view}{option}, {row.source.place}"


def _responses(files: list[Path], document: Path | None, images: Path | None) -> int:
    from app.core.files import write_text
    from app.core.responses import read_responses, response_table
    from app.render.responses_figure import responses_figure

    records = [read_responses(file) for file in files]
    records.sort(key=lambda record: (len(record.layers), not record.residual))
    if images is not None:
        write_text(images / "responses.svg", responses_figure(records))
    return _told(document, "responses", response_table(tuple(records)))


def _told(document: Path | None, name: str, text: str) -> int:
    if document is None:
        print(text)
    else:
        _write(document, name, text)
    return 0


def curves(runs: list[RunInfo], folder: Path, name: str) -> list[Path]:
    """Draw errors by step, gradient norms by block, and block × step; the files.

    Raises:
        SystemExit: where a picture is larger than the repository takes.
    """
    from PySide6.QtWidgets import QApplication

    from app.ui.theme import theme

    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme().follow(application, "light")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        _errors(runs, "train_error", f"Training error by epoch ({name})", folder / f"{name}-train.svg"),
        _errors(runs, "test_error", f"Test error by epoch ({name})", folder / f"{name}-test.svg"),
        _gradients(runs, folder / f"{name}-gradients.svg"),
        *_maps(runs, folder, name),
    ]
    for path in paths:
        if path.stat().st_size > LARGEST_PICTURE:
            sys.exit(f"{path} has {path.stat().st_size:,} bytes, more than {LARGEST_PICTURE:,}.")
    return paths


def _colours(runs: list[RunInfo]) -> list[tuple[str, bool]]:
    """Residual and plain keep their colours at the greatest depth; smaller ones are dashed or have further colours."""
    from app.ui.charts import PLAIN, RESIDUAL

    deepest = max(run.config["depth"] for run in runs)
    kinds = [PLAIN if run.config["shortcut"] == "none" else RESIDUAL for run in runs]
    return [(kind, run.config["depth"] != deepest) for kind, run in zip(kinds, runs, strict=True)]


def _errors(runs: list[RunInfo], which: str, title: str, path: Path) -> Path:
    import numpy as np

    from app.runs.reader import RunReader
    from app.training.claims import network_title
    from app.ui.charts import ChartCard, LineChart

    chart = LineChart(which, title, y_title=which.replace("_", " "), unit="%")
    for run, (colour, dashed) in zip(runs, _colours(runs), strict=True):
        key = str(run.path)
        chart.add_series(key, network_title(run), colour=colour, dashed=dashed, kind="evaluations")
        rows = RunReader(run.path).evaluations()
        if rows:
            chart.append(key, np.array([row.step for row in rows]), np.array([getattr(row, which) for row in rows]))
    return _saved(ChartCard(chart, title), path)


def _gradients(runs: list[RunInfo], path: Path) -> Path:
    """At the last step, of the deepest runs."""
    from app.runs.folder import read_outline
    from app.runs.reader import RunReader
    from app.training.claims import network_title
    from app.ui.charts import BlockChart, ChartCard

    deepest = max(run.config["depth"] for run in runs)
    title = f"Gradient norm at block outputs, {deepest} layers, mean of the last tenth of the steps"
    chart = BlockChart("gradients", title, y_title="gradient norm")
    for run, (colour, dashed) in zip(runs, _colours(runs), strict=True):
        if run.config["depth"] != deepest:
            continue
        series = RunReader(run.path).blocks("output_gradient", max_points=10)
        chart.set_blocks(read_outline(run.path).blocks)
        chart.add_series(str(run.path), network_title(run), colour=colour, dashed=dashed)
        if len(series.values):
            chart.set_values(str(run.path), series.values[-1])
    return _saved(ChartCard(chart, title), path)


def _maps(runs: list[RunInfo], folder: Path, name: str) -> list[Path]:
    """Block × step of the deepest runs, on one scale."""
    from app.runs.reader import RunReader
    from app.training.claims import network_title
    from app.ui.charts import ChartCard, SharedScale, StepHeatMap

    deepest = [run for run in runs if run.config["depth"] == max(one.config["depth"] for one in runs)]
    shared = SharedScale()
    cards: list[tuple[Any, Path]] = []
    for run in deepest:
        title = f"{network_title(run)}: gradient norm at block outputs"
        chart = StepHeatMap(f"map{len(cards)}", title, value_title="gradient norm", scale=shared)
        series = RunReader(run.path).blocks("output_gradient")
        chart.append(series.steps, series.values)
        kind = "plain" if run.config["shortcut"] == "none" else "residual"
        cards.append((ChartCard(chart, title), folder / f"{name}-map-{kind}.png"))
    return [_saved(card, path) for card, path in cards]


def _saved(card: Any, path: Path) -> Path:
    card.resize(*SIZE)
    card.ensurePolished()
    card.save(path)
    return path


def _write(document: Path, name: str, text: str) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    whole = document.read_text(encoding="utf-8")
    if begin not in whole or end not in whole:
        sys.exit(f"{document} has no marks {begin} and {end}.")
    before, rest = whole.split(begin, 1)
    document.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
