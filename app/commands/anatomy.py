"""`anatomy`: a network block by block, measured on one picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands.options import check_writable, device_option, explained, json_option, print_json, write_result
from app.core.errors import AnatomyError

if TYPE_CHECKING:
    from app.core.anatomy import Measurement
    from app.core.paths import PathRecord
    from app.core.records import ModelInfo, Pixels
    from app.core.responses import ResponseRecord


@click.command()
@click.argument("model")
@click.option("--picture", type=click.Path(path_type=Path, dir_okay=False), help="Else the first sample picture.")
@click.option("--target", type=int, help="Number of the class whose gradient is taken; else the winning one.")
@click.option("--bypass", multiple=True, help="Measure with this block bypassed; repeatable.")
@click.option("--paths", "with_paths", is_flag=True, help="Sample what the paths of each length carry.")
@click.option("--responses", "with_responses", is_flag=True, help="How much each layer responds, over the data.")
@click.option("--data", type=click.Path(path_type=Path), help="Labelled pictures to average paths or responses over.")
@click.option("--pictures", type=click.IntRange(min=0), default=1000, help="For --responses [1000]; 0: all.")
@click.option("--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw paths or responses as SVG.")
@device_option
@json_option
@explained
def command(
    model: str,
    picture: Path | None,
    target: int | None,
    bypass: tuple[str, ...],
    with_paths: bool,
    with_responses: bool,
    data: Path | None,
    pictures: int,
    figure: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure each block of MODEL on one picture: branch against shortcut, energy, responses, gradient, cost."""
    from app.core.lesions import Lesion
    from app.core.records import Request
    from app.engine import anatomy, service

    check_writable(figure)
    service.hello(device)
    if with_responses:
        if data is None:
            raise AnatomyError("--responses needs pictures.", "Give --data: a folder per class, or an .npz.")
        _responses(anatomy.responses(model, str(data), pictures=pictures), figure, as_json=as_json)
        return
    info = service.load(model)
    path, pixels = _pixels(picture, info)
    lesions = tuple(Lesion("bypass", name) for name in bypass)
    request = Request(1, model, pixels, target=target, lesions=lesions)
    anatomy.measure(request)  # the first pass of a process chooses its kernels; the second one's times are usual
    found = anatomy.measure(request)
    carried = None
    if with_paths or figure is not None:
        carried = anatomy.paths(request, data="" if data is None else str(data))
    if figure is not None and carried is not None:
        from app.render.sweep_figure import paths_figure

        write_result(figure, paths_figure(carried, info.title))
    if as_json:
        print_json(_as_json(found, carried, info, path))
        return
    _print(found, info, path)
    if carried is not None:
        low, high = carried.range_of(0.9)
        click.echo(
            f"{carried.blocks} blocks, 2^{carried.blocks} paths; 90 % of the gradient in paths of {low} to {high} "
            f"blocks, effective depth {carried.effective_depth:.1f} blocks"
        )


def _responses(record: ResponseRecord, figure: Path | None, *, as_json: bool) -> None:
    from app.core.responses import response_table

    if figure is not None:
        from app.render.responses_figure import responses_figure

        write_result(figure, responses_figure((record,)))
    if as_json:
        print_json(dataclasses.asdict(record))
        return
    for layer in record.layers:
        click.echo(f"{layer.path:<40} {layer.kernel}×{layer.kernel}  {layer.deviation:.4f}")
    click.echo()
    click.echo(response_table((record,)))


def _pixels(picture: Path | None, info: ModelInfo) -> tuple[Path, Pixels]:
    from app.sources.files import read_picture
    from app.sources.samples import sample_pictures

    if picture is None:
        samples = sample_pictures(info.labels)
        if not samples:
            raise AnatomyError("There is no sample picture.", "Name one with --picture.")
        picture = samples[0]
    return picture, info.preprocessing.view(read_picture(picture).pixels).pixels


def _print(found: Measurement, info: ModelInfo, path: Path) -> None:
    best = found.prediction.top(1)[0]
    share = 100 * float(found.prediction.probabilities[best])
    click.echo(f"{info.title} on {path}: {info.labels[best]} {share:.1f} %; gradient of “{info.labels[found.target]}”")
    click.echo(
        f"{'block':<20}{'shape':<20}{'|F|/|x|':>9}{'energy':>11}{'deviation':>11}{'gradient':>11}"
        f"{'parameters':>12}{'mult.-adds':>15}{'ms':>8}{'KiB':>9}"
    )
    for block in found.blocks:
        outline = info.outline.block(block.name)
        label = outline.label if outline is not None else block.name
        shape = " × ".join(map(str, block.shape))
        ratio, deviation = (_number(one, ".3f") for one in (block.ratio, block.deviation))
        click.echo(
            f"{label:<20}{shape:<20}{ratio:>9}{block.energy:>11.4g}{deviation:>11}{_number(block.gradient, '.3g'):>11}"
            f"{block.parameters:>12,}{block.multiply_adds:>15,}{block.milliseconds:>8.2f}"
            f"{block.activation_bytes / 1024:>9.0f}"
        )
    click.echo(f"{found.parameters:,} parameters, {found.multiply_adds:,} multiply-adds, {found.milliseconds:.1f} ms")
    if found.published_multiply_adds is not None:
        click.echo(
            f"published: {found.published_parameters or 0:,} parameters, {found.published_multiply_adds:.3f} thousand "
            "million multiply-adds"
        )
    for notice in found.notices:
        click.echo(f"note: {notice}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _as_json(found: Measurement, carried: PathRecord | None, info: ModelInfo, path: Path) -> dict[str, Any]:
    best = found.prediction.top(1)[0]
    return {
        "model": info.reference,
        "picture": str(path),
        "device": info.device_title,
        "answer": info.labels[best],
        "probability": float(found.prediction.probabilities[best]),
        "target": info.labels[found.target],
        "blocks": [{**dataclasses.asdict(block), "deviation": block.deviation} for block in found.blocks],
        "parameters": found.parameters,
        "multiply_adds": found.multiply_adds,
        "published_parameters": found.published_parameters,
        "published_thousand_million_multiply_adds": found.published_multiply_adds,
        "milliseconds": found.milliseconds,
        "paths": None if carried is None else _paths_json(carried),
    }


def _paths_json(carried: PathRecord) -> dict[str, Any]:
    import math

    def plain(value: float) -> float | None:
        return value if math.isfinite(value) else None

    lengths = [
        {
            "length": one.length,
            "log10_paths": one.log10_count,
            "gradient": one.gradient,
            "standard_error": plain(one.standard_error),
            "share": share,
        }
        for one, share in zip(carried.lengths, carried.shares, strict=True)
    ]
    return {
        "blocks": carried.blocks,
        "pictures": carried.pictures,
        "effective_depth": carried.effective_depth,
        "lengths": lengths,
    }
