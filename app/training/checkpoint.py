"""Everything to go on from, in one safetensors file, written atomically. Reading it runs no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from app.core.errors import RunError
from app.core.files import replacing
from app.runs.folder import CHECKPOINT, WEIGHTS
from app.runs.store import write_error
from app.training import random_numbers
from app.training.trainer import Trainer

FORMAT = "resnet-explorer checkpoint 1"


@dataclass
class Progress:
    """What a run remembers beside its tensors.

    Attributes:
        step: How many were made.
        steps: How many there will be.
        seconds: Of training so far.
        micro_batch: Pictures computed at once.
        warming: Whether the warm-up is still on.
        loss_sum: Of the steps since the last evaluation.
        wrong_sum: Of the steps since the last evaluation.
        counted: Steps since the last evaluation.
        warm_wrong: Sum of the training errors of this epoch's steps, in per cent; counted while the warm-up is on.
        warm_counted: How many steps these are.
        evaluation: The last one; empty before the first.
        threads: Of the CPU: with another number, sums are made in another order and last bits differ.
        scaler: State of AMP's loss scaling.
    """

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    micro_batch: int = 0
    warming: bool = False
    loss_sum: float = 0.0
    wrong_sum: float = 0.0
    counted: int = 0
    warm_wrong: float = 0.0
    warm_counted: int = 0
    evaluation: dict[str, float] = field(default_factory=dict)
    threads: int = 0
    scaler: dict[str, float] = field(default_factory=dict)


def save(folder: Path, trainer: Trainer, stream: Mapping[str, Tensor], progress: Progress) -> None:
    """Write a checkpoint over the last one.

    Raises:
        RunError: where it cannot be written; the last one is then as it was.
    """
    progress.step, progress.steps = trainer.step, trainer.steps
    progress.micro_batch, progress.warming = trainer.micro_batch, trainer.warming
    progress.scaler = trainer.scaler.state_dict() if trainer.scaler.is_enabled() else {}
    tensors = {f"network/{name}": tensor for name, tensor in trainer.network.state_dict().items()}
    for name, parameter in trainer.network.named_parameters():
        for key, value in trainer.optimiser.state.get(parameter, {}).items():
            if value is not None:
                tensors[f"optimiser/{key}/{name}"] = value
    tensors |= {f"stream/{name}": tensor for name, tensor in stream.items()}
    if trainer.average is not None:
        tensors |= {f"average/{name}": tensor for name, tensor in trainer.average.tensors.items()}
    tensors |= {f"random/{name}": state for name, state in random_numbers.states(trainer.device).items()}
    _write(folder / CHECKPOINT, tensors, {"format": FORMAT, "progress": json.dumps(asdict(progress))})


def load(folder: Path, trainer: Trainer) -> tuple[dict[str, Tensor], Progress]:
    """Bring a trainer to where the run was; the stream's state and the rest.

    Raises:
        RunError: where there is no checkpoint, or not of this network.
    """
    path = folder / CHECKPOINT
    progress = read_progress(folder)
    try:
        with safetensors.safe_open(path, framework="pt", device=str(trainer.device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        trainer.network.load_state_dict(_part(tensors, "network/"))
        _restore_optimiser(trainer, tensors)
        if trainer.average is not None:
            trainer.average.steps = progress.step
            trainer.average.tensors = {name: tensors[f"average/{name}"].clone() for name in trainer.average.tensors}
    except (OSError, safetensors.SafetensorError, RuntimeError, KeyError) as error:
        raise RunError(f"{path} does not fit this run ({error}).", "Start the run anew in another folder.") from error
    trainer.step, trainer.steps = progress.step, progress.steps
    trainer.micro_batch, trainer.warming = progress.micro_batch, progress.warming
    random_numbers.restore(_part(tensors, "random/"), trainer.device)
    if progress.scaler:
        trainer.scaler.load_state_dict(progress.scaler)
    return {name: tensor.cpu() for name, tensor in _part(tensors, "stream/").items()}, progress


def read_progress(folder: Path) -> Progress:
    """How far a run's checkpoint is.

    Raises:
        RunError: where there is none.
    """
    path = folder / CHECKPOINT
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise RunError(f"{path} is no checkpoint of this program.", "Start the run anew in another folder.")
        return Progress(**json.loads(metadata["progress"]))
    except FileNotFoundError as error:
        raise RunError(f"{folder} has no checkpoint to go on from.", "Start the run anew in another folder.") from error
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error}).", "Start the run anew in another folder.") from error


def save_weights(folder: Path, trainer: Trainer) -> Path:
    """Write the parameters and running statistics alone, by their own names.

    Raises:
        RunError: where they cannot be written.
    """
    path = folder / WEIGHTS
    with trainer.kept_weights():
        _write(path, dict(trainer.network.state_dict()), {"architecture": trainer.experiment.architecture})
    return path


def _restore_optimiser(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    trainer.optimiser.state.clear()
    parameters = dict(trainer.network.named_parameters())
    for name, tensor in _part(tensors, "optimiser/").items():
        key, parameter_name = name.split("/", 1)
        parameter = parameters[parameter_name]
        if tensor.shape == parameter.shape:  # with the parameter's strides, or sums are made in another order
            tensor = torch.empty_like(parameter).copy_(tensor)
        trainer.optimiser.state[parameter][key] = tensor
    trainer.begin_momentum()


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    if not path.parent.is_dir():
        raise RunError(f"The folder {path.parent} is gone.", "It was moved or deleted; start the run anew.")
    plain: dict[str, Any] = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with replacing(path) as temporary:
            safetensors.torch.save_file(plain, temporary, metadata)
    except (OSError, safetensors.SafetensorError) as error:
        raise write_error(path, error) from error
