"""Networks of other authors, after their sources, which each recipe names; see `author_networks`."""

from __future__ import annotations

from typing import Any

from tests.unit.author_networks import Recipe, State, prefixed

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_POST, _PRE = "c1 n1 c2 n2 s sn", "n1 c1 n2 c2 s"
_POST3, _PRE3 = "c1 n1 c2 n2 c3 n3 s sn", "n1 c1 n2 c2 n3 c3 s"
_VISION = {
    "stem": "conv1", "stem_norm": "bn1", "conv": "layer{s}.{b}.conv{n}", "norm": "layer{s}.{b}.bn{n}",
    "short": "layer{s}.{b}.downsample.0", "short_norm": "layer{s}.{b}.downsample.1", "head": "fc",
}  # fmt: skip
_KUANGLIU = {**_VISION, "short": "layer{s}.{b}.shortcut.0", "short_norm": "layer{s}.{b}.shortcut.1", "head": "linear"}
_WEIAI = {
    "stem": "conv1.0", "stem_norm": "conv1.1", "conv": "conv{s1}_x.{b}.residual_function.{p}", "convs": "0 3 6",
    "norm": "conv{s1}_x.{b}.residual_function.{p}", "norms": "1 4 7", "short": "conv{s1}_x.{b}.shortcut.0",
    "short_norm": "conv{s1}_x.{b}.shortcut.1", "head": "fc",
}  # fmt: skip
_WEIAI_PRE = {
    "stem": "pre.0", "stem_norm": "pre.1", "conv": "stage{s}.{b}.residual.{p}", "convs": "2 5 8",
    "norm": "stage{s}.{b}.residual.{p}", "norms": "0 3 6", "short": "stage{s}.{b}.shortcut", "head": "linear",
}  # fmt: skip
_RESNEXT = {
    "stem": "conv_1_3x3", "stem_norm": "bn_1", "conv": "stage_{s}.stage_{s}_bottleneck_{b}.conv_{p}",
    "convs": "reduce conv expand", "norm": "stage_{s}.stage_{s}_bottleneck_{b}.bn{p}", "head": "classifier",
    "short": "stage_{s}.stage_{s}_bottleneck_{b}.shortcut.shortcut_conv",
    "short_norm": "stage_{s}.stage_{s}_bottleneck_{b}.shortcut.shortcut_bn", "norms": "_reduce . _expand",
}  # fmt: skip
_TIMM_V2 = {
    "stem": "stem.conv", "conv": "stages.{s0}.blocks.{b}.conv{n}", "norm": "stages.{s0}.blocks.{b}.norm{n}",
    "short": "stages.{s0}.blocks.{b}.downsample.conv", "final": "norm", "head": "head.fc",
}  # fmt: skip
_CV = {
    "stem": "features.init_block.conv.conv", "stem_norm": "features.init_block.conv.bn",
    "conv": "features.stage{s}.unit{b1}.body.conv{n}.conv", "norm": "features.stage{s}.unit{b1}.body.conv{n}.bn",
    "short": "features.stage{s}.unit{b1}.identity_conv.conv", "head": "output",
    "short_norm": "features.stage{s}.unit{b1}.identity_conv.bn",
}  # fmt: skip
_XTERNALZ = {
    "stem": "conv1", "conv": "block{s}.layer.{b}.conv{n}", "norm": "block{s}.layer.{b}.bn{n}", "head": "fc",
    "short": "block{s}.layer.{b}.convShortcut", "final": "bn1",
}  # fmt: skip
_LARGE: dict[str, Any] = {"stem": (7, 2, True), "widths": (8, 16, 24, 32), "normalisation": IMAGENET, "side": 64}
_WIDE: dict[str, Any] = {"pre": True, "widths": (16, 32, 48), "stem_norm": False, "order": _PRE}


def _net(state: State) -> dict[str, Any]:
    return {"net": prefixed("module.")(state), "acc": 94.1, "epoch": 9}


def _sized(state: State) -> dict[str, Any]:
    return {"state_dict": state, "args": {"arch": "resnet50", "img_size": 64}}


RECIPES = {
    "akamaster": Recipe(
        "akamaster/pytorch_resnet_cifar10 resnet.py: option A by a LambdaLayer, `linear`, DataParallel",
        _KUANGLIU,
        _POST,
        (16, 32, 64),
        blocks=3,
        stem_widths=(16,),
        shortcut="symmetric",
        normalisation=IMAGENET,
        wrap=lambda state: {"state_dict": prefixed("module.")(state), "best_prec1": 91.7},
    ),
    "kuangliu ResNet": Recipe(
        "kuangliu/pytorch-cifar models/resnet.py",
        _KUANGLIU,
        _POST,
        (8, 16, 32, 64),
        wrap=_net,
    ),
    "kuangliu bottleneck": Recipe(
        "kuangliu/pytorch-cifar models/resnet.py, Bottleneck",
        _KUANGLIU,
        _POST3,
        (8, 16, 32, 64),
        expansion=4,
        stride_at=2,
        wrap=_net,
    ),
    "kuangliu PreActResNet": Recipe(
        "kuangliu/pytorch-cifar models/preact_resnet.py: a bare shortcut from the activated input, no norm at the end",
        _KUANGLIU,
        _PRE,
        (8, 16, 32, 64),
        pre=True,
        stem_norm=False,
        shortcut="bare",
        reads="activated",
        ends="bare",
        wrap=_net,
    ),
    "kuangliu PreActBottleneck": Recipe(
        "kuangliu/pytorch-cifar models/preact_resnet.py, PreActBottleneck",
        _KUANGLIU,
        _PRE3,
        (8, 16, 32, 64),
        expansion=4,
        stride_at=2,
        pre=True,
        stem_norm=False,
        shortcut="bare",
        reads="activated",
        ends="bare",
        wrap=_net,
    ),
    "kuangliu ResNeXt": Recipe(
        "kuangliu/pytorch-cifar models/resnext.py: a 1×1 stem, bottlenecks that expand by 2",
        _KUANGLIU,
        _POST3,
        (8, 16, 32),
        expansion=2,
        groups=2,
        stride_at=2,
        stem=(1, 1, False),
        stem_widths=(16,),
        wrap=_net,
    ),
    "weiaicunzai ResNet": Recipe(
        "weiaicunzai/pytorch-cifar100 models/resnet.py: residual_function, conv2_x to conv5_x",
        _WEIAI,
        _POST,
        (8, 16, 32, 64),
        classes=100,
    ),
    "weiaicunzai ResNet-50": Recipe(
        "weiaicunzai/pytorch-cifar100 models/resnet.py, BottleNeck",
        _WEIAI,
        _POST3,
        (8, 16, 32, 64),
        expansion=4,
        stride_at=2,
        classes=100,
    ),
    "weiaicunzai PreActResNet": Recipe(
        "weiaicunzai/pytorch-cifar100 models/preactresnet.py: norm after the stem, none at the end, biases everywhere",
        _WEIAI_PRE,
        _PRE,
        (8, 16, 32, 64),
        pre=True,
        shortcut="bare",
        ends="bare",
        bias=True,
        classes=100,
    ),
    "weiaicunzai PreActResNet-50": Recipe(
        "weiaicunzai/pytorch-cifar100 models/preactresnet.py, PreActBottleNeck: the stride is in the first 1×1",
        _WEIAI_PRE,
        _PRE3,
        (8, 16, 32, 64),
        expansion=4,
        pre=True,
        shortcut="bare",
        ends="bare",
        bias=True,
        classes=100,
        choices={"stride": "the stride is in the first 1×1 convolution"},
    ),
    "bearpaw ResNet-110": Recipe(
        "bearpaw/pytorch-classification models/cifar/resnet.py: bottlenecks from 44 layers on",
        _VISION,
        _POST3,
        (16, 32, 64),
        expansion=4,
        stride_at=2,
        stem_widths=(16,),
        wrap=lambda s: {"state_dict": prefixed("module.")(s)},
    ),
    "bearpaw preresnet": Recipe(
        "bearpaw/pytorch-classification models/cifar/preresnet.py: `bn` at the end, a bare downsample of the raw input",
        {**_VISION, "final": "bn"},
        _PRE3,
        (16, 32, 64),
        expansion=4,
        stride_at=2,
        stem_widths=(16,),
        pre=True,
        stem_norm=False,
        shortcut="bare",
        wrap=lambda s: {"state_dict": prefixed("module.")(s)},
    ),
    "prlz77 ResNeXt": Recipe(
        "bearpaw/pytorch-classification models/resnext.py, after prlz77/ResNeXt.pytorch",
        _RESNEXT,
        _POST3,
        (16, 32, 64),
        expansion=2,
        groups=4,
        stride_at=2,
        stem_widths=(16,),
        wrap=prefixed("module."),
    ),
    "xternalz WideResNet": Recipe(
        "xternalz/WideResNet-pytorch wideresnet.py: block1.layer.0, convShortcut of the activated input",
        _XTERNALZ,
        shortcut="bare",
        reads="activated",
        **_WIDE,
    ),
    "meliketoy WideResNet": Recipe(
        "bmsookim/wide-resnet.pytorch (meliketoy) networks/wide_resnet.py: biases, stride in the second convolution",
        {**_KUANGLIU, "final": "bn1"},
        shortcut="bare",
        bias=True,
        stride_at=2,
        **_WIDE,
        choices={"stride": "the stride is in the second convolution"},
    ),
    "chenyaofo": Recipe(
        "chenyaofo/pytorch-cifar-models pytorch_cifar_models/resnet.py: option B",
        _VISION,
        _POST,
        (16, 32, 64),
        stem_widths=(16,),
    ),
    "huyvnphan": Recipe(
        "huyvnphan/PyTorch_CIFAR10 cifar10_models/resnet.py: a 3×3 stem of stride 1, and max pooling all the same",
        _VISION,
        _POST,
        (8, 16, 32, 64),
        stem=(3, 1, True),
    ),
    "Cadene fbresnet": Recipe(
        "Cadene/pretrained-models.pytorch pretrainedmodels/models/fbresnet.py: biases before norms, last_linear",
        {**_VISION, "head": "last_linear"},
        _POST3,
        expansion=4,
        stride_at=2,
        bias=True,
        wrap=_sized,
        **_LARGE,
    ),
    "Caffe's ResNet": Recipe(
        "osmr/imgclsmob pytorchcv resnet.py, resnet50: the stride is in the first 1×1",
        _CV,
        _POST3,
        expansion=4,
        wrap=_sized,
        **_LARGE,
    ),
    "timm resnetv2": Recipe(
        "huggingface/pytorch-image-models timm/models/resnetv2.py: the shortcut is defined first",
        _TIMM_V2,
        f"s {_PRE3.removesuffix(' s')}",
        expansion=4,
        stride_at=2,
        pre=True,
        stem_norm=False,
        shortcut="bare",
        reads="activated",
        wrap=_sized,
        **_LARGE,
    ),
    "timm resnet-d": Recipe(
        "huggingface/pytorch-image-models timm/models/resnet.py: a deep stem, average pooling before projections",
        {
            **_VISION,
            "stem": "conv1.{i}",
            "stem_norm": "conv1.{i}",
            "short": "layer{s}.{b}.downsample.1",
            "short_norm": "layer{s}.{b}.downsample.2",
            "last_norm": "bn1",
        },
        _POST3,
        expansion=4,
        stride_at=2,
        shortcut="average",
        wrap=_sized,
        **{**_LARGE, "stem": (3, 2, True)},
        stem_widths=(8, 8, 16),
    ),
}
