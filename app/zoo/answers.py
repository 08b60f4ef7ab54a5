"""How the answers to the doctor's questions are worded; a user chooses another by these words."""

from __future__ import annotations

from app.networks.general_resnet import GeneralOptions


def projection_title(options: GeneralOptions) -> str:
    """How a projection halves the size."""
    average = options.projection == "average"
    return "average pooling before the projection (ResNet-D)" if average else "the projection has the stride"


def reads_title(options: GeneralOptions) -> str:
    """What a shortcut reads, with pre-activation."""
    what = "projection" if options.shortcut in ("B", "C") else "shortcut"
    return f"the {what} reads the {'input as it is' if options.projects == 'raw' else 'normalised and activated input'}"


def last_title(options: GeneralOptions) -> str:
    """Whether the last stage halves the size."""
    return "it keeps the size" if options.all_strides[-1] == 1 else "it halves the size, as the stages before"


def stem_title(options: GeneralOptions) -> str:
    """Kernel, stride and pooling of the stem."""
    pool = "max pooling" if options.stem_pool else "no pooling"
    return f"{options.stem_kernel}×{options.stem_kernel}, stride {options.stem_stride}, {pool}"


def stride_title(options: GeneralOptions) -> str:
    """Which convolution of a block has the stride."""
    basic = {"middle": "first", "last": "second"}
    bottleneck = {"middle": "3×3", "first": "first 1×1"}
    which = (basic if options.block == "basic" else bottleneck)[options.stride_in]
    return f"the stride is in the {which} convolution"


def padding_title(options: GeneralOptions) -> str:
    """The shortcut, and where option A puts its zeros."""
    if options.shortcut == "none":
        return "no shortcuts (a plain network)"
    if options.shortcut != "A":
        return "identity shortcuts"
    where = {"symmetric": "at both ends", "end": "at the end", "average": "at the end, after average pooling"}
    return f"option A, zero channels {where[options.padding]}"
