"""Networks that are not residual networks of ours, by name: to load VGG and its like, and to say what a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import torch

from app.networks.registry import NetworkFamily, families
from app.zoo.assembly import Origin
from app.zoo.card import Architecture
from app.zoo.card_file import read_toml
from app.zoo.known_table import KNOWN_TABLE, fingerprint
from app.zoo.layers import Layers, Shape, sort_layers

_SIGNS = (
    (r"(^|\.)attnpool\.", "CLIP's image network (attention pooling at its end, averaging before its strides)"),
    (r"(^|\.)(rpn|roi_heads?|box_head|bbox_head|anchors?|detect)(\.|$|_)", "a detector"),
    (r"(^|\.)(up\d*|upconv\d*|deconv\w*|decoder|decode_head|aspp)\.", "a network for segmentation (U-Net or alike)"),
    (r"(^|\.)weight_(ih|hh)_l\d", "a recurrent network"),
    (r"(in_proj_weight|qkv|self_attn|attention\.query|position_embedding|pos_embed)", "a transformer"),
    (r"denselayer|denseblock", "a DenseNet"),
    (r"(^|\.)(fire\d*|squeeze\.)", "a SqueezeNet"),
    (r"(^|\.)(inception\w*|mixed_\w+)\.", "an Inception network"),
    (r"trunk_output|(^|\.)s\d\.b\d\.", "a RegNet"),
    (r"layer_scale|dwconv|gamma_\d", "a ConvNeXt"),
)


def match_family(shapes: Mapping[str, Shape]) -> tuple[Architecture, tuple[Origin, ...], tuple[str, ...]] | None:
    """A VGG, AlexNet or GoogLeNet of torchvision's shape, under any names: (architecture, origins, left over).

    Its layers have the same shapes in the same order as ours; the classes may differ.
    """
    for by_name in (False, True):
        found = sort_layers(shapes, by_name=by_name)
        if not found.linears:
            continue
        for name, family in families.items():
            for example in family.examples if name in _STACKS else ():
                matched = _matched(found, family, example)
                if matched:
                    origins, used = matched
                    rest = tuple(key for key in shapes if key not in used and key not in found.bookkeeping)
                    return Architecture(name, example, found.linears[-1].channels_out), origins, rest
    return None


_STACKS = ("torchvision-vgg", "torchvision-alexnet", "torchvision-googlenet")


def _matched(found: Layers, family: NetworkFamily, example: str) -> tuple[tuple[Origin, ...], set[str]] | None:
    ours = _layers_of(family.name, example, found.linears[-1].channels_out)
    origins: list[Origin] = []
    for theirs_of_role, ours_of_role in (
        (found.convs, ours.convs),
        (found.norms, ours.norms),
        (found.linears, ours.linears),
    ):
        theirs = [layer for layer in theirs_of_role if not re.search(r"(^|\.)aux\d?\.", layer.path, re.IGNORECASE)]
        if [layer.shape for layer in theirs] != [layer.shape for layer in ours_of_role]:
            return None
        for their, our in zip(theirs, ours_of_role, strict=True):
            if set(their.keys) != set(our.keys):
                return None
            origins += [Origin(our.keys[part], their.keys[part]) for part in our.keys]
    return tuple(origins), {origin.key for origin in origins}


@cache
def _layers_of(family: str, example: str, classes: int) -> Layers:
    with torch.device("meta"):
        network = families.get(family).build(example, classes=classes, options={})
    return sort_layers({key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}, by_name=False)


@cache
def _known_networks() -> dict[str, str]:
    return {str(name): str(title) for name, title in read_toml(KNOWN_TABLE)["networks"].items()}


def name_of(shapes: Mapping[str, Shape]) -> str:
    """What a file that is no residual network seems to be, in words; "" where nothing is known."""
    exact = _known_networks().get(fingerprint(shapes))
    if exact:
        return exact
    keys = "\n".join(shapes).lower()
    for sign, words in _SIGNS:
        if re.search(sign, keys, re.MULTILINE):
            return words
    layers = sort_layers(shapes, by_name=False)
    if sum(conv.channels_in == 1 and conv.channels_out > 3 for conv in layers.convs) >= 5:
        return "a MobileNet, an EfficientNet or another network of depthwise convolutions"
    if len(layers.convs) >= 5 and all(conv.kernel == (3, 3) for conv in layers.convs) and len(layers.linears) >= 1:
        return "a plain stack of 3×3 convolutions, like VGG"
    if not layers.convs and layers.linears:
        return "a network of linear layers only"
    return ""
