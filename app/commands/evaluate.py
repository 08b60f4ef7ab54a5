"""`evaluate`: a model's error on labelled pictures, with its interval, per class, and its calibration."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from app.core.errors import EngineError

if TYPE_CHECKING:
    from app.engine.evaluation import Judged
    from app.evaluation.judge import Share
    from app.evaluation.records import EvaluationRecord

SHOWN_CLASSES = 10


@click.command()
@click.option("--model", required=True, help="Id of a model, or a file.")
@click.option(
    "--data",
    "path",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder per class, an .npz file, cifar-10-batches-py, or ImageNet's validation pictures.",
)
@click.option(
    "--labels", type=click.Path(path_type=Path), help="A file that says each picture's class: “picture,class” a line."
)
@click.option("--skip-unknown", is_flag=True, help="Leave out pictures of classes that the model does not have.")
@click.option("--batch", default=0, type=click.IntRange(min=0), help="Pictures at once; 0 for what suits.")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write the per-class table.")
@click.option(
    "--pictures", type=click.Path(path_type=Path, dir_okay=False), help="Write the answer to every picture, as CSV."
)
@click.option("--no-record", is_flag=True, help="Leave no record in the user's data.")
@device_option
@json_option
@explained
def command(
    model: str,
    path: Path,
    labels: Path | None,
    skip_unknown: bool,
    batch: int,
    table: Path | None,
    pictures: Path | None,
    no_record: bool,
    device: str,
    as_json: bool,
) -> None:
    """Measure a model on labelled pictures: top-1 and top-5 error, per class, calibration, the worst mistakes.

    Under torchrun the processes share the work, with the same numbers. Exit code 1 where pictures could not be read.
    """
    from app.engine import evaluation
    from app.evaluation.records import EvaluationRequest
    from app.evaluation.records import as_json as record_as_json

    for place in (table, pictures):
        check_writable(place)
    request = EvaluationRequest(
        model, str(path), str(labels) if labels else "", skip_unknown, batch, keep=not no_record
    )
    with _processes(device) as (rank, world, gather), _bar(rank == 0) as progress:
        judged = evaluation.shared(request, rank=rank, world=world, gather=gather, progress=progress)
    if judged is None:  # another process speaks
        return
    record = judged.record
    if table is not None:
        write_result(table, class_table(record))
    if pictures is not None:
        write_result(pictures, picture_table(judged))
    if as_json:
        print_json(record_as_json(record))
    else:
        _tell(record)
    if record.unread:
        sys.exit(FAILED)


Gather = Callable[["Share"], "list[Share] | None"]


@contextmanager
def _processes(device: str) -> Iterator[tuple[int, int, Gather]]:
    """This process among those that torchrun started, and how to bring their shares together in the first one."""
    from app.engine import evaluation, service
    from app.training.distributed import joined, started_by_torchrun

    if not started_by_torchrun():
        service.hello(device)
        yield 0, 1, evaluation.alone
        return
    import torch
    from torch import distributed

    # Shares are plain arrays in the computer's memory: gloo carries them, whatever the networks run on.
    with joined("cpu") as ranks:
        own = device == "cuda" or (device == "auto" and torch.cuda.device_count() > ranks.local)
        service.hello(f"cuda:{ranks.local}" if own else device)

        def gather(share: Share) -> list[Share] | None:
            found: list[Share | None] | None = [None] * ranks.world if ranks.first else None
            distributed.gather_object(share, found, dst=0)
            if found is None:
                return None
            shares = [one for one in found if one is not None]
            if len(shares) != ranks.world:
                raise EngineError("A process did not deliver its share.", "Start again; the log has the details.")
            return shares

        yield ranks.rank, ranks.world, gather


@contextmanager
def _bar(shown: bool) -> Iterator[Callable[[float], None]]:
    if not shown:
        yield lambda _share: None
        return
    with click.progressbar(length=1000, file=sys.stderr, label="Evaluating") as bar:
        yield lambda share: bar.update(max(0, round(1000 * share) - bar.pos))


def class_table(record: EvaluationRecord) -> str:
    """One line per class, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["index", "class", "pictures", "right", "among five", "called so", "recall %", "precision %"])
    for row in record.rows:
        writer.writerow(
            [
                row.index,
                row.label,
                row.pictures,
                row.right,
                row.among,
                row.called,
                "" if not row.pictures else f"{row.recall:.2f}",
                "" if not row.called else f"{row.precision:.2f}",
            ]
        )
    return text.getvalue()


def picture_table(judged: Judged) -> str:
    """One line per picture, as CSV."""
    labels, verdicts = judged.record.labels, judged.verdicts
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "class", "called", "right", "probability", "probability of the class"])
    for number, label in enumerate(verdicts.labels.tolist()):
        if label < 0:
            continue
        called = int(verdicts.top[number, 0])
        answer: list[object] = ["", "", "", ""]
        if called >= 0:
            sure, true = verdicts.probabilities[number, 0], verdicts.truth[number]
            answer = [labels[called], int(called == label), f"{sure:.6f}", f"{true:.6f}"]
        writer.writerow([judged.names[number], labels[label], *answer])
    return text.getvalue()


def _tell(record: EvaluationRecord) -> None:
    click.echo(f"{record.title} on {record.pictures:,} pictures of {record.data}")
    for name, rate, other in (
        ("top-1", record.top1, record.published.top1 if record.published else None),
        ("top-5", record.top5, record.published.top5 if record.published else None),
    ):
        if rate is not None:
            low, high = rate.interval
            said = f"; its card: {other:.2f} %" if other is not None else ""
            click.echo(f"{name} error {rate.per_cent:.2f} % (95 % interval {low:.2f} to {high:.2f}){said}")
    if record.published:
        card = record.published
        click.echo(f"the card's figures: {card.origin} on {card.data} ({card.source})")
    calibration = record.calibration
    click.echo(
        f"calibration: ECE {100 * calibration.ece:.2f} % (15 bins), mean winning probability "
        f"{100 * calibration.mean_confidence:.2f} %, log loss {record.log_loss:.4f}"
    )
    hardest = sorted((row for row in record.rows if row.pictures), key=lambda row: row.recall)[:SHOWN_CLASSES]
    width = max(len(row.label) for row in hardest)
    for row in hardest:
        click.echo(f"  {row.label:{width}}  {row.right:>6} of {row.pictures:>6} right ({row.recall:.1f} %)")
    click.echo(f"{record.seconds:.1f} s on {record.device}, {record.processes} process(es); matched {record.matched}")
    for notice in record.notices:
        click.echo(notice)
    for one in record.unread[:5]:
        click.echo(f"unread: {one.name}: {one.why}")
