"""From a reference (a card's id, or a file) to a network that is ready to classify."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from pickle import UnpicklingError

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from app.core.errors import ArchitectureError, ModelError
from app.core.preprocessing import Preprocessing
from app.core.records import NetworkOutline
from app.networks.registry import families
from app.zoo.card import Card, Weights
from app.zoo.card_file import CARD_NAME
from app.zoo.cards import find_card, means_file, read_card
from app.zoo.checkpoints import Diagnosis, diagnose
from app.zoo.hashing import sha256_of

State = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network with everything that is known of it.

    Attributes:
        card: What it is.
        network: On the CPU, in float32, in eval mode.
        outline: Its blocks.
        labels: Class names in the order of the logits.
        preprocessing: What is done to a picture before the network sees it.
    """

    card: Card
    network: nn.Module
    outline: NetworkOutline
    labels: tuple[str, ...]
    preprocessing: Preprocessing


def load_model(reference: str) -> LoadedModel:
    """Load a model by its card's id, or by the path of a card, a card's folder or a file of weights.

    Raises:
        ModelError: where there is no such model or file, its weights are not downloaded, damaged, or do not fit.
    """
    if not means_file(reference):
        return load_card(find_card(reference))
    path = Path(reference).expanduser()
    if not path.exists():
        raise ModelError(f"There is no file {path}.", "Check the path, or give the id of a model.")
    if path.is_dir() and (path / CARD_NAME).is_file():
        path = path / CARD_NAME
    if path.name == CARD_NAME:
        return load_card(read_card(path))
    return load_file(path)


def load_file(path: Path, *, choices: Mapping[str, str] | None = None) -> LoadedModel:
    """Load a file of weights as it is, without taking it in; what it is, the checkpoint doctor finds out.

    Args:
        path: The file or folder.
        choices: The user's answers to the doctor's questions; see `app.zoo.checkpoints.inspect_file`.

    Raises:
        ModelError: where the doctor refuses it, with the reason.
    """
    return as_loaded(diagnose(path, choices=choices), path)


def as_loaded(diagnosis: Diagnosis, path: Path) -> LoadedModel:
    """The network of a file that the checkpoint doctor has understood.

    Raises:
        ModelError: where the doctor refuses it, with the reason.
    """
    architecture, state, preprocessing = diagnosis.require()
    report = diagnosis.report
    card = Card(
        id=str(path),
        title=f"{report.title}, {path.name}",
        kind="mine",
        architecture=architecture,
        labels=report.labels,
        preprocessing=preprocessing,
        weights=Weights(path.name, ""),
        folder=path.parent,
        source=str(path),
        parameters=report.parameters,
    )
    network = build_network(card)
    fill(network, state, path)
    outline = families.get(architecture.family).outline(architecture.name, network)
    return LoadedModel(card, network, outline, card.labels, preprocessing)


def load_card(card: Card) -> LoadedModel:
    """Load the model that a card describes.

    Raises:
        ModelError: where the weights are missing, are not the card's, or do not fit its architecture.
    """
    path = card.weights_path
    if not path.is_file():
        raise _missing(card)
    digest = _sha256(path, path.stat().st_size, path.stat().st_mtime_ns)
    if not digest.startswith(card.weights.sha256):
        raise ModelError(
            f"{path} is not the file that the card of {card.id} describes: its SHA-256 is {digest[:16]}…, "
            f"not {card.weights.sha256[:16]}….",
            "Delete it and download it again." if card.weights.url else "Take the model in again.",
        )
    network = build_network(card)
    fill(network, read_weights(path), path)
    family = families.get(card.architecture.family)
    outline = family.outline(card.architecture.name, network)
    return LoadedModel(card, network, outline, card.labels, card.preprocessing)


def build_network(card: Card) -> nn.Module:
    """The card's architecture, without memory for its weights yet, in eval mode.

    Raises:
        ModelError: where the card asks for a family, architecture or option that does not exist.
    """
    architecture = card.architecture
    try:
        with torch.device("meta"):
            network = families.get(architecture.family).build(
                architecture.name, classes=architecture.classes, options=architecture.options
            )
    except (ArchitectureError, TypeError, ValueError) as error:
        what = error.what if isinstance(error, ArchitectureError) else str(error)
        raise ModelError(
            f"The card of {card.id} in {card.folder} asks for a network that cannot be built: {what}",
            "Correct its [architecture], or take the model in again.",
        ) from error
    return network.eval()


def read_weights(path: Path) -> State:
    """The tensors of a file that its card vouches for: safetensors or a torch file, memory-mapped where possible.

    Raises:
        ModelError: where it is neither.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (OSError, RuntimeError, UnpicklingError, safetensors.SafetensorError, ValueError, EOFError) as error:
        raise ModelError(f"{path} cannot be read as weights: {_first_line(error)}.", "Get the file again.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} does not hold a plain table of weights.", "Get the file again.")
    return state


def fill(network: nn.Module, state: State, path: Path) -> None:
    """Put weights into a network that was built on the meta device; half precision becomes float32.

    Raises:
        ModelError: naming the first keys that do not fit.
    """
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    # Files older than torch 0.4.1 do not count batches; the count is not used in eval mode.
    for name in network.state_dict():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, torch.tensor(0))
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise ModelError(
            f"The weights in {path} do not fit the architecture: {' '.join(lines)[:300]}", "Take the model in again."
        ) from error
    network.requires_grad_(False)


@lru_cache(maxsize=64)
def _sha256(path: Path, _size: int, _changed: int) -> str:
    """Computed once for a file that has not changed: an engine loads the same model often."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error}).", "Check its permissions.") from error


def _missing(card: Card) -> ModelError:
    path = card.weights_path
    if not card.weights.url:
        return ModelError(f"The weights of {card.id} are not there: {path}.", "Take the model in again.")
    return ModelError(
        f"The weights of {card.id} are not on this machine ({card.weights.mebibytes:.0f} MiB).",
        f"Download them on the Models page, or with “models download {card.id}”; or get {card.weights.url} on "
        f"another machine and put it here as {path}.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
