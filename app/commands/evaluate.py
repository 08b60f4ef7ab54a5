"""`evaluate`: the error of a model on labelled pictures, with its interval."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands.options import device_option, explained, json_option, print_json
from app.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.inference.classifier import Classifier
    from app.training.data import LabelledPictures

BATCH = 250


@click.command()
@click.option("--model", required=True, help="Id of a model.")
@click.option("--data", "path", required=True, type=click.Path(path_type=Path, exists=True), help="See --kind.")
@click.option("--kind", default="cifar10", show_default=True, help="What --data is: cifar10, cifar100 or folder.")
@device_option
@json_option
@explained
def command(model: str, path: Path, kind: str, device: str, as_json: bool) -> None:
    """Measure top-1 and top-5 accuracy on the test pictures of a data set."""
    from app.engine import service
    from app.training.data import DataRequest, data_sources, silent
    from app.training.library import wilson

    service.hello(device)
    info = service.load(model)
    data = data_sources.get(kind).load(DataRequest(path=path), silent)
    if len(data.classes) != len(info.labels):
        raise DataError(
            f"{path} has {len(data.classes)} classes, {info.title} answers with {len(info.labels)}.",
            "Choose data of the model's own classes.",
        )
    logits = _logits(service.classifier(), data.test)
    labels = data.test.labels
    order = (-logits).argsort(axis=1, kind="stable")
    top1 = float((order[:, 0] == labels).mean())
    top5 = float((order[:, :5] == labels[:, None]).any(axis=1).mean())
    result: dict[str, Any] = {
        "model": info.reference,
        "data": str(path),
        "device": info.device,
        "pictures": len(labels),
        "top1": round(100 * top1, 2),
        "top1_interval": list(wilson(top1, len(labels))),
        "top5": round(100 * top5, 2),
    }
    if as_json:
        print_json(result)
        return
    low, high = result["top1_interval"]
    click.echo(f"{info.title} on {len(labels)} pictures of {path}")
    click.echo(f"top-1 {result['top1']:.2f} % (95 % interval {low:.2f} to {high:.2f}), top-5 {result['top5']:.2f} %")


def _logits(classifier: Classifier, pictures: LabelledPictures) -> NDArray[np.float32]:
    import numpy as np

    view = classifier.preprocessing.view
    parts = []
    starts = range(0, len(pictures), BATCH)
    with click.progressbar(starts, file=sys.stderr, label="Evaluating") as bar:
        for start in bar:
            crops = np.stack([view(one).pixels for one in pictures.pixels[start : start + BATCH]])
            parts.append(classifier.predict(crops).numpy())
    return np.concatenate(parts)
