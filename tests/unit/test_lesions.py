"""Every lesion on every family: it does what it says, and nothing of it is left afterwards."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.anatomy.lesions import lesioned, same_shape
from app.anatomy.parts import middle_blocks, take_apart
from app.anatomy.prefix import earliest, kept_inputs, starting_at
from app.core.errors import AnatomyError
from app.core.lesions import Lesion, bypassed, gate_of, with_bypass_toggled, with_gate
from app.core.records import BlockInfo, NetworkOutline
from app.inference.fold import folded
from app.networks.registry import build, families
from tests.unit.light import with_light_head

# One of each kind of block, shortcut and order.
SMALL = {"blocks": (2, 2), "widths": (8, 16), "block": "bottleneck", "projection": "average", "stem": (8, 8, 16)}
NETWORKS: list[tuple[str, str, dict[str, object]]] = [
    ("cifar", "resnet14", {"shortcut": "A"}),
    ("cifar", "resnet14", {"shortcut": "B"}),
    ("cifar", "resnet14", {"shortcut": "C", "activation": "pre"}),
    ("cifar", "resnet20", {"block": "bottleneck", "shortcut": "A"}),
    ("cifar", "resnet14", {"gate": 0.5}),
    ("cifar", "resnet14", {"norm": "none"}),
    ("cifar", "plain14", {}),
    ("cifar", "plain14", {"activation": "pre"}),
    ("general-resnet", "resnet18-small", {}),
    ("general-resnet", "preact-resnet18-small", {}),
    ("general-resnet", "custom-resnet", SMALL),
    ("torchvision-resnet", "resnet18", {}),
    ("torchvision-vgg", "vgg16_bn", {}),
    ("torchvision-alexnet", "alexnet", {}),
    ("torchvision-googlenet", "googlenet", {}),
]
Subject = tuple[nn.Module, NetworkOutline, Tensor]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda one: "-".join([*one[:2], *map(str, one[2].values())]))
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    family, architecture, options = request.param
    torch.manual_seed(0)
    network = with_light_head(build(family, architecture, classes=7, options=options), family)
    network.eval().requires_grad_(False)
    side = 64 if families.get(family).input_size > 64 else 16
    pictures = torch.randn(2, 3, side, side)
    # Batch norm that has seen pictures, so that signals keep their size through untrained layers.
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(pictures)
    network.eval()
    yield network, families.get(family).outline(architecture, network), pictures


@pytest.fixture(scope="module", params=["as it is", "folded"])
def ready(subject: Subject, request: pytest.FixtureRequest) -> Subject:
    network, outline, pictures = subject
    if request.param == "folded":
        faster = folded(network, pictures)
        if faster is None:
            pytest.skip("this network has no batch norm to fold")
        network = faster
    return network, outline, pictures


def fingerprint(network: nn.Module) -> str:
    """Weights, hooks and replaced methods in one number."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        # Read many times: a checksum per tensor is ten times as fast as a hash of all.
        digest.update(f"{name} {zlib.crc32(np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8))}".encode())
    for name, module in network.named_modules():
        digest.update(name.encode() + type(module).__name__.encode())
        hooks = len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        digest.update(f"{hooks} {'forward' in vars(module)} {getattr(module, 'transform_input', '')}".encode())
    return digest.hexdigest()


def run(network: nn.Module, pictures: Tensor) -> Tensor:
    with torch.inference_mode():
        result: Tensor = network(pictures).clone()
    return result


def some_blocks(outline: NetworkOutline) -> tuple[BlockInfo, ...]:
    """The first, second and last block of each stage: every kind of block, shortcut and place."""
    blocks = middle_blocks(outline)
    last = {block.stage: block.index for block in blocks}
    return tuple(block for block in blocks if block.index in (1, 2, last[block.stage]))


def possible(network: nn.Module, outline: NetworkOutline, pictures: Tensor, block: str) -> bool:
    """Whether a bypass says yes; where it says no, it says so in words."""
    try:
        with lesioned(network, outline, [Lesion("bypass", block)]):
            run(network, pictures)
    except AnatomyError as error:
        assert "cannot be bypassed" in str(error)
        return False
    return True


def test_every_lesion_is_undone_to_the_last_bit(ready: Subject) -> None:
    network, outline, pictures = ready
    before, logits = fingerprint(network), run(network, pictures)
    for block in some_blocks(outline):
        for lesion in (Lesion("bypass", block.name), Lesion("gate", block.name, alpha=0.5)):
            if lesion.kind == "bypass" or possible(network, outline, pictures, block.name):
                try:
                    with lesioned(network, outline, [lesion]):
                        changed = run(network, pictures)
                except AnatomyError:
                    assert lesion.kind == "bypass"
                else:
                    assert changed.shape == logits.shape
                    assert not torch.equal(changed, logits), f"{lesion} did nothing"
            assert fingerprint(network) == before
            with pytest.raises(ZeroDivisionError), lesioned(network, outline, [lesion]):
                _ = 1 / 0
            assert fingerprint(network) == before
    assert torch.equal(run(network, pictures), logits)


def test_residual_blocks_and_their_twins_can_all_be_bypassed(ready: Subject) -> None:
    network, outline, pictures = ready
    for block in middle_blocks(outline):
        if block.kind in ("basic", "bottleneck", "inception"):
            assert possible(network, outline, pictures, block.name), block.name


def test_an_open_gate_changes_nothing_and_a_shut_one_is_a_bypass(ready: Subject) -> None:
    network, outline, pictures = ready
    logits = run(network, pictures)
    for block in some_blocks(outline):
        if not possible(network, outline, pictures, block.name):
            continue
        with lesioned(network, outline, [Lesion("gate", block.name, alpha=1.0)]):
            assert torch.equal(run(network, pictures), logits)
        with lesioned(network, outline, [Lesion("gate", block.name, alpha=0.0)]):
            shut = run(network, pictures)
        with lesioned(network, outline, [Lesion("bypass", block.name)]):
            torch.testing.assert_close(run(network, pictures), shut)


def test_a_bypassed_block_gives_out_its_shortcut(ready: Subject) -> None:
    network, outline, pictures = ready
    for block in middle_blocks(outline):
        if block.shortcut == "none":
            continue
        parts = take_apart(network, outline, block.name)
        seen: list[tuple[Tensor, Tensor]] = []
        with lesioned(network, outline, [Lesion("bypass", block.name)]):
            handle = network.get_submodule(block.name).register_forward_hook(
                lambda _module, inputs, output, seen=seen: seen.append((inputs[0].clone(), output.clone()))
            )
            run(network, pictures)
            handle.remove()
        ((x, y),) = seen
        if block.shortcut == "identity":
            gate = getattr(network.get_submodule(block.name), "gate", 1.0)
            assert torch.equal(y, functional.relu(gate * x) if parts.rectified else gate * x)
        elif block.shortcut == "padding":  # zeros stay zeros: the ReLU has nothing to add to them
            assert y.abs().sum() > 0
            assert (y.abs().sum((0, 2, 3)) == 0).sum() >= y.shape[1] - x.shape[1]


def test_the_parts_put_together_are_the_block(ready: Subject) -> None:
    network, outline, pictures = ready
    with torch.inference_mode(), kept_inputs(network, outline) as inputs:
        network(pictures)
        for block in middle_blocks(outline):
            parts = take_apart(network, outline, block.name)
            if parts.branch is None:
                continue
            x = inputs[block.name].clone()
            total = parts.branch(x) + parts.shortcut(x) if parts.added else parts.branch(x)
            assert torch.equal(parts.activated(total), network.get_submodule(block.name)(x))


def test_swaps(ready: Subject) -> None:
    network, outline, pictures = ready
    before, logits = fingerprint(network), run(network, pictures)
    blocks = [block for block in middle_blocks(outline) if block.kind != "layer"]
    pairs = [
        (one.name, other.name)
        for one in blocks
        for other in blocks
        if one.index < other.index and same_shape(network, outline, one.name, other.name)
    ]
    for one, other in pairs[:4]:
        with lesioned(network, outline, [Lesion("swap", one, other=other)]):
            changed = run(network, pictures)
        assert not torch.equal(changed, logits)
        twice = [Lesion("swap", one, other=other), Lesion("swap", other, other=one)]
        with lesioned(network, outline, twice):
            assert torch.equal(run(network, pictures), logits), "swapped twice is not swapped"
        if any(block.shortcut == "projection" for block in blocks if block.name in (one, other)):
            continue  # each brings its own projection along
        # A bypass acts on the place: both are passed by, whichever stands there.
        both = [Lesion("bypass", one), Lesion("bypass", other)]
        with lesioned(network, outline, both):
            expected = run(network, pictures)
        with lesioned(network, outline, [Lesion("swap", one, other=other), *both]):
            assert torch.equal(run(network, pictures), expected)
    assert fingerprint(network) == before
    assert torch.equal(run(network, pictures), logits)


def test_starting_in_the_middle_gives_the_same_answer(ready: Subject) -> None:
    network, outline, pictures = ready
    before = fingerprint(network)
    with torch.inference_mode(), kept_inputs(network, outline) as inputs:
        logits = network(pictures).clone()
    assert list(inputs) == [block.name for block in middle_blocks(outline)]
    for name, x in inputs.items():
        with torch.inference_mode(), starting_at(network, outline, name):
            assert torch.equal(network(x), logits), name
    assert fingerprint(network) == before


def test_what_cannot_be_done_is_said() -> None:
    network = build("cifar", "resnet20", classes=10).eval()
    outline = families.get("cifar").outline("resnet20", network)
    refused = (
        (Lesion("bypass", "fc"), "head"),
        (Lesion("bypass", "relu"), "stem"),
        (Lesion("bypass", "layer9.9"), "no block"),
        (Lesion("gate", "layer1.0", alpha=1.5), "0 to 1"),
        (Lesion("swap", "layer1.1", other="layer2.1"), "cannot change places"),
        (Lesion("swap", "layer1.1", other="fc"), "head"),
    )
    before = fingerprint(network)
    for lesion, words in refused:
        with pytest.raises(AnatomyError, match=words), lesioned(network, outline, [lesion]):
            pass
        assert fingerprint(network) == before


def test_a_list_of_lesions_is_edited_without_surprises() -> None:
    first = with_bypass_toggled((), "a")
    assert bypassed(first) == {"a"}
    assert with_bypass_toggled(first, "a") == ()
    gated = with_gate(first, "a", 0.25)
    assert gate_of(gated, "a") == 0.25
    assert bypassed(gated) == frozenset()
    assert with_gate(gated, "a", 1.0) == ()
    assert gate_of(with_bypass_toggled(gated, "a"), "a") == 0.0
    swapped = (Lesion("swap", "a", other="b"),)
    assert with_bypass_toggled(swapped, "a")[0] == swapped[0]
    network = build("cifar", "resnet8", classes=2)
    outline = families.get("cifar").outline("resnet8", network)
    assert earliest(outline, [Lesion("bypass", "layer3.0"), Lesion("swap", "layer2.0", other="layer1.0")]) == "layer1.0"
    assert earliest(outline, ()) is None
