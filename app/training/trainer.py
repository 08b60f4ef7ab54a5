"""The training loop: one experiment, one run folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.core.errors import TrainingError
from app.core.files import replacing, write_text
from app.networks.registry import build
from app.training.config import Experiment
from app.training.datasets import DataSet, PictureSet, batches


@dataclass(frozen=True)
class EpochRow:
    """What is known at the end of an epoch. Errors in per cent, loss in nats."""

    epoch: int
    step: int
    loss: float
    train_error: float
    test_error: float
    learning_rate: float
    pictures_per_second: float


def learning_rate(experiment: Experiment, step: int, steps: int) -> float:
    """The rate at a step, 0 ≤ step < steps."""
    peak = experiment.learning_rate
    if experiment.schedule == "steps":
        return peak * (1.0 if step < steps / 2 else 0.1 if step < 3 * steps / 4 else 0.01)
    rise = 0.2 * steps
    return peak * min((step + 1) / rise, (steps - step) / (steps - rise))


class Trainer:
    """Trains one network.

    Args:
        experiment: What to do.
        data: What to learn from; moved to the device.
        device: Where.
    """

    def __init__(self, experiment: Experiment, data: DataSet, device: torch.device) -> None:
        if experiment.batch > len(data.train):
            raise TrainingError(
                f"A batch of {experiment.batch} is more than the {len(data.train)} training pictures.",
                f"Choose a batch of at most {len(data.train)}.",
            )
        self.experiment = experiment
        self.device = device
        self.data = data.to(device)
        torch.manual_seed(experiment.seed)
        self.network = build(
            "cifar", experiment.architecture, classes=len(data.classes), options=experiment.options
        ).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator = torch.Generator().manual_seed(experiment.seed)
        self.optimiser = torch.optim.SGD(
            self.network.parameters(),
            lr=experiment.learning_rate,
            momentum=experiment.momentum,
            nesterov=experiment.nesterov,
            weight_decay=experiment.weight_decay,
        )
        self.steps = experiment.epochs * (len(data.train) // experiment.batch)
        self.step = 0

    def train_step(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One step of SGD; the batch's loss and count of errors, still on the device."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.experiment, self.step, self.steps)
        pictures = self.data.normalise(pixels).contiguous(memory_format=torch.channels_last)
        with self._precision():
            logits = self.network(pictures).float()
        loss = functional.cross_entropy(logits, labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        return loss.detach(), (logits.argmax(1) != labels).sum()

    def train(self, report: Callable[[EpochRow], None]) -> None:
        """Run every epoch and report each.

        Raises:
            TrainingError: where the loss is no longer finite.
        """
        for epoch in range(1, self.experiment.epochs + 1):
            self.network.train()
            start, losses, errors = time.perf_counter(), [], []
            epoch_batches = batches(
                self.data.train, size=self.experiment.batch, augment=self.experiment.augment, generator=self.generator
            )
            for pixels, labels in epoch_batches:
                loss, wrong = self.train_step(pixels, labels)
                losses.append(loss)
                errors.append(wrong)
            seen = len(losses) * self.experiment.batch
            loss = float(torch.stack(losses).mean())
            speed = seen / (time.perf_counter() - start)
            if not torch.isfinite(torch.tensor(loss)):
                raise TrainingError(
                    f"The loss became {loss} in epoch {epoch}.", "Try a lower learning rate or another seed."
                )
            report(
                EpochRow(
                    epoch=epoch,
                    step=self.step,
                    loss=loss,
                    train_error=100 * float(torch.stack(errors).sum()) / seen,
                    test_error=self.error(self.data.test),
                    learning_rate=self.optimiser.param_groups[0]["lr"],
                    pictures_per_second=speed,
                )
            )

    @torch.inference_mode()
    def error(self, pictures: PictureSet) -> float:
        """The share of pictures whose most probable class is wrong, in per cent; single view, float32."""
        self.network.eval()
        wrong = 0
        for pixels, labels in zip(pictures.pixels.split(500), pictures.labels.split(500), strict=True):
            normalised = self.data.normalise(pixels).contiguous(memory_format=torch.channels_last)
            wrong += int((self.network(normalised).argmax(1) != labels).sum())
        return 100 * wrong / len(pictures)

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.experiment.precision == "bfloat16"
        )


def run(experiment: Experiment, data: DataSet, device: torch.device, folder: Path) -> EpochRow:
    """Train, and leave a run folder: config.json, rows.jsonl, weights.safetensors, summary.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.json", experiment.to_json())
    trainer = Trainer(experiment, data, device)
    rows: list[EpochRow] = []

    def report(row: EpochRow) -> None:
        rows.append(row)
        write_text(folder / "rows.jsonl", "".join(json.dumps(asdict(one)) + "\n" for one in rows))
        save_weights(trainer.network, folder / "weights.safetensors")
        print(
            f"epoch {row.epoch}: loss {row.loss:.4f}, train error {row.train_error:.2f} %, "
            f"test error {row.test_error:.2f} %, {row.pictures_per_second:.0f} pictures/s",
            flush=True,
        )

    trainer.train(report)
    write_text(folder / "summary.json", json.dumps(asdict(rows[-1]), indent=2) + "\n")
    return rows[-1]


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's parameters and batch-norm statistics as safetensors, atomically."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path) as temporary:
        safetensors.torch.save_file(tensors, temporary)
