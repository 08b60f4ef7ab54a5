"""Every architecture of every family in the registry, and what the paper says of its CIFAR networks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from app.core.errors import ArchitectureError
from app.networks.registry import build, families, find_family, parameter_count

CLASSES = 7
EXAMPLES = [(name, example) for name, family in families.items() for example in family.examples]
HUGE = re.compile(r"(resnet|plain)1202")
MANY_PARAMETERS = 30_000_000


def pictures(family: str, architecture: str, count: int = 2) -> Tensor:
    """Noise, as small as the architecture takes."""
    side = 64 if families.get(family).input_size > 64 else 8 if HUGE.fullmatch(architecture) else 16
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def network_of(family: str, architecture: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return build(family, architecture, classes=CLASSES, options=options)


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda pair: "-".join(pair))
def example(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, nn.Module]]:
    family, architecture = request.param
    yield family, architecture, network_of(family, architecture)


def skip_the_big_ones(family: str, architecture: str, network: nn.Module) -> None:
    """Where a smaller network runs the same code, a gigabyte of gradients proves nothing more."""
    first = architecture == families.get(family).examples[0]
    if not first and (HUGE.fullmatch(architecture) or parameter_count(network) > MANY_PARAMETERS):
        pytest.skip("the same code as its smaller relatives, and much more work")


def test_forward_and_addresses(example: tuple[str, str, nn.Module]) -> None:
    family, architecture, network = example
    network.train()  # untrained batch norm does not normalise in eval mode: 600 additions overflow
    outline = families.get(family).outline(architecture, network)
    shapes: dict[str, torch.Size] = {}
    handles = [
        network.get_submodule(block.name).register_forward_hook(
            lambda _module, _inputs, output, name=block.name: shapes.__setitem__(name, output.shape)
        )
        for block in outline.blocks
    ]
    with torch.no_grad():
        logits = network(pictures(family, architecture))
    for handle in handles:
        handle.remove()
    assert logits.shape == (2, CLASSES)
    assert torch.isfinite(logits).all()
    assert list(shapes) == [block.name for block in outline.blocks], "the outline is in the signal's order"
    assert all(len(shapes[block.name]) == 4 for block in outline.blocks if block.explainable)
    assert shapes[outline.blocks[-1].name] == (2, CLASSES)


def test_outline(example: tuple[str, str, nn.Module]) -> None:
    family, architecture, network = example
    outline = families.get(family).outline(architecture, network)
    assert (outline.family, outline.architecture) == (family, architecture)
    assert outline.parameters == parameter_count(network)
    assert sum(block.parameters for block in outline.blocks) == outline.parameters, "every parameter has a place"
    assert [block.kind for block in outline.blocks].count("head") == 1
    assert outline.blocks[-1].kind == "head"
    assert outline.default_block == outline.blocks[-2].name
    assert len({block.name for block in outline.blocks}) == len(outline.blocks)
    places = [(block.stage, block.index) for block in outline.blocks[:-1]]
    assert places == sorted(set(places))


def test_every_parameter_gets_a_gradient(example: tuple[str, str, nn.Module]) -> None:
    family, architecture, network = example
    skip_the_big_ones(family, architecture, network)
    network.train()
    network(pictures(family, architecture)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name
    network.zero_grad(set_to_none=True)


def test_save_and_load(example: tuple[str, str, nn.Module]) -> None:
    family, architecture, network = example
    skip_the_big_ones(family, architecture, network)
    saved = safetensors.torch.save(network.state_dict())
    with torch.device("meta"):
        loaded = network_of(family, architecture)
    loaded.load_state_dict(safetensors.torch.load(saved), strict=True, assign=True)
    noise = pictures(family, architecture, 1)
    with torch.inference_mode():
        assert torch.equal(network.eval()(noise), loaded.eval()(noise))
    state = loaded.state_dict()
    assert [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, state[name])] == []


@pytest.mark.parametrize(("family", "architecture"), EXAMPLES)
def test_unknown_options_are_refused(family: str, architecture: str) -> None:
    with pytest.raises(ArchitectureError, match="no option depth"):
        build(family, architecture, classes=2, options={"depth": 3})
    assert find_family(architecture).name == family


@pytest.mark.parametrize("family", families.names())
def test_unknown_architectures_are_refused(family: str) -> None:
    with pytest.raises(ArchitectureError, match="densenet"):
        build(family, "densenet", classes=2)


# Published parameter counts in millions: torchvision's tables, and He et al. 2015, table 6.
PARAMETERS = {
    "resnet18": "11.69",
    "resnet34": "21.80",
    "resnet50": "25.56",
    "resnet101": "44.55",
    "resnet152": "60.19",
    "resnext50_32x4d": "25.03",
    "resnext101_32x8d": "88.79",
    "resnext101_64x4d": "83.46",
    "wide_resnet50_2": "68.88",
    "wide_resnet101_2": "126.89",
    "vgg16": "138.36",
    "vgg19": "143.67",
    "alexnet": "61.10",
    "googlenet": "6.62",
}
CIFAR_PARAMETERS = {20: "0.27", 32: "0.46", 44: "0.66", 56: "0.85", 110: "1.7", 1202: "19.4"}


@pytest.mark.parametrize("architecture", PARAMETERS)
def test_published_parameter_counts(architecture: str) -> None:
    with torch.device("meta"):
        network = find_family(architecture).build(architecture, classes=1000, options={})
    assert f"{parameter_count(network) / 1e6:.2f}" == PARAMETERS[architecture]


@pytest.mark.parametrize("depth", CIFAR_PARAMETERS)
def test_published_parameter_counts_of_cifar_networks(depth: int) -> None:
    published = CIFAR_PARAMETERS[depth]
    with torch.device("meta"):
        counted = parameter_count(build("cifar", f"resnet{depth}", classes=10)) / 1e6
    assert f"{counted:.{len(published.split('.')[1])}f}" == published


@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize(("block", "depths"), [("basic", (8, 20, 56, 110)), ("bottleneck", (11, 29, 164))])
def test_depth_counts_weighted_layers(kind: str, block: str, depths: tuple[int, ...]) -> None:
    for depth in depths:
        network = network_of("cifar", f"{kind}{depth}", block=block)
        layers = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        assert len([name for name in layers if "downsample" not in name]) == depth


@pytest.mark.parametrize("options", [{}, {"block": "bottleneck"}, {"activation": "pre"}, {"norm": "none"}])
def test_plain_twin(options: dict[str, object]) -> None:
    """Identical layers and parameters, and the same function as the residual network with its gates shut."""
    depth = 29 if options.get("block") == "bottleneck" else 20
    residual = network_of("cifar", f"resnet{depth}", **options, shortcut="A")
    plain = network_of("cifar", f"plain{depth}", **options)
    assert [(name, tensor.shape) for name, tensor in residual.state_dict().items()] == [
        (name, tensor.shape) for name, tensor in plain.state_dict().items()
    ]
    start = residual.state_dict()
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, start[name]), f"{name} starts from other values"

    shut = network_of("cifar", f"resnet{depth}", **options, shortcut="A", gate=0.0).eval()
    wide_open = network_of("cifar", f"resnet{depth}", **options, shortcut="A", gate=1.0).eval()
    half = network_of("cifar", f"resnet{depth}", **options, shortcut="A", gate=0.5).eval()
    noise = pictures("cifar", "resnet20")
    with torch.inference_mode():
        assert torch.equal(shut(noise), plain.eval()(noise))
        assert torch.equal(wide_open(noise), residual.eval()(noise))
        assert not torch.equal(residual(noise), plain(noise))
        assert not torch.equal(half(noise), plain(noise))
        assert not torch.equal(half(noise), residual(noise))


def shortcuts(architecture: str, **options: object) -> list[str]:
    network = network_of("cifar", architecture, **options)
    outline = families.get("cifar").outline(architecture, network)
    return [block.shortcut for block in outline.blocks if block.stage > 0]


def test_shortcuts_are_where_the_paper_puts_them() -> None:
    same = ["identity"] * 2
    assert shortcuts("resnet20", shortcut="A") == ["identity", *same, "padding", *same, "padding", *same]
    assert shortcuts("resnet20", shortcut="B") == [
        "identity",
        *same,
        "projection",
        *same,
        "projection",
        *same,
    ]
    assert shortcuts("resnet20", shortcut="C") == ["projection"] * 9
    assert shortcuts("plain20") == ["none"] * 9
    # A bottleneck has four times the filters out, so its first block changes the shape, too.
    for option, kind in (("A", "padding"), ("B", "projection")):
        found = shortcuts("resnet29", block="bottleneck", shortcut=option)
        assert found == [kind, *same] * 3


@pytest.mark.parametrize(("padding", "before"), [("symmetric", 8), ("end", 0)])
def test_option_a_takes_every_second_pixel_and_pads_with_zeros(padding: str, before: int) -> None:
    network = network_of("cifar", "resnet8", shortcut="A", padding=padding)
    x = torch.randn(1, 16, 8, 8)
    out = network.get_submodule("layer2.0.downsample")(x)
    assert out.shape == (1, 32, 4, 4)
    assert torch.equal(out[:, before : before + 16], x[:, :, ::2, ::2])
    assert out[:, :before].abs().sum() + out[:, before + 16 :].abs().sum() == 0


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        ("resnet21", {}, "nearest are 20 and 26"),
        ("resnet5", {}, "nearest are 8 and 14"),
        ("resnet32", {"block": "bottleneck"}, r"9n\+2.*29 and 38"),
        ("resnet20", {"shortcut": "D"}, "none, A, B, C"),
        ("plain20", {"shortcut": "A"}, "contradicts"),
        ("resnet20", {"shortcut": "none"}, "contradicts"),
        ("resnet20", {"gate": 2}, "0 to 1"),
        ("resnet20", {"width": 0}, "whole number"),
    ],
)
def test_impossible_cifar_networks(architecture: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        build("cifar", architecture, classes=10, options=options)


def test_googlenet_takes_published_weights_with_auxiliary_heads() -> None:
    from torchvision import models

    torch.manual_seed(0)
    published = models.googlenet(
        weights=None, num_classes=CLASSES, aux_logits=True, transform_input=True, init_weights=False
    ).eval()
    state = published.state_dict()
    assert any(name.startswith("aux1.") for name in state)
    network = build("torchvision-googlenet", "googlenet", classes=CLASSES).eval()
    network.load_state_dict(state, strict=True)
    assert any(name.startswith("aux1.") for name in state), "the caller's state dict is left as it was"
    noise = pictures("torchvision-googlenet", "googlenet")
    with torch.inference_mode():
        assert torch.equal(network(noise), published(noise))


@pytest.mark.parametrize("architecture", ["vgg16_bn", "vgg16", "alexnet"])
def test_stacks_are_split_at_pooling(architecture: str) -> None:
    family = find_family(architecture)
    with torch.device("meta"):
        network = family.build(architecture, classes=10, options={})
    stages = [block.stage for block in family.outline(architecture, network).blocks[:-1]]
    convolutions = {"vgg16": [2, 2, 3, 3, 3], "vgg16_bn": [2, 2, 3, 3, 3], "alexnet": [1, 1, 3]}[architecture]
    assert [stages.count(stage) for stage in sorted(set(stages))] == convolutions
