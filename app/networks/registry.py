"""The families of networks, and what each must be able to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import nn

from app.core.errors import ArchitectureError
from app.core.records import BlockInfo, BlockKind, NetworkOutline, ShortcutKind
from app.core.registry import Registry

Options = Mapping[str, object]


class NetworkFamily(Protocol):
    """One family of architectures, one file.

    Attributes:
        name: Registry name.
        examples: Architectures to offer and to test; a family may accept more (any depth 6n+2, say).
        input_size: The usual side of the square input, in pixels.
    """

    name: str
    examples: tuple[str, ...]
    input_size: int

    def build(self, architecture: str, *, classes: int, options: Options) -> nn.Module:
        """An untrained network that maps (N, 3, S, S) float pictures to (N, classes) logits.

        Raises:
            ArchitectureError: where there is no such architecture or option.
        """
        ...

    def outline(self, architecture: str, network: nn.Module) -> NetworkOutline:
        """The blocks of a network that `build` made."""
        ...


families: Registry[NetworkFamily] = Registry("network family", "app.networks", ArchitectureError)


def build(family: str, architecture: str, *, classes: int, options: Options | None = None) -> nn.Module:
    """Build an untrained network; see `NetworkFamily.build`."""
    return families.get(family).build(architecture, classes=classes, options=options or {})


def find_family(architecture: str) -> NetworkFamily:
    """The family that lists an architecture among its examples.

    Raises:
        ArchitectureError: where none does.
    """
    for _, family in families.items():
        if architecture in family.examples:
            return family
    known = ", ".join(example for _, family in families.items() for example in family.examples)
    raise ArchitectureError(f"There is no architecture called “{architecture}”.", f"Known: {known}.")


def parameter_count(module: nn.Module) -> int:
    """How many numbers a module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def block_info(
    network: nn.Module,
    name: str,
    kind: BlockKind,
    *,
    stage: int = 0,
    index: int = 0,
    shortcut: ShortcutKind = "none",
    of: tuple[str, ...] = (),
) -> BlockInfo:
    """Describe the module of that path, whose output is the block's output.

    Args:
        of: The modules that make up the block, where the named one is only the last of them.
    """
    parameters = sum(parameter_count(network.get_submodule(path)) for path in of or (name,))
    return BlockInfo(name, kind, stage, index, shortcut, parameters)


def reject_unknown_options(options: Options, known: tuple[str, ...], architecture: str) -> None:
    """Refuse options that the family does not have, naming those that it has."""
    unknown = sorted(set(options) - set(known))
    if unknown:
        have = ", ".join(known) or "none"
        raise ArchitectureError(f"{architecture} has no option {', '.join(unknown)}.", f"Options: {have}.")
