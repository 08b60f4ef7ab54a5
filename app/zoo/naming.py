"""Which family, architecture and options a network has in our registry."""

from __future__ import annotations

from dataclasses import MISSING, fields

from torch import Tensor

from app.networks.general_resnet import CUSTOM, PRESETS, GeneralOptions
from app.zoo.blueprint import Blueprint
from app.zoo.card import Architecture

_TORCHVISION: dict[tuple[str, tuple[int, ...], tuple[int, ...], int], str] = {
    ("basic", (2, 2, 2, 2), (64, 128, 256, 512), 1): "resnet18",
    ("basic", (3, 4, 6, 3), (64, 128, 256, 512), 1): "resnet34",
    ("bottleneck", (3, 4, 6, 3), (64, 128, 256, 512), 1): "resnet50",
    ("bottleneck", (3, 4, 23, 3), (64, 128, 256, 512), 1): "resnet101",
    ("bottleneck", (3, 8, 36, 3), (64, 128, 256, 512), 1): "resnet152",
    ("bottleneck", (3, 4, 6, 3), (128, 256, 512, 1024), 32): "resnext50_32x4d",
    ("bottleneck", (3, 4, 23, 3), (256, 512, 1024, 2048), 32): "resnext101_32x8d",
    ("bottleneck", (3, 4, 23, 3), (256, 512, 1024, 2048), 64): "resnext101_64x4d",
    ("bottleneck", (3, 4, 6, 3), (128, 256, 512, 1024), 1): "wide_resnet50_2",
    ("bottleneck", (3, 4, 23, 3), (128, 256, 512, 1024), 1): "wide_resnet101_2",
}
_USUAL_CHANNELS = {"basic": (64, 128, 256, 512), "bottleneck": (256, 512, 1024, 2048)}


def name_architecture(
    options: GeneralOptions, blueprint: Blueprint, state: dict[str, Tensor]
) -> tuple[Architecture, dict[str, Tensor]]:
    """The architecture as its most particular family calls it, and the state as that family names it."""
    classes = blueprint.classes
    torchvision = _torchvision_name(options)
    if torchvision:
        return Architecture("torchvision-resnet", torchvision, classes), state
    cifar = _cifar_options(options)
    if cifar is not None:
        kind = "plain" if options.shortcut == "none" else "resnet"
        bare = _without_norms(blueprint, state)
        if bare is not None:
            return Architecture("cifar", f"{kind}{options.depth}", classes, {**cifar, "norm": "none"}), bare
        return Architecture("cifar", f"{kind}{options.depth}", classes, cifar), state
    for preset in PRESETS:
        if GeneralOptions.parse({}, preset) == options:
            return Architecture("general-resnet", preset, classes), state
    return Architecture("general-resnet", CUSTOM, classes, _given(options)), state


def _torchvision_name(options: GeneralOptions) -> str:
    name = _TORCHVISION.get((options.block, options.blocks, options.widths, options.groups), "")
    if not name or options.outputs != _USUAL_CHANNELS[options.block]:
        return ""
    usual = GeneralOptions(
        blocks=options.blocks,
        widths=options.widths,
        channels=options.channels,
        block=options.block,
        groups=options.groups,
    )
    return name if options == usual else ""


def _cifar_options(options: GeneralOptions) -> dict[str, object] | None:
    """The CIFAR family's options, or None where the network is not of the paper's shape for CIFAR."""
    width = options.widths[0]
    paper = (
        options.stages == 3
        and len(set(options.blocks)) == 1
        and options.widths == (width, 2 * width, 4 * width)
        and not options.channels
        and options.stem == (width,)
        and (options.stem_kernel, options.stem_stride, options.stem_pool) == (3, 1, False)
        and (options.groups, options.stride_in, options.projection) == (1, "middle", "stride")
        and (options.pool, options.pooling, options.head, options.project_first) == (1, "average", (), False)
    )
    ends = (options.stem_norm, options.final_norm) == (False, True)
    order = options.activation == "post" or (ends and (options.projects == "raw" or options.shortcut == "none"))
    if not paper or not order:
        return None
    given: dict[str, object] = {"shortcut": options.shortcut}
    if options.shortcut == "A":
        given["padding"] = options.padding
    usual = {"block": "basic", "activation": "post", "width": 16}
    found = {"block": options.block, "activation": options.activation, "width": width}
    return given | {name: value for name, value in found.items() if value != usual[name]}


def _without_norms(blueprint: Blueprint, state: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """The state of a network without batch norm, where every convolution has a bias."""
    units = [*blueprint.stem, *(unit for block in blueprint.blocks for unit in block.mains)]
    units += [block.projection for block in blueprint.blocks if block.projection]
    if any(unit.norm or "bias" not in unit.conv.keys for unit in units):
        return None
    bare: dict[str, Tensor] = {}
    for name, tensor in state.items():
        module, _, leaf = name.rpartition(".")
        is_norm = module.rpartition(".")[2].startswith("bn") or module.endswith("downsample.1")
        if not is_norm:
            bare[name] = tensor
        elif leaf == "bias":
            conv = module.removesuffix("1") + "0" if module.endswith("downsample.1") else module.replace("bn", "conv")
            bare[f"{conv}.bias"] = tensor
    return bare


def _given(options: GeneralOptions) -> dict[str, object]:
    """The options that differ from their defaults, as a card can hold them."""
    given: dict[str, object] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.default is MISSING or value != field.default:
            given[field.name] = list(value) if isinstance(value, tuple) else value
    return given
