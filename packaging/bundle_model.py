"""Make a model of this repository out of a finished run: weights, a card, and a thinned copy of the run to look at.

    python packaging/bundle_model.py RUN ID --title "ResNet-56 · CIFAR-10" --command "python main.py train …"
        [--measure DATA] [--half] [--limits TEXT] [--data TEXT] [--run-folder NAME/MEMBER]
    python packaging/bundle_model.py RUN --command "…" --run-folder NAME/MEMBER    # the thinned copy alone

What the run says of itself goes onto the card: data, seed, device, commit, date, accuracy with its interval (with
--measure, that of the weights as they are kept, judged by `evaluate`, instead of the trainer's). Paths of the machine
that trained are left out: they are nobody else's affair.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.core.files import write_text  # noqa: E402 - the repository's own app, wherever this is started
from app.engine.evaluation import evaluate  # noqa: E402
from app.evaluation.records import EvaluationRequest  # noqa: E402
from app.runs.folder import CONFIG, DATA, ENVIRONMENT, TWINS, read_json, write_json  # noqa: E402
from app.runs.status import FILE_NAME as STATUS  # noqa: E402
from app.runs.thin import thin  # noqa: E402
from app.training.library import to_library  # noqa: E402
from app.zoo.card import Accuracy, Card  # noqa: E402
from app.zoo.card_file import write_card  # noqa: E402
from app.zoo.loading import load_card  # noqa: E402

RUNS = ROOT / "models" / "runs"
MOST_LOST = 0.5  # points of accuracy between training and keeping


def main() -> None:
    """Read the arguments and write the folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("id", nargs="?", default="", help="of the model: its folder in models/")
    parser.add_argument("--title", default="")
    parser.add_argument("--command", required=True, help="how to train it again, without paths of this machine")
    parser.add_argument("--data", default="", help="what it learnt from, instead of what the run says")
    parser.add_argument("--tested-on", default="", help="what it was tested on, instead of what the run says")
    parser.add_argument("--measure", type=Path, help="labelled pictures to judge the kept weights on")
    parser.add_argument("--evaluate", default="", help="the command that measures the accuracy again")
    parser.add_argument("--limits", default="")
    parser.add_argument("--half", action="store_true", help="keep weights as float16")
    parser.add_argument("--run-folder", default="", help="keep a thinned copy of the run as models/runs/NAME[/MEMBER]")
    given = parser.parse_args()
    if given.id and not given.title:
        parser.error("a model needs a --title")
    if given.id:
        _bundle_model(given)
    if given.run_folder:
        _bundle_run(given.run, RUNS / given.run_folder, given.command)


def _bundle_model(given: argparse.Namespace) -> None:
    folder = ROOT / "models" / given.id
    shutil.rmtree(folder, ignore_errors=True)
    card = to_library(given.run, title=given.title, folder=folder, kind="bundled", half=given.half)
    training = dataclasses.replace(
        card.training, command=given.command, data=given.data or card.training.data, device=_device(given.run)
    )
    accuracy = tuple(
        dataclasses.replace(one, command=given.evaluate or given.command, data=given.tested_on or one.data)
        for one in card.accuracy
    )
    card = dataclasses.replace(
        card,
        source="trained by ResNet Explorer",
        licence="MIT",
        training=training,
        accuracy=accuracy,
        limits=given.limits or card.limits,
    )
    write_card(card)
    load_card(card)
    if given.measure:
        measured = _measured(card, given.measure)
        if card.accuracy[0].top1 - measured.top1 > MOST_LOST:
            shutil.rmtree(folder)
            sys.exit(
                f"{given.id} was {card.accuracy[0].top1:.2f} % right when it was trained; as it is kept it is "
                f"{measured.top1:.2f} %: not bundled. Not all weights bear float16: leave out --half."
            )
        card = dataclasses.replace(card, accuracy=(measured,))
        write_card(card)
    print(f"{folder}: {sum(file.stat().st_size for file in folder.iterdir()) / 1e6:.1f} MB")


def _measured(card: Card, data: Path) -> Accuracy:
    """What `evaluate` says of the card's weights; its words on data and command are kept."""
    record = evaluate(EvaluationRequest(str(card.folder), str(data), keep=False))
    low, high = record.top1.interval
    return dataclasses.replace(
        card.accuracy[0],
        top1=round(100 - record.top1.per_cent, 2),
        top5=None if record.top5 is None else round(100 - record.top5.per_cent, 2),
        pictures=record.top1.pictures,
        interval=(round(100 - high, 2), round(100 - low, 2)),
    )


def _device(run: Path) -> str:
    precision = read_json(run / CONFIG)["precision"]
    device = str(read_json(run / ENVIRONMENT)["device"])
    return device if precision == "float32" else f"{device}, {precision}"


def _bundle_run(run: Path, copy: Path, command: str) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    thin(run, copy)
    for folder in (copy, copy.parent):
        twins = run.parent / TWINS
        if folder == copy.parent and twins.is_file():
            shutil.copyfile(twins, folder / TWINS)
        for name in (CONFIG, TWINS):
            if (folder / name).is_file():
                values = read_json(folder / name)
                values["data_path"] = Path(values["data_path"]).name
                write_json(folder / name, values)
    environment = read_json(copy / ENVIRONMENT)
    write_json(copy / ENVIRONMENT, environment | {"command": command, "host": "", "system": _kind(environment)})
    data = read_json(copy / DATA)
    write_json(copy / DATA, data | {"notices": []})
    status = json.loads((copy / STATUS).read_text(encoding="utf-8"))
    write_text(copy / STATUS, json.dumps(status | {"host": "", "process": 0}))
    print(f"{copy}: {sum(file.stat().st_size for file in copy.iterdir()) / 1e6:.1f} MB")


def _kind(environment: dict[str, object]) -> str:
    return re.split(r"[-\s]", str(environment["system"]))[0]


if __name__ == "__main__":
    main()
