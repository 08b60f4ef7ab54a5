"""One network and its optimiser: what a step of training is. How long, and where to write, is `session.py`'s."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.core.records import NetworkOutline
from app.training.batches import DevicePictures, Normaliser
from app.training.captured_step import CapturedStep, CudaGraph, Graph
from app.training.config import Experiment
from app.training.gradient_flow import GradientFlow
from app.training.schedule import WARM_UP_FACTOR, learning_rate

EVALUATION_BATCH = 500
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, eq=False)
class StepResult:
    """What a step gave, still on the device.

    Attributes:
        loss: () mean over this process's share of the batch, in nats.
        wrong: () how many of its pictures were wrong.
    """

    loss: Tensor
    wrong: Tensor


class Trainer:
    """Trains one network.

    Args:
        experiment: What to do.
        network: With its first weights; moved to the device.
        outline: The network's blocks.
        normalise: The data's.
        device: Where.
        steps: How many there will be: the schedule's length.

    Attributes:
        step: How many were made.
        micro_batch: Pictures computed at once.
        warming: Whether the warm-up is still on.
        average: The running mean of the weights, where the experiment asks for one.
        new_graph: What records steps; None where each is computed as it comes.
    """

    def __init__(
        self,
        experiment: Experiment,
        network: nn.Module,
        outline: NetworkOutline,
        *,
        normalise: Normaliser,
        device: torch.device,
        steps: int,
    ) -> None:
        self.experiment = experiment
        self.device = device
        self.normalise = normalise
        self.outline = outline
        self.steps = steps
        self.step = 0
        self.micro_batch = experiment.micro_batch or experiment.batch
        self.warming = experiment.warm_up
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: nn.Module = self.network
        self.optimiser = _optimiser(experiment, self.network, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=experiment.precision == "float16")
        self.begin_momentum()
        self.average = Average(self.network, experiment.average) if experiment.average else None
        graphs = experiment.graphs and device.type == "cuda"
        self.new_graph: Callable[[], Graph] | None = CudaGraph if graphs else None
        self._recording: CapturedStep | None = None
        self.learn()

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        rate = learning_rate(self.experiment, min(self.step, self.steps - 1), self.steps)
        return min(rate, WARM_UP_FACTOR * self.experiment.learning_rate) if self.warming else rate

    def begin_momentum(self) -> None:
        """Begin with a momentum of zero where the first step may be left out, as loss scaling does when it overflows.

        A fused SGD takes memory for the momentum as it is and fills it in the first step, if that is not left out. From
        zero the first step gives the very same numbers.
        """
        experiment = self.experiment
        momentum = experiment.optimiser == "sgd" and experiment.momentum > 0
        if not (momentum and self.scaler.is_enabled() and _is_fused(self.device)):
            return
        for parameter in self.network.parameters():
            if parameter.requires_grad and self.optimiser.state[parameter].get("momentum_buffer") is None:
                self.optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    def train_step(self, pixels: Tensor, labels: Tensor, flow: GradientFlow | None = None) -> StepResult:
        """One step.

        Args:
            pixels: (n, S, S, 3), 0 to 255.
            labels: (n,) int64, or (n, classes) shares of mixed pictures.
            flow: Measures it.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate
        captured = self._captured(pixels, labels, flow)
        self.optimiser.zero_grad(set_to_none=True)
        if flow is not None:
            flow.begin(self._scale())
        result = (captured or self.accumulate)(pixels, labels)
        if self.scaler.is_enabled():
            self.scaler.unscale_(self.optimiser)
        if flow is not None:
            flow.gradients()
        if self.experiment.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.experiment.clip)
        if flow is not None:
            flow.before_update()
        self._update()
        if flow is not None:
            flow.after_update()
        if self.average is not None:
            self.average.add(self.network)
        self.step += 1
        return result

    def _captured(self, pixels: Tensor, labels: Tensor, flow: GradientFlow | None) -> CapturedStep | None:
        """The recording that serves this step, made where there is none yet; None where steps are not recorded."""
        if self.new_graph is None or self.forward is not self.network:
            return None
        if self._recording is None or not self._recording.serves(pixels, labels, flow):
            self.forget_recording()
            self._recording = CapturedStep(
                self.accumulate, self.network, pixels, labels, flow=flow, graph=self.new_graph()
            )
        return self._recording

    def forget_recording(self) -> None:
        """Let go of the recorded step and its memory; where `micro_batch` changes, the next step is recorded anew."""
        self._recording = None

    def learn(self) -> None:
        """Training mode; batch norm that is frozen keeps its running statistics too."""
        self.forward.train()
        if self.experiment.freeze:
            for module in self.network.modules():
                own = list(module.parameters(recurse=False))
                if isinstance(module, nn.modules.batchnorm._BatchNorm) and not any(one.requires_grad for one in own):
                    module.eval()

    def accumulate(self, pixels: Tensor, labels: Tensor) -> StepResult:
        """Add the gradient of the mean loss of these pictures to the parameters' gradients, in micro-batches."""
        count = len(labels)
        parts = list(zip(torch.split(pixels, self.micro_batch), torch.split(labels, self.micro_batch), strict=True))
        losses, wrongs = [], []
        for number, (part, part_labels) in enumerate(parts, 1):
            with self._without_exchange(number < len(parts)):
                with self.precision():
                    logits = self.forward(self.normalise(part)).float()
                loss = functional.cross_entropy(logits, part_labels, label_smoothing=self.experiment.label_smoothing)
                if len(parts) > 1:
                    loss = loss * (len(part_labels) / count)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            truth = (
                part_labels if part_labels.dim() == 1 else part_labels.argmax(1)
            )  # of mixed pictures the larger part
            wrongs.append((logits.detach().argmax(1) != truth).sum())
        if len(parts) == 1:
            return StepResult(losses[0], wrongs[0])
        return StepResult(torch.stack(losses).sum(), torch.stack(wrongs).sum())

    @torch.inference_mode()
    def evaluate(self, pictures: DevicePictures) -> tuple[Tensor, Tensor]:
        """Sum of losses and count of errors over pictures, () each; single view, float32, running statistics.

        Where weights are averaged, of the averaged ones.
        """
        with self.kept_weights():
            return self._evaluate(pictures)

    @contextlib.contextmanager
    def kept_weights(self) -> Iterator[None]:
        """Inside, the network has the weights that are tested and kept."""
        if self.average is None:
            yield
            return
        self.average.swap(self.network)
        try:
            yield
        finally:
            self.average.swap(self.network)

    def _evaluate(self, pictures: DevicePictures) -> tuple[Tensor, Tensor]:
        self.network.eval()
        try:
            losses = torch.zeros((), device=self.device)
            wrong = torch.zeros((), device=self.device)
            size = min(EVALUATION_BATCH, 4 * self.micro_batch)  # without gradients, four times as many fit
            parts = zip(torch.split(pictures.pixels, size), torch.split(pictures.labels, size), strict=True)
            for pixels, labels in parts:
                logits = self.network(self.normalise(pixels))
                losses += functional.cross_entropy(logits, labels, reduction="sum")
                wrong += (logits.argmax(1) != labels).sum()
        finally:
            self.learn()
        return losses, wrong

    def precision(self) -> torch.autocast:
        """Automatic mixed precision, as the experiment says."""
        kind = PRECISIONS[self.experiment.precision]
        return torch.autocast(self.device.type, dtype=kind, enabled=kind != torch.float32)

    def _update(self) -> None:
        if self.scaler.is_enabled():
            self.scaler.step(self.optimiser)
            self.scaler.update()
        else:
            self.optimiser.step()

    def _scale(self) -> Tensor | None:
        if not self.scaler.is_enabled():
            return None
        return self.scaler.scale(torch.ones((), device=self.device))

    @contextlib.contextmanager
    def _without_exchange(self, more_to_come: bool) -> Iterator[None]:
        """Between processes, gradients are exchanged with the last micro-batch only."""
        with contextlib.ExitStack() as stack:
            if more_to_come and isinstance(self.forward, nn.parallel.DistributedDataParallel):
                stack.enter_context(self.forward.no_sync())
            yield


class Average:
    """A running mean of a network's parameters and running statistics (Polyak and Juditsky 1992).

    Args:
        network: Whose values it begins with.
        decay: Weight of the old mean in each step; smaller at first, (1 + steps) / (10 + steps), so that the random
            first weights are soon forgotten.

    Attributes:
        tensors: By their names in the state dict; whole numbers (counters) are left to the network.
        steps: How many were added.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.tensors = {name: tensor.clone() for name, tensor in _floating(network).items()}

    @torch.no_grad()
    def add(self, network: nn.Module) -> None:
        """Take in the weights as they are after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = _floating(network)
        torch._foreach_lerp_(list(self.tensors.values()), [now[name] for name in self.tensors], 1 - decay)

    @torch.no_grad()
    def swap(self, network: nn.Module) -> None:
        """Exchange the network's values and the mean's; twice is as before."""
        now = _floating(network)
        for name, mean in self.tensors.items():
            kept = mean.clone()
            mean.copy_(now[name])
            now[name].copy_(kept)


def _floating(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}


def _optimiser(experiment: Experiment, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    fused = _is_fused(device)
    if experiment.optimiser == "adamw":
        return torch.optim.AdamW(
            trained,
            lr=experiment.learning_rate,
            betas=(experiment.momentum, 0.999),
            weight_decay=experiment.weight_decay,
            foreach=not fused,
            fused=fused,
        )
    return torch.optim.SGD(
        trained,
        lr=experiment.learning_rate,
        momentum=experiment.momentum,
        nesterov=experiment.nesterov,
        weight_decay=experiment.weight_decay,
        foreach=not fused,
        fused=fused,
    )


def _is_fused(device: torch.device) -> bool:
    # On a CPU, foreach gives the very bits of torch's default loop in less time; fused ones differ in the last.
    return device.type == "cuda"
