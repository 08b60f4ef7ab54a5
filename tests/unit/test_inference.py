"""Device, folding and the classifier."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.bench.subjects import random_network
from app.core.errors import EngineError
from app.core.preprocessing import Preprocessing
from app.inference import classifier as classifier_module
from app.inference import device as device_module
from app.inference.classifier import Classifier
from app.inference.device import choose_device, device_title
from app.inference.fold import folded
from app.networks.hooks import watched

CPU = torch.device("cpu")
CLASSES = 7


def pixels(count: int, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def classifier_of(
    architecture: str = "resnet20", *, side: int = 32, fold: bool = True, **options: object
) -> Classifier:
    network, outline = random_network(architecture, classes=CLASSES, **options)
    labels = tuple(f"class {index}" for index in range(CLASSES))
    preprocessing = Preprocessing(side, side)
    return Classifier(network, outline=outline, labels=labels, preprocessing=preprocessing, device=CPU, fold=fold)


# ---- the device


def test_the_cpu_is_always_there_and_has_a_name() -> None:
    assert choose_device("cpu") == CPU
    title = device_title(CPU)
    assert title.startswith("CPU")
    assert "\n" not in title


def test_auto_takes_the_cpu_where_nothing_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    for wish in ("cuda", "cuda:1", "mps"):
        with pytest.raises(EngineError, match=f"“{wish}” is not available") as caught:
            choose_device(wish)
        assert "cpu" in caught.value.remedy


def test_a_gpu_that_this_torch_has_no_code_for_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_kernel(*_: object, **__: object) -> Tensor:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _index: "Old GPU")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(device_module.torch, "ones", no_kernel)
    assert choose_device("auto") == CPU
    with pytest.raises(EngineError, match="cannot compute on Old GPU"):
        choose_device("cuda")
    with pytest.raises(EngineError, match=r"1 GPU\(s\)"):
        choose_device("cuda:3")


@pytest.mark.parametrize("wish", ["", "gpu", "toaster:2", "meta", "cuda:x"])
def test_devices_that_do_not_exist(wish: str) -> None:
    with pytest.raises(EngineError, match="auto, cpu, cuda or mps"):
        choose_device(wish)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_the_gpu_says_what_the_cpu_says() -> None:
    on_cpu = classifier_of()
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    network, outline = random_network("resnet20", classes=CLASSES)
    on_gpu = Classifier(
        network,
        outline=outline,
        labels=on_cpu.labels,
        preprocessing=on_cpu.preprocessing,
        device=choose_device("cuda"),
    )
    assert torch.equal(on_gpu.inputs(pixels(3)).cpu(), on_cpu.inputs(pixels(3)))
    assert torch.allclose(on_gpu.predict(pixels(3)), on_cpu.predict(pixels(3)), atol=1e-2)


# ---- folding

FOLDABLE: list[tuple[str, dict[str, object]]] = [
    ("resnet20", {}),
    ("resnet20", {"shortcut": "B"}),
    ("resnet20", {"shortcut": "C"}),
    ("resnet20", {"activation": "pre"}),
    ("resnet29", {"block": "bottleneck", "activation": "pre", "shortcut": "B"}),
    ("plain20", {}),
    ("resnet20", {"gate": 0.5}),
    ("resnet110", {}),
    ("resnet18", {}),
    ("resnext50_32x4d", {}),
    ("googlenet", {}),
    ("vgg16_bn", {}),
]


@pytest.mark.parametrize(("architecture", "options"), FOLDABLE, ids=str)
def test_folding_changes_no_answer(architecture: str, options: dict[str, object]) -> None:
    family = "cifar" if architecture == "resnet29" else ""  # of a depth that is not among the examples
    network, outline = random_network(architecture, family=family, classes=CLASSES, **options)
    blocks = [block.name for block in outline.blocks if block.explainable]
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    noise = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    copied = folded(network, noise[:1], blocks=blocks)
    assert copied is not None

    seen: list[dict[str, Tensor]] = []
    for one in (network, copied):
        outputs: dict[str, Tensor] = {}

        def keep(output: Tensor, name: str, outputs: dict[str, Tensor] = outputs) -> None:
            outputs[name] = output.clone()

        hooks = {name: lambda output, name=name, keep=keep: keep(output, name) for name in blocks}
        with torch.inference_mode(), watched(one, hooks):
            outputs["logits"] = one(noise)
        seen.append(outputs)
    for name, expected in seen[0].items():
        assert (seen[1][name] - expected).abs().max() <= 2e-4 * expected.abs().max(), name

    left = [name for name, module in copied.named_modules() if isinstance(module, nn.BatchNorm2d)]
    if options.get("activation") != "pre":
        assert left == []
    else:  # what follows an addition or the stem's shortcut cannot be folded
        assert len(left) == len([block for block in outline.blocks if block.stage]) + 1
        assert len(left) < len([module for module in network.modules() if isinstance(module, nn.BatchNorm2d)])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert [name for name, _ in copied.named_modules()] == [name for name, _ in network.named_modules()]
    assert not any(parameter.requires_grad for parameter in copied.parameters())


class SharedOutput(nn.Module):
    """A convolution whose output is used before batch norm as well: folding it would be wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.bn = nn.BatchNorm2d(3)
        nn.init.uniform_(self.bn.weight, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return (self.bn(out) + out).mean((2, 3))


class CalledTwice(SharedOutput):
    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(self.bn(self.conv(x)))).mean((2, 3))


class Undecided(SharedOutput):
    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x if x.sum() > 0 else -x)).mean((2, 3))


@pytest.mark.parametrize("kind", [SharedOutput, CalledTwice, Undecided])
def test_what_cannot_be_folded_is_left_alone(kind: type[SharedOutput]) -> None:
    network = kind().eval().requires_grad_(False)
    assert folded(network, torch.randn(1, 3, 8, 8)) is None


def test_a_fold_that_changes_the_answers_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from app.inference import fold

    genuine = fold.fuse_conv_bn_eval

    def slightly_wrong(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Module:
        fused = genuine(convolution, norm)
        if convolution.in_channels == 32:  # in stage 2: the first block there is the first to differ
            fused.weight.data.mul_(1.001)
        return fused

    monkeypatch.setattr(fold, "fuse_conv_bn_eval", slightly_wrong)
    with caplog.at_level(logging.WARNING):
        network = classifier_of()
    assert not network.folded
    assert "layer2.0" in caplog.text
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.network.modules())


def test_networks_that_are_not_finite_are_not_folded() -> None:
    network, _ = random_network("resnet20", classes=CLASSES)
    network.get_submodule("layer1.0.conv1").weight.data.fill_(float("nan"))  # type: ignore[union-attr,operator]
    assert folded(network, torch.randn(1, 3, 32, 32)) is None


# ---- hooks


def test_hooks_are_gone_after_an_exception() -> None:
    network, _ = random_network("resnet20", classes=CLASSES)

    def fail(_output: Tensor) -> None:
        raise ValueError("in the hook")

    with pytest.raises(ValueError, match="in the hook"), watched(network, {"layer1.0": fail, "fc": fail}):
        network(torch.randn(1, 3, 32, 32))
    with pytest.raises(AttributeError), watched(network, {"layer1.0": fail, "nowhere": fail}):
        pass
    assert not any(module._forward_hooks for module in network.modules())


def test_a_hook_may_replace_an_output() -> None:
    network, _ = random_network("resnet20", classes=CLASSES)
    with watched(network, {"fc": lambda output: output * 0}):
        assert not network(torch.randn(1, 3, 32, 32)).any()
    assert network(torch.randn(1, 3, 32, 32)).any()


# ---- the classifier


@pytest.mark.parametrize("fold", [True, False])
def test_predictions_are_those_of_the_bare_network(fold: bool) -> None:
    network, _ = random_network("resnet20", classes=CLASSES)
    classifier = classifier_of(fold=fold)
    assert classifier.folded == fold
    logits = classifier.predict(pixels(5))
    assert logits.shape == (5, CLASSES)
    assert logits.dtype == torch.float32
    with torch.inference_mode():
        bare = network(classifier.inputs(pixels(5)))
    assert torch.allclose(logits, bare, rtol=1e-4, atol=1e-4 * float(bare.abs().max()))
    assert not any(parameter.requires_grad for parameter in classifier.network.parameters())
    assert not any(module.training for module in classifier.network.modules())
    assert classifier.take_notices() == ()


class ShortOfMemory(nn.Module):
    """A network on a device that holds only so many pictures at once."""

    def __init__(self, network: nn.Module, most: Callable[[], int], error: Exception) -> None:
        super().__init__()
        self.network = network
        self.most = most
        self.error = error
        self.batches: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        if len(x) > self.most():
            raise self.error
        return self.network(x)


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch, most: int, *, kind: str = "cuda", error: Exception | None = None
) -> tuple[Classifier, ShortOfMemory]:
    """A classifier that believes it is on an accelerator; the pictures really stay on the CPU."""
    classifier = classifier_of()
    error = error or torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    network = ShortOfMemory(classifier.network, lambda: most if classifier.device.type == kind else 1000, error)
    classifier.network = network
    classifier.device = torch.device(kind)
    genuine = classifier_module.normalised
    monkeypatch.setattr(
        classifier_module, "normalised", lambda batch, preprocessing, _device: genuine(batch, preprocessing, CPU)
    )
    return classifier, network


def test_a_batch_that_does_not_fit_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = classifier_of().predict(pixels(13))
    classifier, network = short_of_memory(monkeypatch, 4)
    logits = classifier.predict(pixels(13))
    assert torch.allclose(logits, expected, atol=1e-4)
    assert network.batches == [13, 6, 3, 3, 3, 3, 1]
    assert classifier.device.type == "cuda"
    notices = classifier.take_notices()
    assert notices[-1] == "CUDA is short of memory: working on 3 at once instead of 6."
    assert classifier.take_notices() == ()
    network.batches.clear()
    classifier.predict(pixels(5))
    assert network.batches == [3, 2], "what fitted is remembered"
    assert classifier.take_notices() == ()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("cuda", torch.cuda.OutOfMemoryError("CUDA out of memory.")),
        ("cuda", RuntimeError("CUDA error: out of memory")),
        ("cuda", RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")),
        ("mps", RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)")),
    ],
)
def test_at_last_the_cpu_does_it(monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception) -> None:
    expected = classifier_of().predict(pixels(3))
    classifier, network = short_of_memory(monkeypatch, 0, kind=kind, error=error)
    assert torch.allclose(classifier.predict(pixels(3)), expected, atol=1e-4)
    assert network.batches == [3, 1, 3]
    assert classifier.device == CPU
    assert classifier.take_notices()[-1] == f"{kind.upper()} is out of memory: working on the CPU from now on."


def test_a_computer_without_memory_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    classifier, network = short_of_memory(monkeypatch, 0, kind="cpu", error=error)
    with pytest.raises(EngineError, match="not enough memory"):
        classifier.predict(pixels(2))
    assert network.batches == [2, 1]


def test_other_errors_are_not_taken_for_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, network = short_of_memory(monkeypatch, 0, error=RuntimeError("mat1 and mat2 shapes"))
    with pytest.raises(RuntimeError, match="mat1"):
        classifier.predict(pixels(4))
    assert network.batches == [4]


def test_a_model_too_large_for_the_gpu_goes_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    network, outline = random_network("resnet20", classes=CLASSES)
    genuine = nn.Module.to

    def no_room(self: nn.Module, *args: object, **kwargs: object) -> nn.Module:
        if args and isinstance(args[0], torch.device) and args[0].type == "cuda":
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return genuine(self, *args, **kwargs)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(nn.Module, "to", no_room)
    classifier = Classifier(
        network,
        outline=outline,
        labels=("a",) * CLASSES,
        preprocessing=Preprocessing(32, 32),
        device=torch.device("cuda", 0),
    )
    assert classifier.device == CPU
    assert "out of memory" in classifier.take_notices()[0]
    assert classifier.predict(pixels(2)).shape == (2, CLASSES)


def test_results_do_not_depend_on_their_neighbours() -> None:
    classifier = classifier_of()
    together = classifier.predict(pixels(6))
    alone = torch.cat([classifier.predict(pixels(6)[index : index + 1]) for index in range(6)])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-4)


def test_it_is_said_why_a_gpu_does_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(device_module, "has_nvidia_gpu", lambda: False)
    assert device_module.device_notices("auto", cpu) == ()
    monkeypatch.setattr(device_module, "has_nvidia_gpu", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    (missing,) = device_module.device_notices("auto", cpu)
    assert "driver" in missing and "13.0" in missing
    monkeypatch.setattr(torch.version, "cuda", None)
    (wrong_build,) = device_module.device_notices("auto", cpu)
    assert "CPU only" in wrong_build
    assert device_module.device_notices("cpu", cpu) == (), "the CPU was asked for"


def test_a_gpu_older_than_torch_supports_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _index: "GeForce GTX 1080")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _index: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90", "compute_90"])
    (old,) = device_module.device_notices("auto", torch.device("cpu"))
    assert "GTX 1080" in old and "6.1" in old and "75, 90" in old
    assert device_module.device_notices("auto", torch.device("cuda", 0)) == ()


def test_a_graphics_card_is_told_from_other_devices(tmp_path: Path) -> None:
    def add(name: str, vendor: str, kind: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(vendor + "\n")
        (tmp_path / name / "class").write_text(kind + "\n")

    assert not device_module.has_nvidia_gpu(tmp_path / "nowhere")
    add("0000:00:02.0", "0x8086", "0x030000")
    add("0000:01:00.1", "0x10de", "0x040300")  # the card's sound
    (tmp_path / "0000:02:00.0").mkdir()
    assert not device_module.has_nvidia_gpu(tmp_path)
    add("0000:01:00.0", "0x10de", "0x030000")
    assert device_module.has_nvidia_gpu(tmp_path)
