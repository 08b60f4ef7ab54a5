"""What is measured of a network, against torch's own counters and against computing it by hand; and blocks opened."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from app.anatomy.lesions import lesioned
from app.anatomy.measure import Measured, measured, responses_survive_folding
from app.anatomy.opened import opened
from app.anatomy.parts import middle_blocks, take_apart
from app.anatomy.prefix import kept_inputs
from app.core.anatomy import QUANTITIES, BlockMeasurement, OpenedBlock
from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import NetworkOutline, Request
from app.engine import anatomy, service
from app.inference.fold import folded
from app.networks.hooks import watched
from app.networks.registry import families
from tests.unit.light import light_network
from tests.unit.test_lesions import fingerprint

SMALL = {"blocks": (1, 2), "widths": (8, 16), "block": "bottleneck"}
NETWORKS: list[tuple[str, str, dict[str, object]]] = [
    ("cifar", "resnet8", {}),
    ("cifar", "resnet8", {"shortcut": "B", "activation": "pre"}),
    ("cifar", "resnet8", {"gate": 0.5}),
    ("cifar", "resnet11", {"block": "bottleneck"}),
    ("cifar", "plain8", {}),
    ("general-resnet", "preact-resnet18-small", {}),
    ("general-resnet", "custom-resnet", {**SMALL, "projection": "average", "stem": (8, 8, 16)}),
    ("torchvision-resnet", "resnet18", {}),
    ("torchvision-vgg", "vgg16_bn", {}),
    ("torchvision-alexnet", "alexnet", {}),
    ("torchvision-googlenet", "googlenet", {}),
]
Subject = tuple[nn.Module, NetworkOutline, Tensor]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda one: "-".join([*one[:2], *map(str, one[2].values())]))
def subject(request: pytest.FixtureRequest) -> Subject:
    family, architecture, options = request.param
    network, outline = light_network(architecture, family=family, classes=7, **options)
    side = 64 if families.get(family).input_size > 64 else 16
    return network, outline, torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1))


def by_name(found: Measured) -> dict[str, BlockMeasurement]:
    return {block.name: block for block in found.blocks}


def test_multiply_adds_are_torch_s_own(subject: Subject) -> None:
    network, outline, picture = subject
    found = by_name(measured(network, outline, picture))
    assert list(found) == [block.name for block in outline.blocks]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(picture)
    assert sum(block.multiply_adds for block in found.values()) == counter.get_total_flops() / 2
    counts = counter.get_flop_counts()
    name = type(network).__name__
    for block in middle_blocks(outline):
        if block.kind in ("basic", "bottleneck", "inception"):
            assert found[block.name].multiply_adds == sum(counts[f"{name}.{block.name}"].values()) / 2


def test_parameters_shapes_and_what_comes_out(subject: Subject) -> None:
    network, outline, picture = subject
    before = fingerprint(network)
    found = measured(network, outline, picture, target=3)
    assert fingerprint(network) == before
    assert found.target == 3
    with torch.inference_mode():
        torch.testing.assert_close(found.logits, network(picture))
    seen: dict[str, tuple[int, ...]] = {}
    hooks = {block.name: lambda y, name=block.name: seen.__setitem__(name, tuple(y.shape)) for block in outline.blocks}
    with watched(network, hooks), torch.inference_mode():
        network(picture)
    for block in found.blocks:
        assert block.shape == seen[block.name]
        assert block.milliseconds >= 0
        assert block.energy > 0
        assert block.activation_bytes > 0
    assert sum(block.parameters for block in found.blocks) == outline.parameters or outline.family == "cifar"


def test_ratio_gradient_and_energy_by_hand(subject: Subject) -> None:
    network, outline, picture = subject
    found = by_name(measured(network, outline, picture, target=2))
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> Tensor:
        outputs[name] = output.clone().requires_grad_() if not output.requires_grad else output.clone()
        outputs[name].retain_grad()
        return outputs[name].clone()

    explainable = [block for block in outline.blocks if block.explainable]
    hooks = {one.name: lambda y, name=one.name: keep(name, y) for one in explainable}
    with kept_inputs(network, outline) as inputs, torch.enable_grad(), watched(network, hooks):
        network(picture)[0, 2].backward()
    for block in explainable:
        y = outputs[block.name]
        assert found[block.name].energy == pytest.approx(float(y.detach().square().mean()), rel=1e-4)
        assert found[block.name].gradient == pytest.approx(float(y.grad.norm()), rel=1e-3)
    for block in middle_blocks(outline):
        parts = take_apart(network, outline, block.name)
        if not parts.added:
            assert found[block.name].ratio is None
            continue
        x = inputs[block.name]
        with torch.no_grad():
            expected = float(parts.branch(x).norm() / parts.shortcut(x).norm())
        assert found[block.name].ratio == pytest.approx(expected, rel=1e-3)
    assert found[outline.blocks[-1].name].gradient is None


def test_responses_are_those_of_figure_7(subject: Subject) -> None:
    """After batch norm, before the nonlinearity and the addition; every convolution but the shortcuts'."""
    network, outline, picture = subject
    found = measured(network, outline, picture)
    listed = {one.layer: one for block in found.blocks for one in block.responses}
    outputs: dict[str, Tensor] = {}
    leaves = {path: module for path, module in network.named_modules() if not list(module.children())}
    hooks = {path: lambda y, path=path: outputs.__setitem__(path, y.clone()) for path in leaves}
    with watched(network, hooks), torch.inference_mode():
        network(picture)
    expected = {path for path, one in leaves.items() if isinstance(one, nn.Conv2d) and "downsample" not in path}
    assert set(listed) == expected
    for path, response in listed.items():
        block = network.get_submodule(path.rpartition(".")[0])
        parent, _, leaf = path.rpartition(".")
        norm = f"{parent}.bn{leaf.removeprefix('conv')}".lstrip(".")
        if norm in leaves and not getattr(block, "pre", False):
            assert response.deviation == pytest.approx(float(outputs[norm].std()), rel=1e-3), path
    for block in found.blocks[1:-1]:
        kernels = {one.kernel for one in block.responses}
        chosen = [one.deviation for one in block.responses if one.kernel == 3 or 3 not in kernels]
        assert block.deviation == pytest.approx(np.mean(chosen))


def test_a_folded_network_measures_the_same(subject: Subject) -> None:
    network, outline, picture = subject
    faster = folded(network, picture) if responses_survive_folding(network) else None
    if faster is None:
        pytest.skip("nothing is folded, or the engine measures this one as it is")
    one, other = measured(network, outline, picture), measured(faster, outline, picture)
    for block, folded_block in zip(one.blocks, other.blocks, strict=True):
        assert folded_block.multiply_adds == block.multiply_adds
        assert folded_block.ratio == (block.ratio and pytest.approx(block.ratio, rel=1e-2))
        assert folded_block.deviation == (block.deviation and pytest.approx(block.deviation, rel=1e-2))


@pytest.mark.parametrize("architecture", ["resnet8", "resnet18"])
def test_lesions_show(architecture: str) -> None:
    network, outline = light_network(architecture, classes=7)
    picture = torch.randn(1, 3, 32, 32)
    before = fingerprint(network)
    whole = by_name(measured(network, outline, picture))
    name = middle_blocks(outline)[1].name
    bypassed = by_name(measured(network, outline, picture, lesions=[Lesion("bypass", name)]))
    half = by_name(measured(network, outline, picture, lesions=[Lesion("gate", name, alpha=0.5)]))
    assert bypassed[name].ratio == 0
    assert bypassed[name].responses == ()
    assert bypassed[name].multiply_adds < whole[name].multiply_adds
    assert half[name].ratio == pytest.approx(0.5 * whole[name].ratio, rel=1e-3)
    assert fingerprint(network) == before
    with pytest.raises(AnatomyError, match="no class 9"):
        measured(network, outline, picture, target=9)
    assert fingerprint(network) == before


# ---- a block opened


def open_all(subject: Subject, **more: object) -> dict[str, OpenedBlock]:
    network, outline, picture = subject
    return {block.name: opened(network, outline, picture, block.name, **more) for block in outline.blocks}


def test_every_block_can_be_opened(subject: Subject) -> None:
    network, outline, _ = subject
    before = fingerprint(network)
    for name, block in open_all(subject).items():
        assert block.steps[0].symbol == "x"
        assert block.steps[-1].symbol == "y"
        for step in block.steps:
            assert step.mosaic.pixels.shape[0] == step.shape[1]
            assert max(step.mosaic.pixels.shape[1:]) <= 32
            assert np.isfinite([step.norm, step.mean, step.deviation]).all()
        assert (block.contribution is None) == (name == outline.blocks[-1].name)
        assert len(pickle.dumps(block)) < 8_000_000
    assert fingerprint(network) == before


def test_the_sum_is_what_comes_out(subject: Subject) -> None:
    """x, F(x), s(x) and their sum are those of the real block, and lie on one scale."""
    network, outline, picture = subject
    with kept_inputs(network, outline) as inputs, torch.inference_mode():
        network(picture)
    for info in middle_blocks(outline):
        parts = take_apart(network, outline, info.name)
        if not parts.added:
            continue
        block = opened(network, outline, picture, info.name)
        with torch.inference_mode():
            x = inputs[info.name].clone()
            branch, shortcut = parts.branch(x), parts.shortcut(x)
        expected = {"x": x, "F(x)": branch, "s(x)": shortcut, "F(x) + s(x)": branch + shortcut}
        expected["y"] = parts.activated(branch + shortcut)
        named = [step for step in block.steps if step.symbol]
        assert {step.symbol for step in named} == set(expected)
        for step in named:
            tensor = expected[step.symbol]
            assert step.shape == tuple(tensor.shape)
            assert step.norm == pytest.approx(float(tensor.norm()), rel=1e-4)
            mosaic = step.mosaic
            np.testing.assert_allclose(mosaic.strength, tensor.abs().mean((0, 2, 3)), rtol=1e-3, atol=1e-6)
            assert (mosaic.low, mosaic.high) == (named[0].mosaic.low, named[0].mosaic.high)
            if mosaic.factor == 1:
                back = mosaic.low + mosaic.pixels / 255 * (mosaic.high - mosaic.low)
                inside = tensor[0].clamp(mosaic.low, mosaic.high).numpy()
                assert np.abs(back - inside).max() <= (mosaic.high - mosaic.low) / 255
        lanes = [step.lane for step in block.steps]
        assert [step.kind for step in block.steps if step.lane == "branch"].count("convolution") == (
            2 if info.kind == "basic" else 3
        )
        assert ("shortcut" in lanes) and block.shortcut == info.shortcut
        found = by_name(measured(network, outline, picture))[info.name]
        assert sum(step.multiply_adds for step in block.steps) == found.multiply_adds
        assert sum(step.parameters for step in block.steps) == info.parameters


def test_contributions_add_up_to_activation_times_gradient() -> None:
    network, outline = light_network("resnet8", classes=7)
    picture = torch.randn(1, 3, 32, 32)
    last = outline.default_block
    block = opened(network, outline, picture, last, target=4)
    assert block.contribution is not None
    # After the last block come the mean and a linear map: their bias aside, the logit is what the channels contribute.
    logit = float(network(picture)[0, 4] - network.get_parameter("fc.bias")[4])
    assert float(block.contribution.sum()) == pytest.approx(logit, rel=1e-3)


def test_first_layer_filters_are_pictures() -> None:
    network, outline = light_network("resnet18", classes=7)
    block = opened(network, outline, torch.randn(1, 3, 64, 64), outline.blocks[0].name)
    assert block.filters is not None
    weights = network.get_parameter("conv1.weight").detach().numpy()
    assert block.filters.pixels.shape == (64, 7, 7, 3)
    back = (block.filters.pixels.astype(float) - 128) / 127 * block.filters.reach[:, None, None, None]
    assert np.abs(back - weights.transpose(0, 2, 3, 1)).max() <= block.filters.reach.max() / 127
    assert opened(network, outline, torch.randn(1, 3, 64, 64), "layer1.0").filters is None


@pytest.mark.parametrize("architecture", ["resnet8", "plain8", "vgg16_bn", "googlenet"])
def test_an_opened_block_with_a_lesion(architecture: str) -> None:
    network, outline = light_network(architecture, classes=7)
    picture = torch.randn(1, 3, 32 if outline.family == "cifar" else 64, 32 if outline.family == "cifar" else 64)
    name = middle_blocks(outline)[0].name
    before = fingerprint(network)
    for lesion in (Lesion("bypass", name), Lesion("gate", name, alpha=0.25)):
        try:
            block = opened(network, outline, picture, name, lesions=[lesion])
        except AnatomyError as error:
            assert "cannot be bypassed" in str(error)
            continue
        assert block.alpha == lesion.alpha
        kept: list[Tensor] = []
        with lesioned(network, outline, [lesion]), watched(network, {name: kept.append}), torch.inference_mode():
            network(picture)
        assert block.steps[-1].norm == pytest.approx(float(kept[0].norm()), rel=1e-4)
        total = block.step("F(x) + s(x)")
        if total is not None and take_apart(network, outline, name).rectified:
            assert max(total.maximum, 0) == pytest.approx(block.steps[-1].maximum, rel=1e-4)
    assert fingerprint(network) == before


# ---- the verbs


def test_the_verbs_answer_without_torch() -> None:
    service.hello("cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    request = Request(7, "cifar10-resnet20", pixels, target=5)
    measurement = anatomy.measure(request)
    block = anatomy.tensors(request, "layer2.0")
    for record in (measurement, block):
        assert b"torch" not in pickle.dumps(record)
        assert (record.id, record.model, record.target) == (7, "cifar10-resnet20", 5)
    assert measurement.multiply_adds == sum(one.multiply_adds for one in measurement.blocks)
    whole = service.answer(Request(8, "cifar10-resnet20", pixels))
    np.testing.assert_allclose(measurement.prediction.logits, whole.prediction.logits, atol=1e-4)
    assert [step.kind for step in block.steps if step.lane == "branch"] == [
        "convolution", "norm", "relu", "convolution", "norm"
    ]  # fmt: skip
    for quantity in QUANTITIES:
        assert getattr(measurement.blocks[3], quantity.name) is not None
    with pytest.raises(AnatomyError, match="no block"):
        anatomy.tensors(request, "layer9.0")
