"""Outlines of networks, built by hand: the widgets' tests need no torch."""

from __future__ import annotations

from app.core.records import BlockInfo, BlockKind, NetworkOutline, ShortcutKind

RESNET50 = (3, 4, 6, 3)
VGG16 = (2, 2, 3, 3, 3)


def residual(
    stages: tuple[int, ...],
    *,
    kind: BlockKind = "basic",
    across: ShortcutKind = "projection",
    plain: bool = False,
    title: str = "ResNet",
) -> NetworkOutline:
    """A residual network (or its plain twin) with so many blocks per stage; `across` is the first one's shortcut."""
    blocks = [BlockInfo("relu", "stem", 0, 0, "none", 464)]
    for stage, count in enumerate(stages, 1):
        for index in range(1, count + 1):
            shortcut: ShortcutKind = "none" if plain else across if index == 1 else "identity"
            name = f"layer{stage}.{index - 1}"
            blocks.append(BlockInfo(name, kind, stage, index, shortcut, 4672 * 4 ** (stage - 1)))
    blocks.append(BlockInfo("fc", "head", 0, 0, "none", 650))
    return NetworkOutline("test", title.lower(), title, tuple(blocks), sum(block.parameters for block in blocks))


def cifar(depth: int, *, plain: bool = False) -> NetworkOutline:
    """The paper's CIFAR network of 6n+2 layers."""
    title = f"{'Plain' if plain else 'ResNet'}-{depth}"
    return residual(((depth - 2) // 6,) * 3, across="padding", plain=plain, title=title)


def vgg() -> NetworkOutline:
    """VGG-16: layers instead of blocks, no skip connections, no stem."""
    blocks = []
    for stage, count in enumerate(VGG16, 1):
        for index in range(1, count + 1):
            name = f"features.{len(blocks)}"
            blocks.append(BlockInfo(name, "layer", stage, index, "none", 36928 * stage))
    blocks.append(BlockInfo("classifier", "head", 0, 0, "none", 123_642_856))
    return NetworkOutline("test", "vgg16", "VGG-16", tuple(blocks), 138_357_544)


def googlenet() -> NetworkOutline:
    """GoogLeNet: inception blocks 3a … 5b."""
    blocks = [BlockInfo("maxpool2", "stem", 0, 0, "none", 124_672)]
    for stage, letters in enumerate(("ab", "abcde", "ab"), 1):
        for index, letter in enumerate(letters, 1):
            name = f"inception{stage + 2}{letter}"
            blocks.append(BlockInfo(name, "inception", stage, index, "none", 163_696))
    blocks.append(BlockInfo("fc", "head", 0, 0, "none", 1_025_000))
    return NetworkOutline("test", "googlenet", "GoogLeNet", tuple(blocks), 6_624_904)
