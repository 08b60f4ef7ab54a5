"""Jobs that a test ends, and evaluations made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.evaluation import measures
from app.evaluation.data import labelled_set
from app.evaluation.records import EvaluationRecord, Mistake, Published, Unread, write_record
from app.ui.composition import Composition
from app.ui.models.page import ModelsPage
from tests.ui.prompt_engine import LABELS


class HeldJob(QObject):
    """Has the signals of a `Job`; the test emits them."""

    progressed = Signal(float)
    done = Signal(object)
    failed = Signal(object)
    started: list[HeldJob] = []

    def __init__(self, device: str, verb: str, *arguments: object, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.device, self.verb, self.arguments = device, verb, arguments
        self.cancelled = self.closed = False
        HeldJob.started.append(self)

    def cancel(self) -> None:
        self.cancelled = True

    def close(self) -> None:
        self.closed = True


def show_panel(program: Composition, name: str) -> object:
    """A tab of the Models page, in sight."""
    program.window.actions_table["page-models"].trigger()
    page = program.window.pages.currentWidget()
    assert isinstance(page, ModelsPage)
    return page.show_panel(name)


def evaluation(folder: Path, name: str = "one", *, wrong: int = 7, title: str = "ResNet-20") -> EvaluationRecord:
    """An evaluation of 40 grey pictures in `folder`/some.npz, of which the first `wrong` are called the next class."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "some.npz"
    if not path.exists():
        pixels = np.repeat(np.arange(40, dtype=np.uint8), 32 * 32 * 3).reshape(40, 32, 32, 3) * 6
        np.savez(path, x=pixels, y=np.arange(40) % 10)
    data = labelled_set(path)
    top = np.stack([(data.labels + shift) % 10 for shift in range(5)], 1).astype(np.int32)
    top[:wrong] = (top[:wrong] + 1) % 10
    probabilities = np.tile(np.array([0.6, 0.2, 0.1, 0.05, 0.05], np.float32), (40, 1))
    probabilities[:, 0] += np.arange(40, dtype=np.float32) / 200
    truth = np.where(top[:, 0] == data.labels, probabilities[:, 0], 0.05).astype(np.float32)
    verdicts = measures.Verdicts(data.labels, top, probabilities, truth)
    top1, top5 = measures.error_rates(verdicts, 10)
    record = EvaluationRecord(
        id=f"20260101-{name}",
        date=f"2026-01-0{1 + wrong % 9}T10:00:00+00:00",
        model="cifar10-resnet20",
        title=title,
        model_hash="ab" * 32,
        labels=LABELS,
        data=str(path),
        labels_file="",
        layout=data.layout,
        fingerprint=data.fingerprint,
        matched="by number",
        device="a quick CPU",
        command="python main.py evaluate …",
        program="test",
        processes=1,
        seconds=1.5,
        top1=top1,
        top5=top5,
        log_loss=measures.negative_log_likelihood(verdicts),
        calibration=measures.calibration(verdicts),
        rows=measures.class_rows(verdicts, LABELS),
        worst=tuple(
            Mistake(number, f"#{number}", int(data.labels[number]), int(top[number, 0]), 0.6, 0.05)
            for number in measures.worst(verdicts, 100)
        ),
        unread=(Unread("broken.png", "It is damaged."),),
        notices=("The data do not name their classes: their numbers are the model's.",),
        published=Published(9.79, 0.25, "CIFAR-10", "measured", "a command"),
    )
    write_record(record, verdicts)
    return record
