"""Blocks that each look right and make no network together are refused by the weight that is wrong."""

from __future__ import annotations

import pytest
import torch

from app.core.errors import ModelError
from app.networks.general_resnet import GeneralOptions, GeneralResNet
from app.zoo.assembly import check_fit

OPTIONS = GeneralOptions(blocks=(1, 1), widths=(4, 8), stem=(4,), stem_kernel=3, stem_stride=1, stem_pool=False)


def test_a_whole_network_fits() -> None:
    network = GeneralResNet(10, OPTIONS)
    check_fit(network, network.state_dict())


def test_a_missing_projection_is_named() -> None:
    network = GeneralResNet(10, OPTIONS)
    state = {name: tensor for name, tensor in network.state_dict().items() if "downsample.0" not in name}
    (gone,) = set(network.state_dict()) - set(state)
    with pytest.raises(ModelError, match=f"{gone} is missing\\.") as told:
        check_fit(network, state)
    assert "whole" in told.value.remedy


def test_another_shape_and_what_is_too_much_are_named() -> None:
    network = GeneralResNet(10, OPTIONS)
    state = {**network.state_dict(), "fc.bias": torch.zeros(11), "more": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"fc\.bias does not fit, and 1 more"):
        check_fit(network, state)
