"""Every explanation in the registry: what it computes, and that it leaves no trace on the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.bench.subjects import random_network
from app.core.errors import CancelledError, ExplanationError
from app.core.preprocessing import Preprocessing
from app.core.records import Heatmap, NetworkOutline
from app.explain.occlusion import WINDOWS_PER_SIDE
from app.explain.registry import Attribution, explanations
from app.inference.classifier import Classifier
from app.inference.fold import folded
from app.networks.hooks import watched

CLASSES = 7
METHODS = explanations.names()
SLOW = [name for name, method in explanations.items() if method.info.slow]
# With shortcuts and without, in-place ReLUs, pre-activation, inception blocks, grouped convolutions.
NETWORKS: list[tuple[str, dict[str, object]]] = [
    ("resnet20", {}),
    ("resnet20", {"activation": "pre", "shortcut": "B"}),
    ("plain20", {}),
    ("resnet18", {}),
    ("resnext50_32x4d", {}),
    ("alexnet", {}),
    ("vgg16_bn", {}),
    ("googlenet", {}),
]


def inputs_for(outline: NetworkOutline, count: int = 2) -> Tensor:
    side = 32 if outline.family == "cifar" else 64
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def explain(
    method: str,
    network: nn.Module,
    outline: NetworkOutline,
    inputs: Tensor,
    *,
    block: str | None = None,
    target: int | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Attribution:
    return explanations.get(method).explain(
        network,
        inputs,
        block=outline.default_block if block is None else block,
        target=target,
        progress=progress,
        cancelled=cancelled,
    )


def traces(network: nn.Module) -> dict[str, Any]:
    """Everything about a network that an explanation could leave changed."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    return {
        "state": digest.hexdigest(),
        "training": [module.training for module in network.modules()],
        "frozen": [parameter.requires_grad for parameter in network.parameters()],
        "gradients": [parameter.grad is None for parameter in network.parameters()],
        "hooks": [
            len(getattr(module, kind))
            for module in network.modules()
            for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
        ],
        "forwards": [vars(module).get("forward") for module in network.modules()],
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


@pytest.fixture(scope="module")
def small() -> tuple[nn.Module, NetworkOutline]:
    """Its mean logits over noise are zero, so that pictures of noise are of different classes."""
    network, outline = random_network("resnet20", classes=CLASSES)
    with torch.no_grad():
        bias = network.get_parameter("fc.bias")
        bias -= network(inputs_for(outline, 16)).mean(0)
    return network, outline


# ---- every method


def test_the_registry_has_the_three() -> None:
    assert set(METHODS) >= {"grad-cam", "integrated-gradients", "occlusion"}
    for name, method in explanations.items():
        assert method.info.name == name
        assert method.info.title
        assert method.info.summary.endswith(".")


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("method", METHODS)
def test_shapes_logits_and_no_traces(
    method: str, mode: Callable[[], Any], small: tuple[nn.Module, NetworkOutline]
) -> None:
    network, outline = small
    with mode():
        inputs = inputs_for(outline, 3)
        kept = inputs.clone()
        before = traces(network)
        found = explain(method, network, outline, inputs)
        assert traces(network) == before
    assert torch.equal(inputs, kept)
    assert not inputs.requires_grad
    with torch.inference_mode():
        logits = network(kept)
    assert torch.allclose(found.logits, logits, atol=1e-5)
    assert torch.equal(found.targets, logits.argmax(1))
    assert found.maps.shape[0] == 3
    assert found.maps.ndim == 3
    assert found.maps.dtype == torch.float32
    assert torch.isfinite(found.maps).all()
    assert found.maps.flatten(1).any(1).all(), "no map is all zero"
    assert not (found.maps.requires_grad or found.logits.requires_grad)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_twice(method: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    first, second = (explain(method, network, outline, inputs_for(outline)) for _ in range(2))
    assert torch.equal(first.maps, second.maps)
    assert torch.equal(first.logits, second.logits)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_is_its_pictures(method: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    inputs = inputs_for(outline, 3)
    together = explain(method, network, outline, inputs)
    assert len(set(together.targets.tolist())) > 1, "the pictures must have different classes for this to prove much"
    for index in range(3):
        alone = explain(method, network, outline, inputs[index : index + 1])
        assert alone.targets.item() == together.targets[index]
        largest = alone.maps.abs().max()
        assert (alone.maps[0] - together.maps[index]).abs().max() <= 1e-4 * largest


@pytest.mark.parametrize("method", METHODS)
def test_the_class_that_was_asked_for(method: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    maps = [explain(method, network, outline, inputs_for(outline), target=target).maps for target in (0, CLASSES - 1)]
    assert not torch.allclose(maps[0], maps[1])
    winner = explain(method, network, outline, inputs_for(outline, 1))
    asked = explain(method, network, outline, inputs_for(outline, 1), target=int(winner.targets))
    assert torch.equal(winner.maps, asked.maps)


@pytest.mark.parametrize("target", [-1, CLASSES, 10**6])
@pytest.mark.parametrize("method", METHODS)
def test_a_class_that_does_not_exist(method: str, target: int, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    before = traces(network)
    with pytest.raises(ExplanationError, match=f"no class {target}") as caught:
        explain(method, network, outline, inputs_for(outline), target=target)
    assert "0 to 6" in caught.value.remedy
    assert traces(network) == before


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_after_an_exception(method: str) -> None:
    network, outline = random_network("resnet20", classes=CLASSES)
    before = traces(network)

    def fail(_output: Tensor) -> None:
        raise ZeroDivisionError

    with watched(network, {"fc": fail}), pytest.raises(ZeroDivisionError):
        explain(method, network, outline, inputs_for(outline))
    assert traces(network) == before


@pytest.mark.parametrize("method", METHODS)
def test_folding_changes_no_map(method: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    copied = folded(network, inputs_for(outline, 1))
    assert copied is not None
    expected = explain(method, network, outline, inputs_for(outline)).maps
    got = explain(method, copied, outline, inputs_for(outline)).maps
    # A ReLU's gradient jumps where its input is zero to rounding, so a few pixels of a gradient may differ.
    assert np.corrcoef(expected.flatten(), got.flatten())[0, 1] > 0.9999
    assert (expected - got).abs().mean() <= 2e-3 * expected.abs().mean()


@pytest.mark.parametrize("method", METHODS)
def test_memory_that_runs_out_while_explaining(
    method: str, small: tuple[nn.Module, NetworkOutline], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, outline = random_network("resnet20", classes=CLASSES)
    classifier = Classifier(
        network,
        outline=outline,
        labels=("a",) * CLASSES,
        preprocessing=Preprocessing(32, 32),
        device=torch.device("cpu"),
    )
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    expected = explain(method, classifier.network, outline, classifier.inputs(pixels)).maps
    asked: list[int] = []
    before = traces(classifier.network)

    def work(part: np.ndarray) -> Tensor:
        def scarce(_output: Tensor) -> None:
            if len(part) > 2:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

        asked.append(len(part))
        with watched(classifier.network, {"fc": scarce}):
            return explain(method, classifier.network, outline, classifier.inputs(part)).maps

    maps = torch.cat(classifier.in_parts(pixels, work))
    assert asked == [5, 2, 2, 1]
    assert (maps - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert traces(classifier.network) == before


# ---- slow methods


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("method", SLOW)
def test_progress_is_real(method: str, count: int, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    shares: list[float] = []
    rows = 0
    done: list[int] = []

    def count_rows(output: Tensor) -> None:
        nonlocal rows
        rows += len(output)

    def progress(share: float) -> None:
        shares.append(share)
        done.append(rows)

    with watched(network, {"fc": count_rows}):
        explain(method, network, outline, inputs_for(outline, count), progress=progress)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert len(shares) > 5
    for share, so_far in zip(shares, done, strict=True):
        assert share == pytest.approx(so_far / rows, abs=0.06), "it is the share of the pictures that went through"


@pytest.mark.parametrize("method", SLOW)
def test_cancelling(method: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    before = traces(network)
    forwards: list[int] = []
    with (
        pytest.raises(CancelledError),
        watched(network, {"fc": lambda output: forwards.append(len(output))}),
    ):
        explain(method, network, outline, inputs_for(outline), cancelled=lambda: len(forwards) >= 3)
    assert len(forwards) == 3, "not one forward more"
    assert traces(network) == before


# ---- Grad-CAM


def grad_cam_by_hand(network: nn.Module, inputs: Tensor, block: str, targets: Tensor) -> Tensor:
    """Selvaraju et al. 2017, equations 1 and 2 before the ReLU, by plain autograd through the whole network."""
    kept: list[Tensor] = []
    inputs = inputs.clone().requires_grad_()
    with watched(network, {block: kept.append}):
        logits = network(inputs)
    (gradient,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), kept[-1])
    weights = gradient.sum((2, 3), keepdim=True) / (gradient.shape[2] * gradient.shape[3])
    return (weights * kept[-1]).sum(1).detach()


@pytest.mark.parametrize(("architecture", "options"), NETWORKS, ids=str)
def test_grad_cam_by_hand_at_every_block(architecture: str, options: dict[str, object]) -> None:
    network, outline = random_network(architecture, classes=CLASSES, **options)
    inputs = inputs_for(outline)
    blocks = [block.name for block in outline.blocks if block.explainable]
    before = traces(network)
    for block in blocks:
        found = explain("grad-cam", network, outline, inputs, block=block)
        expected = grad_cam_by_hand(network, inputs, block, found.targets)
        assert found.maps.shape == expected.shape
        assert (found.maps - expected).abs().max() <= 1e-5 * expected.abs().max(), block
    assert traces(network) == before


@pytest.mark.parametrize("architecture", ["resnet18", "googlenet", "vgg16_bn", "resnet20"])
def test_folded_and_unfolded_grad_cam_agree_at_every_block(architecture: str) -> None:
    network, outline = random_network(architecture, classes=CLASSES)
    inputs = inputs_for(outline, 1)
    copied = folded(network, inputs)
    assert copied is not None
    for block in outline.blocks:
        if block.explainable:
            expected = explain("grad-cam", network, outline, inputs, block=block.name).maps.flatten().numpy()
            got = explain("grad-cam", copied, outline, inputs, block=block.name).maps.flatten().numpy()
            assert np.corrcoef(expected, got)[0, 1] > 0.9999, block.name


def test_grad_cam_takes_one_forward_and_records_nothing_before_the_block(
    small: tuple[nn.Module, NetworkOutline],
) -> None:
    network, outline = small
    recorded: dict[str, list[bool]] = {}
    names = ("relu", "layer1.2", "layer2.0", "layer2.1", "layer3.2", "fc")
    hooks = {
        name: lambda output, name=name: recorded.setdefault(name, []).append(output.requires_grad) for name in names
    }
    with watched(network, hooks):
        explain("grad-cam", network, outline, inputs_for(outline), block="layer2.1")
    assert recorded == {
        "relu": [False],
        "layer1.2": [False],
        "layer2.0": [False],
        "layer2.1": [False],  # seen before the graph starts, at its output
        "layer3.2": [True],
        "fc": [True],
    }


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("layer9.0", "no block “layer9.0”"),
        ("", "no block “”"),
        ("fc", "“fc” is not a feature map"),
        ("layer1.0.gate", "no block"),
    ],
)
def test_blocks_that_cannot_be_explained(block: str, message: str, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    before = traces(network)
    with pytest.raises(ExplanationError, match=message) as caught:
        explain("grad-cam", network, outline, inputs_for(outline), block=block)
    assert caught.value.remedy
    assert traces(network) == before


def test_a_block_that_takes_no_part() -> None:
    """With the gate shut a network never calls its shortcuts."""
    network, outline = random_network("resnet20", classes=CLASSES, gate=0.0)
    with pytest.raises(ExplanationError, match="takes no part"):
        explain("grad-cam", network, outline, inputs_for(outline), block="layer1.0.downsample")


def test_grad_cam_keeps_the_sign(small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    found = explain("grad-cam", network, outline, inputs_for(outline, 8))
    assert (found.maps < 0).any()
    assert (found.maps > 0).any()
    heatmap = Heatmap(found.maps[0].numpy(), "grad-cam", outline.default_block, 0, False)
    assert heatmap.state in ("positive", "mixed", "negative")


@pytest.mark.parametrize("architecture", ["resnet18", "googlenet"])
def test_grad_cam_correlates_with_pytorch_grad_cam(architecture: str) -> None:
    pytorch_grad_cam = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is in the extra “bench”")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, outline = random_network(architecture, classes=CLASSES)
    inputs = functional.interpolate(inputs_for(outline), scale_factor=2.0)
    compared = 0
    for block in outline.blocks[-6:-1]:
        found = explain("grad-cam", network, outline, inputs, block=block.name)
        network.requires_grad_(True)
        with pytorch_grad_cam.GradCAM(model=network, target_layers=[network.get_submodule(block.name)]) as theirs:
            maps = theirs(input_tensor=inputs, targets=[ClassifierOutputTarget(int(one)) for one in found.targets])
        network.requires_grad_(False)
        resized = functional.interpolate(
            found.maps.relu()[:, None], size=inputs.shape[-2:], mode="bilinear", align_corners=False
        )[:, 0].numpy()
        for our_map, their_map in zip(resized, maps, strict=True):
            if our_map.any():
                assert np.corrcoef(our_map.ravel(), their_map.ravel())[0, 1] > 0.999, block.name
                compared += 1
    assert compared >= 4


# ---- integrated gradients


def test_integrated_gradients_by_hand(small: tuple[nn.Module, NetworkOutline]) -> None:
    """Sundararajan et al. 2017, equation 1, by quadrature with plain autograd."""
    network, outline = small
    inputs = inputs_for(outline, 1)
    found = explain("integrated-gradients", network, outline, inputs)
    nodes, weights = np.polynomial.legendre.leggauss(48)
    total = torch.zeros_like(inputs)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        point = (inputs * float(node)).requires_grad_()
        (gradient,) = torch.autograd.grad(network(point)[0, found.targets[0]], point)
        total += float(weight) * gradient
    expected = (inputs * total).sum(1)
    # The gradient of a ReLU network jumps: points that differ in the last bit may fall on different sides.
    assert np.corrcoef(expected.flatten(), found.maps.flatten())[0, 1] > 0.999
    with torch.inference_mode():
        change = network(inputs)[0, found.targets[0]] - network(torch.zeros_like(inputs))[0, found.targets[0]]
    assert abs(float(found.maps.sum() - change)) <= 0.02 * float(found.maps.abs().sum()), (
        "the map adds up to the change"
    )


# ---- occlusion


@pytest.mark.parametrize("side", [32, 33])
def test_occlusion_by_hand(side: int, small: tuple[nn.Module, NetworkOutline]) -> None:
    network, outline = small
    inputs = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(5))
    found = explain("occlusion", network, outline, inputs)
    target = int(found.targets)
    window = round(side / WINDOWS_PER_SIDE)
    drops, covers = torch.zeros(side, side), torch.zeros(side, side)
    # The last window of a row may reach over the edge.
    starts = [0]
    while starts[-1] + window < side:
        starts.append(starts[-1] + window // 2)
    with torch.inference_mode():
        whole = network(inputs)[0, target]
        for top in starts:
            for left in starts:
                covered = inputs.clone()
                area = (slice(top, top + window), slice(left, left + window))
                covered[0, :, area[0], area[1]] = 0
                drops[area] += whole - network(covered)[0, target]
                covers[area] += 1
    expected = drops / covers
    assert found.maps.shape == (1, side, side)
    assert (found.maps[0] - expected).abs().max() <= 1e-3 * expected.abs().max()
