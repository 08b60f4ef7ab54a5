"""State dicts with the names and the structure of well-known families of ResNet files, small, and what they are.

Each maker writes names as the author's modules do, in their order; the sources are named. Widths are small where the
family allows any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

State = dict[str, Tensor]


class Writer:
    """Collects named tensors with lively values."""

    def __init__(self) -> None:
        self.state: State = {}
        self._seed = torch.Generator().manual_seed(0)

    def _put(self, name: str, *shape: int) -> None:
        self.state[name] = torch.randn(shape, generator=self._seed) * 0.1

    def conv(self, name: str, inside: int, outside: int, kernel: int, *, bias: bool = False) -> None:
        self._put(f"{name}.weight", outside, inside, kernel, kernel)
        if bias:
            self._put(f"{name}.bias", outside)

    def linear(self, name: str, inside: int, outside: int) -> None:
        self._put(f"{name}.weight", outside, inside)
        self._put(f"{name}.bias", outside)

    def norm(self, name: str, channels: int, *, statistics: bool = True) -> None:
        self._put(f"{name}.weight", channels)
        self._put(f"{name}.bias", channels)
        if statistics:
            self._put(f"{name}.running_mean", channels)
            self.state[f"{name}.running_var"] = torch.rand(channels, generator=self._seed) + 0.5
            self.state[f"{name}.num_batches_tracked"] = torch.tensor(9)

    def then(self, conv: str, norm: str, inside: int, outside: int, kernel: int, *, bias: bool = False) -> None:
        """A convolution and the norm behind it."""
        self.conv(conv, inside, outside, kernel, bias=bias)
        self.norm(norm, outside)

    def before(self, norm: str, conv: str, inside: int, outside: int, kernel: int, *, bias: bool = False) -> None:
        """A norm and the convolution behind it."""
        self.norm(norm, inside)
        self.conv(conv, inside, outside, kernel, bias=bias)


def _stages(widths: tuple[int, ...], blocks: int, first: int) -> Iterator[tuple[int, int, int, int]]:
    """(stage from 1, index, channels in, width) of basic blocks."""
    channels = first
    for stage, width in enumerate(widths, 1):
        for index in range(blocks):
            yield stage, index, channels, width
            channels = width


def torchvision_like(widths: tuple[int, ...] = (8, 16, 32), *, kernel: int = 3, head: str = "fc") -> State:
    """chenyaofo/pytorch-cifar-models, huyvnphan/PyTorch_CIFAR10 and many more: torchvision's names, option B."""
    w = Writer()
    w.then("conv1", "bn1", 3, widths[0], kernel)
    for stage, index, inside, width in _stages(widths, 2, widths[0]):
        name = f"layer{stage}.{index}"
        w.then(f"{name}.conv1", f"{name}.bn1", inside, width, 3)
        w.then(f"{name}.conv2", f"{name}.bn2", width, width, 3)
        if inside != width:
            w.then(f"{name}.downsample.0", f"{name}.downsample.1", inside, width, 1)
    if head:
        w.linear(head, widths[-1], 10)
    return w.state


def akamaster() -> State:
    """akamaster/pytorch_resnet_cifar10: option A by a LambdaLayer, `linear`, DataParallel."""
    w = Writer()
    w.then("module.conv1", "module.bn1", 3, 16, 3)
    for stage, index, inside, width in _stages((16, 32, 64), 3, 16):
        name = f"module.layer{stage}.{index}"
        w.then(f"{name}.conv1", f"{name}.bn1", inside, width, 3)
        w.then(f"{name}.conv2", f"{name}.bn2", width, width, 3)
    w.linear("module.linear", 64, 10)
    return w.state


def kuangliu_preact() -> State:
    """kuangliu/pytorch-cifar, PreActResNet: no norm at the end, a shortcut of one convolution without norm."""
    w = Writer()
    w.conv("module.conv1", 3, 8, 3)
    for stage, index, inside, width in _stages((8, 16, 32, 64), 2, 8):
        name = f"module.layer{stage}.{index}"
        w.before(f"{name}.bn1", f"{name}.conv1", inside, width, 3)
        w.before(f"{name}.bn2", f"{name}.conv2", width, width, 3)
        if inside != width:
            w.conv(f"{name}.shortcut.0", inside, width, 1)
    w.linear("module.linear", 64, 10)
    return w.state


def kuangliu_resnext() -> State:
    """kuangliu/pytorch-cifar, ResNeXt29: bottlenecks of cardinality 2 that expand by 2, a projection in each stage."""
    w = Writer()
    w.then("conv1", "bn1", 3, 16, 1)
    channels = 16
    for stage, width in enumerate((8, 16, 32), 1):
        for index in range(3):
            name = f"layer{stage}.{index}"
            w.then(f"{name}.conv1", f"{name}.bn1", channels, width, 1)
            w.then(f"{name}.conv2", f"{name}.bn2", width // 2, width, 3)
            w.then(f"{name}.conv3", f"{name}.bn3", width, 2 * width, 1)
            if index == 0:
                w.then(f"{name}.shortcut.0", f"{name}.shortcut.1", channels, 2 * width, 1)
            channels = 2 * width
    w.linear("linear", channels, 10)
    return w.state


def bearpaw_preact() -> State:
    """bearpaw/pytorch-classification, preresnet: bottlenecks from 44 layers on, `bn` at the end, a bare downsample."""
    w = Writer()
    w.conv("module.conv1", 3, 16, 3)
    channels = 16
    for stage, width in enumerate((16, 32, 64), 1):
        for index in range(2):
            name = f"module.layer{stage}.{index}"
            w.before(f"{name}.bn1", f"{name}.conv1", channels, width, 1)
            w.before(f"{name}.bn2", f"{name}.conv2", width, width, 3)
            w.before(f"{name}.bn3", f"{name}.conv3", width, 4 * width, 1)
            if index == 0:
                w.conv(f"{name}.downsample.0", channels, 4 * width, 1)
            channels = 4 * width
    w.norm("module.bn", channels)
    w.linear("module.fc", channels, 10)
    return w.state


def xternalz_wide() -> State:
    """xternalz/WideResNet-pytorch: block1.layer.0, convShortcut."""
    w = Writer()
    w.conv("conv1", 3, 16, 3)
    for stage, index, inside, width in _stages((32, 64, 128), 2, 16):
        name = f"block{stage}.layer.{index}"
        w.before(f"{name}.bn1", f"{name}.conv1", inside, width, 3)
        w.before(f"{name}.bn2", f"{name}.conv2", width, width, 3)
        if inside != width:
            w.conv(f"{name}.convShortcut", inside, width, 1)
    w.norm("bn1", 128)
    w.linear("fc", 128, 10)
    return w.state


def meliketoy_wide() -> State:
    """meliketoy/wide-resnet.pytorch: every convolution has a bias that no norm follows."""
    w = Writer()
    w.conv("conv1", 3, 16, 3, bias=True)
    for stage, index, inside, width in _stages((32, 64, 128), 2, 16):
        name = f"layer{stage}.{index}"
        w.before(f"{name}.bn1", f"{name}.conv1", inside, width, 3, bias=True)
        w.before(f"{name}.bn2", f"{name}.conv2", width, width, 3, bias=True)
        if inside != width:
            w.conv(f"{name}.shortcut.0", inside, width, 1, bias=True)
    w.norm("bn1", 128)
    w.linear("linear", 128, 10)
    return w.state


def timm_v2(*, statistics: bool = True) -> State:
    """timm's resnetv2_50 (batch norm) and BiT (group norm): stages.S.blocks.B.norm1, head.fc is a 1×1 convolution."""
    w = Writer()
    w.conv("stem.conv", 3, 16, 7)
    channels = 16
    for stage, width in enumerate((8, 16, 32, 64)):
        for index in range(2):
            name = f"stages.{stage}.blocks.{index}"
            if index == 0:
                w.conv(f"{name}.downsample.conv", channels, 4 * width, 1)
            for number, (inside, outside, kernel) in enumerate(
                ((channels, width, 1), (width, width, 3), (width, 4 * width, 1)), 1
            ):
                w.norm(f"{name}.norm{number}", inside, statistics=statistics)
                w.conv(f"{name}.conv{number}", inside, outside, kernel)
            channels = 4 * width
    w.norm("norm", channels, statistics=statistics)
    w.conv("head.fc", channels, 10, 1, bias=True)
    return w.state


def bottlenecks(prefix: str = "", *, extra: Callable[[Writer, str, int], None] | None = None, head: int = 10) -> State:
    """torchvision's bottlenecks (timm, gluon, MMPretrain, MoCo, DINO …), perhaps with something more in each."""
    w = Writer()
    w.then(f"{prefix}conv1", f"{prefix}bn1", 3, 16, 7)
    channels = 16
    for stage, width in enumerate((8, 16, 32, 64), 1):
        for index in range(2):
            name = f"{prefix}layer{stage}.{index}"
            w.then(f"{name}.conv1", f"{name}.bn1", channels, width, 1)
            w.then(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            w.then(f"{name}.conv3", f"{name}.bn3", width, 4 * width, 1)
            if extra:
                extra(w, name, 4 * width)
            if index == 0:
                w.then(f"{name}.downsample.0", f"{name}.downsample.1", channels, 4 * width, 1)
            channels = 4 * width
    if head:
        w.linear(f"{prefix}fc", channels, head)
    return w.state


def timm_se(w: Writer, name: str, channels: int) -> None:
    """seresnet50."""
    w.conv(f"{name}.se.fc1", channels, channels // 4, 1, bias=True)
    w.conv(f"{name}.se.fc2", channels // 4, channels, 1, bias=True)


def linear_se(w: Writer, name: str, channels: int) -> None:
    """moskomule/senet.pytorch."""
    w._put(f"{name}.se.fc.0.weight", channels // 4, channels)
    w._put(f"{name}.se.fc.2.weight", channels, channels // 4)


def bare_se(w: Writer, name: str, channels: int) -> None:
    """kuangliu's SENet: fc1 and fc2 in the block itself."""
    w.conv(f"{name}.fc1", channels, channels // 4, 1, bias=True)
    w.conv(f"{name}.fc2", channels // 4, channels, 1, bias=True)


def eca(w: Writer, name: str, _channels: int) -> None:
    """ecaresnet50."""
    w._put(f"{name}.eca.conv.weight", 1, 1, 5)


def cbam(w: Writer, name: str, channels: int) -> None:
    """CBAM: channel and spatial attention."""
    w.conv(f"{name}.ca.fc1", channels, channels // 4, 1)
    w.conv(f"{name}.ca.fc2", channels // 4, channels, 1)
    w.conv(f"{name}.sa.conv1", 2, 1, 7)


def blur(w: Writer, name: str, channels: int) -> None:
    """adobe/antialiased-cnns: a fixed filter before each stride."""
    w._put(f"{name}.conv3.filt", channels, 1, 3, 3)


def moco() -> State:
    """MoCo v2, pre-trained: two encoders with an MLP at their end, and a queue."""
    state = bottlenecks("module.encoder_q.", head=0)
    state |= {name.replace("encoder_q", "encoder_k"): tensor + 1 for name, tensor in state.items()}
    w = Writer()
    for side in "qk":
        w.linear(f"module.encoder_{side}.fc.0", 256, 256)
        w.linear(f"module.encoder_{side}.fc.2", 256, 128)
    return state | w.state | {"module.queue": torch.zeros(128, 64), "module.queue_ptr": torch.zeros(1)}


def swav() -> State:
    """SwAV: a projection head with a norm in it, and prototypes."""
    w = Writer()
    w.linear("module.projection_head.0", 256, 256)
    w.norm("module.projection_head.1", 256)
    w.linear("module.projection_head.3", 256, 128)
    w._put("module.prototypes.weight", 30, 128)
    return bottlenecks("module.", head=0) | w.state


def clip() -> State:
    """CLIP's RN50, the image half: a stem of three convolutions, and attention instead of pooling."""
    w = Writer()
    for number, (inside, outside) in enumerate(((3, 8), (8, 8), (8, 16)), 1):
        w.then(f"visual.conv{number}", f"visual.bn{number}", inside, outside, 3)
    state = {k: v for k, v in bottlenecks("visual.", head=0).items() if not k.startswith(("visual.conv", "visual.bn"))}
    w._put("visual.attnpool.positional_embedding", 50, 256)
    for part in ("k_proj", "q_proj", "v_proj", "c_proj"):
        w.linear(f"visual.attnpool.{part}", 256, 256)
    w._put("transformer.resblocks.0.attn.in_proj_weight", 192, 64)
    return w.state | state


def fastai() -> State:
    """fastai's learner: body and head as a Sequential, average and maximum pooling side by side."""
    names = {"conv1": "0.0", "bn1": "0.1", "layer1": "0.4", "layer2": "0.5", "layer3": "0.6"}
    state = {}
    for key, tensor in torchvision_like(kernel=7, head="").items():
        first, _, rest = key.partition(".")
        state[f"{names[first]}.{rest}"] = tensor
    w = Writer()
    w.norm("1.2", 64)
    w._put("1.4.weight", 512, 64)
    w.norm("1.6", 512)
    w._put("1.8.weight", 10, 512)
    return state | w.state


def res2net() -> State:
    """Res2Net: several convolutions side by side in each block."""
    w = Writer()
    w.then("conv1", "bn1", 3, 16, 7)
    w.then("layer1.0.conv1", "layer1.0.bn1", 16, 32, 1)
    for number in range(3):
        w.conv(f"layer1.0.convs.{number}", 8, 8, 3)
        w.norm(f"layer1.0.bns.{number}", 8)
    w.then("layer1.0.conv3", "layer1.0.bn3", 32, 64, 1)
    w.linear("fc", 64, 10)
    return w.state
