"""`classify`: what the network says of pictures and folders, and where it looked."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from app.commands.options import FAILED, device_option, explained, json_option, print_json
from app.core.errors import ModelError, PictureError
from app.core.files import write_bytes
from app.zoo.cards import DEFAULT_MODEL

if TYPE_CHECKING:
    from app.core.records import Answer, ModelInfo
    from app.evaluation.batch_store import BatchDone
    from app.inference.folder import Prepared

BATCH = 16
MOST_BYTES = 200  # of a picture's name in that of its map: file systems take 255, and the method and a number follow
TABLES = (".csv", ".json", ".parquet")


@dataclass
class Classification:
    """One run of the command.

    Attributes:
        model: In use.
        top: How many classes to tell.
        method: Of explanation, or None.
        block: To explain at; None for the last.
        target: Class to explain; None for the winning one.
        out: Where maps go; None for nowhere.
        opacity: Of the heatmap in the PNG.
        colour_map: In the PNG.
        names: Of the files written so far, casefolded: pictures of equal name do not overwrite each other's maps, nor
            do Cat.jpg and cat.png where the system takes both for one.
    """

    model: ModelInfo
    top: int
    method: str | None
    block: str | None
    target: int | None
    out: Path | None
    opacity: float
    colour_map: str
    names: set[str] = field(default_factory=set)

    def entries(self, pictures: Iterator[Prepared]) -> Iterator[dict[str, Any]]:
        """One JSON-able entry per picture, in order."""
        from app.core.records import Request
        from app.engine import service
        from app.inference.folder import in_batches

        size = 1 if self.method and self._slow() else BATCH
        for batch in in_batches(pictures, size):
            views = [picture.view for picture in batch if picture.view is not None]
            requests = [
                Request(number, self.model.reference, view.pixels, self.method, self.block, self.target)
                for number, view in enumerate(views, 1)
            ]
            answers = iter(service.answers(requests) if requests else [])
            for picture in batch:
                if picture.view is None:
                    yield {"file": str(picture.path), "error": str(picture.error)}
                else:
                    yield self._entry(picture, next(answers))

    def _entry(self, picture: Prepared, answer: Answer) -> dict[str, Any]:
        labels = self.model.labels
        probabilities = answer.prediction.probabilities
        entry: dict[str, Any] = {
            "file": str(picture.path),
            "model": answer.model,
            "device": answer.device,
            "predictions": [
                {"index": index, "label": labels[index], "probability": float(probabilities[index])}
                for index in answer.prediction.top(self.top)
            ],
            "milliseconds": round(answer.milliseconds, 3),
        }
        if answer.heatmap is not None:
            heatmap = answer.heatmap
            entry["explanation"] = {
                "method": heatmap.method,
                "layer": heatmap.block,
                "target": heatmap.target,
                "state": heatmap.state,
                **(self._saved(picture, answer) if self.out is not None else {"npy": None, "png": None}),
            }
        if answer.notices:
            entry["notices"] = list(answer.notices)
        return entry

    def _saved(self, picture: Prepared, answer: Answer) -> dict[str, str]:
        """Write the signed map as NPY and the picture with its heatmap as PNG."""
        import numpy as np
        from PIL import Image

        from app.render import overlay

        assert self.out is not None and picture.frame is not None and picture.view is not None
        assert answer.heatmap is not None
        stem = picture.path.stem
        while len(os.fsencode(stem)) > MOST_BYTES:
            stem = stem[:-1]
        stem = f"{stem}-{answer.heatmap.method}"
        name, number = stem, 1
        while name.casefold() in self.names:
            number += 1
            name = f"{stem}-{number}"
        self.names.add(name.casefold())
        npy, png = self.out / f"{name}.npy", self.out / f"{name}.png"
        array, image = io.BytesIO(), io.BytesIO()
        np.save(array, answer.heatmap.values, allow_pickle=False)
        pixels = overlay.composite(
            picture.frame.pixels, answer.heatmap, picture.view.box, opacity=self.opacity, name=self.colour_map
        )
        Image.fromarray(pixels).save(image, "PNG")
        try:
            write_bytes(npy, array.getvalue())
            write_bytes(png, image.getvalue())
        except OSError as error:
            raise PictureError(f"{self.out} cannot be written: {error.strerror}.", "Choose another --out.") from error
        return {"npy": str(npy), "png": str(png)}

    def _slow(self) -> bool:
        from app.explain.registry import explanations

        return self.method is not None and explanations.get(self.method).info.slow


@click.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Id of a model, or a file.")
@click.option("--top", default=5, show_default=True, type=click.IntRange(min=1), help="How many classes to tell.")
@click.option("--explain", "method", metavar="METHOD", help="Also make a heatmap: grad-cam, occlusion, …")
@click.option("--layer", "block", metavar="BLOCK", help="Block to explain at, such as layer3.2; default: the last.")
@click.option("--target", metavar="CLASS", help="Class to explain, by index or name; default: the winning one.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for maps (NPY) and pictures (PNG); or a table of all answers: NAME.csv, NAME.json, NAME.parquet.",
)
@click.option("--resume/--restart", default=None, help="Go on with an unfinished table, or begin it anew.")
@click.option(
    "--opacity", default=0.6, show_default=True, type=click.FloatRange(0, 1), help="Of the heatmap in the PNG."
)
@click.option("--colour-map", default="inferno", show_default=True, help="In the PNG.")
@device_option
@json_option
@click.pass_context
@explained
def command(
    context: click.Context,
    pictures: tuple[Path, ...],
    model: str,
    top: int,
    method: str | None,
    block: str | None,
    target: str | None,
    out: Path | None,
    opacity: float,
    colour_map: str,
    resume: bool | None,
    device: str,
    as_json: bool,
) -> None:
    """Classify PICTURES; folders are searched. One bad picture is one error, and the rest go on (exit code 1).

    With --out NAME.csv (.json, .parquet) folders of any size become a table, in constant memory: kill it, and --resume
    goes on.
    """
    from app.engine import service
    from app.explain.registry import explanations
    from app.inference.folder import prepared
    from app.render.colormaps import lut
    from app.sources.files import find_pictures, read_picture

    lut(colour_map)  # a wrong name is told before anything is computed
    if method is not None:
        explanations.get(method)
    service.hello(device)
    if out is not None and out.suffix.lower() in TABLES:
        if method is not None or block is not None or target is not None:
            remedy = "Leave out --explain, --layer and --target, or give a folder with --out."
            raise ModelError("A table holds no maps.", remedy)
        from app.evaluation.batch_store import TOP

        if context.get_parameter_source("top") is ParameterSource.COMMANDLINE:
            raise ModelError(f"A table always holds the {TOP} most probable classes.", "Leave out --top.")
        tabulate(pictures, model, out, resume, as_json=as_json)
        return
    if out is not None and out.is_file():
        raise PictureError(f"{out} is a file.", f"Give a folder, or a table that ends with {', '.join(TABLES)}.")
    info = service.load(model)
    run = Classification(info, top, method, block, _class_index(target, info), out, opacity, colour_map)
    known = info.outline.block(block) if block is not None else None
    if block is not None and (known is None or not known.explainable):
        names = ", ".join(one.name for one in info.outline.blocks if one.explainable)
        raise ModelError(f"{info.title} has no block “{block}” with a feature map.", f"It has: {names}.")
    paths = find_pictures(pictures)
    waiting = prepared(
        paths, read=read_picture, preprocessing=info.preprocessing, ahead=4 * BATCH, keep_frames=out is not None
    )
    entries: list[dict[str, Any]] = []
    with click.progressbar(length=len(paths), file=sys.stderr, label="Classifying") as bar:
        for entry in run.entries(waiting):
            entries.append(entry)
            bar.update(1)
    if as_json:
        print_json(entries)
    else:
        for entry in entries:
            _tell(entry)
    if not entries:
        raise PictureError(f"There is no picture in {pictures[0]}.", "Choose a folder with pictures.")
    if any("error" in entry for entry in entries):
        sys.exit(FAILED)


def tabulate(pictures: tuple[Path, ...], model: str, out: Path, resume: bool | None, *, as_json: bool = False) -> None:
    """Classify into a working file beside the table, and write the table at the end.

    Raises:
        PictureError: where there is no picture, or an unfinished table and nobody said what to do with it.
        BatchBusyError: where another process is at work on this table.
    """
    from app.engine import service
    from app.evaluation.batch_lock import alone

    service.load(model)  # a model that is not there leaves nothing beside the table
    # Until the table is written and the working file gone: whoever resumed in between would write an empty table.
    with alone(_unfinished(out)):
        done = _tabulated(pictures, model, out, resume)
    counts = done.counts
    if not counts.total:
        raise PictureError(f"There is no picture in {pictures[0]}.", "Choose a folder with pictures.")
    if as_json:
        told = {"table": str(out), "classified": counts.done, "failed": counts.failed, "notices": list(done.notices)}
        print_json(told)
    else:
        for notice in done.notices:
            click.echo(notice, err=True)
        click.echo(f"{counts.done:,} pictures classified, {counts.failed:,} could not be read: {out}")
    if counts.failed:
        sys.exit(FAILED)


def _tabulated(pictures: tuple[Path, ...], model: str, out: Path, resume: bool | None) -> BatchDone:
    """With the table's lock held."""
    from app.engine import batch
    from app.evaluation.batch_export import export
    from app.evaluation.batch_lock import lock_path
    from app.evaluation.batch_store import BatchStore

    store = _unfinished(out)
    if store.exists() and resume is None:
        with BatchStore(store, reading=True) as table:
            counts = table.counts()
        raise PictureError(
            f"{out.name} is unfinished: {counts.done:,} of {counts.total:,} pictures are classified.",
            "Add --resume to go on, or --restart to begin anew.",
        )
    with click.progressbar(length=1000, file=sys.stderr, label="Classifying") as bar:
        done = batch.classify_alone(
            model,
            tuple(map(str, pictures)),
            str(store),
            anew=resume is False,
            progress=lambda share: bar.update(max(0, round(1000 * share) - bar.pos)),
        )
    if done.counts.total:
        with BatchStore(store) as table:
            export(table, out, expected=done.counts.total)
    for part in (store, *(store.with_name(store.name + ending) for ending in ("-wal", "-shm"))):
        part.unlink(missing_ok=True)
    with contextlib.suppress(PermissionError):  # Windows: it is open, and goes when it is let go
        lock_path(store).unlink(missing_ok=True)
    return done


def _unfinished(out: Path) -> Path:
    """The working file of a table."""
    return out.with_name(f".{out.name}.unfinished")


def _class_index(target: str | None, info: ModelInfo) -> int | None:
    if target is None:
        return None
    if target.isdigit():
        index = int(target)
        if index < len(info.labels):
            return index
        raise ModelError(f"There is no class {index}.", f"{info.title} has classes 0 to {len(info.labels) - 1}.")
    for index, label in enumerate(info.labels):
        if label.casefold() == target.casefold():
            return index
    near = [label for label in info.labels if target.casefold() in label.casefold()][:5]
    raise ModelError(
        f"{info.title} has no class “{target}”.", f"Did you mean {', '.join(near)}?" if near else "Give its index."
    )


def _tell(entry: dict[str, Any]) -> None:
    if "error" in entry:
        click.echo(f"{entry['file']}\n  error: {entry['error']}")
        return
    click.echo(entry["file"])
    for prediction in entry["predictions"]:
        click.echo(f"  {100 * prediction['probability']:6.2f} %  {prediction['label']}")
    explanation = entry.get("explanation")
    if explanation and explanation["png"]:
        click.echo(f"  {explanation['method']} of class {explanation['target']}: {explanation['png']}")
