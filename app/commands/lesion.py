"""`lesion`: the error of a network with blocks deleted, one after the other and several at random."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.options import (
    FAILED,
    check_writable,
    device_option,
    explained,
    json_option,
    print_json,
    write_result,
)
from app.core.errors import AnatomyError

if TYPE_CHECKING:
    from app.core.sweeps import SweepPoint, SweepRecord, SweepSeries


@click.command()
@click.argument("models", nargs=-1, metavar="MODEL…")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled pictures; see “evaluate --data”.")
@click.option(
    "--blocks", default="", help="Which blocks to delete in turn, by commas: layer1.0,layer2.0; else each one."
)
@click.option("--random", "counts", multiple=True, type=int, help="Also delete so many at once, at random; repeatable.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(min=1), help="Random choices for each.")
@click.option("--seed", default=0, show_default=True, help="Of the random choices.")
@click.option("--pictures", default=0, type=click.IntRange(min=0), help="How many pictures, evenly spread; 0 for all.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Where the record goes.")
@click.option("--read", "read", type=click.Path(path_type=Path, dir_okay=False), help="Show a record instead.")
@click.option("--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw the record as an SVG picture.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown, for documents.")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write the table.")
@device_option
@json_option
@explained
def command(
    models: tuple[str, ...],
    data: Path | None,
    blocks: str,
    counts: tuple[int, ...],
    repeats: int,
    seed: int,
    pictures: int,
    record: Path | None,
    read: Path | None,
    figure: Path | None,
    markdown: bool,
    table: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Delete the blocks of MODEL in turn and count the errors on labelled pictures.

    A deleted block gives out its shortcut alone. Several models see the same pictures: a residual network and
    its plain twin, say. See Veit et al. 2016. Exit code 1 where pictures could not be read.
    """
    from app.core.sweeps import SweepRequest, new_sweep_path, read_sweep

    for place in (figure, table):
        check_writable(place)
    if read is not None:
        found = read_sweep(read)
    else:
        if not models or data is None:
            raise AnatomyError(
                "There is nothing to delete from.", "Name a MODEL and its --data, or a record to --read."
            )
        from app import paths

        path = record or new_sweep_path(paths.ensure(paths.sweeps()), models[0])
        chosen = tuple(name for name in blocks.replace(" ", "").split(",") if name)
        request = SweepRequest(
            models, str(data), str(path), pictures, blocks=chosen, random=counts, repeats=repeats, seed=seed
        )
        found = _swept(request, device)
    if figure is not None:
        from app.render.sweep_figure import sweep_figure

        write_result(figure, sweep_figure(found))
    if table is not None:
        write_result(table, _csv(found))
    if as_json:
        print_json(json.loads(json.dumps(dataclasses.asdict(found))))
    elif markdown:
        from app.render.sweep_figure import sweep_table

        click.echo(sweep_table(found), nl=False)
    else:
        _print(found)
    if found.unread and read is None:
        sys.exit(FAILED)


def _swept(request: object, device: str) -> SweepRecord:
    from app.core.sweeps import SweepRequest
    from app.engine import anatomy, service

    assert isinstance(request, SweepRequest)
    service.hello(device)
    with click.progressbar(length=1000, file=sys.stderr, label="Deleting") as bar:

        def show(share: float) -> None:
            bar.update(round(1000 * share) - bar.pos)

        return anatomy.sweep(request, show)


def _print(record: SweepRecord) -> None:
    for series in record.series:
        whole = series.whole
        click.echo(f"{series.title} on {record.pictures} pictures of {record.request.data}: {_error(whole)} as it is")
        labels = dict(zip(series.blocks, series.labels, strict=True))
        shortcuts = dict(zip(series.blocks, series.shortcuts, strict=True))
        for point in series.points:
            if len(point.blocks) == 1 and not point.random:
                name = point.blocks[0]
                click.echo(f"  {labels[name]:<20} {shortcuts[name]:<11} {_error(point)}")
        for count, points in series.randoms().items():
            errors = [point.error for point in points if point.error is not None]
            if errors:
                spread = f"{min(errors):.2f} to {max(errors):.2f}"
                click.echo(f"  {count} at random: mean error {sum(errors) / len(errors):.2f} % ({spread})")
    chance = 100 * (1 - 1 / record.classes) if record.classes else 0
    click.echo(f"chance is {chance:.1f} %; {record.seconds:.1f} s on {record.device}; record: {record.request.path}")
    for notice in record.notices:
        click.echo(f"note: {notice}")


def _error(point: SweepPoint | None) -> str:
    from app.core.intervals import wilson

    if point is None or point.error is None:
        return point.refused if point is not None and point.refused else "not counted"
    low, high = wilson(point.wrong / point.pictures, point.pictures)
    return f"error {point.error:.2f} % (95 % interval {low:.2f} to {high:.2f})"


def _csv(record: SweepRecord) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "deleted", "random", "shortcut", "wrong", "pictures", "error", "refused"])
    for series in record.series:
        for point in series.points:
            error = "" if point.error is None else f"{point.error:.4f}"
            shortcut = _shortcut(series, point)
            row = [series.model, " ".join(point.blocks), int(point.random), shortcut, point.wrong, point.pictures]
            writer.writerow([*row, error, point.refused])
    return text.getvalue()


def _shortcut(series: SweepSeries, point: SweepPoint) -> str:
    return series.shortcuts[series.blocks.index(point.blocks[0])] if len(point.blocks) == 1 else ""
