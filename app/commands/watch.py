"""`watch`: a whole video, sequence or stream, frame by frame: what the network says, and where it looked."""

from __future__ import annotations

import contextlib
import csv
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands.options import FAILED, device_option, explained, json_option, print_json
from app.core.errors import SourceError
from app.core.files import replacing
from app.zoo.cards import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.core.records import Answer, ModelInfo, Pixels
    from app.sources.registry import Stream, StreamFrame
    from app.sources.video_writer import VideoWriter

TOP = 5


@dataclass
class Watch:
    """One run of the command.

    Attributes:
        model: In use.
        method: Of explanation, or None.
        opacity: Of the heatmap in the video.
        colour_map: In the video.
        rows: One per frame, JSON-able.
    """

    model: ModelInfo
    method: str | None
    opacity: float
    colour_map: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def look(self, frame: StreamFrame) -> Pixels:
        """Classify one frame, remember its row, and give the frame with its heatmap."""
        from app.core.records import Request
        from app.engine import service
        from app.render import overlay

        view = self.model.preprocessing.view(frame.pixels)
        answer = service.answer(Request(len(self.rows) + 1, self.model.reference, view.pixels, self.method))
        self.rows.append(self._row(frame, answer))
        if answer.heatmap is None:
            return frame.pixels
        return overlay.composite(frame.pixels, answer.heatmap, view.box, opacity=self.opacity, name=self.colour_map)

    def _row(self, frame: StreamFrame, answer: Answer) -> dict[str, Any]:
        probabilities = answer.prediction.probabilities
        return {
            "frame": frame.index,
            "seconds": round(frame.moment, 4),
            "predictions": [
                {"index": index, "label": self.model.labels[index], "probability": float(probabilities[index])}
                for index in answer.prediction.top(TOP)
            ],
            "milliseconds": round(answer.milliseconds, 3),
        }


@click.command()
@click.argument("source")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Id or file of a model.")
@click.option("--explain", "method", default=None, help="Method of explanation, such as grad-cam.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the video with heatmaps (MP4).")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write the predictions.")
@click.option("--frames", type=click.IntRange(min=1), help="Stop after so many frames.")
@click.option("--opacity", default=0.6, show_default=True, type=click.FloatRange(0, 1), help="Of the heatmap.")
@click.option("--colour-map", default="inferno", show_default=True, help="Of the heatmap.")
@device_option
@json_option
@explained
def command(
    source: str,
    model: str,
    method: str | None,
    out: Path | None,
    table: Path | None,
    frames: int | None,
    opacity: float,
    colour_map: str,
    device: str,
    as_json: bool,
) -> None:
    """Classify every frame of SOURCE: a video file, a folder or pattern of pictures, camera:0, rtsp:// or http://.

    Ctrl+C ends it; what was written until then is kept."""
    from app.engine import service
    from app.explain.registry import explanations
    from app.render.colormaps import lut
    from app.sources.registry import open_stream

    lut(colour_map)  # a wrong name is told before anything is computed
    if method is not None:
        explanations.get(method)
    if out is not None and out.suffix.lower() != ".mp4":
        raise SourceError(f"“{out}” does not end in .mp4.", "Only MP4 can be written.")
    service.hello(device)
    run = Watch(service.load(model), method, opacity, colour_map)
    stream = open_stream(source)
    start = time.perf_counter()
    error: SourceError | None = None
    try:
        with _writing(out, stream.info.rate) as video:
            error = _watch(run, stream, frames, video)
            if error is not None and not run.rows:
                raise error
        if table is not None:
            _write_table(table, run.rows)
    except OSError as problem:
        where = problem.filename or out or table
        raise SourceError(f"“{where}” cannot be written: {problem.strerror}.", "Choose another folder.") from problem
    finally:
        stream.close()
    _tell(run, source, time.perf_counter() - start, as_json)
    if error is not None:
        click.echo(f"resnet-explorer: {error}", err=True)
        sys.exit(FAILED)


def _watch(run: Watch, stream: Stream, frames: int | None, video: VideoWriter | None) -> SourceError | None:
    """Until the end, `frames`, or Ctrl+C; the error where the source broke off."""
    total = min(frames or stream.info.frames or 0, stream.info.frames or frames or 0)
    with click.progressbar(length=total or 1, file=sys.stderr, label="Watching", show_pos=True) as bar:
        try:
            while frames is None or len(run.rows) < frames:
                if (frame := stream.read()) is None:
                    break
                pixels = run.look(frame)
                if video is not None:
                    video.write(pixels)
                if total:
                    bar.update(1)
        except KeyboardInterrupt:
            click.echo("\nStopped; what is done so far is kept.", err=True)
        except SourceError as error:
            return error
    if not run.rows:
        return SourceError(f"There is no picture in “{stream.info.title}”.", "Choose another source.")
    return None


@contextlib.contextmanager
def _writing(out: Path | None, rate: float) -> Iterator[VideoWriter | None]:
    """A video that appears under its name only when it is complete."""
    if out is None:
        yield None
        return
    with replacing(out) as temporary:
        from app.sources.video_writer import VideoWriter

        video = VideoWriter(temporary, rate)
        try:
            yield video
        finally:
            video.close()


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["frame", "seconds", "rank", "index", "label", "probability", "milliseconds"])
        for row in rows:
            for rank, one in enumerate(row["predictions"], 1):
                writer.writerow(
                    [
                        row["frame"],
                        row["seconds"],
                        rank,
                        one["index"],
                        one["label"],
                        f"{one['probability']:.8g}",
                        row["milliseconds"],
                    ]
                )


def _tell(run: Watch, source: str, seconds: float, as_json: bool) -> None:
    rate = len(run.rows) / seconds
    if as_json:
        print_json(
            {
                "source": source,
                "model": run.model.reference,
                "device": run.model.device,
                "explanation": run.method,
                "frames_per_second": round(rate, 3),
                "frames": run.rows,
            }
        )
        return
    click.echo(f"{source}: {len(run.rows)} frames, {rate:.1f} per second on {run.model.device_title}")
    counts: dict[str, int] = {}
    for row in run.rows:
        label = row["predictions"][0]["label"]
        counts[label] = counts.get(label, 0) + 1
    for label, count in sorted(counts.items(), key=lambda item: -item[1])[:TOP]:
        click.echo(f"  {100 * count / len(run.rows):6.2f} % of the frames  {label}")
